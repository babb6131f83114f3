"""Fiscal periods, windows and spans of a gregorian book; every day included at both ends."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

DAY = dt.timedelta(days=1)
MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}


@dataclass(frozen=True)
class Window:
    start: dt.date
    end: dt.date
    span_start: dt.date


def add_months(day: dt.date, months: int) -> dt.date:
    years, month = divmod(day.month - 1 + months, 12)
    return dt.date(day.year + years, month + 1, day.day)


def year_start(day: dt.date, year_starts: str) -> dt.date:
    """First day of the fiscal year that holds `day`."""
    month, first = map(int, year_starts.split("-"))
    start = dt.date(day.year, month, first)
    return start if start <= day else dt.date(day.year - 1, month, first)


def block(day: dt.date, months: int, year_starts: str) -> tuple[dt.date, dt.date]:
    """The block of so many months of the fiscal year that holds `day`."""
    start = year_start(day, year_starts)
    while add_months(start, months) <= day:
        start = add_months(start, months)
    return start, add_months(start, months) - DAY


def windows(kind: str, accumulate: str, term: tuple[dt.date, dt.date], as_of: dt.date, year_starts: str) -> list[Window]:
    """Every window of the term that has started by `as_of`."""
    found = []
    day = term[0]
    while day <= min(term[1], as_of):
        start, end = term if kind == "term" else block(day, MONTHS[kind], year_starts)
        start, end = max(start, term[0]), min(end, term[1])
        span = {"window": start, "term": term[0], "year": max(term[0], year_start(day, year_starts))}[accumulate]
        found.append(Window(start, end, span))
        day = end + DAY
    return found


def periods(window: Window, as_of: dt.date, year_starts: str) -> list[tuple[str, dt.date]]:
    """Periods of a window that have begun, with the last day each can see."""
    found = []
    day = window.start
    while day <= min(window.end, as_of):
        start, end = block(day, 1, year_starts)
        fiscal = year_start(day, year_starts)
        number = (start.year - fiscal.year) * 12 + start.month - fiscal.month + 1
        found.append((f"{(add_months(fiscal, 12) - DAY).year}-{number:02}", min(end, window.end, as_of)))
        day = end + DAY
    return found


def year_earlier(day: dt.date) -> dt.date:
    return day.replace(year=day.year - 1, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=day.year - 1)


def prior_year(start: dt.date, end: dt.date) -> tuple[dt.date, dt.date]:
    """The same days one year earlier: from start − 1 year up to, not including, the day after end − 1 year."""
    return year_earlier(start), year_earlier(end + DAY) - DAY
