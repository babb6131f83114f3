"""Windows of the Gregorian year, clipped to an agreement's term.

Belongs here: first and last days of windows and of the spans they accumulate over. Does not belong here: what is computed in them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}


@dataclass(frozen=True)
class Window:
    """First and last day (both included), and the first day of the span that the measure adds up over."""

    first: dt.date
    last: dt.date
    span_first: dt.date


def add_months(day: dt.date, months: int) -> dt.date:
    """The first of the month that lies `months` after the month of `day`."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, 1)


def windows(kind: str, is_yearly: bool, first: dt.date, last: dt.date, as_of: dt.date) -> Iterator[Window]:
    """Every window of the term first … last that has begun by `as_of`; `is_yearly`: the measure accumulates over the calendar year."""
    day = first
    while day <= min(last, as_of):
        if kind == "term":
            ends = last
        else:
            months = MONTHS[kind]
            ends = min(add_months(day, months - (day.month - 1) % months) - dt.timedelta(1), last)
        yield Window(day, ends, max(first, dt.date(day.year, 1, 1)) if is_yearly else day)
        day = ends + dt.timedelta(1)
