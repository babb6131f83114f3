"""Records, tables and write-offs of a ledger, as few words as possible saying what matters.

Belongs here: making them. Does not belong here: folders on a disk (tests/support/ledger_books.py), tests.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl

from models.records.chain import NO_HASH, TABLES
from models.records.write_offs import WriteOff, seal_write_off

JUNE = dt.date(2026, 6, 30)
DTYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "varchar": pl.String,
    "date": pl.Date,
    "integer": pl.Int32,
    "decimal(18, 4)": pl.Decimal(18, 4),
    "decimal(38, 12)": pl.Decimal(38, 12),
}
VALUES = {"varchar": "x", "date": dt.date(2026, 1, 1), "integer": 1, "decimal(18, 4)": Decimal("12.5"), "decimal(38, 12)": Decimal("0.25")}


def frame(table: str, payouts: list[str], **values: Any) -> pl.DataFrame:
    """One row per payout id, every other column the same."""
    columns = TABLES[table]
    rows = [{name: values.get(name, VALUES[kind]) for name, kind in columns.items()} | {"payout_id": payout} for payout in payouts]
    return pl.DataFrame(rows, schema={name: DTYPES[kind] for name, kind in columns.items()})


def fields(period: str, kind: str = "close", version: int = 1, **more: Any) -> dict[str, Any]:
    said = {"kind": kind, "period": period, "version": version, "closed_at": dt.datetime(2026, 7, 1, 8, tzinfo=dt.UTC), "closed_by": "J. Doe"}
    return {**said, "code_version": "1", "engine_versions": {}, "arrivals": {}, "agreements": {}, "overrides": [], "write_offs_sha256": NO_HASH, **more}


def write_off(before: list[WriteOff], **more: Any) -> WriteOff:
    subject = {"payout_id": "p1", "agreement_id": "A", "benefit_id": "b", "participant_id": "C", "window_start": JUNE, "direction": "payable"}
    when = {"date": JUNE, "period": "2026-06", "written_at": dt.datetime(2026, 7, 1, tzinfo=dt.UTC)}
    return seal_write_off({**subject, **when, "currency": "EUR", "amount": Decimal("0.1000"), "reason": "r", "by": "J. Doe", **more}, before)


def three() -> list[WriteOff]:
    written: list[WriteOff] = []
    for _ in range(3):
        written.append(write_off(written))
    return written
