"""XLSX files: the values of cells as the sheet holds them, and which sheet and rows are read."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from models.documents import InputError
from tests.support.feed_books import load, query, rejects, write_book

COLUMNS = ["transaction_id", "date", "partner_id", "amount", "currency", "note"]


def workbook(*rows: Sequence[Any], sheet: str = "Sales") -> bytes:
    """An XLSX file with an empty first sheet and these rows in the second."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    book.add_worksheet("Notes")
    page = book.add_worksheet(sheet)
    day = book.add_format({"num_format": "dd.mm.yyyy"})
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            if isinstance(value, dt.date):
                page.write_datetime(i, j, value, day)
            elif value is not None:
                page.write(i, j, value)
    book.close()
    return buffer.getvalue()


def feed(settings: str) -> str:
    return f'transactions: {{files: "feeds/transactions/*", sheet: Sales, {settings}}}'


SALES: list[list[Any]] = [
    COLUMNS,
    ["00123", dt.date(2026, 3, 31), "P-1", 1.234, "EUR", True],
    [17850, dt.date(2026, 4, 1), "P-1", 0.1 + 0.2, "EUR", dt.datetime(2026, 1, 1, 12, 30)],
]


@pytest.mark.parametrize("settings", ["strict: false", "decimal: ',', thousands: '.'", "dates: '%d/%m/%Y'", "dates: excel"])
def test_cells_are_read_as_they_are_whatever_the_feed_says_of_texts(tmp_path: Path, settings: str) -> None:
    book = write_book(tmp_path, feed(settings), {"transactions/a.xlsx": workbook(*SALES)})
    load(book)
    assert rejects(book) == []
    assert [(i, str(d), f"{a.normalize():f}") for i, d, a in query(book, "select transaction_id, date, amount from raw.transactions order by row_no")] == [
        ("00123", "2026-03-31", "1.234"),
        ("17850", "2026-04-01", "0.3"),
    ]


def test_a_text_cell_is_judged_like_any_text(tmp_path: Path) -> None:
    rows = [[*row] for row in (*SALES, SALES[1])]
    rows[1][3], rows[2][1] = "1.234", "1/4/2026"
    book = write_book(tmp_path, feed("strict: false"), {"transactions/a.xlsx": workbook(*rows)})
    load(book)
    assert [(row, reason) for row, reason, _ in rejects(book)] == [(1, "ambiguous_number"), (2, "bad_date")]


def test_titles_empty_rows_and_totals_of_a_sheet_are_no_data(tmp_path: Path) -> None:
    rows = [["Report\nof March"], [], *SALES[:2], [], [None] * 6, *SALES[2:], ["Total", None, None, 5]]
    book = write_book(tmp_path, feed("header_row: 3, footer: Total"), {"transactions/a.xlsx": workbook(*rows)})
    load(book)
    assert query(book, "select transaction_id from raw.transactions order by row_no") == [("00123",), ("17850",)]
    assert query(book, "select rows_read, lines_outside from raw.feed_files") == [(2, 2)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (workbook(*SALES, sheet="Other"), "has no sheet 'Sales'.*its sheets: Notes, Other"),
        (b"transaction_id,date\n", "is not an XLSX file"),
        (workbook(*SALES)[:3000], "cannot be read as XLSX"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(write_book(tmp_path, feed("strict: false"), {"transactions/a.xlsx": content}))


def test_a_row_may_end_before_the_last_column(tmp_path: Path) -> None:
    """A sheet has no cell where nothing was typed."""
    rows = [*SALES, ["18000", dt.date(2026, 4, 2), "P-1", 7, "EUR"], ["Total"], ["18001", dt.date(2026, 4, 2), "P-1", 7, "EUR", None, "beyond"]]
    book = write_book(tmp_path, feed("strict: false"), {"transactions/a.xlsx": workbook(*rows)})
    load(book)
    assert query(book, "select transaction_id from raw.transactions order by row_no") == [("00123",), ("17850",), ("18000",)]
    assert rejects(book) == [(4, "missing_value", "date"), (5, "wrong_field_count", None)]
