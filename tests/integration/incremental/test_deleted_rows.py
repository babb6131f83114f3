"""Rows that runs delete and add again do not pile up in the warehouse.

Belongs here: when checkpoints drop them. Does not belong here: which rows a run deletes (test_edges.py).
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from assets.incremental import mode
from assets.incremental.mode import decide_mode, let_deleted_rows_go
from assets.runtime.book_folder import open_run
from assets.runtime.context import read_clock

BOOK = 'book: b\ncurrency: EUR\nas_of: 2026-06-30\nfeeds: {transactions: {files: "*.csv"}}\n'
ROWS = 400_000


@pytest.mark.parametrize(("times", "stored"), [(4, 1.4), (6, 1.0)], ids=["few", "many"])
def test_deleted_rows_go_once_they_are_many(tmp_path: Path, times: int, stored: float) -> None:
    """A tenth of the rows is computed anew each time; a last change makes the table one that a checkpoint writes."""
    with duckdb.connect(str(tmp_path / "w.duckdb"), config={"threads": 1, "max_vacuum_tasks": 0}) as con:
        con.execute(f"create schema calc; create table calc.payouts as select i as payout_key, hash(i) as payout from range({ROWS}) as r(i)")
        con.execute("create view calc.calculation_steps as from calc.payouts")
        for tenth in range(times):
            con.execute(f"create or replace temp table again as from calc.payouts where payout_key % 10 = {tenth}")
            con.execute(f"begin; delete from calc.payouts where payout_key % 10 = {tenth}; insert into calc.payouts from again; commit; checkpoint")
        let_deleted_rows_go(con)
        con.execute("delete from calc.payouts where payout_key = 0; checkpoint")
        (found,) = con.execute("select sum(count) from pragma_storage_info('calc.payouts') where column_id = 0 and segment_type <> 'VALIDITY'").fetchall()
        assert con.execute("select count(*) from calc.payouts").fetchall() == [(ROWS - 1,)]
        assert found[0] == pytest.approx(stored * ROWS, rel=0.01)


@pytest.mark.parametrize(("why", "asked"), [(None, [True]), ("the calendar has changed", [])], ids=["incremental", "full"])
def test_an_incremental_run_looks_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str | None, asked: list[bool]) -> None:
    (tmp_path / "book.yaml").write_text(BOOK)
    looked: list[bool] = []
    monkeypatch.setattr(mode, "read_kept_run", lambda _: None)
    monkeypatch.setattr(mode, "_why_full", lambda *_: why)
    monkeypatch.setattr(mode, "let_deleted_rows_go", lambda _: looked.append(True))
    with duckdb.connect() as con:
        decide_mode(con, open_run(tmp_path, None, read_clock()), {})
    assert looked == asked
