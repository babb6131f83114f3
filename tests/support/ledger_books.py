"""A book whose published tables are made by hand, so that closing is tested for itself: what a close reads and what it writes.

Belongs here: the smallest tables a close reads, and the posting rule that makes them from entitlements. Does not belong here: tests.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from assets.ledger.folder import read_ledger, select_posted
from assets.published.reader import sealed
from assets.runtime.book_folder import open_run
from assets.runtime.context import RunContext
from models.records.closing import last_closed

NOW = dt.datetime(2026, 7, 1, 8, tzinfo=dt.UTC)
BOOK = "book: b\ncurrency: EUR\nas_of: {as_of}\nfeeds: {{transactions: {{files: 'feeds/*.csv'}}}}\n{more}"
MONTHS = {f"2026-{month:02d}": (dt.date(2026, month, 1), dt.date(2026, month + 1, 1) - dt.timedelta(1)) for month in range(1, 12)}
_MONEY = "decimal(18, 4)"
_SCHEMAS = {
    "fct_accrual": "payout_id varchar, agreement_id varchar, benefit_id varchar, participant_id varchar, window_start date, period varchar,"
    f" accrued_to_date {_MONEY}, accrued_before {_MONEY}, accrual {_MONEY}, origin_period varchar, reason varchar, is_posted boolean",
    "fct_payout": "payout_id varchar, agreement_id varchar, agreement_version integer, benefit_id varchar, participant_id varchar, direction varchar,"
    " currency varchar, window_start date, window_end date, status varchar, status_reason varchar, measure decimal(38, 12), tier integer,"
    f" payout {_MONEY}, settled {_MONEY}, open_amount {_MONEY}",
    "fct_journal": "entry_id varchar, line_no integer, date date, period varchar, origin_period varchar, account varchar, debit decimal(18, 4),"
    " credit decimal(18, 4), currency varchar, kind varchar, payout_id varchar, agreement_id varchar, benefit_id varchar, participant_id varchar,"
    " window_start date, account_role varchar, cost_centre varchar, document_no varchar, text varchar",
    "audit_reject": "feed varchar, file_name varchar, sha256 varchar, row_number bigint, line_number bigint, reason varchar",
    "audit_reject_resolved": "feed varchar, file_name varchar, sha256 varchar, row_number bigint",
    "audit_feed_file": "feed varchar, file_name varchar, sha256 varchar, arrival_no integer, status varchar",
    "audit_run": "run_id varchar, started_at timestamp, as_of date, code_version varchar, agreements_sha256 varchar, inputs_sha256 varchar,"
    " settings_sha256 varchar, engine_versions varchar",
    "dim_period": "period varchar, first_day date, last_day date",
    "dim_agreement": "agreement_id varchar, agreement_version integer, content_sha256 varchar",
}


@dataclass
class HandMade:
    """A book in `folder`. `accrued`: payout to period to what it has earned to date, of a window from January to the last period named.

    `rejects`: rows refused, each in a file of its own. `blocked`, `gone`: payouts that are blocked, or that the computation no longer knows.
    """

    folder: Path
    accrued: dict[str, dict[str, str]]
    as_of: str = "2026-06-30"
    more: str = ""
    rejects: int = 0
    blocked: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    settled: dict[str, str] = field(default_factory=dict)

    def context(self) -> RunContext:
        return open_run(self.folder, None, NOW)

    def publish(self) -> RunContext:
        """Write the tables as a run would, entitlement minus what was posted, and hand out the context of a command after it."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "book.yaml").write_text(BOOK.format(as_of=self.as_of, more=self.more))
        run = self.folder / "published" / "runs" / "r1"
        run.mkdir(parents=True, exist_ok=True)
        rows = {"fct_accrual": self._accruals(), "fct_payout": [self._payout(each) for each in self.accrued if each not in self.gone]}
        rows |= {"fct_journal": [line for each in rows["fct_accrual"] if each["accrual"] for line in _entry(each)], **self._audit()}
        with duckdb.connect() as con:
            for table, schema in _SCHEMAS.items():
                con.execute(f"create table {table} ({schema})")
                for row in rows.get(table, []):
                    con.execute(f"insert into {table} by name select {', '.join(f'? as {key}' for key in row)}", list(row.values()))
                con.execute(f"copy {table} to '{run / table}.parquet'")
        (run / "tables.json").write_text(json.dumps(sealed({"run_id": "r1", "rows": dict.fromkeys(_SCHEMAS, 0), "sha256": dict.fromkeys(_SCHEMAS, "")})))
        current = self.folder / "published" / "current"
        current.unlink(missing_ok=True)
        current.symlink_to("runs/r1")
        return self.context()

    def posted(self) -> dict[tuple[str, str], Decimal]:
        """What the ledger holds per payout and origin period."""
        ledger = self.folder / "ledger"
        rows = select_posted("accruals", ledger, read_ledger(ledger).records)
        found = duckdb.execute(f"select payout_id, origin_period, sum(accrual) from ({rows}) group by all").fetchall()
        return {(payout, period): total for payout, period, total in found}

    def _accruals(self) -> list[dict[str, Any]]:
        posted = self.posted()
        last = last_closed(read_ledger(self.folder / "ledger").records)
        first_open = next(month for month in MONTHS if last is None or month > last)
        found = []
        for payout, to_date in self.accrued.items():
            before = Decimal(0)
            for period, text in to_date.items():
                now = Decimal(0) if payout in self.gone | self.blocked else Decimal(text)
                row = {**_subject(payout), "origin_period": period, "accrued_to_date": now, "accrued_before": before}
                difference, before = now - before - posted.get((payout, period), Decimal(0)), now
                is_open = last is None or period > last
                if is_open or difference:
                    reason = None if is_open else "late"
                    found.append({**row, "period": period if is_open else first_open, "accrual": difference, "reason": reason, "is_posted": False})
                if (payout, period) in posted:
                    found.append({**row, "period": period, "accrual": posted[payout, period], "reason": None, "is_posted": True})
        return found

    def _payout(self, payout: str) -> dict[str, Any]:
        last, amount = list(self.accrued[payout].items())[-1]
        is_blocked = payout in self.blocked
        paid, settled = Decimal(0) if is_blocked else Decimal(amount), Decimal(self.settled.get(payout, "0"))
        end = MONTHS[last][1]
        status = "blocked" if is_blocked else "final" if end <= dt.date.fromisoformat(self.as_of) else "open"
        about = {"agreement_version": 1, "direction": "payable", "currency": "EUR", "window_end": end, "status": status}
        figures = {"measure": Decimal(100), "tier": 1, "payout": paid, "settled": settled, "open_amount": paid - settled}
        return {**_subject(payout), **about, **figures, "status_reason": "target_missing" if is_blocked else None}

    def _audit(self) -> dict[str, list[dict[str, Any]]]:
        names = [f"f{i}.csv" for i in range(1, self.rejects + 1)]
        files = [{"feed": "transactions", "file_name": n, "sha256": n, "arrival_no": i, "status": "loaded"} for i, n in enumerate(["f0.csv", *names], 1)]
        hashes = dict.fromkeys(("agreements_sha256", "inputs_sha256", "settings_sha256"), "0" * 64)
        run = {"run_id": "r1", "started_at": NOW.replace(tzinfo=None), "as_of": self.as_of, "code_version": "1+a", "engine_versions": '{"duckdb": "2"}'}
        return {
            "audit_reject": [{"feed": "transactions", "file_name": n, "sha256": n, "row_number": 7, "line_number": 8, "reason": "amount"} for n in names],
            "audit_feed_file": files,
            "audit_run": [{**run, **hashes}],
            "dim_period": [{"period": name, "first_day": first, "last_day": last} for name, (first, last) in MONTHS.items()],
            "dim_agreement": [{"agreement_id": '=A, "1"', "agreement_version": 1, "content_sha256": "c1"}],
        }


def _subject(payout: str) -> dict[str, Any]:
    return {"payout_id": payout, "agreement_id": '=A, "1"', "benefit_id": "b", "participant_id": "-C1", "window_start": dt.date(2026, 1, 1)}


def _entry(accrual: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Two lines; nothing here is posted twice, so the content is the id."""
    subject = {key: accrual[key] for key in ("payout_id", "agreement_id", "benefit_id", "participant_id", "window_start", "period", "origin_period")}
    content = f"{accrual['payout_id']} {accrual['period']} {accrual['origin_period']} {accrual['accrual']}"
    entry = {"entry_id": hashlib.sha256(content.encode()).hexdigest()[:20], "date": MONTHS[accrual["period"]][1], "currency": "EUR", "kind": "accrual"}
    amount = accrual["accrual"]
    debit, credit = max(amount, Decimal(0)), max(-amount, Decimal(0))
    return [
        {**subject, **entry, "line_no": 1, "account": "4100", "debit": debit, "credit": credit},
        {**subject, **entry, "line_no": 2, "account": "2200", "debit": credit, "credit": debit},
    ]
