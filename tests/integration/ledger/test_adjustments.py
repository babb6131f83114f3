"""Adjustments in a book with closes: where they are booked, and what becomes of one that changes afterwards.

Belongs here: the journal, rejected rows and `explain`. Does not belong here: what is payable then (tests/golden/adjustments.yaml).
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.cli.main import main
from tests.support.bonus_book import BOOK, DAYS, write_book

HEADER = "adjustment_id,agreement,benefit,participant_id,window_start,date,amount,reason,by,approved_by\n"
PAYOUT = "BONUS,volume,C1,2026-01-01"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the first quarter, two adjustments, closed; then one of them is changed, another of a closed month arrives, and two that do not count."""
    book = write_book(tmp_path_factory.mktemp("adjusted") / "book", {**DAYS, "2026-02-10.csv": "T2,1,2026-02-10,C1,500.00,EUR\n"})
    (book / "book.yaml").write_text(BOOK + '  adjustments: {files: "feeds/adjustments/*.csv"}\n')
    (book / "feeds" / "adjustments").mkdir()
    _deliver(book, "march", f"A1,{PAYOUT},2026-03-05,10.00,shelf,ann,\nA2,{PAYOUT},2026-03-31,-2.50,price,ann,\n")
    assert main(["close", "2026-03", "--by", "J. Doe", "--with-earlier", "--book", str(book)]) == 0
    _deliver(
        book,
        "april",
        f"A1,{PAYOUT},2026-03-05,12.00,shelf,ann,bob\nA3,{PAYOUT},2026-02-28,1.00,late,ann,\nA4,BONUS,volume,C1,2026-02-01,2026-04-01,9,typo,ann,\n",
    )
    assert main(["run", "--quiet", "--book", str(book)]) == 0
    return book


def _deliver(book: Path, name: str, rows: str) -> None:
    (book / "feeds" / "adjustments" / f"{name}.csv").write_text(HEADER + rows)


def _published(book: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(book / "published" / "tierledger.duckdb"), read_only=True) as con:
        return con.execute(query).fetchall()


def test_they_are_booked_in_their_period_or_in_the_first_open_one(book: Path) -> None:
    query = "select period, origin_period, date::varchar, account, debit - credit from fct_journal where kind = 'adjustment' and line_no = 1 order by all"
    assert _published(book, query) == [
        ("2026-03", "2026-03", "2026-03-05", "4100", Decimal(10)),
        ("2026-03", "2026-03", "2026-03-31", "2200", Decimal("2.5")),
        ("2026-04", "2026-02", "2026-04-30", "4100", Decimal(1)),
        ("2026-04", "2026-03", "2026-04-30", "4100", Decimal(2)),
    ]


def test_what_is_payable_is_what_the_journal_owes(book: Path) -> None:
    ((payout, adjusted, payable, open_amount),) = _published(
        book, "select payout, adjusted, payable, open_amount from fct_payout where participant_id = 'C1' and window_start = date '2026-01-01'"
    )
    assert (adjusted, payable) == (Decimal("10.5"), payout + Decimal("10.5"))
    assert open_amount == payable
    assert main(["verify", "--book", str(book)]) == 0


def test_months_have_what_was_adjusted_in_them(book: Path) -> None:
    query = "select period, adjusted, adjusted_signed from fct_payout_month where adjusted <> 0 order by all"
    assert _published(book, query) == [("2026-02", Decimal(1), Decimal(-1)), ("2026-03", Decimal("9.5"), Decimal("-9.5"))]


def test_one_without_a_payout_waits(book: Path) -> None:
    assert _published(book, "select adjustment_id, payout_id is null, status from fct_adjustment where status <> 'booked'") == [("A4", True, "unknown_payout")]
    assert _published(book, "select feed, reason, message from audit_reject") == [
        ("adjustments", "unknown_payout", "there is no payout BONUS/volume/C1/2026-02-01; the adjustment counts once there is one")
    ]


def test_explain_names_who_made_them(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "BONUS/volume/C1/2026-01-01", "--book", str(book)]) == 0
    said = capsys.readouterr().out
    assert "Adjusted by people" in said
    assert "12.00 EUR" in said
    assert "shelf" in said
    assert "april.csv row 1" in said
    assert "Payable" in said


def test_in_a_book_with_approval_the_row_says_what_is_missing(tmp_path: Path) -> None:
    book = write_book(tmp_path / "book", {"a.csv": "T1,1,2026-01-05,C1,600.00,EUR\n"})
    agreement = book / "agreements" / "bonus.yaml"
    agreement.write_text(agreement.read_text() + "approved: {by: j.doe, on: 2026-01-01}\n")
    (book / "book.yaml").write_text("require_approval: true" + BOOK + '  adjustments: {files: "feeds/adjustments/*.csv"}\n')
    (book / "feeds" / "adjustments").mkdir()
    _deliver(book, "a", f"A1,{PAYOUT},2026-03-05,10.00,shelf,ann,\nA2,{PAYOUT},2026-03-31,-2.50,price,ann,Ann\nA3,{PAYOUT},2026-03-31,3,price,ann,bob\n")
    assert main(["run", "--quiet", "--book", str(book)]) == 0
    assert [message for (message,) in _published(book, "select message from audit_reject where reason = 'not_approved' order by row_number")] == [
        "the book has require_approval: true, and nobody has approved the adjustment; it counts once another person has",
        "the book has require_approval: true, and Ann has made the adjustment and cannot approve it; it counts once another person has",
    ]
    assert _published(book, "select sum(adjusted) from fct_payout") == [(Decimal(3),)]
    assert _published(book, "select status, count(*) from fct_adjustment group by all order by all") == [("booked", 1), ("not_approved", 2)]
