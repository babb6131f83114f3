"""Numbers as a feed declares them, and in no other way.

Belongs here: decimal, thousands, grouping, negatives and symbols. Does not belong here: the other settings of a feed (test_feed_settings.py).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.feed_books import HEADER, ROW, load, query, rejects, write_book

pytestmark = pytest.mark.usefixtures("rejected_files_count")


def feed(settings: str) -> str:
    return f'transactions: {{files: "feeds/transactions/*", {settings}}}'


def csv(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def amounts(*texts: str) -> str:
    return csv(*[ROW.replace("12.50", f'"{text}"') for text in texts])


def loaded_amounts(book: Path) -> list[str]:
    return [f"{amount.normalize():f}" for (amount,) in query(book, "select amount from raw.transactions order by file_no, row_no")]


@pytest.mark.parametrize(
    ("settings", "taken", "refused"),
    [
        ('decimal: ","', {"12,50": "12.5", "-0,5": "-0.5", "7": "7", "1234,5": "1234.5"}, ["12.50", "1.234,50", "1,2345678", ",5", "+1", " 1,0"]),
        (
            'decimal: ",", thousands: "."',
            {"1.234": "1234", "1.234,50": "1234.5", "-12.345.678,9": "-12345678.9", "999,9": "999.9"},
            ["1.23", "12.34.567", "1 234"],
        ),
        ('thousands: ","', {"1,234.56": "1234.56", "1,234": "1234", "12.50": "12.5"}, ["12,50", "1,2345", ",123"]),
        ('thousands: ["\'", " ", "\\u00a0"]', {"1'234.5": "1234.5", "1 234": "1234", "1\u00a0234": "1234"}, ["1,234", "12 34"]),
        (
            'thousands: ",", grouping: indian',
            {"1,25,000.00": "125000", "12,500": "12500", "-1,00,00,000.5": "-10000000.5", "999": "999"},
            ["1,2,5", "125,000", "1,250,000"],
        ),
        (
            'decimal: ",", thousands: ".", negatives: trailing',
            {"1.234,50-": "-1234.5", "-3": "-3", "0,5-": "-0.5", "7": "7"},
            ["-3-", "(3)", "3 -", "-", "1.5-"],
        ),
        ("negatives: [parentheses, trailing]", {"(12.5)": "-12.5", "3-": "-3"}, ["(3", "3)", "(-3)", "(3-)", "()", "( 3 )"]),
        (
            'thousands: ",", negatives: parentheses, symbols: ["$", "EUR", "kr."]',
            {"$1,234.50": "1234.5", "($5.00)": "-5", "-$5": "-5", "$-5": "-5", "5 EUR": "5", "EUR\u00a05": "5", "(5 kr.)": "-5", "12.5": "12.5"},
            ["12$50", "$$5", "£5", "5 EUR EUR", "$", "5 krx", "$ $5"],
        ),
        ('decimal: "."', {"1.234": "1.234", "12.5": "12.5"}, ["1,234", "12,5"]),
        ("non_empty: true", {"12.5": "12.5", "0.125": "0.125", "1234.567": "1234.567", "1.2345": "1.2345"}, ["1.234", "-12.345", "12,50", "1 234"]),
    ],
)
def test_numbers_are_read_as_declared_and_in_no_other_way(tmp_path: Path, settings: str, taken: dict[str, str], refused: list[str]) -> None:
    book = write_book(tmp_path, feed(settings), {"transactions/a.csv": amounts(*taken, *refused)})
    load(book)
    assert loaded_amounts(book) == list(taken.values())
    assert [row for row, _, _ in rejects(book)] == [len(taken) + 1 + i for i in range(len(refused))]
    assert {reason for _, reason, _ in rejects(book)} <= {"bad_number", "ambiguous_number", "too_many_decimals"}
    again = write_book(tmp_path / "expression", feed(f"{settings}, columns: {{amount: amount * 1}}"), {"transactions/a.csv": amounts(*taken)})
    load(again)
    assert loaded_amounts(again) == list(taken.values())


def test_three_decimals_are_plain_where_the_currency_has_three(tmp_path: Path) -> None:
    cells = [f"{amount},{code}" for amount in ("1.234", "123.456", "-123.456") for code in ("EUR", "KWD")]
    book = write_book(tmp_path, files={"transactions/a.csv": csv(*[ROW.replace("12.50,EUR", cell) for cell in (*cells, "1.234,JPY")])})
    load(book)
    assert loaded_amounts(book) == ["1.234", "123.456", "-123.456"]
    assert rejects(book) == [(row, "ambiguous_number", "amount") for row in (1, 3, 5, 7)]
