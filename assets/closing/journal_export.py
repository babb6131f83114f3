"""The journal of a period as a file that other ledgers import.

Belongs here: reading it from the published tables, and writing CSV and XLSX. Does not belong here: what an entry is (dbt_project/models/marts/fct_journal).
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from assets.ledger.folder import read_ledger
from assets.published.reader import Row, fetch, open_published
from assets.runtime.book_folder import open_book
from assets.runtime.context import CheckFailed
from models.calendars import Period, make_periods
from models.currencies import MINOR_UNITS
from models.documents import InputError, Problem
from models.records.closing import find_period, is_closed
from models.spreadsheet_text import keep_texts, neutralize_texts
from models.sql_text import literal

#: The kinds of entries, in the order of a payout's life.
KINDS = ("accrual", "true_up", "settlement", "exchange_difference", "adjustment", "write_off", "restatement")
#: Rows of a worksheet, its header included.
SHEET_ROWS = 1_048_576
#: A number of a worksheet is a double.
SHEET_DIGITS = 15


@dataclass(frozen=True)
class Journal:
    """The entries of one period, one row per entry line, in order. `totals`: one row per currency with entries, debit and credit. `reporting`: the currency
    of the book."""

    period: Period
    is_closed: bool
    lines: pl.DataFrame
    totals: list[Row]
    reporting: str


def read_journal(folder: Path, name: str, without: Collection[str] = ()) -> Journal:
    """The published journal of a period, without the entries of some kinds. Raises InputError for a name that is not a period or a kind, and CheckFailed
    when an entry does not balance.
    """
    if unknown := sorted(set(without) - set(KINDS)):
        raise InputError([Problem("--without", 0, "", f"there is no kind {unknown[0]}; the kinds of entries are {', '.join(KINDS)}")])
    book = open_book(folder)
    with open_published(folder) as con:
        days = fetch(con, "select min(first_day) as first, max(last_day) as last from dim_period")[0]
        period = find_period(name, make_periods(book.calendar, days["first"], days["last"]))
        broken = fetch(con, f"{_BY_ENTRY} having sum(debit) <> sum(credit) order by all limit 5", [name])
        if broken:
            raise CheckFailed("every_entry_balances", "; ".join(f"entry {row['entry_id']}: {row['debit']} debit, {row['credit']} credit" for row in broken))
        kept = f"from fct_journal where period = {literal(name)} and kind not in ({', '.join(map(literal, ['', *without]))})"
        lines = con.sql(f"select * {kept} order by date, entry_id, line_no").pl()
        sums = "count(distinct entry_id) as entries, sum(debit) as debit, sum(credit) as credit"
        totals = fetch(con, f"select currency, {sums} {kept} group by all order by all")
    return Journal(period, is_closed(name, read_ledger(folder / "ledger").records), lines, totals, book.currency)


def as_csv(journal: Journal, is_for_spreadsheet: bool = False) -> str:
    """CSV with a header, LF, and money with its decimals; no cell is a formula.

    is_for_spreadsheet: but for texts that a spreadsheet would turn into numbers or days, which are formulas that give them unchanged.
    """
    lines = neutralize_texts(journal.lines)
    return (keep_texts(lines) if is_for_spreadsheet else lines).write_csv()


def as_xlsx(journal: Journal) -> bytes:
    """One worksheet: a bold header that stays, a filter, money with its currency's decimals, totals, as wide as a page. The same journal gives the same
    bytes. Raises InputError when a worksheet cannot hold it, or not to the last digit.
    """
    import xlsxwriter

    lines = neutralize_texts(journal.lines)
    if lines.height + len(journal.totals) + 1 >= SHEET_ROWS:
        message = f"{lines.height:,} lines are more than a worksheet holds; use --format csv"
        raise InputError([Problem("--format", 0, "", message)])
    amounts = (amount for name in lines.columns if name in (*_SIDES, *_REPORTING) for amount in lines[name].drop_nulls())
    if (long := next((amount for amount in amounts if len(f"{amount:f}".replace(".", "").strip("0")) > SHEET_DIGITS), None)) is not None:
        raise InputError([Problem("--format", 0, "", f"{long:,} has more than the {SHEET_DIGITS} digits that a worksheet keeps; use --format csv")])
    content = io.BytesIO()
    as_written = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(content, as_written) as workbook:
        name = f"Journal {journal.period.name}"
        workbook.set_properties({"title": name, "created": dt.datetime.combine(journal.period.last_day, dt.time())})
        sheet = workbook.add_worksheet(journal.period.name)
        _write_lines(workbook, sheet, lines, journal.reporting)
        _write_totals(workbook, sheet, lines, journal.totals)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(lines.height, 1), lines.width - 1)
        sheet.set_landscape()
        sheet.set_paper(_A4)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        state = "closed" if journal.is_closed else "not closed: entries may still change"
        sheet.set_footer(f"&L{name}, {state}&RPage &P of &N")
    return content.getvalue()


_SIDES = ("debit", "credit")
_REPORTING = ("debit_reporting", "credit_reporting")
_A4 = 9
#: Texts are up to so many characters wide.
_WIDEST = 40


def _write_lines(workbook: Any, sheet: Any, lines: pl.DataFrame, reporting: str) -> None:
    header = workbook.add_format({"bold": True, "bottom": 1, "bg_color": "#E3F2EF"})
    day = workbook.add_format({"num_format": "yyyy-mm-dd", "align": "left"})
    money = {currency: workbook.add_format({"num_format": _number_format(currency)}) for currency in sorted({*lines["currency"], reporting})}
    for column, name in enumerate(lines.columns):
        sheet.write_string(0, column, name, header)
        width = max([len(name) + 3, *(len(str(value)) for value in lines[name].unique())])
        sheet.set_column(column, column, min(width + 1, _WIDEST))
    for number, row in enumerate(lines.iter_rows(named=True), 1):
        for column, (name, value) in enumerate(row.items()):
            if value is None:
                continue
            if name in _SIDES or name in _REPORTING:
                sheet.write_number(number, column, value, money[row["currency"] if name in _SIDES else reporting])
            elif isinstance(value, dt.date):
                sheet.write_datetime(number, column, value, day)
            else:
                sheet.write(number, column, value)


def _write_totals(workbook: Any, sheet: Any, lines: pl.DataFrame, totals: list[Row]) -> None:
    """Debit and credit per currency, below the lines and outside the filter, as formulas that follow a change of the lines."""
    columns = {name: lines.columns.index(name) for name in ("currency", *_SIDES)}
    for number, total in enumerate(totals, lines.height + 2):
        bold = workbook.add_format({"bold": True, "top": 1, "num_format": _number_format(total["currency"])})
        sheet.write_string(number, 0, f"Total {total['currency']}", bold)
        sheet.write_string(number, columns["currency"], total["currency"], bold)
        for side in _SIDES:
            ranges = {name: _range(columns[name], lines.height) for name in ("currency", side)}
            formula = f'=SUMIFS({ranges[side]},{ranges["currency"]},"{total["currency"]}")'
            sheet.write_formula(number, columns[side], formula, bold, float(total[side]))


def _range(column: int, rows: int) -> str:
    from xlsxwriter.utility import xl_range_abs

    return str(xl_range_abs(1, column, rows, column))


def _number_format(currency: str) -> str:
    """With thousands separators and the decimals of the currency."""
    decimals = MINOR_UNITS.get(currency, 2)
    return "#,##0" + (f".{'0' * decimals}" if decimals else "")


_BY_ENTRY = "select entry_id, currency, sum(debit) as debit, sum(credit) as credit from fct_journal where period = ? group by entry_id, currency"
