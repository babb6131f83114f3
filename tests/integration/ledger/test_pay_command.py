"""`tierledger pay` on a book that runs: propose, approve, pay, and what people see of it.

Belongs here: the command, its exit codes, and the tables that a run publishes. Does not belong here: the rules (test_payment_batches.py), the files
(test_payment_exports.py).
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.graph.resources import BookFolder
from pipelines.cli.main import main
from pipelines.payment_runs import propose_payments
from tests.support.bonus_book import BOOK, write_book

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
    tiers: [{from: 0, rate: 0.01}]
    settle: {release: [{share: 0.8, lag_days: 30}, {share: 0.2, after: year}]}
"""
LINES = {"a.csv": "T1,1,2026-01-05,C1,1000.00,EUR\nT2,1,2026-02-10,C2,500.00,EUR\nT3,1,2026-04-10,C2,99.00,EUR\n"}
PAYMENTS = "agreement,benefit,participant_id,window_start,amount,paid_on,reference\n"


def pay(book: Path, *arguments: str) -> int:
    return main(["pay", *arguments, "--book", str(book)])


def published(book: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(book / "published" / "tierledger.duckdb"), read_only=True) as con:
        return con.execute(query).fetchall()


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first quarter, of which 80 % are due in April: 8.00 and 4.00."""
    book = write_book(tmp_path_factory.mktemp("paid") / "book", LINES)
    (book / "book.yaml").write_text(BOOK + '  payments: {files: "feeds/payments/*.csv"}\n')
    (book / "agreements" / "bonus.yaml").write_text(AGREEMENT)
    (book / "feeds" / "payments").mkdir()
    return book


def test_from_proposal_to_payment(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pay(book, "--due-by", "2026-04-30", "--by", "Ann", "--json") == 0
    proposed = json.loads(capsys.readouterr().out)
    assert (proposed["batch"], proposed["state"]) == (1, "proposed")
    assert [(row["participant_id"], row["amount"]) for row in proposed["payments"]] == [("C1", "8.0000"), ("C2", "4.0000")]
    assert pay(book, "--approve", "1", "--by", "ANN") == 2
    assert "another person approves it" in capsys.readouterr().err
    assert pay(book, "--approve", "1", "--by", "Bob") == 0
    said = capsys.readouterr().out
    assert "2 payments not in the file for the bank" in said
    assert "0002-approve-1/payments-1.csv" in said
    state = "select participant_id, state, amount, pending_amount from fct_payment_batch order by all"
    assert published(book, state) == [("C1", "approved", 8, 8), ("C2", "approved", 4, 4)]
    (book / "feeds" / "payments" / "may.csv").write_text(PAYMENTS + "BONUS,volume,C1,2026-01-01,8.00,2026-05-04,TL-0001-0001-01\n")
    assert pay(book, "--due-by", "2026-06-30", "--by", "Ann") == 0
    said = capsys.readouterr().out
    assert "Nothing to pay" in said
    assert "4.00 EUR in batch 1, approved by Bob" in said
    assert published(book, state) == [("C1", "confirmed", 8, 0), ("C2", "approved", 4, 4)]
    assert published(book, "select settled, open_amount from fct_payout where payable <> 0 order by participant_id, window_start")[0] == (8, 2)
    assert main(["explain", "BONUS/volume/C1/2026-01-01", "--book", str(book)]) == 0
    said = capsys.readouterr().out
    assert "In payment batches" in said
    assert "TL-0001-0001-01" in said
    assert pay(book, "--list") == 0
    assert "approved" in capsys.readouterr().out
    assert pay(book, "--list", "--json") == 0
    assert [row["confirmed_amount"] for row in json.loads(capsys.readouterr().out)["batches"]] == ["8.0000"]
    assert Decimal(published(book, "select sum(released) from fct_release")[0][0]) == 12


def test_a_job_proposes_what_a_person_then_approves(book: Path) -> None:
    """The 4.00 that a cancelled batch did not pay."""
    assert pay(book, "--cancel", "1", "--reason", "wrong account", "--by", "Bob") == 0
    config = {"ops": {"propose_batch": {"config": {"proposed_by": "a schedule", "due_by": "2026-06-30"}}}}
    assert propose_payments.execute_in_process(run_config=config, resources={"book": BookFolder(folder=str(book))}).success
    last = max((book / "ledger" / "payments").iterdir())
    assert last.name.endswith("-propose-2")
    assert '"a schedule"' in (last / "batch.json").read_text(encoding="utf-8")


@pytest.mark.long
def test_verify_proves_batches_and_takes_their_head(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = write_book(tmp_path / "book", LINES)
    assert pay(book, "--due-by", "2026-06-30", "--by", "Ann", "--json") == 0
    head = json.loads(capsys.readouterr().out)["head"]
    assert pay(book, "--approve", "1", "--by", "Bob") == 0
    assert main(["verify", "--book", str(book), "--json", "--head", head]) == 0
    assert '"payments": 2' in capsys.readouterr().out
    assert main(["verify", "--book", str(book), "--head", "0" * 63 + "1"]) == 1
    assert "--head" in capsys.readouterr().out
    lines = book / "ledger" / "payments" / "0001-propose-1" / "lines.csv"
    lines.chmod(0o644)
    lines.write_bytes(lines.read_bytes().replace(b"C1", b"C2"))
    assert main(["verify", "--book", str(book)]) == 1
    assert "lines.csv: was changed after it was written by Ann" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--list", "--due-by", "2026-01-01"], "give one of"),
        (["--by", "Ann"], "give one of"),
        (["--due-by", "2026-01-01"], "say who does it"),
        (["--cancel", "1", "--by", "Ann"], "--reason"),
        (["--approve", "1", "--by", "Ann", "--reason", "x"], "--reason"),
        (["--due-by", "31.1.2026", "--by", "Ann"], "is not a day"),
    ],
)
def test_a_command_line_says_one_thing(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert pay(tmp_path, *arguments) == 2
    assert message in capsys.readouterr().err
