"""A book whose released parts are written by hand, so that payment batches are tested for themselves: what a proposal reads and what it leaves.

Belongs here: the smallest tables that payments read, with fct_payment_batch as the model makes it. Does not belong here: tests.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import jinja2

from assets.ledger.folder import read_ledger, select_batched
from assets.published.reader import Row, fetch, open_published, sealed
from assets.runtime.book_folder import open_run
from assets.runtime.context import RunContext
from models.records.payment_batches import describe_batches

NOW = dt.datetime(2026, 7, 1, 8, tzinfo=dt.UTC)
AS_OF = dt.date(2026, 6, 30)
START = dt.date(2026, 1, 1)
BOOK = "book: b\ncurrency: EUR\nas_of: {as_of}\nfeeds: {{transactions: {{files: 'feeds/*.csv'}}}}\n{more}"
_PROJECT = Path(__file__).parents[2] / "dbt_project"
MACROS = _PROJECT / "macros" / "payout_rows.sql"
MODEL = _PROJECT / "models" / "marts" / "ledger" / "fct_payment_batch.sql"
_SCHEMAS = {
    "fct_release": "payout_id varchar, release_no integer, due_date date, released decimal(18, 4)",
    "fct_payout": "payout_id varchar, agreement_id varchar, benefit_id varchar, participant_id varchar, window_start date, window_end date, clause varchar,"
    " direction varchar, currency varchar, status varchar, payable decimal(18, 4), released decimal(18, 4), settled decimal(18, 4),"
    " written_off decimal(18, 4), due_date date",
    "dim_partner": "partner_id varchar, name varchar, iban varchar",
    "dim_agreement": "agreement_id varchar, agreement_version integer, title varchar",
    "int_payments_converted": "reference varchar, agreement varchar, benefit varchar, participant_id varchar, window_start date, amount decimal(18, 4),"
    " paid_on date, waits_for varchar",
    "payment_batches": "batch_no integer, state varchar, due_by date, proposed_by varchar, proposed_on date, approved_by varchar, approved_on date,"
    " cancelled_by varchar, cancelled_on date, reason varchar",
}
_PUBLISHED = ("fct_release", "fct_payout", "dim_partner", "dim_agreement", "fct_payment_batch")


@dataclass
class Part:
    """One part of a payout. `held`: what of it waits for customers to pay, once it is due."""

    payout: str
    amount: str
    due: str = "2026-04-30"
    number: int = 1
    payee: str = "C1"
    currency: str = "EUR"
    held: str = "0"
    direction: str = "payable"
    status: str = "final"

    def released(self, as_of: dt.date) -> Decimal:
        return Decimal(self.amount) - Decimal(self.held) if dt.date.fromisoformat(self.due) <= as_of else Decimal(0)


@dataclass
class PaymentBook:
    """A book in `folder`. `payments`: payout, amount and reference of each row of the feed."""

    folder: Path
    parts: list[Part]
    payments: list[tuple[str, str, str]] = field(default_factory=list)
    written_off: dict[str, str] = field(default_factory=dict)
    ibans: dict[str, str] = field(default_factory=dict)
    as_of: dt.date = AS_OF
    more: str = ""

    def publish(self) -> RunContext:
        """Write the tables as a run would, and hand out the context of a command after it."""
        self.folder.mkdir(exist_ok=True, parents=True)
        (self.folder / "book.yaml").write_text(BOOK.format(as_of=self.as_of, more=self.more))
        run = self.folder / "published" / "runs" / "r1"
        run.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(config={"threads": 1}) as con:
            con.execute(";".join(f"create table {table} ({schema})" for table, schema in _SCHEMAS.items()))
            for table in _SCHEMAS:
                if rows := self._rows(table):
                    columns = ", ".join(f"unnest(?) as {name}" for name in rows[0])
                    con.execute(f"insert into {table} by name select {columns}", [[row[name] for row in rows] for name in rows[0]])
            ledger = self.folder / "ledger"
            con.execute(f"create table payment_lines as {select_batched(ledger, read_ledger(ledger).payments)}")
            con.execute(f"create table fct_payment_batch as {model()}")
            for table in _PUBLISHED:
                con.execute(f"copy {table} to '{run / table}.parquet'")
        manifest = {"run_id": "r1", "rows": dict.fromkeys(_PUBLISHED, 0), "sha256": dict.fromkeys(_PUBLISHED, "")}
        (run / "tables.json").write_text(json.dumps(sealed(manifest)))
        current = self.folder / "published" / "current"
        if not current.is_symlink():
            current.symlink_to("runs/r1")
        return self.context()

    def context(self) -> RunContext:
        return open_run(self.folder, None, NOW)

    def query(self, query: str) -> list[Row]:
        """Rows of what is published now."""
        self.publish()
        with open_published(self.folder) as con:
            return fetch(con, query)

    def lines(self, columns: str = "batch_no, payout_id, release_no, amount, state") -> list[tuple[Any, ...]]:
        """The lines of every batch."""
        return [tuple(row.values()) for row in self.query(f"select {columns} from fct_payment_batch order by batch_no, reference")]

    def _rows(self, table: str) -> list[dict[str, Any]]:
        if table == "fct_release":
            return [
                {"payout_id": part.payout, "release_no": part.number, "due_date": dt.date.fromisoformat(part.due), "released": part.released(self.as_of)}
                for part in self.parts
            ]
        if table == "fct_payout":
            payouts: dict[str, list[Part]] = defaultdict(list)
            for part in self.parts:
                payouts[part.payout].append(part)
            return [self._payout(name, parts) for name, parts in payouts.items()]
        if table == "int_payments_converted":
            payee_of = {part.payout: part.payee for part in self.parts}
            return [
                {"reference": reference, "amount": Decimal(amount), "paid_on": dt.date(2026, 6, 1), "agreement": "A", "benefit": payout}
                | {"participant_id": payee_of[payout], "window_start": START}
                for payout, amount, reference in self.payments
            ]
        if table == "dim_partner":
            payees = sorted({part.payee for part in self.parts})
            return [{"partner_id": payee, "name": f"Name of {payee}", "iban": self.ibans.get(payee)} for payee in payees]
        if table == "dim_agreement":
            return [{"agreement_id": "A", "agreement_version": 1, "title": '=Bonus, "1"'}]
        return describe_batches(read_ledger(self.folder / "ledger").payments)

    def _payout(self, name: str, parts: list[Part]) -> dict[str, Any]:
        settled = sum((Decimal(amount) for payout, amount, _ in self.payments if payout == name), Decimal(0))
        first = parts[0]
        about = {"payout_id": name, "agreement_id": "A", "benefit_id": name, "participant_id": first.payee, "window_start": START, "clause": "1"}
        sums = {"payable": sum(Decimal(part.amount) for part in parts), "released": sum(part.released(self.as_of) for part in parts), "settled": settled}
        more = {"direction": first.direction, "currency": first.currency, "status": first.status, "window_end": dt.date(2026, 3, 31)}
        return {**about, **sums, **more, "written_off": Decimal(self.written_off.get(name, "0"))}


@functools.cache
def model() -> str:
    """The SQL of fct_payment_batch over the tables here."""
    return jinja2.Template(MACROS.read_text() + MODEL.read_text()).render(ref=lambda name: name, source=lambda schema, name: name)
