"""What holds of Spark whatever the size of a book: a payout with most of the lines completes in little memory.

Belongs here: shapes that strain one task. Does not belong here: equal results in general (test_engines.py).
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from assets.spark import session
from pipelines.run import run_book

LINES = 600_000
_BOOK = """
book: skew
currency: EUR
as_of: 2025-12-31
feeds: {transactions: {files: "feeds/transactions/*.csv", key: [transaction_id]}}
limits: {memory: 150MB, threads: 2}
engine: {kind: ENGINE}
"""
_AGREEMENT = """
agreement: BIG
title: BIG
currency: EUR
term: {from: 2025-01-01, to: 2025-12-31}
participants: [P-0, P-1]
benefits:
  - id: b
    clause: "1"
    window: term
    method: graduated
    tiers: [{from: 0, rate: 0.01}, {from: 100000, rate: 0.02}, {from: 1000000, rate: 0.03}]
"""
#: All lines but one in a thousand are of one participant, and so of one payout.
_ROWS = """
    copy (
        select 'T' || n as transaction_id, 1 as line, date '2025-01-01' + (n % 365)::integer as date,
            case when n % 1000 = 0 then 'P-1' else 'P-0' end as partner_id, 'sale' as type, 1 as quantity, (n % 977 + 1) / 100 as amount, 'EUR' as currency
        from range({first}, {last}) as numbers (n)
    ) to '{file}' (header)"""


def write_skewed(folder: Path, engine: str) -> Path:
    for part in ("agreements", "feeds/transactions"):
        (folder / part).mkdir(parents=True)
    (folder / "book.yaml").write_text(_BOOK.replace("ENGINE", engine))
    (folder / "agreements" / "big.yaml").write_text(_AGREEMENT)
    with duckdb.connect() as con:
        for number in range(4):
            first = number * LINES // 4
            con.execute(_ROWS.format(first=first, last=first + LINES // 4, file=folder / "feeds" / "transactions" / f"{number}.csv"))
    return folder


@pytest.mark.long
def test_a_payout_with_most_of_the_lines_completes_in_little_memory(tmp_path: Path) -> None:
    if missing := session.missing_parts():
        pytest.skip("; ".join(missing))
    found = []
    for engine in ("duckdb", "spark"):
        book = write_skewed(tmp_path / engine, engine)
        run_book(book)
        with duckdb.connect() as con:
            current = book / "published" / "current"
            lines = f"read_parquet('{current}/fct_payout_line*.parquet')"
            payouts = con.execute(f"select participant_id, payout from read_parquet('{current}/fct_payout.parquet') order by all").fetchall()
            found.append((payouts, con.execute(f"select count(*), sum(line_payout), bit_xor(hash(columns(*))) from {lines}").fetchall()))
    session.stop_session()
    assert found[0] == found[1]
    assert found[1][1][0][0] >= LINES
