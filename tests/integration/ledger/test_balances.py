"""Opening balances in a book with closes: its lines, its accruals and journal, what is paid, and what waits.

Belongs here: tables beside fct_payout, closes, refusals, `explain`. Does not belong here: what windows pay then (tests/golden/balances.yaml).
"""

from __future__ import annotations

from decimal import Decimal as D
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.cli.main import main
from tests.support.bonus_book import BOOK, DAYS, write_book

HEADER = "agreement,benefit,participant_id,window_start,date,measure,accrued,settled\n"
PAYOUT = "BONUS,volume,C1,2026-01-01"
OF_WINDOW = "where participant_id = 'C1' and window_start = date '2026-01-01'"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first quarter brings along 1,000 of January; its months are closed. A second row is of no day of its window, a third of no window."""
    book = write_book(tmp_path_factory.mktemp("opened") / "book", {**DAYS, "2026-02-10.csv": "T2,1,2026-02-10,C1,500.00,EUR\n"})
    (book / "book.yaml").write_text(BOOK + '  balances: {files: "feeds/balances/*.csv"}\n')
    (book / "feeds" / "balances").mkdir()
    (book / "feeds" / "balances" / "a.csv").write_text(HEADER + f"{PAYOUT},2026-02-01,1000,8,6.50\n")
    assert main(["close", "2026-03", "--by", "J. Doe", "--with-earlier", "--book", str(book)]) == 0
    rows = "BONUS,volume,C2,2026-01-01,2026-04-01,5,,\nBONUS,volume,C1,2026-02-01,2026-02-01,5,,\n"
    (book / "feeds" / "balances" / "b.csv").write_text(HEADER + rows)
    assert main(["run", "--quiet", "--book", str(book)]) == 0
    return book


def _published(book: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(book / "published" / "tierledger.duckdb"), read_only=True) as con:
        return con.execute(query).fetchall()


def test_accruals_and_journal_begin_after_what_was_booked_before(book: Path) -> None:
    ((payout, settled, open_amount),) = _published(book, f"select payout, settled, open_amount from fct_payout {OF_WINDOW}")
    assert (settled, open_amount) == (D("6.5"), payout - D("6.5"))
    accruals = _published(book, f"select period, accrued_before, accrual from fct_accrual {OF_WINDOW} order by period")
    assert [period for period, *_ in accruals] == ["2026-02", "2026-03"]
    assert accruals[0][1] == D(8)
    assert sum(accrual for *_, accrual in accruals) == payout - D(8)
    booked = _published(book, f"select sum(credit - debit) from fct_journal {OF_WINDOW} and line_no = 2")
    assert booked == [(payout - D(8),)]
    assert _published(book, f"select settled from fct_payout_month {OF_WINDOW} and settled <> 0") == [(D("6.5"),)]
    assert main(["verify", "--book", str(book)]) == 0


def test_it_is_a_line_without_a_transaction_from_its_file(book: Path) -> None:
    lines = _published(
        book,
        "select transaction_id, date::varchar, credited_measure, source_file like '%balances/a.csv', source_row, line_payout > 0 from fct_payout_line "
        f"where payout_id in (select payout_id from fct_payout {OF_WINDOW}) order by date, transaction_id nulls first",
    )
    assert (None, "2026-02-01", D(1000), True, 1, True) in lines
    ((payout, shared),) = _published(book, f"select any_value(payout), sum(line_payout) from fct_payout join fct_payout_line using (payout_id) {OF_WINDOW}")
    assert payout == shared


def test_what_names_no_window_or_another_day_waits(book: Path) -> None:
    assert _published(book, "select feed, reason, row_number from audit_reject order by row_number") == [
        ("balances", "outside_window", 1),
        ("balances", "unknown_payout", 2),
    ]
    assert _published(book, "select status from fct_balance order by source_file, source_row") == [("counted",), ("outside_window",), ("unknown_payout",)]


def test_a_step_says_how_much_of_the_measure_it_is(book: Path) -> None:
    steps = _published(book, f"select inputs from fct_calculation_step join fct_payout using (payout_id) {OF_WINDOW} and step = 'measure'")
    assert steps == [("from 2026-01-01 to 2026-03-31, of it opening balance = 1000",)]


def test_a_benefit_without_a_place_for_it_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = write_book(tmp_path / "book", {"a.csv": "T1,1,2026-01-05,C1,600.00,EUR\n"})
    agreement = book / "agreements" / "bonus.yaml"
    agreement.write_text(agreement.read_text().replace("window: quarter", "window: quarter\n    each: transaction_id"))
    (book / "book.yaml").write_text(BOOK + '  balances: {files: "feeds/balances/*.csv"}\n')
    (book / "feeds" / "balances").mkdir()
    (book / "feeds" / "balances" / "a.csv").write_text(HEADER + f"{PAYOUT},2026-02-01,1000,8,6.50\n")
    assert main(["run", "--quiet", "--book", str(book)]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "BONUS/volume takes no opening balance: each gives groups of lines places of their own" in said
    assert "Leave measure, base and quantity of the row empty" in said
