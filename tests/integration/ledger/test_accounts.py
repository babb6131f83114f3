"""Accounts and cost centres by agreement, benefit and attribute of the participant: the most specific mapping wins, and what a close has booked stays.

Belongs here: accounts, texts and numbers of documents in the journal. Does not belong here: what may be written (tests/unit/agreements/test_account_rules.py).
"""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.cli.main import main
from tests.support.bonus_book import AGREEMENT, BOOK, write_book

LINES = {
    "winter.csv": "T1,1,2026-01-05,C1,600.00,EUR\nT2,1,2026-01-10,C2,100.00,EUR\nT3,1,2026-02-10,C1,100.00,EUR\n",
    "spring.csv": "T4,1,2026-04-01,C1,70.00,EUR\nT5,1,2026-04-01,C2,30.00,EUR\n",
}
FEEDS = """\
  partners: {files: "feeds/partners/*.csv", key: [partner_id]}
  payments: {files: "feeds/payments/*.csv"}
accounts:
  cash: "1010"
  cost_centre: 900
  by_partner:
    - {where: {region: [north, south]}, payable_liability: 2290, cash: "1020"}
    - {where: {region: south, kind: dealer}, payable_expense: 4190, cash: "1030"}
"""
OF_AGREEMENT = """\
accounts:
  payable_expense: 4150
  by_partner:
    - {where: {region: north, kind: dealer}, payable_expense: 4160, cost_centre: N-1}
    - {where: {region: north}, payable_expense: 4170}
"""
OF_BENEFIT = "    accounts: {payable_liability: 2250}\n"
BOOKED = "select participant_id, account_role, account, cost_centre, sum(debit - credit) from fct_journal where {} group by all order by all"


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    book = write_book(tmp_path_factory.mktemp("accounts") / "book", LINES)
    (book / "book.yaml").write_text(BOOK + FEEDS)
    (book / "agreements" / "bonus.yaml").write_text(AGREEMENT.replace("benefits:", OF_AGREEMENT + "benefits:") + OF_BENEFIT)
    for name in ("partners", "payments"):
        (book / "feeds" / name).mkdir()
    (book / "feeds" / "partners" / "p.csv").write_text("partner_id,name,region,kind\nC1,Rhine Foods,north,dealer\nC2,Elbe,south,dealer\n")
    header = "agreement,benefit,participant_id,window_start,amount,paid_on,reference\n"
    (book / "feeds" / "payments" / "p.csv").write_text(
        f"{header}BONUS,volume,C1,2026-01-01,1.00,2026-01-31,PAY-0\nBONUS,volume,C1,2026-01-01,2.00,2026-05-04,PAY-1\n"
    )
    assert main(["close", "2026-01", "--by", "J. Doe", "--book", str(book)]) == 0
    return book


@pytest.fixture(scope="module")
def remapped(mapped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """January is closed; then the region of C1 and the accounts of the agreement and of the book change."""
    book = Path(shutil.copytree(mapped, tmp_path_factory.mktemp("remapped") / "book", symlinks=True))
    settings, agreement = book / "book.yaml", book / "agreements" / "bonus.yaml"
    settings.write_text(settings.read_text().replace('"1020"', '"1021"').replace('cash: "1010"', 'cash: "1011"'))
    agreement.write_text(agreement.read_text().replace("4150", "4151").replace("2250", "2251").replace("4160", "4161"))
    (book / "feeds" / "partners" / "q.csv").write_text("partner_id,name,region,kind\nC1,Rhine Foods,south,dealer\n")
    (book / "feeds" / "transactions" / "late.csv").write_text("transaction_id,line,date,partner_id,amount,currency\nT6,1,2026-01-20,C2,100.00,EUR\n")
    assert main(["run", "--quiet", "--book", str(book)]) == 0
    return book


def published(book: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(book / "published" / "tierledger.duckdb"), read_only=True) as con:
        return con.execute(query).fetchall()


def test_the_most_specific_mapping_decides_each_account(mapped: Path) -> None:
    assert published(mapped, BOOKED.format("period < '2026-04' or kind = 'settlement'")) == [
        ("C1", "cash", "1020", None, Decimal(-3)),
        ("C1", "payable_expense", "4160", "N-1", Decimal(7)),
        ("C1", "payable_liability", "2250", None, Decimal(-4)),
        ("C2", "payable_expense", "4150", "900", Decimal(1)),
        ("C2", "payable_liability", "2250", None, Decimal(-1)),
    ]


def test_entries_say_what_they_are(mapped: Path) -> None:
    query = "select distinct document_no, text from fct_journal where participant_id = 'C1' and kind = '{}' and period <> '2026-04' order by all"
    assert published(mapped, query.format("settlement")) == [(paid, "Payment, BONUS volume, Rhine Foods, from 2026-01-01") for paid in ("PAY-0", "PAY-1")]
    ((payout_id,),) = published(mapped, "select payout_id from fct_payout where participant_id = 'C1' and window_start = date '2026-01-01'")
    assert published(mapped, query.format("accrual")) == [(payout_id[:12], "Accrual, BONUS volume, Rhine Foods, from 2026-01-01")]


def test_a_closed_payout_keeps_its_accounts_and_others_take_the_new_ones(mapped: Path, remapped: Path) -> None:
    closed = "select * from fct_journal where period = '2026-01' order by all"
    assert published(remapped, closed) == published(mapped, closed)
    of_quarter = BOOKED.format("participant_id = 'C1' and window_start = date '{}' and kind <> 'settlement'")
    assert published(remapped, of_quarter.format("2026-01-01")) == [
        ("C1", "payable_expense", "4160", "N-1", Decimal(7)),
        ("C1", "payable_liability", "2250", None, Decimal(-7)),
    ]
    assert published(remapped, of_quarter.format("2026-04-01")) == [
        ("C1", "payable_expense", "4151", "900", Decimal("0.7")),
        ("C1", "payable_liability", "2251", None, Decimal("-0.7")),
    ]


def test_a_restatement_is_booked_where_it_was_and_a_payment_where_money_is_now(remapped: Path) -> None:
    assert published(remapped, "select account, debit - credit, text from fct_journal where kind = 'restatement' order by all") == [
        ("2250", Decimal(-1), "Restatement of 2026-01, BONUS volume, Elbe, from 2026-01-01, amendment"),
        ("4150", Decimal(1), "Restatement of 2026-01, BONUS volume, Elbe, from 2026-01-01, amendment"),
    ]
    # a close has booked a payment of the same payout from the cash account of its day, and that does not stick
    assert published(remapped, "select period, account, debit - credit from fct_journal where kind = 'settlement' order by all") == [
        ("2026-01", "1020", Decimal(-1)),
        ("2026-01", "2250", Decimal(1)),
        ("2026-05", "1021", Decimal(-2)),
        ("2026-05", "2250", Decimal(2)),
    ]


def test_the_book_adds_up_by_account(remapped: Path) -> None:
    assert main(["verify", "--book", str(remapped)]) == 0


def test_the_export_has_them(mapped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["journal", "2026-01", "--book", str(mapped)]) == 0
    header, first, *_ = capsys.readouterr().out.splitlines()
    assert header.endswith("participant_name,agreement_title,account_role,cost_centre,document_no,text,debit_reporting,credit_reporting")
    assert '"Accrual, BONUS volume, ' in first
