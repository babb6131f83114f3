"""The log: one object per line with what every line has, text that stays on its line, and no secret in either."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assets.runtime import masking
from assets.runtime.context import CheckFailed, StepReport
from assets.runtime.events import bound_fields, log_event
from assets.runtime.step_events import log_step
from models.documents import InputError, Problem
from pipelines.cli.main import main
from pipelines.logging.format import start_log, stop_log
from pipelines.settings import read_secret


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(masking, "_secrets", set())
    yield
    stop_log()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_is_an_object_with_what_every_line_has(tmp_path: Path) -> None:
    start_log(None, tmp_path / "log")
    with bound_fields(step="feeds", run="r1"):
        log_event("file_taken_in", "a.csv: 1 row", file="a\nb.csv", amount=Decimal("1.50"), day=dt.date(2026, 1, 2))
    log_event("run_finished", "Run r1")
    first, last = lines(tmp_path / "log")
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "info", "event": "file_taken_in", "message": "a.csv: 1 row", "run": "r1", "step": "feeds", "file": "a\nb.csv",
        "amount": "1.50", "day": "2026-01-02",
    }  # fmt: skip
    assert (last["run"], last["step"], last["file"]) == (None, None, None)


def test_a_line_of_text_stays_one_line(tmp_path: Path) -> None:
    start_log("text", tmp_path / "log")
    log_event("file_taken_in", "a\nb\x1b[2J.csv: 1 row", step="feeds")
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert "feeds" in line
    assert line.endswith("a\\x0ab\\x1b[2J.csv: 1 row")


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_of_the_environment_is_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Any) -> None:
    address = "postgresql://ledger:p%40ss%22w@db.example:5432/x"
    monkeypatch.setenv("SOME_ADDRESS", address)
    assert read_secret("SOME_ADDRESS") == address
    start_log(form, tmp_path / "log")
    log_event("failed", f'no connection to {address} with p@ss"w', reason=['p%40ss%22w or p@ss"w'], inner={"dsn": address})
    text = (tmp_path / "log").read_text()
    assert not [secret for secret in ("p%40ss", "p@ss", "db.example") if secret in text]
    assert "no connection to *** with ***" in text


def test_what_is_too_short_to_be_a_secret_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_ADDRESS", "db")
    assert read_secret("SOME_ADDRESS") == "db"
    assert masking.mask("feedback") == "feedback"


def test_errors_on_the_terminal_hide_secrets_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SOME_ADDRESS", "password=hunter22 host=db")
    read_secret("SOME_ADDRESS")
    assert main(["run", "--book", str(tmp_path / "hunter22")]) == 2
    message = capsys.readouterr().err
    assert "hunter22" not in message
    assert "***" in message


def test_a_step_that_fails_logs_the_check_and_the_files(tmp_path: Path) -> None:
    start_log("json", tmp_path / "log")
    with pytest.raises(CheckFailed), log_step("checks", "Checking"):
        raise CheckFailed("rows_are_conserved", "rows_read=3")
    with pytest.raises(InputError), log_step("feeds", "Reading feeds"):
        raise InputError([Problem("feeds/transactions/a.csv", 3, "", "is cut")])
    message = [(line["event"], line["step"], line["file"], line.get("check"), line.get("reason"), line["level"]) for line in lines(tmp_path / "log")]
    assert [each for each in message if each[0] != "step_started"] == [
        ("check_failed", "checks", None, "rows_are_conserved", None, "error"),
        ("step_failed", "checks", None, None, None, "error"),
        ("file_rejected", "feeds", "feeds/transactions/a.csv", None, "is cut", "error"),
        ("step_failed", "feeds", None, None, None, "error"),
    ]


def test_after_a_step_that_names_the_run_every_event_does(tmp_path: Path) -> None:
    start_log("json", tmp_path / "log")
    with bound_fields(book="b"):
        with log_step("identify", "Naming the run") as log_report:
            log_report(StepReport(run_id="r9"))
        log_event("check_passed", "x")
    log_event("other", "y")
    assert [line["run"] for line in lines(tmp_path / "log")] == [None, "r9", "r9", None]


def test_errors_are_printed_once_where_no_log_is_asked_for(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root, "handlers", [logging.StreamHandler()])  # libraries that a run imports put one there
    start_log(None, None)
    log_event("run_started", "not logged")
    assert main(["run", "--book", "nowhere"]) == 2
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == ["nowhere"]


def test_a_log_that_cannot_be_written_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--book", str(tmp_path), "--log-file", str(tmp_path / "no" / "log")]) == 2
    assert "the log cannot be written" in capsys.readouterr().err
    assert main(["run", "--book", str(tmp_path), "--log-format", "xml"]) == 2
