"""The first step of a run: the ledger, checked and written as the tables `ledger.*`.

Belongs here: comparing the ledger with what the published set and the archive know of it, and its tables. Does not belong here: its files
(assets/ledger/folder.py), their form and hashes (models/records/chain.py).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from assets.archive.run_history import read_receipt
from assets.ledger.folder import Ledger, clear_unfinished, read_ledger, select_batched, select_posted
from assets.published.reader import read_manifest
from assets.runtime.context import RunContext, StepReport
from assets.runtime.warehouse import append_rows, open_warehouse, transaction
from models.documents import InputError, Problem
from models.records import write_offs
from models.records.chain import NO_HASH, TABLES, canonical_json, head
from models.records.closing import closes_in_force
from models.records.payment_batches import describe_batches
from models.records.receipt import Receipt
from models.sql_text import identifier

#: Column and SQL type, in order.
_SCHEMAS: dict[str, dict[str, str]] = {
    "closes": {
        "sequence": "integer", "kind": "varchar", "period": "varchar", "version": "integer", "is_in_force": "boolean", "closed_at": "timestamp",
        "closed_by": "varchar", "approved_by": "varchar", "reason": "varchar", "as_of": "date", "run_id": "varchar", "inputs_sha256": "varchar",
        "agreements_sha256": "varchar", "settings_sha256": "varchar", "code_version": "varchar", "overrides": "varchar",
        "content_sha256": "varchar", "previous_sha256": "varchar", "chain_sha256": "varchar",
    },
    "arrivals": {"sequence": "integer", "feed": "varchar", "arrival_no": "integer"},
    "agreements": {"sequence": "integer", "agreement_id": "varchar", "version": "integer", "content_sha256": "varchar"},
    "write_offs": {
        "sequence": "integer", "payout_id": "varchar", "agreement_id": "varchar", "benefit_id": "varchar", "participant_id": "varchar",
        "window_start": "date", "direction": "varchar", "currency": "varchar", "amount": "decimal(18, 4)", "date": "date", "period": "varchar",
        "reason": "varchar", "by": "varchar", "written_at": "timestamp", "sha256": "varchar",
    },
    "payment_batches": {
        "batch_no": "integer", "state": "varchar", "due_by": "date", "proposed_by": "varchar", "proposed_on": "date", "approved_by": "varchar",
        "approved_on": "date", "cancelled_by": "varchar", "cancelled_on": "date", "reason": "varchar",
    },
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class LedgerReport(StepReport):
    """The head of the chain as it was read."""

    head: str


def load_ledger(context: RunContext) -> LedgerReport:
    """First step of a run: check the ledger and rewrite every table of `ledger.*`. If nothing is closed, they are empty.

    Raises InputError with folder, file and row when a hash is wrong, a file or folder is missing, or the chain is broken or shorter than it was.
    """
    clear_unfinished(context.ledger)
    manifest = read_manifest(context.published) or {}
    terms = manifest.get("terms", {})
    receipt = read_receipt(context.archive) or Receipt()
    published = f"the published run {manifest.get('run_id')}"
    heads, payment_heads = ({getattr(receipt, key): "archive/receipt.json", terms.get(key, NO_HASH): published} for key in ("ledger_sha256", "payments_sha256"))
    whole = read_ledger(context.ledger, heads, payment_heads)
    if not {terms.get("write_offs_sha256", NO_HASH), receipt.write_offs_sha256} <= {NO_HASH, *(each.sha256 for each in whole.write_offs)}:
        message = "is missing write-offs that an earlier run knew, or they were changed; restore it from a backup"
        raise InputError([Problem(f"ledger/{write_offs.FILE}", 0, "", message)])
    ledger = _as_of(whole, context.as_of)
    with open_warehouse(context) as con, transaction(con):
        con.execute("create schema if not exists ledger")
        for name, rows_of_table in _rows(ledger).items():
            columns = ", ".join(f"{identifier(column)} {kind}" for column, kind in _SCHEMAS[name].items())
            con.execute(f"create or replace table ledger.{name} ({columns})")
            append_rows(con, f"ledger.{name}", rows_of_table)
        for table in TABLES:
            con.execute(f"create or replace table ledger.{table} as {select_posted(table, context.ledger, ledger.records)}")
        con.execute(f"create or replace table ledger.payment_lines as {select_batched(context.ledger, ledger.payments)}")
        rows = {f"ledger.{t}": con.execute(f"select count(*) from ledger.{t}").fetchall()[0][0] for t in (*_SCHEMAS, *TABLES, "payment_lines")}
    return LedgerReport(rows=rows, head=head(ledger.records))


def _as_of(ledger: Ledger, as_of: dt.date) -> Ledger:
    """The ledger as of a day, without what was closed later."""
    records = list(takewhile(lambda record: (record.as_of or record.closed_at.date()) <= as_of, ledger.records))
    payments = list(takewhile(lambda record: record.as_of <= as_of, ledger.payments))
    return Ledger(records, [each for each in ledger.write_offs if each.date <= as_of], payments)


def _rows(ledger: Ledger) -> dict[str, list[tuple[Any, ...]]]:
    """Records and write-offs as rows of the tables: closes with one row per folder, arrivals and agreements with one row per folder and feed or agreement."""
    in_force = {record.sequence for record in closes_in_force(ledger.records)}
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in _SCHEMAS}
    for record in ledger.records:
        fields = record.model_dump() | {"closed_by": record.closed_by or record.requested_by, "closed_at": record.closed_at.replace(tzinfo=None)}
        overrides = canonical_json([each.model_dump() for each in record.overrides]).decode().strip() if record.overrides else None
        rows["closes"].append(fields | {"is_in_force": record.sequence in in_force, "overrides": overrides})
        rows["arrivals"] += [{"sequence": record.sequence, "feed": feed, "arrival_no": no} for feed, no in sorted(record.arrivals.items())]
        for name, content in sorted(record.agreements.items()):
            agreement, version = name.rsplit("/", 1)
            rows["agreements"].append({"sequence": record.sequence, "agreement_id": agreement, "version": int(version), "content_sha256": content})
    rows["payment_batches"] = describe_batches(ledger.payments)
    rows["write_offs"] = [each.model_dump() | {"written_at": each.written_at.replace(tzinfo=None)} for each in ledger.write_offs]
    return {name: [tuple(row[column] for column in schema) for row in rows[name]] for name, schema in _SCHEMAS.items()}
