"""Payment batches: propose what is due, approve with the files for bank and ERP, cancel.

Belongs here: read published tables → apply the rules → write to the ledger. Does not belong here: the rules (models/records/payment_batches.py), what is open
(open_parts.py), the files (exports.py), the lock, and the runs before and after (pipelines/pay.py).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.ledger.folder import append_batch, read_ledger
from assets.payments.exports import Export, write_exports
from assets.payments.open_parts import list_changed, list_sums, list_waiting, select_lines, view_open_parts
from assets.published.formatting import money
from assets.published.reader import Row, open_published, read_manifest
from assets.runtime.context import RunContext
from assets.runtime.versions import code_version
from models.records.chain import canonical_csv
from models.records.closing import LedgerRuleViolation, clean_text
from models.records.payment_batches import FOLDER, LINES, BatchRecord, check_day, list_batches, plan_approval, plan_cancellation, seal_batch

#: At most so many payouts are listed.
_MAX_LISTED = 5


@dataclass(frozen=True)
class Proposal:
    """`record`: the batch, or None where nothing is to be paid. `payments`: payee, currency, amount and parts of each payment in it.

    `waiting`: payees whose parts that are due come to nothing or less. `live`: other batches that are neither paid nor cancelled.
    """

    record: BatchRecord | None
    payments: list[Row]
    waiting: list[Row]
    live: list[Row]


@dataclass(frozen=True)
class Approval:
    """`is_new`: False where the batch was approved before, and its files are the ones of then."""

    record: BatchRecord
    is_new: bool
    files: list[Path]
    export: Export | None


def propose_batch(context: RunContext, due_by: dt.date, by: str) -> Proposal:
    """Seal a batch of what is due by the day and open, or nothing where nothing is."""
    proposed_by = clean_text("--by", by)
    records = _read_records(context)
    number = max(list_batches(records), default=0) + 1
    with open_published(context.folder) as con:
        view_open_parts(con, context.as_of)
        lines = select_lines(con, number, due_by, context.as_of).pl()
        waiting = list_waiting(con, due_by, context.as_of)
        live = [row for row in list_sums(con) if row["pending_amount"]]
        con.register("proposed_lines", lines.to_arrow())
        payments = con.sql(_PAYMENTS).pl().to_dicts()
    if lines.is_empty():
        return Proposal(None, [], waiting, live)
    fields = {"kind": "propose", "batch": number, "by": proposed_by, "due_by": due_by, **_describe_run(context)}
    record, files = seal_batch(fields, {LINES: canonical_csv(lines)}, records)
    append_batch(context.ledger, record, files)
    return Proposal(record, payments, waiting, live)


def approve_batch(context: RunContext, number: int, by: str) -> Approval:
    """Seal the approval with the export. Does nothing where the batch is approved already.

    Raises LedgerRuleViolation where less is to be paid than was proposed, InputError for an account of a payee that cannot be one.
    """
    records = _read_records(context)
    batch, approved_by = plan_approval(number, by, records)
    if batch.approved:
        return Approval(batch.approved, False, _paths(context, batch.approved), None)
    with open_published(context.folder) as con:
        view_open_parts(con, context.as_of, without_batch=number)
        if changed := list_changed(con, number):
            raise LedgerRuleViolation(_say_changed(number, changed))
        export = write_exports(con, number, context)
    fields = {"kind": "approve", "batch": number, "by": approved_by, **_describe_run(context)}
    record, files = seal_batch(fields, export.files, records)
    append_batch(context.ledger, record, files)
    return Approval(record, True, _paths(context, record), export)


def cancel_batch(context: RunContext, number: int, by: str, reason: str) -> tuple[BatchRecord, bool]:
    """Seal the cancellation: what is not confirmed can be proposed again. Also whether it is new: nothing happens where it was cancelled before.

    Raises LedgerRuleViolation where all of it has been paid.
    """
    records = _read_records(context)
    batch, cancelled_by, why = plan_cancellation(number, by, reason, records)
    if batch.cancelled:
        return batch.cancelled, False
    with open_published(context.folder) as con:
        if not any(row["pending_amount"] for row in list_sums(con) if row["batch_no"] == number):
            raise LedgerRuleViolation(f"batch {number} has been paid: the payments feed has every part of it. Nothing is left to cancel")
    record, files = seal_batch({"kind": "cancel", "batch": number, "by": cancelled_by, "reason": why, **_describe_run(context)}, {}, records)
    append_batch(context.ledger, record, files)
    return record, True


def list_all(folder: Path) -> list[Row]:
    """Every batch as it was published last, one row per batch and currency."""
    with open_published(folder) as con:
        return list_sums(con)


def _read_records(context: RunContext) -> list[BatchRecord]:
    records = read_ledger(context.ledger).payments
    check_day(context.as_of, records)
    return records


def _describe_run(context: RunContext) -> dict[str, Any]:
    manifest = read_manifest(context.published) or {}
    return {"at": context.started_at, "as_of": context.as_of, "run_id": manifest["run_id"], "code_version": code_version()}


def _paths(context: RunContext, record: BatchRecord) -> list[Path]:
    return [context.ledger / FOLDER / record.folder / name for name in sorted(record.files)]


def _say_changed(number: int, changed: list[Row]) -> str:
    shown = "; ".join(
        f"{row['agreement_id']}/{row['benefit_id']}/{row['participant_id']}/{row['window_start']}: "
        f"{money(row['amount'], row['currency'])} in the batch, {money(row['to_pay'], row['currency'])} open now"
        for row in changed[:_MAX_LISTED]
    )
    more = f" and {len(changed) - _MAX_LISTED} more" if len(changed) > _MAX_LISTED else ""
    way_out = f'Cancel it (`tierledger pay --cancel {number} --reason "…" --by NAME`) and propose again'
    return f"what is open has changed since batch {number} was proposed. {shown}{more}. {way_out}"


_PAYMENTS = """
    select payment_reference, participant_id, currency, sum(amount) as amount, count(*) as parts
    from proposed_lines group by all order by all"""
