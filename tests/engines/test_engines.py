"""One test, every engine: whatever computes the lines, what is published is the same to the byte, and so is what is rejected.

Belongs here: books and deliveries that both engines work on, and what happens when a worker, an executor's Java or this process is killed. Does not belong
here: what the results should be (tests/golden, tests/reference).

All of it runs in one process with one Spark. `make test` runs a sample, `make torture` the rest. No test leaves an engine out: Spark is skipped as a whole
where it is not installed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import dagster as dg
import duckdb
import pytest

from assets.archive.receipts import checked_book
from assets.feeds import load as feeds_load
from assets.graph.resources import BookFolder
from assets.publishing.parquet_set import check_set
from assets.runtime.book_folder import open_run
from assets.runtime.context import CheckFailed, read_clock
from assets.runtime.sql import scan
from assets.runtime.warehouse import open_warehouse
from assets.spark import session
from assets.spark.batches import compute_by_tasks
from assets.spark.line_tables import show_tables
from assets.spark.stages import TRANSACTIONS
from assets.transform import calculate
from assets.transform.invariants import evaluate_checks
from models.documents import InputError
from pipelines.definitions import build_defs
from pipelines.run import run_book
from tests.engines.books import BOOKS, SAMPLED, file_bytes, use_engine
from tests.support.feed_books import PLAIN, csv, load, query, rejects, tables, write_book
from tests.tools.compare_sets import compare

ENGINES = ("duckdb", "spark")
CELLS = csv(
    "A-1,1,2026-03-31,P-1,sale,2,12.50,EUR,retail",
    "A-2,1,2026-02-30,P-1,sale,2,12.50,EUR,retail",
    "A-3,1,2026-03-31,,sale,2,12.50,EUR,retail",
    "A-4,1,2026-03-31,P-1,sale,two,12.50,EUR,retail",
    "A-5,1,2026-03-31,P-1,return,2,12.50,EUR,retail",
    "A-6,1,2026-03-31,P-1,sale,2,12.50,EURO,retail",
    "A-1,1,2026-03-31,P-1,sale,3,99.50,EUR,retail",
    "A-7,1,2026-03-31,P-1,sale,1,1.00,EUR,web",
    "A-7,1,2026-03-31,P-1,sale,1,1.00,EUR,web",
)
_KEYED = 'transactions: {{files: "feeds/transactions/*", key: [transaction_id, line]{}}}'
#: Settings, and the files that are delivered one after the other.
DELIVERIES: dict[str, tuple[str, list[str]]] = {
    "bad cells": (PLAIN, [CELLS]),
    "a key in one file twice": (_KEYED.format(""), [CELLS, CELLS.replace("99.50", "98.50")]),
    "the later row holds": (_KEYED.format(", repeats: last"), [CELLS]),
    "a column that comes later": (PLAIN, [CELLS, CELLS.replace("channel", "route"), CELLS.replace("retail", "x")]),
    "lines numbered in their file": (_KEYED.format(", columns: {line: row_in_key}").replace("[transaction_id, line]", "[transaction_id, line]"), [CELLS]),
    "rows taken back": (_KEYED.format(", deleted: \"channel = 'web'\", repeats: last"), [CELLS, CELLS.replace("retail", "web")]),
    "rows of the wrong width": (PLAIN, [CELLS + "A-8,1,2026-03-31\n" + CELLS.splitlines()[1] + "\n"]),
    "a quote without an end": (PLAIN, [CELLS + 'A-9,1,2026-03-31,"P-1,sale,2,12.50,EUR,retail\n']),
}


@pytest.fixture(scope="module", autouse=True)
def _spark() -> Iterator[None]:
    if missing := session.missing_parts():
        pytest.skip("; ".join(missing))
    yield
    session.stop_session()


def outcome(run: Callable[[], object]) -> str:
    """What a person is told when it fails."""
    try:
        run()
    except (InputError, duckdb.Error) as error:
        return str(error)
    return ""


def run_on_every_engine(write: Callable[[Path], object], folder: Path) -> dict[str, Path]:
    books = {engine: folder / engine for engine in ENGINES}
    for engine, book in books.items():
        write(book)
        use_engine(book, engine)
        run_book(book)
    return books


def assert_same(books: dict[str, Path]) -> None:
    assert compare(books["duckdb"], books["spark"]) == []
    assert file_bytes(books["duckdb"]) == file_bytes(books["spark"])


@pytest.fixture(scope="module")
def edges(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sampled book, by the engine that has run it."""
    return run_on_every_engine(SAMPLED["edges"], tmp_path_factory.mktemp("edges"))


@pytest.fixture
def book(edges: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the book that Spark has run: a book may be moved."""
    return shutil.copytree(edges["spark"], tmp_path / "book", symlinks=True)


def test_every_engine_publishes_the_same(edges: dict[str, Path]) -> None:
    assert_same(edges)


@pytest.mark.long
def test_a_book_may_go_from_one_engine_to_the_other(book: Path) -> None:
    before = file_bytes(book)
    use_engine(book, "duckdb")
    run_book(book, force=True)
    assert file_bytes(book) == before
    assert not (book / "warehouse.lines").exists(), "its files belong to no table any more"
    use_engine(book, "spark")
    run_book(book, force=True)
    assert file_bytes(book) == before


@pytest.mark.parametrize("engines", [ENGINES, ENGINES[::-1]])
def test_a_run_that_is_killed_while_engines_change_leaves_the_rows_of_the_one_before(
    engines: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = write_book(tmp_path / "book", PLAIN, {"transactions/1.csv": csv("A-1,1,2026-03-31,P-1,sale,2,12.50,EUR,retail")})
    monkeypatch.setenv("TIERLEDGER_TEST_ENGINE", engines[0])
    load(book)
    (before,) = query(book, "from raw.transactions")
    monkeypatch.setenv("TIERLEDGER_TEST_ENGINE", engines[1])
    with monkeypatch.context() as patched:
        patched.setattr(feeds_load, "_load_all", Mock(side_effect=InterruptedError))
        with pytest.raises(InterruptedError):
            load(book)
    assert query(book, "from raw.transactions") == [before]
    with checked_book(open_run(book, None, read_clock())):
        pass
    load(book)
    assert query(book, "from raw.transactions") == [before]


@pytest.mark.long
@pytest.mark.parametrize("name", BOOKS)
def test_every_engine_publishes_the_same_of_any_book(name: str, tmp_path: Path) -> None:
    assert_same(run_on_every_engine(BOOKS[name], tmp_path))


@pytest.mark.parametrize("name", DELIVERIES)
def test_every_engine_takes_in_the_same_rows_and_rejects_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, files = DELIVERIES[name]
    found = {}
    for engine in ENGINES:
        monkeypatch.setenv("TIERLEDGER_TEST_ENGINE", engine)
        book = write_book(tmp_path / engine, settings)
        said = []
        for number, content in enumerate(files):
            write_book(book, settings, {f"transactions/{number}.csv": content})
            said.append(outcome(lambda book=book, number=number: load(book, number + 1)))  # type: ignore[misc]
        with duckdb.connect(str(book / "warehouse.duckdb"), read_only=True) as con:
            rows = con.execute("select * from raw.transactions order by all").fetchall()
            columns = con.execute("describe raw.transactions").fetchall()
        found[engine] = (said, rows, [column[:2] for column in columns], tables(book).get("rejects"), rejects(book))
    assert found["spark"] == found["duckdb"]


def test_only_new_files_are_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERLEDGER_TEST_ENGINE", "spark")
    book = write_book(tmp_path, PLAIN, {"transactions/1.csv": csv("A-1,1,2026-03-31,P-1,sale,2,12.50,EUR,retail")})
    load(book, 1)
    before = {path: path.stat().st_mtime_ns for path in (book / "warehouse.lines").rglob("*.parquet")}
    write_book(book, PLAIN, {"transactions/2.csv": csv("A-2,1,2026-03-31,P-1,sale,2,12.50,EUR,retail")})
    load(book, 2)
    after = {path: path.stat().st_mtime_ns for path in (book / "warehouse.lines").rglob("*.parquet")}
    assert len(before) == 1
    assert len(after) == 2
    assert before.items() <= after.items()


def test_tasks_notice_lines_that_do_not_add_up(book: Path) -> None:
    """Those that were credited, and those that are about to be published."""
    context = open_run(book, None, read_clock())
    with open_warehouse(context) as con:
        show_tables(con, TRANSACTIONS)
    evaluate_checks(context, ["credited_lines_add_up_to_the_sums"])
    current = (book / "published" / "current").resolve()
    files = {name: [current / f"{name}.parquet"] for name in ("fct_payout", "fct_payout_line")}
    more = book / "more.parquet"
    with open_warehouse(context) as con:
        check_set(con, context, files)
        con.execute(f"copy (select * replace (payout + 1 as payout) from {scan(files['fct_payout'])}) to '{more}' (format parquet)")
        with pytest.raises(CheckFailed, match="published_lines_add_up_to_payouts"):
            check_set(con, context, {**files, "fct_payout": [more]})
        con.execute("update intermediate.int_measures_summed set line_count = line_count + 1 where rowid = 0")
    with pytest.raises(CheckFailed, match="credited_lines_add_up_to_the_sums"):
        evaluate_checks(context, ["credited_lines_add_up_to_the_sums"])


@pytest.mark.long
def test_payouts_that_are_many_are_calculated_by_tasks(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file_bytes(book)
    batches: list[int] = []

    def compute(context: Any, frames: Any, as_of_period: int) -> Any:
        found = list(frames)
        batches.append(len(found))
        return compute_by_tasks(context, found, as_of_period)

    monkeypatch.setattr(calculate, "_ROWS_PER_GIGABYTE", 20)
    monkeypatch.setattr(calculate, "compute_by_tasks", compute)
    run_book(book, force=True, full=True)
    assert max(batches) > 10
    assert file_bytes(book) == before


@pytest.mark.long
def test_dagster_runs_a_book_on_spark(book: Path) -> None:
    before = file_bytes(book)
    later = book / "feeds" / "transactions" / "later.csv"
    later.write_text("transaction_id,line,date,partner_id,product_id,type,quantity,amount,currency\nL1,1,2026-06-01,P1,D1,sale,1,5,EUR\n")
    with dg.DagsterInstance.ephemeral() as instance:
        definitions = build_defs(book=BookFolder(folder=str(book)))
        assert definitions.resolve_job_def("run_book").execute_in_process(instance=instance).success
    assert file_bytes(book) != before
    added = file_bytes(book)
    use_engine(book, "duckdb")
    run_book(book, force=True)
    assert file_bytes(book) == added


@pytest.mark.long
def test_a_file_that_is_gone_is_told_with_the_way_out(book: Path) -> None:
    next((book / "warehouse.lines" / "raw.transactions").glob("*.parquet")).unlink()
    with pytest.raises(InputError, match=r"warehouse\.lines/raw\.transactions/.* is gone.*--rebuild"):
        run_book(book, force=True)
    before = file_bytes(book)
    run_book(book, rebuild=True, force=True)
    assert file_bytes(book) == before


def workers_of(java: int) -> list[int]:
    """Python processes below Spark's Java that work on tasks."""
    found, below = [], [java]
    while below:
        parent = below.pop()
        children = [int(child) for task in Path(f"/proc/{parent}/task").glob("*/children") for child in task.read_text().split()]
        below += children
        found += children
    return found[1:]  # the first hands out work to the others


@pytest.mark.long  # on an idle machine no task lasts until the next look
@pytest.mark.skipif(sys.platform != "linux", reason="finds workers under /proc")
def test_a_killed_worker_costs_its_task_alone(book: Path) -> None:
    """The task is run again, and what the first attempt has written is no part of any table."""
    before = file_bytes(book)
    (java,) = [future.result().java.pid for future in session._sessions.values()]
    done = threading.Event()
    killed: list[int] = []

    def kill_now_and_then() -> None:
        while len(killed) < 3 and not done.wait(0.2):  # a task has four attempts
            for worker in workers_of(java)[:1]:
                killed.append(worker)
                os.kill(worker, signal.SIGKILL)

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    try:
        run_book(book, force=True)
    finally:
        done.set()
        killer.join()
    assert killed
    assert file_bytes(book) == before


@pytest.mark.long
def test_a_killed_java_ends_the_run_and_the_next_one_is_right(book: Path) -> None:
    before = file_bytes(book)
    (java,) = [future.result().java for future in session._sessions.values()]
    killer = threading.Timer(0.3, java.kill)
    killer.start()
    with suppress(session.SparkFailed, OSError, RuntimeError):
        run_book(book, force=True)
    killer.join()
    assert file_bytes(book) == before
    run_book(book, force=True)
    assert file_bytes(book) == before


_RUN = "import sys; from pathlib import Path; from pipelines.run import run_book; run_book(Path(sys.argv[1]), force=True)"


@pytest.mark.long
@pytest.mark.parametrize("moment", range(20))
def test_a_killed_run_leaves_the_set_as_it_was_or_right(moment: int, tmp_path: Path) -> None:
    SAMPLED["edges"](tmp_path / "book")
    book = tmp_path / "book"
    use_engine(book, "duckdb")
    run_book(book)
    before = file_bytes(book)
    use_engine(book, "spark")
    process = subprocess.Popen([sys.executable, "-c", _RUN, str(book)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(2 + moment * 0.8)
    process.kill()
    process.wait()
    assert file_bytes(book) == before
    run_book(book, force=True)
    assert file_bytes(book) == before
    with duckdb.connect() as con:
        lines = sorted((book / "published" / "current").glob("fct_payout_line*.parquet"))
        twice = con.execute(f"select count(*) - count(distinct (payout_id, transaction_id, line, source_row, tier)) from {scan(lines)}").fetchall()
    assert twice == [(0,)]


def test_settings_of_spark_are_those_that_are_asked_for(tmp_path: Path) -> None:
    """By value, as Spark itself says; and it listens on this machine alone."""
    SAMPLED["edges"](tmp_path / "book")
    use_engine(tmp_path / "book", "spark", settings={"spark.sql.ansi.enabled": False})
    context = open_run(tmp_path / "book", None, read_clock())
    assert session.settings_of(context)["spark.master"] == "local[2,4]", "without the second number a lost task ends the run"
    wanted = session.settings_of(context)
    session.check_settings(wanted, wanted)
    for name in ("spark.sql.ansi.enabled", "spark.driver.host", "spark.jars.packages"):
        with pytest.raises(session.SparkFailed, match=name):
            session.check_settings({**wanted, name: "other"}, wanted)


def test_what_is_missing_is_told_before_the_run_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SAMPLED["edges"](tmp_path / "book")
    use_engine(tmp_path / "book", "spark")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(InputError, match=r"JAVA_HOME is .*correct it, or unset it"):
        run_book(tmp_path / "book")
    assert not (tmp_path / "book" / "warehouse.duckdb").exists()
