"""One run after another on one book: what is new, what is the same, what is refused, and what stays published meanwhile.

Belongs here: the order of the steps, identity, the lock, stopping. Does not belong here: what a step computes.
"""

from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from assets.books import BookLocked, lock_book, lock_holder
from assets.context import CheckFailed, RunContext, StepReport
from models.documents import InputError
from pipelines.cli.main import main
from pipelines.steps import run_book

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
            tables[path.stem] = duckdb.sql(f"select {columns} from '{path}' order by all").fetchall()
    return tables


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return write_book(tmp_path / "book")


def test_a_run_says_what_it_came_to(book: Path) -> None:
    summary = run_book(book)
    assert summary.status == "published"
    assert list(summary.stages) == ["agreements", "feeds", "identify", "prepare", "calculate", "marts", "checks", "publish"]
    assert [
        (f["feed"], f["files"], f["rows_read"], f["rows_loaded"], f["rows_duplicate"], f["rows_superseded"], f["rows_rejected"]) for f in summary.feeds
    ] == [("transactions", 3, 7, 5, 0, 1, 1)]
    # C1: 600 + 44.44 + 500 = 1144.44 at 2 % = 22.89; C2: 0.10 in the first quarter, 0.70 in the second
    assert [(a["agreement_id"], a["payouts"], a["paying"], a["blocked"], str(a["total"])) for a in summary.agreements] == [("BONUS", 4, 3, 0, "23.6900")]


def test_a_second_run_with_nothing_new_changes_nothing(book: Path) -> None:
    first = run_book(book)
    before, warehouse = published_bytes(book), (book / "warehouse.duckdb").read_bytes()
    second = run_book(book)
    assert (second.status, second.run_id) == ("nothing_new", first.run_id)
    assert list(second.stages) == ["feeds", "identify"]
    assert published_bytes(book) == before
    assert (book / "warehouse.duckdb").read_bytes() == warehouse
    assert second.agreements == first.agreements


def test_day_by_day_and_all_at_once_end_in_the_same_tables(tmp_path: Path) -> None:
    at_once = write_book(tmp_path / "at_once")
    by_day = write_book(tmp_path / "by_day", {})
    last = run_book(at_once)
    for name, rows in DAYS.items():
        deliver(by_day, {name: rows})
        summary = run_book(by_day)
        assert summary.status == "published"
    assert summary.run_id == last.run_id
    assert published_tables(by_day) == published_tables(at_once)


def test_what_decides_the_result_decides_the_run_id(book: Path) -> None:
    ids = [run_book(book).run_id]
    agreement = book / "agreements" / "bonus.yaml"
    agreement.write_text(AGREEMENT.replace("0.02", "0.03"))
    ids.append(run_book(book).run_id)
    ids.append(run_book(book, as_of=dt.date(2026, 5, 31)).run_id)
    agreement.write_text(AGREEMENT)
    again = run_book(book)
    assert len(set(ids)) == 3
    assert (again.run_id, again.status) == (ids[0], "published")


def test_a_mistake_in_an_agreement_is_refused_before_a_file_is_taken_in(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_book(book)
    before = published_bytes(book)
    (book / "agreements" / "bonus.yaml").write_text(AGREEMENT.replace("clause", "clouse"))
    deliver(book, {"2026-05-01.csv": "T9,1,2026-05-01,C1,1.00,EUR\n"})
    with pytest.raises(InputError, match=r"agreements/bonus.yaml:\d+"):
        run_book(book)
    assert published_bytes(book) == before
    assert len((book / "archive" / "manifest.jsonl").read_text().splitlines()) == 3
    assert main(["run", "--book", str(book)]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert any("agreements/bonus.yaml:" in line and "clouse" in line and "did you mean clause" in line for line in errors)


def test_a_failed_check_publishes_nothing_and_is_in_the_history(book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run_book(book)
    before = published_bytes(book)
    deliver(book, {"2026-05-01.csv": "T9,1,2026-05-01,C1,1.00,EUR\n"})

    def fail(context: RunContext) -> StepReport:
        raise CheckFailed("rows_are_conserved", "file=a.csv, rows_read=3, rows_loaded=2")

    monkeypatch.setattr("assets.checks.run_checks", fail)
    assert main(["run", "--book", str(book)]) == 1
    assert "rows_are_conserved" in (error := capsys.readouterr().err)
    assert "file=a.csv, rows_read=3, rows_loaded=2" in error
    assert published_bytes(book) == before
    monkeypatch.undo()
    assert run_book(book).status == "published"
    history = duckdb.sql(f"select status from '{book}/published/current/audit_run.parquet' order by finished_at").fetchall()
    assert history == [("published",), ("failed",), ("published",)]


def test_a_lost_warehouse_is_rebuilt_from_the_archive(book: Path) -> None:
    run_book(book)
    before = published_tables(book)
    (book / "warehouse.duckdb").unlink()
    for path in (book / "feeds" / "transactions").iterdir():
        path.unlink()
    assert run_book(book, force=True).status == "published"
    assert published_tables(book) == before


def test_a_second_run_at_the_same_time_names_the_first(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import sys, pathlib; from assets.books import lock_book\nwith lock_book(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen([sys.executable, "-c", code, str(book)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert f"process {holder.pid} on " in (lock_holder(book) or "")
        assert main(["run", "--book", str(book)]) == 1
        assert f"process {holder.pid} on " in capsys.readouterr().err
        holder.kill()
        holder.wait()
        assert lock_holder(book) is None
        with lock_book(book), pytest.raises(BookLocked), lock_book(book):
            pass
    finally:
        holder.kill()
        holder.communicate()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_run_leaves_what_was_published(book: Path, number: signal.Signals, code: int) -> None:
    first = run_book(book)
    before = published_bytes(book)
    deliver(book, {"2026-05-01.csv": "T9,1,2026-05-01,C1,1000.00,EUR\n"})
    command = [sys.executable, "-c", "from pipelines.cli.main import run_cli; run_cli()", "run", "--book", str(book), "--quiet"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not lock_holder(book) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert "Stopped" in errors
    assert published_bytes(book) == before
    after = run_book(book)
    assert after.status == "published"
    assert after.run_id != first.run_id


def test_json_is_one_object_with_start_up_apart(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--book", str(book), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["status"] == "published"
    assert set(told["start_up"]) == {"seconds", "cpu_seconds"}
    assert set(told["stages"]) >= {"feeds", "prepare", "calculate", "marts", "checks", "publish"}
    assert told["agreements"][0]["total"] == "23.6900"
    assert told["published"]["rows"]["fct_payout"] == 4
    assert main(["run", "--book", str(book), "--quiet"]) == 0
    assert capsys.readouterr().out == ""
