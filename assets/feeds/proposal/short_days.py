"""Days that are written without their year, which is above the header.

Belongs here: finding such a column, and its mapping. Does not belong here: days with a year (day_forms.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assets.feeds.proposal.column_names import likeness
from assets.feeds.proposal.mapping_text import within
from assets.feeds.proposal.sample import Column, Record

#: The columns that `preamble` gives to every row.
FIRST_DAY, LAST_DAY = "period_from", "period_to"
_DAY_AND_MONTH = re.compile(r"(0?[1-9]|[12]\d|3[01])(0[1-9]|1[0-2])")
_DAY = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")


@dataclass(frozen=True)
class ShortDays:
    """The column, its mapping, and the feed's `preamble`."""

    column: Column
    expression: str
    preamble: dict[str, str]


def find_short_days(columns: Sequence[Column], preamble: Sequence[Record], delimiter: str) -> ShortDays | None:
    """A column of days and months, below a line with the first and the last day of the file; None: there is none.

    A file may go from December to January: a month before that of the first day is one of the last day's year.
    """
    period = next((place for record in preamble if (place := _period_place(record.cells)) is not None), None)
    column = next((c for c in columns if c.values() and likeness("date", c.name) and all(map(_DAY_AND_MONTH.fullmatch, c.values()))), None)
    if period is None or column is None:
        return None
    name, first, last = within(column.name), within(FIRST_DAY), within(LAST_DAY)
    year = f"CASE WHEN right({name}, 2) >= substr({first}, 5, 2) THEN left({first}, 4) ELSE left({last}, 4) END"
    return ShortDays(
        column,
        f"strptime(right('0' || {name}, 4) || {year}, '%d%m%Y')",
        {FIRST_DAY: _field(period, delimiter), LAST_DAY: _field(period + 1, delimiter)},
    )


def _field(place: int, delimiter: str) -> str:
    """A regular expression of the day in one field of a line."""
    return rf'^(?:[^{delimiter}]*{delimiter}){{{place}}}"?(\d{{8}})'


def _period_place(cells: Sequence[str]) -> int | None:
    """The place of the last two days in a row that are in order."""
    pairs = [i for i in range(len(cells) - 1) if _DAY.fullmatch(cells[i]) and _DAY.fullmatch(cells[i + 1]) and cells[i] <= cells[i + 1]]
    return pairs[-1] if pairs else None
