"""One run after another on one book: what is new, what is the same, what is refused, and what stays published meanwhile.

Belongs here: the order of the steps, identity, the lock, stopping. Does not belong here: what a step computes.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from assets.agreements.load import Terms, read_terms
from assets.agreements.texts import read_agreement_texts
from assets.archive.run_identity import identify_run
from assets.feeds.load import load_feeds
from assets.runtime.book_folder import BookLocked, lock_book, lock_holder, open_run
from assets.runtime.context import CheckFailed, RunContext, StepReport
from assets.steps import STEPS
from pipelines.cli.main import main
from pipelines.run import RunSummary, run_book
from tests.support.bonus_book import AGREEMENT, DAYS, deliver, published_bytes, published_tables, write_book


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> RunSummary:
    """A book after its first run, with all files delivered at once. Tests leave it as it is."""
    return run_book(write_book(tmp_path_factory.mktemp("first") / "book"))


@pytest.fixture
def book(first: RunSummary, tmp_path: Path) -> Path:
    """A copy of that book to do things to."""
    return shutil.copytree(first.folder, tmp_path / "book", symlinks=True)


def test_a_run_says_what_it_came_to(first: RunSummary) -> None:
    assert first.status == "published"
    assert list(first.stages) == [step.name for step in STEPS]
    assert [(f["feed"], f["files"], f["rows_read"], f["rows_loaded"], f["rows_duplicate"], f["rows_superseded"], f["rows_rejected"]) for f in first.feeds] == [
        ("transactions", 3, 7, 5, 0, 1, 1)
    ]
    # C1: 600 + 44.44 + 500 = 1144.44 at 2 % = 22.89; C2: 0.10 in the first quarter, 0.70 in the second
    assert [(a["agreement_id"], a["payouts"], a["paying"], a["blocked"], str(a["total"])) for a in first.agreements] == [("BONUS", 4, 3, 0, "23.6900")]


def test_a_second_run_with_nothing_new_changes_nothing(first: RunSummary, book: Path) -> None:
    before = published_bytes(book)
    second = run_book(book)
    assert (second.status, second.run_id) == ("nothing_new", first.run_id)
    assert list(second.stages) == ["ledger", "feeds", "identify"]
    assert published_bytes(book) == before
    assert second.agreements == first.agreements


def test_reading_changed_agreements_counts_in_their_step(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_slowly(context: RunContext) -> Terms:
        time.sleep(0.5)
        return read_terms(context)

    file = next((book / "agreements").iterdir())
    file.write_text(file.read_text().replace("0.02", "0.03"))
    monkeypatch.setattr("pipelines.run._read_terms", read_slowly)
    assert run_book(book).stages["agreements"] >= 0.5


@pytest.mark.parametrize(("zone", "day"), [("UTC", "2026-01-31"), ("Europe/Amsterdam", "2026-02-01"), ("America/New_York", "2026-01-31")])
def test_the_last_day_that_counts_is_today_where_the_book_is(book: Path, zone: str, day: str) -> None:
    settings = (book / "book.yaml").read_text()
    (book / "book.yaml").write_text(settings.replace("as_of: 2026-06-30\n", f"time_zone: {zone}\n"))
    assert open_run(book, None, dt.datetime.fromisoformat("2026-01-31T23:30:00+00:00")).as_of == dt.date.fromisoformat(day)


@pytest.mark.parametrize("portions", [(2, 3), pytest.param((1, 2, 3), marks=pytest.mark.long)], ids=["in two portions", "day by day"])
def test_in_portions_and_all_at_once_end_in_the_same_tables(first: RunSummary, tmp_path: Path, portions: tuple[int, ...]) -> None:
    later = write_book(tmp_path / "later", {})
    for until in portions:
        deliver(later, dict(list(DAYS.items())[:until]))
        last = run_book(later)
        assert last.status == "published"
    assert last.run_id == first.run_id
    assert published_tables(later) == published_tables(first.folder)


def test_what_decides_the_result_decides_the_run_id(first: RunSummary, book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def identify(as_of: dt.date | None = None) -> str:
        context = open_run(book, as_of, dt.datetime.now(dt.UTC))
        load_feeds(context)
        return identify_run(context).run_id

    def with_text(name: str, old: str, new: str) -> str:
        before = (book / name).read_text()
        (book / name).write_text(before.replace(old, new))
        run_id = identify()
        (book / name).write_text(before)
        return run_id

    ids = [first.run_id, identify(dt.date(2026, 5, 31)), with_text("agreements/bonus.yaml", "0.02", "0.03"), with_text("book.yaml", "small", "large")]
    assert identify() == first.run_id
    with monkeypatch.context() as patch:
        patch.setattr("assets.archive.run_identity.code_version", lambda: "another")
        ids.append(identify())
    deliver(book, {"2026-05-01.csv": "T9,1,2026-05-01,C1,1.00,EUR\n"})
    ids.append(identify())
    assert len(set(ids)) == len(ids)


def test_a_mistake_in_an_agreement_is_refused_before_a_file_is_taken_in(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = published_bytes(book)
    (book / "agreements" / "bonus.yaml").write_text(AGREEMENT.replace("clause", "clouse"))
    deliver(book, {"2026-05-01.csv": "T9,1,2026-05-01,C1,1.00,EUR\n"})
    assert main(["run", "--book", str(book)]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert any("agreements/bonus.yaml:" in line and "clouse" in line and "did you mean clause" in line for line in errors)
    assert published_bytes(book) == before
    assert len((book / "archive" / "manifest.jsonl").read_text().splitlines()) == 3


def test_a_failed_check_publishes_nothing_and_is_in_the_history(book: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    before = published_bytes(book)
    deliver(book, {"2026-05-01.csv": "T9,1,2026-05-01,C1,1.00,EUR\n"})

    def fail(context: RunContext) -> StepReport:
        raise CheckFailed("rows_are_conserved", "file=a.csv, rows_read=3, rows_loaded=2")

    monkeypatch.setattr("assets.transform.invariants.run_checks", fail)
    assert main(["run", "--book", str(book)]) == 1
    error = capsys.readouterr().err
    assert "rows_are_conserved" in error
    assert "file=a.csv, rows_read=3, rows_loaded=2" in error
    assert published_bytes(book) == before
    monkeypatch.undo()
    assert run_book(book).status == "published"
    history = duckdb.execute(f"select status from '{book}/published/current/audit_run.parquet' order by finished_at").fetchall()
    assert history == [("published",), ("failed",), ("published",)]


def test_a_lost_warehouse_is_rebuilt_from_the_archive(first: RunSummary, book: Path) -> None:
    (book / "warehouse.duckdb").unlink()
    for path in (book / "feeds" / "transactions").iterdir():
        path.unlink()
    assert run_book(book, force=True).status == "published"
    assert published_tables(book) == published_tables(first.folder)


def test_a_second_run_at_the_same_time_names_the_first(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "import sys, pathlib; from assets.runtime.book_folder import lock_book\n"
        "with lock_book(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
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


def test_a_stopped_run_leaves_what_was_published(first: RunSummary, book: Path) -> None:
    before = published_bytes(book)
    deliver(book, {"2026-05-01.csv": "T9,1,2026-05-01,C1,1000.00,EUR\n"})
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
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


def test_a_signal_that_a_library_swallows_still_stops_the_run(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = published_bytes(book)

    def identify_deafly(context: RunContext) -> StepReport:
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        return identify_run(context)

    monkeypatch.setattr("assets.archive.run_identity.identify_run", identify_deafly)
    assert main(["run", "--book", str(book), "--force"]) == 143
    assert published_bytes(book) == before


def test_json_is_one_object_with_start_up_apart(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--book", str(book), "--json"]) == 0
    message = json.loads(capsys.readouterr().out)
    assert message["status"] == "nothing_new"
    assert set(message["start_up"]) == {"seconds", "cpu_seconds"}
    assert set(message["stages"]) == {"ledger", "feeds", "identify"}
    assert message["agreements"][0]["total"] == "23.6900"
    assert message["published"]["rows"]["fct_payout"] == 4
    assert main(["run", "--book", str(book), "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_the_summary_names_what_to_do_next(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--book", str(book)]) == 0
    text = capsys.readouterr().out
    assert "nothing new" in text
    assert f"--book {book}" in text
    assert "23.69 EUR" in text


def test_a_book_made_from_a_strangers_file_runs(tmp_path: Path) -> None:
    lines = ["Belegnummer;Position;Datum;Kunde;Artikel;Menge;Betrag", "B1;1;13.02.2026;K-1;A1;10;1.234,50", "B1;2;13.02.2026;K-1;A2;1;99,90"]
    (tmp_path / "verkauf.csv").write_text("\n".join([*lines, "B2;1;28.03.2026;K-2;A1;5;600,00", "B3;1;14.05.2026;K-1;A1;50;6.000,00\n"]))
    assert main(["init", str(tmp_path / "book"), "--feed", str(tmp_path / "verkauf.csv"), "--currency", "GBP"]) == 0
    summary = run_book(tmp_path / "book", as_of=dt.date(2026, 6, 30))
    assert [(f["rows_read"], f["rows_loaded"]) for f in summary.feeds] == [(4, 4)]
    # K-1: 1,334.40 in the first quarter at 1 %, 6,000.00 in the second at 3 %
    assert [(a["payouts"], a["currency"], str(a["total"])) for a in summary.agreements] == [(2, "GBP", "193.3400")]


def test_an_agreement_edited_while_the_book_runs_is_not_published_under_another_name(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (book / "agreements" / "bonus.yaml").read_text(encoding="utf-8")
    (book / "agreements" / "bonus.yaml").write_text(text.replace("0.01", "0.05"), encoding="utf-8")

    def edited_after_naming(of: Path) -> dict[str, str]:
        """The step that loads the terms reads what was there before."""
        return {name: content.replace("0.05", "0.03") for name, content in read_agreement_texts(of).items()}

    monkeypatch.setattr("assets.agreements.load.read_agreement_texts", edited_after_naming)
    with pytest.raises(CheckFailed, match="the_agreements_are_those_the_run_is_named_after"):
        run_book(book)
    monkeypatch.undo()
    assert run_book(book).status == "published"
