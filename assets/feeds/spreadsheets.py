"""A sheet of an XLSX file as lines of CSV: the values of its cells, written as the feed writes them.

Belongs here: cells to text. Does not belong here: which rows are data (assets/feeds/transcoding.py), what a value must look like (assets/feeds/typing_sql.py).
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from assets.feeds.inspection import BOMB_BYTES, BOMB_RATIO, Dialect
from assets.runtime.errors import rejection

#: Day 0 of a spreadsheet's serial numbers.
_DAY_0 = dt.date(1899, 12, 30)
#: A cell that is a number is not ambiguous: it gets a fourth decimal, so that it does not look like a grouped thousand.
_AMBIGUOUS = re.compile(r"-?[1-9][0-9]{0,2}\.[0-9]{3}")


def sheet_lines(path: Path, name: str, dialect: Dialect) -> Iterator[str]:
    """One line per row of the sheet; a row without values is a blank line. A row below the header has at least its width.

    Raises InputError when the file or the sheet cannot be read.
    """
    with _sheets(path, name) as sheets:
        titles = [sheet.title for sheet in sheets]
        place = titles.index(dialect.sheet) if dialect.sheet in titles else dialect.sheet - 1 if isinstance(dialect.sheet, int) else len(sheets)
        if not 0 <= place < len(sheets):
            raise rejection(name, f"has no sheet {dialect.sheet!r} (sheet of the feed in book.yaml); its sheets: {', '.join(titles)}")
        sheets[place].reset_dimensions()  # what the file says of its size may be wrong
        width = 0
        for number, row in enumerate(sheets[place].iter_rows(values_only=True), 1):
            cells = _cells(row, dialect)
            if number == dialect.header_row:
                width = len(cells)
            yield _line(cells + [""] * (width - len(cells)), dialect.delimiter) if cells else "\n"


def sheet_names(path: Path, name: str) -> list[str]:
    """The names of the sheets, in order. Raises InputError when the file cannot be read."""
    with _sheets(path, name) as sheets:
        return [sheet.title for sheet in sheets]


@contextmanager
def _sheets(path: Path, name: str) -> Iterator[list[Any]]:
    """The sheets of a file. An error while they are read is one of the file."""
    from openpyxl import load_workbook  # costs start-up time: only books with spreadsheets pay it

    try:
        with zipfile.ZipFile(path) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
        if unpacked > max(BOMB_BYTES, BOMB_RATIO * path.stat().st_size):
            raise rejection(name, f"unpacks to more than {BOMB_RATIO} times its size; if it is genuine, deliver it as CSV")
        with path.open("rb") as file:
            yield load_workbook(file, read_only=True, data_only=True).worksheets
    except (zipfile.BadZipFile, KeyError, ValueError, SyntaxError, EOFError) as error:
        raise rejection(name, f"cannot be read as XLSX ({error}); save it again in a spreadsheet program, without a password") from None


def _cells(row: Sequence[Any], dialect: Dialect) -> list[str]:
    """The texts of a row up to its last value."""
    cells = [_text(value, dialect) for value in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _line(cells: list[str], delimiter: str) -> str:
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _text(value: Any, dialect: Dialect) -> str:
    """The value of a cell. Days and numbers are written as the feed declares, since the cell itself says what it is."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return _number(value, dialect)
    if isinstance(value, dt.date):
        return _day(value, dialect)
    return str(value)


def _number(value: int | float, dialect: Dialect) -> str:
    number = f"{Decimal(repr(value)):f}"  # the shortest text of what the file holds: 0.3, not 0.299999999999999989
    number = number.removesuffix(".0")
    if dialect.decimal is None and _AMBIGUOUS.fullmatch(number):
        number += "0"
    return number.replace(".", dialect.decimal or ".")


def _day(value: dt.date, dialect: Dialect) -> str:
    moment = value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())
    if dialect.dates == "excel":
        return str((moment.date() - _DAY_0).days)
    if dialect.dates:
        return moment.strftime(dialect.dates)
    return moment.date().isoformat() if moment.time() == dt.time() else moment.isoformat(sep=" ")
