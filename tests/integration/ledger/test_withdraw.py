"""A file delivered by mistake, on a whole book: what it had replaced counts again, and the book still proves itself."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from assets.archive.run_history import read_runs
from pipelines.cli.main import main
from tests.support.bonus_book import DAYS, deliver, write_book
from tests.support.story_book import command


def paid(book: Path) -> list[tuple[str, Decimal]]:
    with duckdb.connect(str(book / "published" / "tierledger.duckdb"), read_only=True) as con:
        return con.execute("select participant_id, sum(payout) from fct_payout group by all order by all").fetchall()


@pytest.mark.long
def test_what_a_withdrawn_file_replaced_counts_again_and_the_book_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = write_book(tmp_path / "book", dict(list(DAYS.items())[:2]))
    assert command(book, "run") == 0
    before = paid(book)
    deliver(book, {"wrong.csv": "T1,1,2026-01-05,C1,9000.00,EUR\nT9,1,2026-01-05,C2,9000.00,EUR\n"})
    assert command(book, "run") == 0
    assert paid(book) != before
    assert main(["withdraw", "wrong.csv", "--reason", "test data", "--by", "J. Doe", "--book", str(book), "--json"]) == 0
    assert [each["file_name"] for each in json.loads(capsys.readouterr().out)["withdrawn"]] == ["feeds/transactions/wrong.csv"]
    assert command(book, "verify") == 0  # readers see the run before the withdrawal, which can still be repeated
    assert command(book, "run") == 0
    assert paid(book) == before
    assert [run.withdrawals for run in read_runs(book / "archive")] == [0, 0, 1]
    assert command(book, "verify") == 0


@pytest.mark.long
def test_bytes_that_come_back_under_their_name_verify_and_a_line_entered_twice_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = write_book(tmp_path / "book", dict(list(DAYS.items())[:2]))
    name, content = next(iter(DAYS.items()))
    for rows in (content, content.replace("C1", "C2"), content):
        deliver(book, {name: rows})
        assert command(book, "run") == 0
    manifest = book / "archive/manifest.jsonl"
    assert len(manifest.read_text().splitlines()) == 4
    assert command(book, "verify") == 0
    last = json.loads(manifest.read_text().splitlines()[-1])
    with manifest.open("a") as file:
        file.write(json.dumps(last | {"arrival_no": last["arrival_no"] + 1}) + "\n")
    capsys.readouterr()
    assert command(book, "verify", "--json") == 1
    failed = [each for each in json.loads(capsys.readouterr().out)["statements"] if each["status"] == "failed"]
    assert any("is listed more than once" in each["message"] for each in failed)
