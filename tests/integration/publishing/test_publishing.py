"""Publishing: what readers see is complete, correct, and switched in one step.

Belongs here: sets, the switch, the DuckDB file. Uses marts made by hand; the marts' own content is tested elsewhere.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from assets.archive.run_history import read_runs
from assets.archive.run_identity import is_published
from assets.published.reader import DATABASE, open_published
from assets.publishing import duckdb_file
from assets.publishing import parquet_set as publishing
from assets.publishing.duckdb_file import export_database
from assets.publishing.kept_sets import KEPT_SETS
from assets.publishing.parquet_set import publish
from assets.runtime.context import CheckFailed, ChecksPassed, RunContext
from models.documents import InputError
from tests.support.publishing_books import change_run, make_published_book


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    """A book with a run named and three payouts of three lines each in its marts."""
    return make_published_book(tmp_path)


def test_every_table_is_published_twice_with_equal_rows(context: RunContext) -> None:
    report = publish(context, ChecksPassed(checks=0))
    assert report.rows == {"audit_run": 1, "fct_payout": 3, "fct_payout_line": 9}
    assert (context.published / "current").resolve() == context.published / "runs" / "run-a"
    with open_published(context.folder) as parquet, duckdb.connect(str(context.published / DATABASE), read_only=True) as database:
        for table, rows in report.rows.items():
            assert parquet.sql(f"from {table} order by all").fetchall() == database.sql(f"from {table} order by all").fetchall()
            assert len(parquet.sql(f"from {table}").fetchall()) == rows


def test_the_run_that_publishes_is_in_its_own_audit(context: RunContext) -> None:
    publish(context, ChecksPassed(checks=0))
    with open_published(context.folder) as con:
        assert con.sql("select run_id, status, rows, payouts, payout_total from audit_run").fetchall() == [("run-a", "published", 9, 3, '{"EUR":"90.0000"}')]


def test_large_tables_are_views_on_the_set(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "COPIED_UP_TO_ROWS", 3)
    publish(context, ChecksPassed(checks=0))
    with duckdb.connect(str(context.published / DATABASE), read_only=True) as con:
        kinds = dict(con.execute("select table_name, table_type from information_schema.tables").fetchall())
        assert kinds == {"audit_run": "BASE TABLE", "fct_payout": "BASE TABLE", "fct_payout_line": "VIEW"}
        assert con.execute("select sum(line_payout) from fct_payout_line").fetchone() == (Decimal("90.0000"),)


def test_a_copied_folder_needs_one_line_for_its_large_tables(context: RunContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "COPIED_UP_TO_ROWS", 3)
    publish(context, ChecksPassed(checks=0))
    shutil.copytree(context.published, tmp_path / "a mount", symlinks=True)
    shutil.rmtree(context.published)
    with duckdb.connect(str(tmp_path / "a mount" / DATABASE), read_only=True) as con:
        assert con.execute("select count(*) from fct_payout").fetchone() == (3,)
        with pytest.raises(duckdb.IOException):
            con.execute("from fct_payout_line")
        con.execute(f"set variable tierledger = '{tmp_path / 'a mount'}'")
        assert con.execute("select sum(line_payout) from fct_payout_line").fetchone() == (Decimal("90.0000"),)


def test_an_exported_file_needs_no_other(context: RunContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "COPIED_UP_TO_ROWS", 3)
    publish(context, ChecksPassed(checks=0))
    target = tmp_path / "all.duckdb"
    target.write_bytes(b"an older export")
    export_database(context.published, target)
    shutil.rmtree(context.published)
    with duckdb.connect(str(target), read_only=True) as con:
        assert {kind for (kind,) in con.execute("select table_type from information_schema.tables").fetchall()} == {"BASE TABLE"}
        assert con.execute("select sum(line_payout) from fct_payout_line").fetchone() == (Decimal("90.0000"),)
    assert [path.name for path in tmp_path.glob("*all.duckdb*")] == ["all.duckdb"]
    assert target.read_bytes()[8:20] == b"DUCK" + (65).to_bytes(8, "little"), "the format of DuckDB 1.2, which drivers of BI tools read"


@pytest.mark.parametrize(
    ("name", "message"), [("rebates.db", "must end in .duckdb"), ("no/such.duckdb", "no folder"), ("published/x.duckdb", "another folder")]
)
def test_where_an_export_cannot_go(context: RunContext, name: str, message: str) -> None:
    publish(context, ChecksPassed(checks=0))
    with pytest.raises(InputError, match=message):
        export_database(context.published, context.folder / name)


def test_keys_are_declared_where_they_hold(context: RunContext) -> None:
    publish(context, ChecksPassed(checks=0))
    query = "select constraint_type, constraint_column_names from duckdb_constraints() where table_name = 'fct_payout' order by all"
    with duckdb.connect(str(context.published / DATABASE), read_only=True) as con:
        assert ("PRIMARY KEY", ["payout_id"]) in con.execute(query).fetchall()
    change_run(context, "run-b")
    with duckdb.connect(str(context.warehouse)) as con:
        con.execute("update marts.fct_payout set run_id = null")
    publish(context, ChecksPassed(checks=0))
    with duckdb.connect(str(context.published / DATABASE), read_only=True) as con:
        assert ("NOT NULL", ["run_id"]) not in con.execute(query).fetchall()
        assert ("NOT NULL", ["payout_id"]) in con.execute(query).fetchall()


def test_descriptions_travel_with_the_tables(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_file, "descriptions", lambda: {"fct_payout": ("It's what is paid.", {"payout": "What this window pays."})})
    publish(context, ChecksPassed(checks=0))
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
    publish(context, ChecksPassed(checks=0))
    change_run(context, "run-b")
    with duckdb.connect(str(context.warehouse)) as con:
        con.execute("create or replace view marts.fct_payout_line as select 'p' || i as payout_id, 30.0::decimal(18,4) as line_payout from range(3) t(i)")
        con.execute(damage)
    before = snapshot(context.published)
    with pytest.raises(CheckFailed, match=check):
        publish(context, ChecksPassed(checks=0))
    assert snapshot(context.published) == before
    assert is_published(context, "run-a")
    with duckdb.connect(str(context.warehouse)) as con:
        assert con.execute("select count(*) from calc.runs where run_id = 'run-b'").fetchone() == (0,)


class Killed(BaseException):
    """As a kill: nothing in the program expects it."""


@pytest.mark.parametrize(
    ("dies_at", "readers_see", "history"),
    [
        ("check_set", "run-a", ["run-a"]),
        ("replace_database", "run-a", ["run-a"]),
        ("switch", "run-a", ["run-a"]),
        ("append_run", "run-b", ["run-a"]),
        ("write_receipt", "run-b", ["run-a", "run-b"]),
        ("publish_to_postgres", "run-b", ["run-a", "run-b"]),
    ],
)
def test_the_history_never_holds_a_run_that_readers_do_not_see(
    context: RunContext, monkeypatch: pytest.MonkeyPatch, dies_at: str, readers_see: str, history: list[str]
) -> None:
    def die(*_: object) -> None:
        raise Killed

    publish(context, ChecksPassed(checks=0))
    change_run(context, "run-b")
    monkeypatch.setattr(publishing, dies_at, die)
    with pytest.raises(Killed):
        publish(context, ChecksPassed(checks=0))
    assert (context.published / "current").resolve().name == readers_see
    assert [run.run_id for run in read_runs(context.archive)] == history


def test_leftovers_of_a_killed_run_are_cleared_away(context: RunContext) -> None:
    (context.published / "runs" / "run-x.tmp").mkdir(parents=True)
    (context.published / "runs" / "run-x.tmp" / "fct_payout.parquet").write_bytes(b"PAR1 half")
    (context.published / f".{DATABASE}.tmp").write_bytes(b"half")
    (context.published / ".current.tmp").symlink_to("runs/nowhere")
    publish(context, ChecksPassed(checks=0))
    assert {path.name for path in context.published.iterdir()} == {"runs", "current", DATABASE}
    assert {path.name for path in (context.published / "runs").iterdir()} == {"run-a"}


def test_a_set_with_a_missing_part_does_not_count_as_published(context: RunContext) -> None:
    assert not is_published(context, "run-a")
    publish(context, ChecksPassed(checks=0))
    assert is_published(context, "run-a")
    (context.published / DATABASE).unlink()
    assert not is_published(context, "run-a")
    publish(context, ChecksPassed(checks=0))
    (context.published / "current" / "fct_payout.parquet").unlink()
    assert not is_published(context, "run-a")


def test_the_same_run_made_again_does_not_disturb_readers_of_the_first(context: RunContext) -> None:
    publish(context, ChecksPassed(checks=0))
    with open_published(context.folder) as reader:
        publish(context, ChecksPassed(checks=0))
        assert reader.execute("select count(*) from fct_payout_line").fetchone() == (9,)
    assert is_published(context, "run-a")


def test_only_so_many_sets_are_kept(context: RunContext) -> None:
    for n in range(KEPT_SETS + 3):
        change_run(context, f"run-{n}")
        publish(context, ChecksPassed(checks=0))
    assert len(list((context.published / "runs").iterdir())) == 1 + KEPT_SETS


def test_a_set_stays_while_another_process_has_its_database_open(context: RunContext) -> None:
    publish(context, ChecksPassed(checks=0))
    read = f"import duckdb; con = duckdb.connect({str(context.published / DATABASE)!r}, read_only=True); print('open', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", read], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == b"open\n"
        for n in range(KEPT_SETS + 2):
            change_run(context, f"run-{n}")
            publish(context, ChecksPassed(checks=0))
        assert (context.published / "runs" / "run-a" / "fct_payout.parquet").is_file()
        reader.communicate(b"\n")
    change_run(context, "run-last")
    publish(context, ChecksPassed(checks=0))
    assert not (context.published / "runs" / "run-a").exists()
    assert not list((context.published / "runs").glob(f"*/{DATABASE}")), "a database that nobody reads has no second name"


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
