"""A book of one agreement that pays a bonus, its files by day, and what a run of it published.

Belongs here: that book, written and read. Does not belong here: statements about it.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

BOOK = """
book: small
currency: EUR
as_of: 2026-06-30
feeds:
  transactions:
    files: "feeds/transactions/*.csv"
    key: [transaction_id, line]
"""
AGREEMENT = """
agreement: BONUS
title: Bonus
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: [C1, C2]
benefits:
  - id: volume
    clause: "1"
    window: quarter
    tiers: [{from: 0, rate: 0.01}, {from: 1000, rate: 0.02}]
"""
HEADER = "transaction_id,line,date,partner_id,amount,currency\n"
DAYS = {
    "2026-01-05.csv": "T1,1,2026-01-05,C1,600.00,EUR\nT1,2,2026-01-05,C1,33.33,EUR\n",
    "2026-02-10.csv": "T2,1,2026-02-10,C1,500.00,EUR\nT3,1,2026-02-10,C2,10.10,EUR\nT4,1,2026-02-10,C2,bad,EUR\n",
    "2026-04-01.csv": "T5,1,2026-04-01,C2,70.00,EUR\nT1,2,2026-01-05,C1,44.44,EUR\n",
}


def write_book(folder: Path, days: dict[str, str] | None = None) -> Path:
    (folder / "agreements").mkdir(parents=True)
    (folder / "feeds" / "transactions").mkdir(parents=True)
    (folder / "book.yaml").write_text(BOOK)
    (folder / "agreements" / "bonus.yaml").write_text(AGREEMENT)
    deliver(folder, DAYS if days is None else days)
    return folder


def deliver(folder: Path, days: dict[str, str]) -> None:
    for name, rows in days.items():
        (folder / "feeds" / "transactions" / name).write_text(HEADER + rows)


def published_bytes(folder: Path) -> dict[str, bytes]:
    published = folder / "published"
    return {str(p.relative_to(published)): p.read_bytes() for p in published.rglob("*") if p.is_file()}


def published_tables(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every published table but the history of runs, without the times of arrival."""
    tables = {}
    for path in sorted((folder / "published" / "current").glob("*.parquet")):
        if path.stem != "audit_run":
            columns = "* exclude (arrived_at)" if path.stem == "audit_feed_file" else "*"
            with duckdb.connect() as con:
                tables[path.stem] = con.execute(f"select {columns} from '{path}' order by all").fetchall()
    return tables
