"""The commands on a whole book: close, a late line, write-off, journal, reopen, and what each says and returns.

Belongs here: commands end to end. Does not belong here: what is frozen in which case (test_closing.py), the chain (tests/unit/records/test_ledger.py).
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.runtime.book_folder import lock_book
from pipelines.cli.main import main
from tests.support.bonus_book import AGREEMENT, BOOK, deliver, write_book

PAYMENTS = "agreement,benefit,participant_id,window_start,amount,paid_on,reference\nBONUS,volume,C1,2026-01-01,22.40,2026-04-20,PAY-1\n"


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book whose first quarter was closed and paid, but for some cents. One row of it is rejected. Tests add to it in order."""
    book = write_book(tmp_path_factory.mktemp("closed") / "book")
    (book / "book.yaml").write_text(BOOK + '  payments: {files: "feeds/payments/*.csv"}\nclose: {write_off_limit: 0.50}\n')
    (book / "feeds" / "payments").mkdir()
    (book / "feeds" / "payments" / "april.csv").write_text(PAYMENTS)
    assert command(book, "close", "2026-03", "--by", "J. Doe", "--with-earlier", "--accept-open", "one line of the old shop") == 0
    return book


def command(book: Path, *arguments: str) -> int:
    return main([*arguments, "--book", str(book)])


def asked(capsys: pytest.CaptureFixture[str], book: Path, *arguments: str) -> Any:
    capsys.readouterr()
    assert command(book, *arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def published(book: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows of a query over the published tables, named as tables."""
    with duckdb.connect() as con:
        for path in (book / "published" / "current").glob("*.parquet"):
            con.read_parquet(str(path)).create_view(path.stem)
        return con.execute(query).fetchall()


def test_a_close_with_open_errors_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = write_book(tmp_path / "book")
    assert command(book, "close", "2026-01", "--by", "J. Doe") == 1
    message = capsys.readouterr().err
    assert "Not allowed: 2026-01 has open errors" in message
    assert "2026-02-10.csv line 4 (row 3)" in message
    assert "--accept-open" in message
    assert command(book, "close", "2026-06-30", "--by", "J. Doe") == 2
    assert "is not a period" in capsys.readouterr().err
    assert not (book / "ledger").exists()
    with lock_book(book):
        assert command(book, "close", "2026-01", "--by", "J. Doe") == 1
    assert "another run is in progress" in capsys.readouterr().err


def test_closed_periods_are_published(closed: Path) -> None:
    assert published(closed, "select period, version from audit_close order by all") == [("2026-01", 1), ("2026-02", 1), ("2026-03", 1)]
    assert published(closed, "select distinct period from fct_accrual where is_posted order by all") == [("2026-01",), ("2026-02",), ("2026-03",)]
    payout = "status, payout, closed_payout, settled, open_amount"
    (row,) = published(closed, f"select {payout} from fct_payout where participant_id = 'C1' and window_start = '2026-01-01'")
    assert row == ("closed", Decimal("22.89"), Decimal("22.89"), Decimal("22.40"), Decimal("0.49"))


def test_closing_again_does_nothing(closed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(path.name for path in (closed / "ledger").iterdir())
    message = asked(capsys, closed, "close", "2026-03", "--by", "J. Doe")
    assert (message["status"], message["closed"], message["later"]) == ("already_closed", [], [])
    assert sorted(path.name for path in (closed / "ledger").iterdir()) == before
    assert command(closed, "close", "2026-03", "--by", "J. Doe") == 0
    assert "already closed" in capsys.readouterr().out


def test_a_difference_is_written_off(closed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subject = "BONUS/volume/C1/2026-01-01"
    assert command(closed, "write-off", subject, "--reason", "bank charge", "--by", "J. Doe", "--amount", "0.50") == 1
    assert "has 0.4900 EUR open" in capsys.readouterr().err
    written = asked(capsys, closed, "write-off", subject, "--reason", "bank charge", "--by", "J. Doe")
    assert (written["amount"], written["period"]) == ("0.4900", "2026-06")
    assert published(closed, "select open_amount from fct_payout where participant_id = 'C1' and window_start = '2026-01-01'") == [(0,)]
    assert command(closed, "write-off", subject, "--reason", "bank charge", "--by", "J. Doe") == 1
    assert "nothing open" in capsys.readouterr().err
    assert command(closed, "write-off", "BONUS/volume/C9/2026-01-01", "--reason", "x", "--by", "y") == 2
    assert "Closest" in capsys.readouterr().err


def test_the_journal_is_exported(closed: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    capsys.readouterr()
    assert command(closed, "journal", "2026-01") == 0
    said = capsys.readouterr()
    lines = list(csv.DictReader(io.StringIO(said.out)))
    assert sum(Decimal(line["debit"]) for line in lines) == sum(Decimal(line["credit"]) for line in lines) > 0
    assert said.err == ""
    message = asked(capsys, closed, "journal", "2026-06", "--out", str(tmp_path / "june.xlsx"))
    assert (message["is_closed"], message["lines"] >= 2) == (False, True)
    assert (tmp_path / "june.xlsx").read_bytes()[:2] == b"PK"
    kinds = {line[0] for line in published(closed, "select distinct kind from fct_journal where payout_id in (select payout_id from fct_payout)")}
    assert {"settlement", "write_off"} <= kinds
    written_off = published(closed, "select account, debit, credit from fct_journal where kind = 'write_off' order by line_no")
    assert written_off == [("2200", Decimal("0.49"), 0), ("6900", 0, Decimal("0.49"))]


def test_a_late_line_is_posted_in_the_first_open_period(closed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deliver(closed, {"late.csv": "T9,1,2026-03-30,C1,100.00,EUR\n"})
    message = asked(capsys, closed, "close", "2026-03", "--by", "J. Doe")
    assert [(row["period"], row["reason"], row["accrual"]) for row in message["later"]] == [("2026-04", "late", "2.0000")]
    message = asked(capsys, closed, "close", "2026-04", "--by", "J. Doe")
    (each,) = message["closed"]
    assert each["chain_sha256"] == message["head"]
    assert published(closed, "select sum(accrual) from fct_accrual where is_posted and period = '2026-04' and origin_period = '2026-03'") == [(Decimal("2"),)]
    assert published(closed, "select count(*) from fct_journal where kind = 'restatement' and period = '2026-04'") == [(2,)]
    # 2.00 are open now, and 0.49 of this payout were written off before: the limit of 0.50 leaves one cent
    subject = ("write-off", "BONUS/volume/C1/2026-01-01", "--reason", "bank charge", "--by", "J. Doe", "--amount")
    capsys.readouterr()
    assert command(closed, *subject, "0.02") == 1
    assert "0.5100 EUR of payout" in capsys.readouterr().err
    assert asked(capsys, closed, *subject, "0.01")["amount"] == "0.0100"
    assert published(closed, "select open_amount from fct_payout where participant_id = 'C1' and window_start = '2026-01-01'") == [(Decimal("1.99"),)]


def test_the_last_period_is_opened_again_and_closed_as_version_2(closed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people = ("--reason", "wrong list", "--by", "J. Doe", "--approved-by")
    assert command(closed, "reopen", "2026-04", *people, "j. doe") == 2
    assert "two people" in capsys.readouterr().err
    assert command(closed, "reopen", "2026-03", *people, "A. Roe") == 1
    assert "only the last closed period" in capsys.readouterr().err
    message = asked(capsys, closed, "reopen", "2026-04", *people, "A. Roe")
    assert (message["version"], message["approved_by"]) == (1, "A. Roe")
    message = asked(capsys, closed, "close", "2026-04", "--by", "J. Doe")
    assert [(each["version"], each["rows"]["accruals.csv"]) for each in message["closed"]] == [(2, 0)]
    assert published(closed, "select kind, version, is_in_force from audit_close where period = '2026-04' order by sequence") == [
        ("close", 1, False),
        ("reopen", 1, False),
        ("close", 2, True),
    ]


def test_what_is_posted_adds_up_to_what_is_due(closed: Path) -> None:
    booked = "select payout_id, payout, sum(accrual) from fct_payout join fct_accrual using (payout_id) where status <> 'open' group by all"
    assert published(closed, f"from ({booked}) as booked (payout_id, payout, accruals) where payout <> accruals") == []
    assert published(closed, "select entry_id, currency from fct_journal group by all having sum(debit) <> sum(credit)") == []


def test_a_cent_changed_in_the_ledger_stops_every_run(closed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = next((closed / "ledger").glob("0002-*")) / "accruals.csv"
    genuine = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(genuine[:-2] + b"1\n")
    assert command(closed, "run", "--quiet") == 2
    assert "ledger/0002-close-2026-02-v1/accruals.csv:3: row 2 was changed after the close of 2026-02" in capsys.readouterr().err
    file.write_bytes(genuine)
    assert command(closed, "run", "--quiet") == 0


def test_what_closed_periods_stand_on_cannot_be_changed(closed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = shutil.copytree(closed, tmp_path / "book", symlinks=True)
    agreement = book / "agreements" / "bonus.yaml"
    genuine = {agreement: agreement.read_text()}
    other = AGREEMENT.replace("BONUS", "OTHER")
    edits = {
        (agreement, genuine[agreement].replace("currency: EUR", "currency: EUR\ndirection: receivable")): "agreements/bonus.yaml:2: direction: is receivable,",
        (agreement, genuine[agreement].replace("currency: EUR", "currency: USD")): "agreements/bonus.yaml:2: currency: is USD,",
        (agreement, other): "BONUS is no longer in any file, but 25.69 EUR of it are posted in closed periods, the last 2026-04",
    }
    for (path, text), message in edits.items():
        path.write_text(text)
        assert command(book, "run", "--quiet") == 2
        assert message in capsys.readouterr().err
        path.write_text(genuine[path])
    assert command(book, "run", "--quiet") == 0


def test_a_return_after_the_last_close_is_one_although_a_sale_came_late_before(closed: Path) -> None:
    """What an earlier close did not know is no reason any more once a later one has posted it."""
    returned = "transaction_id,line,date,partner_id,type,amount,currency\nT10,1,2026-03-31,C1,return,-50.00,EUR\n"
    (closed / "feeds" / "transactions" / "returned.csv").write_text(returned)
    assert command(closed, "run", "--quiet") == 0
    assert published(closed, "select reason, accrual from fct_accrual where origin_period = '2026-03' and not is_posted and accrual <> 0") == [
        ("return", Decimal("-1"))
    ]
