"""Publishing: what readers see is complete, correct, and switched in one step.

Belongs here: sets, the switch, the DuckDB file. Uses marts made by hand; the marts' own content is tested elsewhere.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from assets.archive.run_identity import is_published
from assets.published.reader import DATABASE, open_published
from assets.publishing import parquet_set as publishing
from assets.publishing.parquet_set import KEPT_SETS, publish
from assets.runtime.context import CheckFailed, RunContext
from tests.support.publishing_books import change_run, make_published_book


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    """A book with a run named and three payouts of three lines each in its marts."""
    return make_published_book(tmp_path)


def test_every_table_is_published_twice_with_equal_rows(context: RunContext) -> None:
    report = publish(context)
    assert report.rows == {"audit_run": 1, "fct_payout": 3, "fct_payout_line": 9}
    assert (context.published / "current").resolve() == context.published / "runs" / "run-a"
    with open_published(context.folder) as parquet, duckdb.connect(str(context.published / DATABASE), read_only=True) as database:
        for table, rows in report.rows.items():
            assert parquet.sql(f"from {table} order by all").fetchall() == database.sql(f"from {table} order by all").fetchall()
            assert len(parquet.sql(f"from {table}").fetchall()) == rows


def test_the_run_that_publishes_is_in_its_own_audit(context: RunContext) -> None:
    publish(context)
    with open_published(context.folder) as con:
        assert con.sql("select run_id, status, rows, payouts, payout_total from audit_run").fetchall() == [("run-a", "published", 9, 3, '{"EUR":"90.0000"}')]


def test_large_tables_are_views_on_the_set(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "COPIED_UP_TO_ROWS", 3)
    publish(context)
    with duckdb.connect(str(context.published / DATABASE), read_only=True) as con:
        kinds = dict(con.execute("select table_name, table_type from information_schema.tables").fetchall())
        assert kinds == {"audit_run": "BASE TABLE", "fct_payout": "BASE TABLE", "fct_payout_line": "VIEW"}
        assert con.execute("select sum(line_payout) from fct_payout_line").fetchone() == (Decimal("90.0000"),)


def test_descriptions_travel_with_the_tables(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "descriptions", lambda: {"fct_payout": ("It's what is paid.", {"payout": "What this window pays."})})
    publish(context)
    with duckdb.connect(str(context.published / DATABASE), read_only=True) as con:
        assert con.execute("select comment from duckdb_tables() where table_name = 'fct_payout'").fetchone() == ("It's what is paid.",)
        found = con.execute("select comment from duckdb_columns() where table_name = 'fct_payout' and column_name = 'payout'").fetchone()
        assert found == ("What this window pays.",)


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        ("update marts.fct_payout set payout = 30.01 where payout_id = 'p1'", "published_lines_add_up_to_payouts"),
        ("insert into marts.fct_payout values ('p9', 'EUR', 5, 'run-b')", "published_lines_add_up_to_payouts"),
        ("insert into marts.fct_payout from (from marts.fct_payout limit 1)", "each_payout_is_published_once"),
        ("drop view marts.fct_payout_line", "all_tables_are_there"),
    ],
)
def test_what_does_not_add_up_is_not_published(context: RunContext, damage: str, check: str) -> None:
    publish(context)
    change_run(context, "run-b")
    with duckdb.connect(str(context.warehouse)) as con:
        con.execute("create or replace view marts.fct_payout_line as select 'p' || i as payout_id, 30.0::decimal(18,4) as line_payout from range(3) t(i)")
        con.execute(damage)
    before = snapshot(context.published)
    with pytest.raises(CheckFailed, match=check):
        publish(context)
    assert snapshot(context.published) == before
    assert is_published(context, "run-a")
    with duckdb.connect(str(context.warehouse)) as con:
        assert con.execute("select count(*) from calc.runs where run_id = 'run-b'").fetchone() == (0,)


def test_leftovers_of_a_killed_run_are_cleared_away(context: RunContext) -> None:
    (context.published / "runs" / "run-x.tmp").mkdir(parents=True)
    (context.published / "runs" / "run-x.tmp" / "fct_payout.parquet").write_bytes(b"PAR1 half")
    (context.published / f".{DATABASE}.tmp").write_bytes(b"half")
    (context.published / ".current.tmp").symlink_to("runs/nowhere")
    publish(context)
    assert {path.name for path in context.published.iterdir()} == {"runs", "current", DATABASE}
    assert {path.name for path in (context.published / "runs").iterdir()} == {"run-a"}


def test_a_set_with_a_missing_part_does_not_count_as_published(context: RunContext) -> None:
    assert not is_published(context, "run-a")
    publish(context)
    assert is_published(context, "run-a")
    (context.published / DATABASE).unlink()
    assert not is_published(context, "run-a")
    publish(context)
    (context.published / "current" / "fct_payout.parquet").unlink()
    assert not is_published(context, "run-a")


def test_the_same_run_made_again_does_not_disturb_readers_of_the_first(context: RunContext) -> None:
    publish(context)
    with open_published(context.folder) as reader:
        publish(context)
        assert reader.execute("select count(*) from fct_payout_line").fetchone() == (9,)
    assert is_published(context, "run-a")


def test_only_so_many_sets_are_kept(context: RunContext) -> None:
    for n in range(KEPT_SETS + 3):
        change_run(context, f"run-{n}")
        publish(context)
    assert len(list((context.published / "runs").iterdir())) == 1 + KEPT_SETS


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
