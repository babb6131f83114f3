"""book.yaml: defaults, and refusals with line, key and a way out."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from models.book.settings import Book, parse_book
from models.documents import InputError

PLAIN = 'book: demo\ncurrency: EUR\nfeeds:\n  transactions: {files: "feeds/transactions/*.csv"}\n'


def refusal(text: str) -> str:
    with pytest.raises(InputError) as caught:
        parse_book(text)
    return str(caught.value)


def test_defaults() -> None:
    book = parse_book(PLAIN)
    assert (book.rounding, book.require_approval, book.as_of, book.calendar.year_starts) == ("half_up", False, None, "01-01")
    assert book.time_zone == "UTC"
    assert book.accounts.payable_expense == "4100"
    assert (book.close.quarantine_limit, book.close.write_off_limit) == (0, Decimal(1))
    assert book.publish.parquet
    assert book.publish.duckdb
    assert book.feeds["transactions"].patterns == ["feeds/transactions/*.csv"]


def test_a_day_may_be_quoted_or_not() -> None:
    weeks = "calendar: {kind: 4-4-5, first_days: {2026: 2025-12-28}}\nas_of: 2026-06-30\n"
    defaults = PLAIN.replace('*.csv"}', '*.csv", defaults: {posted_on: 2026-01-31}}')
    book = parse_book(defaults + weeks)
    assert book == parse_book(
        (defaults + weeks).replace("2025-12-28", "'2025-12-28'").replace("2026-06-30", '"2026-06-30"').replace("2026-01-31", "'2026-01-31'")
    )
    assert (book.as_of, book.feeds["transactions"].defaults) == (dt.date(2026, 6, 30), {"posted_on": "2026-01-31"})


def test_everything_said() -> None:
    book: Book = parse_book(
        PLAIN.replace(
            'transactions: {files: "feeds/transactions/*.csv"}', 'transactions: {files: [a.csv, b.csv], columns: {amount: "q * p"}, key: [transaction_id]}'
        )
        + 'as_of: 2026-06-30\nrounding: half_even\nrequire_approval: true\ncalendar: {kind: gregorian, year_starts: "04-01"}\naccounts: {cash: "1000-01"}\n'
        + "close: {write_off_limit: 0.05}\nminor_units: {HUF: 0, CHF: 0.05}\n"
    )
    assert book.minor_units == {"HUF": 0, "CHF": Decimal("0.05")}
    assert (book.as_of, book.rounding, book.require_approval) == (dt.date(2026, 6, 30), "half_even", True)
    assert book.feeds["transactions"].patterns == ["a.csv", "b.csv"]
    assert book.calendar.year_starts == "04-01"
    assert book.close.write_off_limit == Decimal("0.05")


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        ("currency: EUR", "currency: EURO", "2: currency", "ISO 4217"),
        ("book: demo", "book: demo\nroundin: half_up", "2: roundin", "did you mean rounding?"),
        ("book: demo", "book: demo\nrounding: bankers", "2: rounding", "allowed: 'half_up' or 'half_even'"),
        ("book: demo", "book: demo\nas_of: yesterday", "2: as_of", "a day is needed here, such as 2026-01-31"),
        ("book: demo", "book: demo\ncalendar: {year_starts: \"02-30\"}", "2: calendar", "days 01 to 28"),
        ("book: demo", "book: demo\nclose: {quarantine_limit: -1}", "2: close.quarantine_limit", "greater than or equal to 0"),
        ("book: demo", "book: demo\nclose: {write_off_limit: '1'}", "2: close.write_off_limit", "an amount is needed here, such as 1 or 0.05"),
        ("book: demo", "book: demo\ntime_zone: Amsterdam", "2: time_zone", "'Amsterdam' is not a time zone; write one such as Europe/Berlin"),
        ("book: demo", "book: demo\ntime_zone: 2", "2: time_zone", "2 is not a time zone"),
        ("book: demo", "book: demo\nminor_units: 0", "2: minor_units", "currencies with a number of decimals or a step"),
        ("book: demo", "book: demo\nminor_units: {HUF: 5}", "2: minor_units", "HUF may have 0 to 4 decimals (found 5); a step has a decimal point: 5.0"),
        ("book: demo", "book: demo\nminor_units: {CHF: 0.00005}", "2: minor_units", "the step of CHF must be above 0, at most 1000.0"),
        ("book: demo", "book: demo\nminor_units: {CHF: 0.0}", "2: minor_units", "the step of CHF must be above 0"),
        ("book: demo", "book: demo\nminor_units: {CHF: '0.05'}", "2: minor_units", "a number of decimals such as 0, or a step such as 0.05"),
        ("book: demo", "book: demo\nminor_units: {FRANC: 2}", "2: minor_units", "ISO 4217"),
        ("book: demo\n", "", "1: book", "required"),
        ("transactions:", "sales:", "1: feeds", "allowed: transactions, partners"),
        ("transactions:", "partners:", "1: feeds", "at least the feed `transactions`"),
    ],
)  # fmt: skip
def test_refusals_say_where_and_what_to_do(old: str, new: str, where: str, message: str) -> None:
    problem = refusal(PLAIN.replace(old, new, 1))
    assert f"book.yaml:{where.split(': ')[0]}: " in problem
    assert where.split(": ")[1] in problem
    assert message in problem


@pytest.mark.parametrize("text", ["", "- 1", "a: 1\n---\nb: 2"])
def test_a_book_is_one_document_with_keys(text: str) -> None:
    assert "one document with the keys" in refusal(text)
