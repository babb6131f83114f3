"""What holds of Spark whatever the size of a book: a payout with most of the lines completes in little memory.

Belongs here: shapes that strain one task. Does not belong here: equal results in general (test_engines.py).
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from assets.spark import session
from pipelines.run import run_book
from tests.engines.books import SKEWED_LINES, write_skewed


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
    assert found[1][1][0][0] >= SKEWED_LINES
