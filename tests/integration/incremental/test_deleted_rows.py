"""Rows that runs delete and add again do not pile up in the warehouse.

Belongs here: when checkpoints drop them. Does not belong here: which rows a run deletes (test_edges.py).
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from assets.incremental.mode import let_deleted_rows_go

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
