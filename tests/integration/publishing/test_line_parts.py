"""Payout lines in parts: what is written, what is linked from the set before, and that nobody can tell the two from one another.

Belongs here: the files of fct_payout_line. Uses marts made by hand, and the demo book for the SQL. Does not belong here: the switch (test_publishing.py).
"""

from __future__ import annotations

import errno
import os
import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from assets.archive.run_identity import is_published
from assets.published.reader import DATABASE, files_of, open_published, read_manifest
from assets.publishing import line_parts
from assets.publishing import parquet_set as publishing
from assets.publishing.duckdb_file import export_database
from assets.publishing.kept_sets import KEPT_SETS
from assets.publishing.parquet_set import PublishReport, publish
from assets.runtime.book_folder import open_run
from assets.runtime.context import CheckFailed, ChecksPassed, RunContext, read_clock
from models.documents import InputError
from models.records.run_history import EndedRun
from pipelines.run import run_book
from tests.support.publishing_books import change_run, make_book_in_parts

PARTS = {"2025-Q4", "2026-Q1", "2026-Q2"}


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunContext:
    """A book with four payouts in three parts."""
    monkeypatch.setattr(line_parts, "ONE_FILE_UP_TO_LINES", 8)
    return make_book_in_parts(tmp_path)


def next_run(context: RunContext, *changes: str, sums: tuple[tuple[int, int, int], ...] | None = ()) -> PublishReport:
    """Publish the next run. `changes`: to the warehouse. `sums`: what calc.changed_sums holds; None: there is no such table."""
    name = f"run-{len(list((context.published / 'runs').iterdir()))}"
    change_run(context, name)
    with duckdb.connect(str(context.warehouse)) as con:
        for change in changes:
            con.execute(change)
        con.execute("drop table if exists calc.changed_sums")
        if sums is not None:
            con.execute("create table calc.changed_sums (line_set_key integer, participant_key integer, period_no integer)")
            for row in sums:
                con.execute("insert into calc.changed_sums values (?, ?, ?)", row)
    return publish(context, ChecksPassed(checks=0))


def parts_of(context: RunContext) -> dict[str, Path]:
    return {path.name.split(".")[1]: path.resolve() for path in sorted((context.published / "current").glob("fct_payout_line.*.parquet"))}


def written(context: RunContext, before: dict[str, Path]) -> set[str]:
    """The parts that are no files of the set before."""
    return {part for part, path in parts_of(context).items() if part not in before or path.stat().st_ino != before[part].stat().st_ino}


def lines_of(context: RunContext) -> list[tuple[str, Decimal]]:
    with open_published(context.folder) as con:
        return con.sql("select payout_id, sum(line_payout) from fct_payout_line group by all order by all").fetchall()


def contents(context: RunContext) -> dict[str, bytes]:
    return {part: path.read_bytes() for part, path in parts_of(context).items()}


def test_a_small_book_has_one_file(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_parts, "ONE_FILE_UP_TO_LINES", 12)
    report = publish(context, ChecksPassed(checks=0))
    assert (report.rows["fct_payout_line"], report.files, report.files_linked) == (12, 3, 0)
    assert {path.name for path in (context.published / "current").glob("*.parquet")} == {"audit_run.parquet", "fct_payout.parquet", "fct_payout_line.parquet"}
    manifest = read_manifest(context.published)
    assert manifest is not None
    assert list(manifest["sha256"]) == ["audit_run", "fct_payout", "fct_payout_line"]


def test_a_large_book_has_a_file_per_part(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_parts, "ONE_FILE_UP_TO_LINES", 11)
    report = publish(context, ChecksPassed(checks=0))
    assert (report.rows["fct_payout_line"], report.files, report.files_linked) == (12, 5, 0)
    assert set(parts_of(context)) == PARTS
    assert not (context.published / "current" / "fct_payout_line.parquet").exists()
    read = {part: [row[0] for row in duckdb.execute(f"from '{path}'").fetchall()] for part, path in parts_of(context).items()}
    assert read == {"2025-Q4": ["p0"] * 3, "2026-Q1": ["p1"] * 3 + ["p2"] * 3, "2026-Q2": ["p3"] * 3}
    assert is_published(context, "run-a")


@pytest.mark.parametrize("copied_up_to", [1, 100])
def test_readers_see_one_table(context: RunContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, copied_up_to: int) -> None:
    monkeypatch.setattr(publishing, "COPIED_UP_TO_ROWS", copied_up_to)
    publish(context, ChecksPassed(checks=0))
    export_database(context.published, tmp_path / "all.duckdb")
    for database in (context.published / DATABASE, tmp_path / "all.duckdb"):
        with duckdb.connect(str(database), read_only=True) as con:
            assert con.execute("select count(*), sum(line_payout) from fct_payout_line").fetchall() == [(12, Decimal("120.0000"))]
            assert con.execute("select count(*) from information_schema.tables where table_name like 'fct_payout_line%'").fetchall() == [(1,)]
    assert lines_of(context) == [(f"p{i}", Decimal("30.0000")) for i in range(4)]
    with open_published(context.folder) as con:
        assert con.sql("select table_name from information_schema.tables order by all").fetchall() == [("audit_run",), ("fct_payout",), ("fct_payout_line",)]


def test_a_large_table_in_parts_is_found_in_a_copied_folder(context: RunContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(publishing, "COPIED_UP_TO_ROWS", 1)
    publish(context, ChecksPassed(checks=0))
    shutil.copytree(context.published, tmp_path / "a mount", symlinks=True)
    shutil.rmtree(context.published)
    with duckdb.connect(str(tmp_path / "a mount" / DATABASE), read_only=True) as con:
        con.execute(f"set variable tierledger = '{tmp_path / 'a mount'}'")
        assert con.execute("select count(*) from fct_payout_line").fetchone() == (12,)


def test_a_file_that_the_manifest_does_not_name_is_not_read(context: RunContext) -> None:
    publish(context, ChecksPassed(checks=0))
    shutil.copy(parts_of(context)["2026-Q1"], context.published / "current" / "fct_payout_line.2026-Q9.parquet")
    assert lines_of(context) == [(f"p{i}", Decimal("30.0000")) for i in range(4)]


def test_a_missing_part_is_an_error(context: RunContext) -> None:
    publish(context, ChecksPassed(checks=0))
    parts_of(context)["2026-Q1"].unlink()
    assert not is_published(context, "run-a")
    with pytest.raises(InputError, match="a file that it names is missing"):
        lines_of(context)


def test_parts_in_which_nothing_changed_are_linked(context: RunContext) -> None:
    publish(context, ChecksPassed(checks=0))
    before = parts_of(context)
    report = next_run(context)
    assert (report.rows["fct_payout_line"], report.files, report.files_linked) == (12, 5, 3)
    assert written(context, before) == set()
    assert parts_of(context) != before, "the set has its own names for the files"
    assert publish(context, ChecksPassed(checks=0)).files_linked == 0, "what changed since an older set says nothing of this one"
    manifest = read_manifest(context.published)
    assert manifest is not None
    assert len(files_of((context.published / "current").resolve(), manifest)["fct_payout_line"]) == 3


_GONE = "delete from {table} where payout_id = '{payout}'"
_OF_PAYOUT = ("intermediate.int_payouts_to_allocate", "marts.fct_payout", "calc.lines")
_ADDED = (
    "insert into intermediate.int_payouts_to_allocate values (14, 5, 'p4', 'A', 0, 3, 7, 7, 7, 5, 9, 9, '{part}', 1, 100)",
    "insert into marts.fct_payout values ('p4', 'EUR', 10, 'run-b')",
    "insert into calc.lines values ('p4', '0', 10)",
)
_NOTHING: set[str] = set()


@pytest.mark.parametrize(
    ("changes", "sums", "dirty"),
    [
        ((), ((7, 2, 3),), {"2026-Q1"}),
        ((), ((7, 2, 4), (7, 4, 6)), {"2026-Q1", "2026-Q2"}),
        ((), ((7, 2, 2), (7, 2, 5)), _NOTHING),  # periods of no window of the participant
        ((), ((7, 9, 3), (8, 2, 3)), _NOTHING),  # another participant, another line set
        ((), ((8, 4, 6),), {"2026-Q2"}),  # lines that the measure leaves out
        ((), ((9, 4, 6),), {"2026-Q2"}),  # lines of the base
        (("update intermediate.int_payouts_to_allocate set payout_units = 301 where payout_id = 'p3'",), (), {"2026-Q2"}),
        (("update intermediate.int_payouts_to_allocate set last_period = 5 where payout_id = 'p2'",), (), {"2026-Q1"}),
        # numbers within a run say nothing about a payout
        (
            (
                "update intermediate.int_payouts_to_allocate set payout_key = payout_key + 1, payout_no = payout_no + 1",
                "update intermediate.int_payout_tier_slices set payout_key = payout_key + 1",
            ),
            (),
            _NOTHING,
        ),
        (("update intermediate.int_payout_tier_slices set weight_per_unit = 6 where tier = 1",), (), {"2025-Q4"}),
        (("insert into intermediate.int_payout_tier_slices values (13, 0, 0)",), (), {"2026-Q2"}),
        (("delete from intermediate.int_payout_tier_slices where tier = 1",), (), {"2025-Q4"}),
        (tuple(_GONE.format(table=table, payout="p2") for table in _OF_PAYOUT), (), {"2026-Q1"}),
        (tuple(change.format(part="2025-Q4") for change in _ADDED), (), {"2025-Q4"}),
        (tuple(change.format(part="2026-Q3") for change in _ADDED), (), {"2026-Q3"}),
        (("update intermediate.int_payouts_to_allocate set part = '2026-Q2' where payout_id = 'p2'",), (), {"2026-Q1", "2026-Q2"}),
        (("update terms.agreements set net_level = 1",), (), PARTS),
    ],
)  # fmt: skip
def test_a_part_is_written_if_a_payout_in_it_may_have_other_lines(
    context: RunContext, changes: tuple[str, ...], sums: tuple[tuple[int, int, int], ...], dirty: set[str]
) -> None:
    publish(context, ChecksPassed(checks=0))
    before = parts_of(context)
    next_run(context, *changes, sums=sums)
    assert written(context, before) == dirty
    linked = contents(context)
    next_run(context, sums=None)
    assert linked == contents(context), "what a whole publish writes"


def test_a_part_that_lost_its_last_payout_is_gone(context: RunContext) -> None:
    publish(context, ChecksPassed(checks=0))
    before = parts_of(context)
    report = next_run(
        context, *(_GONE.format(table=table, payout="p3") for table in _OF_PAYOUT), "insert into calc.lines values ('p0', '9', 0)", sums=((7, 1, 0),)
    )
    assert set(parts_of(context)) == {"2025-Q4", "2026-Q1"}
    assert (written(context, before), report.rows["fct_payout_line"]) == ({"2025-Q4"}, 10)


def test_a_book_that_becomes_small_has_one_file_again(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(context, ChecksPassed(checks=0))
    with monkeypatch.context() as larger:
        larger.setattr(line_parts, "ONE_FILE_UP_TO_LINES", 12)
        next_run(context)
        assert parts_of(context) == {}
    before = parts_of(context)
    assert next_run(context).files_linked == 0, "the set before has no parts"
    assert written(context, before) == PARTS


@pytest.mark.parametrize(
    "change",
    [
        "update calc.current_run set code_version = 'another'",
        "update calc.current_run set settings_sha256 = 'another'",
        "update previous.published_set set manifest_sha256 = 'that of another set'",
        "drop schema previous cascade",
    ],
)
def test_every_part_is_written_unless_the_run_carries_on_from_the_published_set(context: RunContext, change: str) -> None:
    publish(context, ChecksPassed(checks=0))
    before = parts_of(context)
    assert next_run(context, change).files_linked == 0
    assert written(context, before) == PARTS


def test_every_part_is_written_where_nobody_says_which_sums_changed(context: RunContext) -> None:
    publish(context, ChecksPassed(checks=0))
    before = parts_of(context)
    next_run(context, sums=None)
    assert written(context, before) == PARTS


def test_every_part_is_written_after_the_engine_changed(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(context, ChecksPassed(checks=0))
    monkeypatch.setattr("assets.archive.run_identity.engine_versions", lambda: "another")
    assert next_run(context).files_linked == 0


def test_a_damaged_part_is_written_anew(context: RunContext) -> None:
    publish(context, ChecksPassed(checks=0))
    before, whole = parts_of(context), contents(context)
    damaged = bytearray(whole["2026-Q1"])
    damaged[20] ^= 1
    before["2026-Q1"].write_bytes(damaged)
    assert next_run(context).files_linked == 2
    assert (written(context, before), contents(context)) == ({"2026-Q1"}, whole)
    assert before["2026-Q1"].read_bytes() == damaged, "files of older sets stay as they are"


def test_a_foreign_part_is_written_anew(context: RunContext) -> None:
    publish(context, ChecksPassed(checks=0))
    before, whole = parts_of(context), contents(context)
    before["2026-Q1"].write_bytes(whole["2026-Q2"])
    assert next_run(context).files_linked == 2
    assert (written(context, before), contents(context)) == ({"2026-Q1"}, whole)


def test_a_part_that_vanishes_meanwhile_is_written_anew(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(context, ChecksPassed(checks=0))
    whole = contents(context)

    def find(con: duckdb.DuckDBPyConnection, published: Path, run: EndedRun, parts: list[str], part_of: str) -> dict[str, tuple[Path, str]]:
        found = line_parts.find_unchanged_parts(con, published, run, parts, part_of)
        found["2026-Q1"][0].unlink()
        return found

    monkeypatch.setattr(publishing, "find_unchanged_parts", find)
    assert next_run(context).files_linked == 2
    assert contents(context) == whole


def test_files_are_copied_where_links_are_refused(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    publish(context, ChecksPassed(checks=0))
    before, whole = parts_of(context), contents(context)
    monkeypatch.setattr(os, "link", refuse)
    assert next_run(context).files_linked == 3
    assert (written(context, before), contents(context)) == (PARTS, whole)


def test_a_linked_part_that_does_not_add_up_is_not_published(context: RunContext) -> None:
    publish(context, ChecksPassed(checks=0))
    with pytest.raises(CheckFailed, match="published_lines_add_up_to_payouts: payout_id=p0"):
        next_run(context, "update marts.fct_payout set payout = 31 where payout_id = 'p0'")
    assert is_published(context, "run-a")
    with duckdb.connect(str(context.warehouse)) as con:
        con.execute("update marts.fct_payout set payout = 30")
    assert next_run(context).files_linked == 3, "the set before is still the one that is remembered"


class Killed(BaseException):
    """As a kill: nothing in the program expects it."""


@pytest.mark.parametrize("dies_at", ["check_set", "remember_payouts", "replace_database", "switch", "append_run", "write_receipt"])
def test_the_run_after_a_killed_one_publishes_what_a_whole_one_does(context: RunContext, monkeypatch: pytest.MonkeyPatch, dies_at: str) -> None:
    def die(*_: object) -> None:
        raise Killed

    publish(context, ChecksPassed(checks=0))
    with monkeypatch.context() as patch:
        patch.setattr(publishing, dies_at, die)
        with pytest.raises(Killed):
            next_run(context, "update calc.lines set transaction_id = 'x' || transaction_id where payout_id = 'p0'", sums=((7, 1, 0),))
    # no sums changed since the set that readers see: it is the killed run's own, or the SQL has said again what changed since the one before
    is_switched = (context.published / "current").resolve().name != "run-a"
    next_run(context, sums=() if is_switched else ((7, 1, 0),))
    after = contents(context)
    next_run(context, sums=None)
    assert after == contents(context)


def test_linked_files_outlive_the_sets_they_came_from(context: RunContext) -> None:
    publish(context, ChecksPassed(checks=0))
    for _ in range(KEPT_SETS + 3):
        with duckdb.connect(str(context.warehouse)) as con:
            con.execute("update calc.current_run set run_id = run_id || 'x'")
        publish(context, ChecksPassed(checks=0))
    assert len(list((context.published / "runs").iterdir())) == KEPT_SETS + 1
    assert lines_of(context) == [(f"p{i}", Decimal("30.0000")) for i in range(4)]


@pytest.fixture
def whole_demo(demo_book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunContext:
    """A copy of the demo book, published in parts."""
    monkeypatch.setattr(line_parts, "ONE_FILE_UP_TO_LINES", 0)
    folder = shutil.copytree(demo_book, tmp_path / "demo", symlinks=True)
    run_book(folder, force=True)
    return open_run(folder, None, read_clock())


@pytest.mark.long
def test_the_parts_of_the_demo_hold_its_lines_and_are_linked_to_the_byte(whole_demo: RunContext, demo_book: Path) -> None:
    one = demo_book / "published" / "current" / "fct_payout_line.parquet"
    whole = contents(whole_demo)
    with open_published(whole_demo.folder) as con:
        quarters = con.sql(
            "select distinct year(window_end) || '-Q' || quarter(window_end) from fct_payout semi join fct_payout_line using (payout_id)"
        ).fetchall()
        assert {(part,) for part in whole} == set(quarters)
        both = f"(from fct_payout_line except all from '{one}') union all (from '{one}' except all from fct_payout_line)"
        assert con.sql(both).fetchall() == []
        # a part has its payouts in the order of the one file, and each in one part
        for path in parts_of(whole_demo).values():
            ids = [payout for (payout,) in con.sql(f"select payout_id from '{path}'").fetchall()]
            assert ids == sorted(ids)
        assert con.sql("select count(*) from (select payout_id from read_parquet('"
                       f"{whole_demo.published}/current/fct_payout_line.*.parquet', filename = true) group by all having count(distinct filename) > 1)"
                       ).fetchall() == [(0,)]  # fmt: skip
    with duckdb.connect(str(whole_demo.warehouse)) as con:
        con.execute(f"create temp table lines as from read_parquet('{whole_demo.published}/current/fct_payout_line.*.parquet')")
        miscounted = """select payout_id from intermediate.int_payouts_to_allocate as payouts where not is_graduated and window_units > 0
            and line_count <> (select count(*) from lines where lines.payout_id = payouts.payout_id)"""
        assert con.execute(miscounted).fetchall() == []
        con.execute("create table calc.changed_sums as select measure_line_set_key as line_set_key, participant_key, last_period as period_no "
                    "from intermediate.int_payouts_to_allocate order by payout_no limit 1")  # fmt: skip
        (dirty,) = con.execute("select count(distinct part) from intermediate.int_payouts_to_allocate join calc.changed_sums as changed "
                               "on line_set_key in (measure_line_set_key, own_line_set_key, base_line_set_key) "
                               "and int_payouts_to_allocate.participant_key = changed.participant_key "
                               "and period_no between first_period and last_period or agreement_id in "
                               "(select agreement_id from terms.agreements where net_level > 0)").fetchall()[0]  # fmt: skip
    report = publish(whole_demo, ChecksPassed(checks=0))
    assert report.files_linked == len(whole) - dirty > 0
    assert contents(whole_demo) == whole
