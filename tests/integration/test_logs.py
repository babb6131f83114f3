"""The log of whole runs: which events come, in which order, with which facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli.main import main
from tests.support.bonus_book import DAYS, HEADER, deliver, write_book


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book after its first run, whose log stands beside it. Tests add to it."""
    folder = write_book(tmp_path_factory.mktemp("logs") / "book")
    assert main(["run", "--book", str(folder), "--quiet", "--log-file", str(folder.parent / "log")]) == 0
    return folder


def message(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_run_tells_its_steps_files_checks_and_where_it_published(book: Path) -> None:
    events = message((book.parent / "log").read_text())
    assert [events[0]["event"], events[-1]["event"]] == ["run_started", "run_finished"]
    assert events[0]["version"]
    finished = {event["step"]: event for event in events if event["event"] == "step_finished"}
    assert list(finished) == ["ledger", "feeds", "identify", "agreements", "prepare", "calculate", "net", "marts", "checks", "publish"]
    assert finished["feeds"]["metrics"]["files_loaded"] == 3
    files = {event["file"]: event for event in events if event["event"] == "file_taken_in"}
    assert [Path(name).name for name in files] == list(DAYS)
    assert files["feeds/transactions/2026-02-10.csv"]["rows_rejected"] == {"bad_number": 1}
    assert {event["event"] for event in events if event["step"] == "checks"} == {"step_started", "check_passed", "step_finished"}
    (published,) = (event for event in events if event["event"] == "published")
    assert published["folder"] == str(book.resolve() / "published" / "current")
    assert published["rows"]["fct_payout"] == 4
    assert {event["run"] for event in events[events.index(finished["identify"]) :]} == {published["run"]}


def test_standard_error_holds_nothing_but_the_log(book: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIERLEDGER_LOG", "json")
    deliver(book, {"again.csv": DAYS["2026-01-05.csv"]})
    capsys.readouterr()
    assert main(["run", "--book", str(book), "--quiet"]) == 0
    events = message(capsys.readouterr().err)
    (same,) = (event for event in events if event["event"] == "file_duplicate")
    assert same["file"] == "feeds/transactions/again.csv"
    assert "2026-01-05.csv" in same["reason"]
    (book / "feeds" / "transactions" / "half.csv").write_text(HEADER[:10])
    assert main(["run", "--book", str(book)]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    events = message(output.err)
    assert [event["file"] for event in events if event["event"] == "file_rejected"] == ["feeds/transactions/half.csv"]
    assert (events[-1]["event"], events[-1]["error"]) == ("failed", "InputError")
    assert events[-1]["way_out"]
