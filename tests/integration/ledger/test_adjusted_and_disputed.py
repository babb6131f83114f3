"""Adjustments and disputes in a book with closes: where adjustments are booked, and that disputes move what is released and nothing that is booked.

Belongs here: the journal, rejected rows, `explain`, the report. Does not belong here: what is payable or held then (tests/golden).
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.cli.main import main
from tests.support.bonus_book import AGREEMENT, BOOK, DAYS, write_book

HEADER = "adjustment_id,agreement,benefit,participant_id,window_start,date,amount,reason,by,approved_by\n"
PAYOUT = "BONUS,volume,C1,2026-01-01"
DISPUTES = "dispute_id,agreement,benefit,participant_id,window_start,transaction_id,line,raised_on,by,amount,component,reason,status,resolved_on,note\n"
DISPUTED = f"""D1,{PAYOUT},,,2026-04-02,ann,4.00,rate,2 % were agreed,,,"see mail, page 2"
D2,{PAYOUT},T2,1,2026-04-03,ann,,credit,not ours,rejected,2026-05-01,
D3,BONUS,volume,C1,2026-02-01,,,2026-04-04,ann,1,,no such window,,,
D4,BONUS,,C1,,,,2026-04-05,ann,1,,half a name,,,
D5,,,,,,,2026-04-06,ann,,,no name,,,
D6,,,,,T2,,2026-04-07,ann,1,,an amount of no payout,,,
D7,{PAYOUT},,,2026-04-08,ann,1,,over,closed,2026-04-09,
D8,{PAYOUT},,,2026-04-09,ann,1,,over,accepted,,
D9,{PAYOUT},,,2026-04-10,ann,1,,open,open,2026-04-11,
D10,{PAYOUT},,,2026-04-11,ann,1,,before,accepted,2026-04-10,
D11,{PAYOUT},,,2026-04-12,ann,-1,,below 0,,,
D12,{PAYOUT},,,2026-04-13,ann,0.001,,less than a cent,,,
D13,,,,,T9,,2026-04-14,ann,,,a line that nobody has,,,
D14,,,,,T5,,2026-04-15,ann,,,two of them,withdrawn,2026-04-15,
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the first quarter, two adjustments, closed; then one of them is changed, another of a closed month arrives, and two that do not count. Disputes of
    the quarter come with them, with rows that are wrong among them."""
    book = write_book(tmp_path_factory.mktemp("adjusted") / "book", {**DAYS, "2026-02-10.csv": "T2,1,2026-02-10,C1,500.00,EUR\n"})
    feeds = "".join(f'  {feed}: {{files: "feeds/{feed}/*.csv"}}\n' for feed in ("adjustments", "disputes"))
    (book / "book.yaml").write_text(f"{BOOK}{feeds}publish: {{report: true}}\n")
    (book / "agreements" / "bonus.yaml").write_text(AGREEMENT + "    settle: {hold_disputed: true}\n")
    for feed in ("adjustments", "disputes"):
        (book / "feeds" / feed).mkdir()
    _deliver(book, "march", f"A1,{PAYOUT},2026-03-05,10.00,shelf,ann,\nA2,{PAYOUT},2026-03-31,-2.50,price,ann,\n")
    assert main(["close", "2026-03", "--by", "J. Doe", "--with-earlier", "--book", str(book)]) == 0
    _deliver(
        book,
        "april",
        f"A1,{PAYOUT},2026-03-05,12.00,shelf,ann,bob\nA3,{PAYOUT},2026-02-28,1.00,late,ann,\nA4,BONUS,volume,C1,2026-02-01,2026-04-01,9,typo,ann,\n",
    )
    (book / "feeds" / "disputes" / "april.csv").write_text(DISPUTES + DISPUTED)
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
    assert _published(book, "select feed, reason, message from audit_reject where feed <> 'disputes'") == [
        ("adjustments", "unknown_payout", "there is no payout BONUS/volume/C1/2026-02-01; the adjustment counts once there is one")
    ]


def test_explain_names_who_made_them_and_who_disputes(book: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "BONUS/volume/C1/2026-01-01", "--book", str(book)]) == 0
    said = capsys.readouterr().out
    assert "Adjusted by people" in said
    assert "12.00 EUR" in said
    assert "shelf" in said
    assert "april.csv row 1" in said
    assert "Payable" in said
    said = " ".join(said.split())
    assert "Held 4.00 EUR: 4.00 EUR of it is disputed" in said
    for told in ("D1", "2 % were agreed", "see mail, page 2", "rejected on 2026-05-01", "april.csv row 1"):
        assert told in said


def test_what_is_disputed_is_held_and_nothing_is_booked(book: Path) -> None:
    """2 % of 600.00 + 44.44 + 500.00 is 22.89, and 10.50 are added, all of it due; 4.00 are disputed. T2 brought 10.00, until its dispute was rejected."""
    query = "select payout, payable, released, held, waiting from fct_payout where participant_id = 'C1' and window_start = date '2026-01-01'"
    assert _published(book, query) == [tuple(map(Decimal, ("22.89", "33.39", "29.39", "4", "0")))]
    assert _published(book, "select held, disputed from fct_release where held <> 0") == [(Decimal(4), Decimal(4))]
    assert _published(book, "select count(*) from fct_journal where period > '2026-03' and participant_id = 'C1' and kind <> 'adjustment'") == [(0,)]


def test_every_dispute_that_is_read_is_told(book: Path) -> None:
    query = "select dispute_id, payout_id is null, claimed_amount, disputed_amount, status, resolved_on::varchar from fct_dispute order by source_row"
    assert _published(book, query) == [
        ("D1", False, Decimal(4), Decimal(4), "open", None),
        ("D2", False, None, Decimal(10), "rejected", "2026-05-01"),
        ("D3", True, Decimal(1), None, "unknown_payout", None),
        ("D12", False, Decimal("0.001"), Decimal("0.001"), "too_many_decimals", None),
        ("D13", True, None, None, "unknown_payout", None),
        ("D14", False, None, Decimal("0.70"), "withdrawn", "2026-04-15"),
    ]
    assert _published(book, "select participant_id from fct_dispute where dispute_id = 'D14'") == [("C2",)]


def test_a_dispute_that_is_wrong_says_how(book: Path) -> None:
    found = _published(book, "select row_number, reason, message from audit_reject where feed = 'disputes' order by row_number")
    assert [(row, reason) for row, reason, _ in found] == [
        (3, "unknown_payout"),
        (4, "incomplete_payout"),
        (5, "incomplete_payout"),
        (6, "incomplete_payout"),
        (7, "unknown_status"),
        (8, "wrong_resolution"),
        (9, "wrong_resolution"),
        (10, "wrong_resolution"),
        (11, "out_of_range"),
        (12, "too_many_decimals"),
    ]
    messages = {row: message for row, _, message in found}
    assert messages[3] == "there is no payout BONUS/volume/C1/2026-02-01; the dispute counts once there is one"
    assert "open, accepted, rejected, withdrawn" in messages[7]
    assert messages[12] == "0.001000 has more than the 2 decimals of the agreement's currency"


def test_the_report_shows_disputes(book: Path) -> None:
    scripts = "".join(path.read_text(encoding="utf-8") for path in sorted((book / "published" / "report").rglob("*.js")))
    assert '"see mail, page 2"' in scripts


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
