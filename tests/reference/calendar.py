"""Fiscal periods, windows, spans and the year before; every day included at both ends.

Two kinds of calendar: months of a year that starts on any day, and weeks in the pattern 4-4-5, 4-5-4 or 5-4-4.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.reference.read import Refused

DAY = dt.timedelta(days=1)
WEEK = dt.timedelta(days=7)
MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}
Range = tuple[dt.date, dt.date]


@dataclass(frozen=True)
class Window:
    """Clipped to the term. `whole` is the calendar's window before clipping. `own`: of a participant, the days on which it takes part, with what each
    counts; None: all."""

    start: dt.date
    end: dt.date
    span_start: dt.date
    whole: Range = (dt.date.min, dt.date.min)
    own: tuple[tuple[dt.date, dt.date, Fraction], ...] | None = None

    def share_of_days(self) -> Fraction:
        """Days of the window, each times its factor, as a part of the calendar's window."""
        own = self.own if self.own is not None else ((self.start, self.end, Fraction(1)),)
        days = sum((factor * days_within((first, last), (self.start, self.end)) for first, last, factor in own), Fraction(0))
        return days / ((self.whole[1] - self.whole[0]).days + 1)

    def days(self, last: dt.date) -> int:
        """Days of the span up to `last`: the participant's own."""
        own = self.own if self.own is not None else ((self.span_start, last, Fraction(1)),)
        return sum(days_within((first, until), (self.span_start, last)) for first, until, _ in own)


def days_within(one: Range, other: Range) -> int:
    """How many days two ranges have in common."""
    return max(0, (min(one[1], other[1]) - max(one[0], other[0])).days + 1)


def add_months(day: dt.date, months: int) -> dt.date:
    years, month = divmod(day.month - 1 + months, 12)
    return dt.date(day.year + years, month + 1, day.day)


def year_earlier(day: dt.date) -> dt.date:
    return day.replace(year=day.year - 1, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=day.year - 1)


def prior_year(start: dt.date, end: dt.date) -> Range:
    """The same days one year earlier: from start − 1 year up to, not including, the day after end − 1 year."""
    return year_earlier(start), year_earlier(end + DAY) - DAY


class Months:
    """A fiscal year of twelve months, from `year_starts` (MM-DD) on."""

    def __init__(self, year_starts: str) -> None:
        self.month, self.first = map(int, year_starts.split("-"))

    def year(self, day: dt.date) -> Range:
        start = dt.date(day.year, self.month, self.first)
        start = start if start <= day else dt.date(day.year - 1, self.month, self.first)
        return start, add_months(start, 12) - DAY

    def block(self, day: dt.date, months: int) -> Range:
        """The block of so many periods of the fiscal year that holds `day`."""
        start = self.year(day)[0]
        while add_months(start, months) <= day:
            start = add_months(start, months)
        return start, add_months(start, months) - DAY

    def period(self, day: dt.date) -> str:
        year = self.year(day)
        start = self.block(day, 1)[0]
        return f"{year[1].year}-{(start.year - year[0].year) * 12 + start.month - year[0].month + 1:02}"

    def place(self, day: dt.date, months: int) -> int:
        """The place of a block in its year, from 0."""
        return (int(self.period(day)[-2:]) - 1) // months

    def prior(self, start: dt.date, end: dt.date) -> list[Range]:
        return [prior_year(start, end)]


class Weeks:
    """Fiscal years of 52 or 53 weeks; the 53rd belongs to the last period."""

    def __init__(self, kind: str, first_days: dict[int, dt.date]) -> None:
        self.pattern = [int(n) for n in kind.split("-")] * 4
        self.years: dict[int, Range] = {}
        for name, first in sorted(first_days.items()):
            following = first_days.get(name + 1, first + 52 * WEEK)
            if (following - first).days not in (52 * 7, 53 * 7):
                raise Refused(f"calendar: fiscal year {name} has {(following - first).days} days")
            self.years[name] = (first, following - DAY)

    def named(self, day: dt.date) -> tuple[int, Range]:
        for name, (first, last) in self.years.items():
            if first <= day <= last:
                return name, (first, last)
        raise Refused(f"calendar: no fiscal year listed for {day}")

    def year(self, day: dt.date) -> Range:
        return self.named(day)[1]

    def periods(self, day: dt.date) -> list[Range]:
        first, last = self.year(day)
        found = []
        for number, weeks in enumerate(self.pattern, 1):
            end = last if number == 12 else first + weeks * WEEK - DAY
            found.append((first, end))
            first = end + DAY
        return found

    def block(self, day: dt.date, months: int) -> Range:
        periods = self.periods(day)
        for i in range(0, 12, months):
            if periods[i][0] <= day <= periods[i + months - 1][1]:
                return periods[i][0], periods[i + months - 1][1]
        raise AssertionError(day)

    def period(self, day: dt.date) -> str:
        number = next(n for n, (first, last) in enumerate(self.periods(day), 1) if first <= day <= last)
        return f"{self.named(day)[0]}-{number:02}"

    def place(self, day: dt.date, months: int) -> int:
        return (int(self.period(day)[-2:]) - 1) // months

    def prior(self, start: dt.date, end: dt.date) -> list[Range]:
        """The same week numbers of the fiscal year before, one range per fiscal year; week 53 has none and counts for nothing."""
        found = []
        while start <= end:
            name, (first, last) = self.named(start)
            if name - 1 not in self.years:
                raise Refused(f"calendar: fiscal year {name - 1} is looked back on and not listed")
            before = self.years[name - 1][0]
            until = min(end, last, first + 52 * WEEK - DAY)
            if start <= until:
                found.append((before + (start - first), before + (until - first)))
            start = last + DAY
        return found


class FromTerm:
    """Blocks of months that are counted from a day. A day that a month lacks is its last."""

    def __init__(self, first: dt.date) -> None:
        self.first = first

    def start(self, months: int) -> dt.date:
        """The day so many months after the first."""
        month = self.first.year * 12 + self.first.month - 1 + months
        following = dt.date((month + 1) // 12, (month + 1) % 12 + 1, 1)
        return min((following - DAY).replace(day=min((following - DAY).day, self.first.day)), following - DAY)

    def number(self, day: dt.date, months: int) -> int:
        number = 0
        while self.start(number * months) > day:
            number -= 1
        while self.start((number + 1) * months) <= day:
            number += 1
        return number

    def block(self, day: dt.date, months: int) -> Range:
        number = self.number(day, months)
        return self.start(number * months), self.start((number + 1) * months) - DAY

    def year(self, day: dt.date) -> Range:
        return self.block(day, 12)

    def place(self, day: dt.date, months: int) -> int:
        return self.number(day, months) % (12 // months)


Calendar = Months | Weeks


def counting(agreement: dict[str, Any], calendar: Calendar) -> Calendar | FromTerm:
    """By what an agreement's windows, spans and years count."""
    return FromTerm(agreement["term"]["from"]) if "windows" in agreement else calendar


def calendar_of(settings: dict[str, Any]) -> Calendar:
    """The calendar that a book's settings name."""
    written = settings.get("calendar") or {}
    kind = written.get("kind", "gregorian")
    return Months(written.get("year_starts", "01-01")) if kind == "gregorian" else Weeks(kind, written["first_days"])


def windows(kind: str, accumulate: str, term: Range, as_of: dt.date, calendar: Calendar | FromTerm | str) -> list[Window]:
    """Every window of the term that has started by `as_of`. A calendar may be named by its year's start, MM-DD."""
    calendar = Months(calendar) if isinstance(calendar, str) else calendar
    found = []
    day = term[0]
    while day <= min(term[1], as_of):
        whole = term if kind == "term" else calendar.block(day, MONTHS[kind])
        start, end = max(whole[0], term[0]), min(whole[1], term[1])
        span = start if accumulate == "window" else term[0] if accumulate == "term" else max(term[0], calendar.block(day, MONTHS[accumulate])[0])
        found.append(Window(start, end, span, whole))
        day = end + DAY
    return found


def periods(window: Window, as_of: dt.date, calendar: Calendar) -> list[tuple[str, dt.date]]:
    """Periods of a window that have begun, with the last day each can see."""
    found = []
    day = window.start
    while day <= min(window.end, as_of):
        end = calendar.block(day, 1)[1]
        found.append((calendar.period(day), min(end, window.end, as_of)))
        day = end + DAY
    return found
