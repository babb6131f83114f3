"""Periods and windows of a book's calendar, as far as they are needed to write one: rows of targets, days of lines.

Belongs here: days. Does not belong here: what is measured on them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache

from tests.reference.calendar import FromTerm
from tests.reference.calendar import windows as windows_of
from tests.torture.drawing import Draw, Row

DAY = dt.timedelta(days=1)
FIRST_DATA, LAST_DATA = dt.date(2023, 1, 1), dt.date(2026, 12, 31)
PERIODS_IN = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}


@dataclass(frozen=True)
class Window:
    """A window of the calendar and what the term leaves of it; `months` it is long."""

    start: dt.date
    end: dt.date
    whole_start: dt.date
    whole_end: dt.date
    span_start: dt.date
    months: int


def draw_calendar(d: Draw) -> Row:
    if not d.chance(0.4, "week_calendar"):
        return {"kind": "gregorian", "year_starts": d.pick(["01-01", "01-01", "04-01", "07-01", "02-15", "10-28"])}
    start = d.pick([dt.date(2021, 12, 20), dt.date(2022, 1, 30), dt.date(2022, 3, 27), dt.date(2021, 9, 26)])
    long_years = set(d.some(range(7), 1, 2))
    first_days = {}
    for year in range(7):
        following = start + dt.timedelta(weeks=53 if year in long_years else 52)
        first_days[(following - DAY).year] = start
        start = following
    return {"kind": d.pick(["4-4-5", "4-5-4", "5-4-4"]), "first_days": first_days}


def fiscal_years(calendar: Row) -> list[list[dt.date]]:
    """The first days of the periods of each fiscal year, and the first day after it."""
    if calendar["kind"] == "gregorian":
        month, day = map(int, calendar["year_starts"].split("-"))
        return [_months(dt.date(year, month, day)) for year in range(2021, 2029)]
    weeks = [int(part) for part in calendar["kind"].split("-")] * 4
    starts = sorted(calendar["first_days"].values())
    years = []
    for i, start in enumerate(starts):
        firsts = [start + dt.timedelta(weeks=sum(weeks[:n])) for n in range(12)]
        years.append([*firsts, starts[i + 1] if i + 1 < len(starts) else start + dt.timedelta(weeks=52)])
    return years


def _months(start: dt.date) -> list[dt.date]:
    return [dt.date(start.year + (start.month + n - 1) // 12, (start.month + n - 1) % 12 + 1, start.day) for n in range(13)]


def windows(calendar: Row, benefit: Row, term: Row, from_term: bool = False) -> list[Window]:
    """Every window of the benefit in the term, started or not. from_term: they count from its first day."""
    if from_term and benefit["window"] != "term":
        months = PERIODS_IN[benefit["window"]]
        counted = windows_of(benefit["window"], benefit.get("accumulate", "window"), (term["from"], term["to"]), dt.date.max, FromTerm(term["from"]))
        return [Window(w.start, w.end, *w.whole, w.span_start, months) for w in counted]
    return _windows(repr(calendar), tuple(map(tuple, fiscal_years(calendar))), benefit["window"], benefit.get("accumulate", "window"), term["from"], term["to"])


@cache
def _windows(_: str, years: tuple[tuple[dt.date, ...], ...], kind: str, accumulate: str, first: dt.date, last: dt.date) -> list[Window]:
    if kind == "term":
        return [Window(first, last, first, last, first, max(1, round((last - first).days / 30)))]
    found, length = [], PERIODS_IN[kind]
    for year in years:
        for place in range(0, 12, length):
            start, end = year[place], year[place + length] - DAY
            if end < first or start > last:
                continue
            inside = max(start, first)
            span = inside if accumulate == "window" else first if accumulate == "term" else max(year[place - place % PERIODS_IN[accumulate]], first)
            found.append(Window(inside, min(end, last), start, end, span, length))
    return found


def days_part(window: Window) -> tuple[int, int]:
    """Days of the term in the window, days in the window: what `prorate: days` multiplies with."""
    return (window.end - window.start).days + 1, (window.whole_end - window.whole_start).days + 1


def draw_term(d: Draw, calendar: Row) -> Row:
    """Within 2024 and 2026, so that a year earlier has data; often whole fiscal years."""
    starts = [year[0] for year in fiscal_years(calendar)]
    inside = [i for i, start in enumerate(starts) if dt.date(2023, 12, 15) <= start <= dt.date(2025, 12, 31) and i + 1 < len(starts)]
    if d.chance(0.5):
        i = d.pick(inside)
        years = 2 if d.chance(0.3) and starts[i] < dt.date(2025, 1, 1) and i + 2 < len(starts) else 1
        return {"from": starts[i], "to": starts[i + years] - DAY}
    first = d.day(dt.date(2024, 1, 1), dt.date(2025, 9, 30))
    if d.chance(0.1):
        first = dt.date(2024, 2, 29)
    return {"from": first, "to": min(first + dt.timedelta(days=d.rng.randint(60, 600)), dt.date(2026, 9, 30))}


def draw_as_of(d: Draw, calendar: Row) -> dt.date:
    """After everything, at the end of a period, or in the middle of one."""
    ends = [day - DAY for year in fiscal_years(calendar) for day in year[1:] if dt.date(2025, 3, 1) <= day <= dt.date(2026, 8, 1)]
    day: dt.date = d.pick([LAST_DATA, d.pick(ends), d.pick(ends), d.pick(ends) + DAY, d.day(dt.date(2025, 2, 1), dt.date(2026, 6, 30))])
    return day
