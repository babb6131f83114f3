"""Publishing: what readers see is complete, correct, and switched in one step.

Belongs here: sets, the switch, the DuckDB file. Uses marts made by hand; the marts' own content is tested elsewhere.
"""

from __future__ import annotations

import datetime as dt
import threading
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from assets import publishing
from assets.context import CheckFailed, RunContext
from assets.published import open_published
from assets.publishing import DATABASE, KEPT_SETS, publish, published_run
from models.book import parse_book

BOOK = 'book: test\ncurrency: EUR\nfeeds: {transactions: {files: "feeds/transactions/*.csv"}}\n'


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    """A book with a run named and three payouts of three lines each in its marts."""
    (tmp_path / "agreements").mkdir()
    (tmp_path / "agreements" / "a.yaml").write_text("agreement: A\n")
    (tmp_path / "book.yaml").write_text(BOOK)
    context = RunContext(tmp_path, parse_book(BOOK), dt.date(2026, 6, 30), dt.datetime(2026, 7, 1, tzinfo=dt.UTC))
    with duckdb.connect(str(context.warehouse)) as con:
        for schema in ("raw", "calc", "marts"):
            con.execute(f"create schema {schema}")
        con.execute("create table raw.feed_files as select 'transactions' as feed, 1 as arrival_no, 9::bigint as rows_read")
        con.execute("create table calc.current_run as select 'run-a' as run_id, now()::timestamp as started_at, date '2026-06-30' as as_of, "
                    "'v' as code_version, 'x' as agreements_sha256, 'y' as inputs_sha256, 'z' as settings_sha256, "
                    "'l' as ledger_sha256, 'w' as write_offs_sha256")  # fmt: skip
        con.execute("create table calc.runs (run_id varchar, started_at timestamp, finished_at timestamp, as_of date, code_version varchar, "
                    "agreements_sha256 varchar, inputs_sha256 varchar, settings_sha256 varchar, engine_versions varchar, rows bigint, "
                    "payouts bigint, payout_total varchar, status varchar)")  # fmt: skip
        con.execute("create table marts.fct_payout as select 'p' || i as payout_id, 'EUR' as currency, 30.0::decimal(18,4) as payout, "
                    "(select run_id from calc.current_run) as run_id from range(3) t(i)")  # fmt: skip
        con.execute("create view marts.fct_payout_line as select payout_id, 10.0::decimal(18,4) as line_payout, run_id "
                    "from marts.fct_payout, range(3) order by payout_id")  # fmt: skip
        con.execute("create view marts.audit_run as from calc.runs")
    return context


def change_run(context: RunContext, run_id: str) -> None:
    with duckdb.connect(str(context.warehouse)) as con:
        con.execute("update calc.current_run set run_id = ?", [run_id])
        con.execute("update marts.fct_payout set run_id = ?", [run_id])


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
    assert published_run(context) == "run-a"
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
    assert published_run(context) is None
    publish(context)
    assert published_run(context) == "run-a"
    (context.published / DATABASE).unlink()
    assert published_run(context) is None
    publish(context)
    (context.published / "current" / "fct_payout.parquet").unlink()
    assert published_run(context) is None


def test_the_same_run_made_again_does_not_disturb_readers_of_the_first(context: RunContext) -> None:
    publish(context)
    with open_published(context.folder) as reader:
        publish(context)
        assert reader.execute("select count(*) from fct_payout_line").fetchone() == (9,)
    assert published_run(context) == "run-a"


def test_readers_see_one_run_while_twenty_are_published(context: RunContext) -> None:
    publish(context)
    problems: list[str] = []
    reads = [0, 0]
    stop = threading.Event()

    def read(kind: int) -> None:
        while not stop.is_set():
            try:
                if kind == 0:
                    with open_published(context.folder) as con:
                        runs = con.sql("select distinct run_id from (select run_id from fct_payout union all select run_id from fct_payout_line)").fetchall()
                else:
                    with duckdb.connect(str(context.published / DATABASE), read_only=True) as con:
                        runs = con.sql("select distinct run_id from (select run_id from fct_payout union all select run_id from fct_payout_line)").fetchall()
                if len(runs) != 1:
                    problems.append(f"mixed: {runs}")
                reads[kind] += 1
                stop.wait(0.005)
            except Exception as error:
                problems.append(repr(error))

    readers = [threading.Thread(target=read, args=(kind,)) for kind in (0, 1)]
    for reader in readers:
        reader.start()
    for n in range(20):
        change_run(context, f"run-{n}")
        publish(context)
    stop.set()
    for reader in readers:
        reader.join()
    assert problems == []
    assert min(reads) >= 10
    assert len(list((context.published / "runs").iterdir())) == 1 + KEPT_SETS


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
