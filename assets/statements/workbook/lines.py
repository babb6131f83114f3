"""The sheet of lines: the statement's lines.csv as rows of a worksheet.

Belongs here: cells of lines. Does not belong here: the other sheets (sheets.py).

There may be ten thousand lines, and a cell takes the library ten microseconds. So rows below the heading are written as XML, a row at a time.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from functools import lru_cache
from html import escape
from typing import Any

#: What formulas and a reader need; the other columns are in lines.csv.
COLUMNS = ("payout_id", "date", "transaction_id", "line", "partner_id", "product_id", "amount", "currency", "fx_rate", "credited_measure", "line_payout")
NUMBERS = frozenset({"line", "amount", "fx_rate", "credited_measure", "line_payout"})
_WIDTHS = {
    "payout_id": 24,
    "date": 12,
    "transaction_id": 18,
    "partner_id": 14,
    "product_id": 18,
    "amount": 14,
    "currency": 11,
    "credited_measure": 16,
    "line_payout": 14,
}
#: A worksheet keeps so many digits of a number.
_DIGITS = 15
_DAY_ZERO = dt.date(1899, 12, 30)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_LOOKS_ESCAPED = re.compile(r"_(?=x[0-9a-fA-F]{4}_)")


def letter(name: str) -> str:
    """The letter of a column."""
    return chr(ord("A") + COLUMNS.index(name))


def write_lines(sheet: Any, lines_csv: str, headings: tuple[Any, Any], looks: tuple[Any, Any, Any]) -> int:
    """All lines; returns how many there are. `headings`: formats of texts and of numbers; `looks`: those of texts, numbers and days."""
    for column, name in enumerate(COLUMNS):
        sheet.write_string(0, column, name, headings[name in NUMBERS])
    found = csv.reader(io.StringIO(lines_csv, newline=""))
    place = {name: n for n, name in enumerate(next(found))}
    wanted = [place[name] for name in COLUMNS]
    rows = [[line[n] for n in wanted] for line in found]
    # The library writes the heading and, after it, what it is given here.
    write_heading = sheet._write_rows

    def write_rows() -> None:
        write_heading()
        sheet.fh.writelines(_rows(rows, [look._get_xf_index() for look in looks]))

    sheet._write_rows, sheet.dim_rowmax = write_rows, len(rows)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(len(rows), 1), len(COLUMNS) - 1)
    for name, width in _WIDTHS.items():
        sheet.set_column(COLUMNS.index(name), COLUMNS.index(name), width)
    return len(rows)


def _rows(rows: list[list[str]], looks: list[int]) -> Iterator[str]:
    text, number, day = looks
    columns = [(letter(name), name in NUMBERS, name == "date") for name in COLUMNS]
    for n, row in enumerate(rows, 2):
        cells = []
        for (at, is_number, is_day), value in zip(columns, row, strict=True):
            if not value:
                continue
            if is_number and fits(value):
                cells.append(f'<c r="{at}{n}" s="{number}"><v>{value}</v></c>')
            elif is_day:
                cells.append(f'<c r="{at}{n}" s="{day}"><v>{_serial(value)}</v></c>')
            else:
                cells.append(f'<c r="{at}{n}" s="{text}" t="inlineStr">{_inline(value)}</c>')
        yield f'<row r="{n}">{"".join(cells)}</row>'


def fits(number: str) -> bool:
    """Whether a worksheet keeps every digit of a number, which has no zeros at its end."""
    return len(number) <= _DIGITS or len(number.lstrip("-0.").replace(".", "").rstrip("0")) <= _DIGITS


@lru_cache(4096)
def _serial(day: str) -> int:
    return (dt.date.fromisoformat(day) - _DAY_ZERO).days


@lru_cache(4096)
def _inline(value: str) -> str:
    """A text as Office Open XML has it: control characters, and what looks like one that is escaped, in their escapes."""
    plain = _CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", _LOOKS_ESCAPED.sub("_x005F_", value))
    return f'<is><t xml:space="preserve">{escape(plain, quote=False)}</t></is>'
