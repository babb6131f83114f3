"""The journal of a period as a file that other ledgers import.

Belongs here: reading it from the published tables, and writing CSV and XLSX. Does not belong here: what an entry is (dbt_project/models/marts/fct_journal).
"""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from assets.ledger.folder import read_ledger
from assets.published.reader import Row, fetch, open_published
from assets.runtime.book_folder import open_book
from assets.runtime.context import CheckFailed
from models.calendars import Period, make_periods
from models.documents import InputError, Problem
from models.records.closing import find_period, is_closed
from models.spreadsheet_text import neutralize_texts

#: Rows of a worksheet, its header included.
SHEET_ROWS = 1_048_576
#: A number of a worksheet is a double.
SHEET_DIGITS = 15


@dataclass(frozen=True)
class Journal:
    """The entries of one period, one row per entry line, in order. `totals`: one row per currency with entries, debit and credit."""

    period: Period
    is_closed: bool
    lines: pl.DataFrame
    totals: list[Row]


def read_journal(folder: Path, name: str) -> Journal:
    """The published journal of a period. Raises InputError for a name that is not a period, and CheckFailed when an entry does not balance."""
    book = open_book(folder)
    with open_published(folder) as con:
        days = fetch(con, "select min(first_day) as first, max(last_day) as last from dim_period")[0]
        period = find_period(name, make_periods(book.calendar, days["first"], days["last"]))
        broken = fetch(con, f"{_BY_ENTRY} having sum(debit) <> sum(credit) order by all limit 5", [name])
        if broken:
            raise CheckFailed("every_entry_balances", "; ".join(f"entry {row['entry_id']}: {row['debit']} debit, {row['credit']} credit" for row in broken))
        lines = con.sql("select * from fct_journal where period = $1 order by date, entry_id, line_no", params=[name]).pl()
        totals = fetch(
            con, f"select currency, count(*) as entries, sum(debit) as debit, sum(credit) as credit from ({_BY_ENTRY}) group by all order by all", [name]
        )
    return Journal(period, is_closed(name, read_ledger(folder / "ledger").records), lines, totals)


def as_csv(journal: Journal) -> str:
    """CSV with a header, LF, and money with its decimals; no cell is a formula."""
    return neutralize_texts(journal.lines).write_csv()


def as_xlsx(journal: Journal) -> bytes:
    """One worksheet. The same journal gives the same bytes. Raises InputError when a worksheet cannot hold it, or not to the last digit."""
    import xlsxwriter

    if journal.lines.height >= SHEET_ROWS:
        message = f"{journal.lines.height:,} lines are more than a worksheet holds; use --format csv"
        raise InputError([Problem("--format", 0, "", message)])
    amounts = (amount for side in ("debit", "credit") for amount in journal.lines[side])
    if (long := next((amount for amount in amounts if len(f"{amount:f}".replace(".", "").strip("0")) > SHEET_DIGITS), None)) is not None:
        raise InputError([Problem("--format", 0, "", f"{long:,} has more than the {SHEET_DIGITS} digits that a worksheet keeps; use --format csv")])
    content = io.BytesIO()
    as_written = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(content, as_written) as workbook:
        workbook.set_properties({"title": f"Journal {journal.period.name}", "created": dt.datetime.combine(journal.period.last_day, dt.time())})
        neutralize_texts(journal.lines).write_excel(
            workbook, journal.period.name, column_formats={"debit": "#,##0.00##", "credit": "#,##0.00##"}, autofit=True, freeze_panes=(1, 0)
        )
    return content.getvalue()


_BY_ENTRY = "select entry_id, currency, sum(debit) as debit, sum(credit) as credit from fct_journal where period = ? group by entry_id, currency"
