"""The book's calendar: fiscal periods, windows made of whole periods clipped to a term, and the time zone in which its days begin.

Belongs here: which days form a period or window. Does not belong here: what is measured in it.
Everything downstream looks dates up in tables made here; none of it does date arithmetic.
"""

from __future__ import annotations

import calendar as gregorian
import datetime as dt
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, model_validator

from models.validation import Strict

ONE_DAY = dt.timedelta(days=1)
#: The years a calendar may cover; terms and `as_of` must be within them.
FIRST_YEAR, LAST_YEAR = 1900, 2199
PERIODS_IN: dict[str, int] = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}
#: The place of each kind of span in the order of their length.
SPAN_ORDER = {kind: place for place, kind in enumerate((*PERIODS_IN, "term"))}
#: Weeks of the three periods of a quarter; a 53rd week belongs to the year's last period.
WEEKS_IN: dict[str, tuple[int, int, int]] = {"4-4-5": (4, 4, 5), "4-5-4": (4, 5, 4), "5-4-4": (5, 4, 4)}
WEEKS_IN_YEAR = 52


def _time_zone(value: Any) -> Any:
    try:
        ZoneInfo(value)
    except (ValueError, TypeError, OSError, KeyError):
        raise ValueError(f"{value!r} is not a time zone; write one such as Europe/Berlin, America/New_York or UTC") from None
    return value


TimeZone = Annotated[str, BeforeValidator(_time_zone)]


def _day(value: Any) -> Any:
    """A day in quotes is the same day."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value} is not a day of the calendar") from None
    return value


Day = Annotated[dt.date, BeforeValidator(_day)]


def day_in(time_zone: str, moment: dt.datetime) -> dt.date:
    """The day on which a moment falls in the time zone."""
    return moment.astimezone(ZoneInfo(time_zone)).date()


def end_of_day(time_zone: str, day: dt.date) -> dt.datetime:
    """The moment at which the day is over in the time zone."""
    return dt.datetime.combine(day + ONE_DAY, dt.time(), ZoneInfo(time_zone))


class CalendarSettings(Strict):
    """The fiscal calendar. `year_starts` (MM-DD) is for gregorian, `first_days` (fiscal year: first day) for week calendars."""

    kind: Literal["gregorian", "4-4-5", "4-5-4", "5-4-4"] = "gregorian"
    year_starts: str = "01-01"
    first_days: dict[str, Day] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_known(self) -> CalendarSettings:
        if not re.fullmatch(r"(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])", self.year_starts):
            raise ValueError('year_starts is month-day in quotes, such as "04-01" (days 01 to 28)')
        if self.kind == "gregorian":
            if self.first_days:
                raise ValueError("first_days goes with a week calendar (4-4-5, 4-5-4, 5-4-4); a gregorian one has year_starts")
            return self
        if not self.first_days:
            raise ValueError(f"kind: {self.kind} needs first_days, the first day of each fiscal year: {{2025: 2024-12-29, 2026: 2025-12-28}}")
        if unknown := [year for year in self.first_days if not re.fullmatch("(19|20|21)[0-9]{2}", year)]:
            raise ValueError(f"first_days: {unknown[0]!r} is not a fiscal year such as 2026")
        years = sorted((int(year), first) for year, first in self.first_days.items())
        for (year, first), (following, next_first) in pairwise(years):
            if following != year + 1:
                raise ValueError(f"first_days: {year + 1} is missing between {year} and {following}")
            if (next_first - first).days not in (364, 371):
                raise ValueError(f"first_days: {year} has {(next_first - first).days} days from {first} to {next_first}; a year has 52 or 53 weeks")
        return self


@dataclass(frozen=True)
class Period:
    """A fiscal month, both days included. Its name is the fiscal year (the year in which that ends) and its number: `2026-03`."""

    period_no: int
    fiscal_year: int
    number: int
    first_day: dt.date
    last_day: dt.date

    @property
    def name(self) -> str:
        return f"{self.fiscal_year}-{self.number:02d}"


@dataclass(frozen=True)
class Window:
    """A window of a benefit, clipped to the term; `whole_*` is the window before clipping. The span is what `accumulate` adds up over."""

    window_no: int
    window_start: dt.date
    window_end: dt.date
    span_start: dt.date
    span_end: dt.date
    whole_start: dt.date
    whole_end: dt.date
    span_first_period: int
    first_period: int
    last_period: int


def make_periods(settings: CalendarSettings, first: dt.date, last: dt.date) -> list[Period]:
    """The periods of every fiscal year that touches [first, last], in order, without gaps or overlaps. A week calendar has the years it lists."""
    if settings.kind != "gregorian":
        return _make_week_periods(settings)
    month, day = map(int, settings.year_starts.split("-"))
    start = dt.date(first.year, month, day)
    if start > first:
        start = start.replace(year=start.year - 1)
    periods: list[Period] = []
    while start <= last:
        next_year = start.replace(year=start.year + 1)
        fiscal_year = (next_year - ONE_DAY).year
        for number in range(1, 13):
            first_day = _months_later(start, number - 1)
            last_day = _months_later(start, number) - ONE_DAY
            periods.append(Period(len(periods), fiscal_year, number, first_day, last_day))
        start = next_year
    return periods


def _make_week_periods(settings: CalendarSettings) -> list[Period]:
    """The last year listed has 52 weeks, unless the first day of the next one is listed too."""
    years = sorted((int(year), first) for year, first in settings.first_days.items())
    periods: list[Period] = []
    for i, (fiscal_year, first) in enumerate(years):
        weeks = (years[i + 1][1] - first).days // 7 if i + 1 < len(years) else WEEKS_IN_YEAR
        lengths = [*(WEEKS_IN[settings.kind] * 4)]
        lengths[-1] += weeks - WEEKS_IN_YEAR
        for number, length in enumerate(lengths, 1):
            last = first + dt.timedelta(weeks=length) - ONE_DAY
            periods.append(Period(len(periods), fiscal_year, number, first, last))
            first = last + ONE_DAY
    return periods


def make_windows(
    kind: str,
    accumulate: str,
    term_from: dt.date,
    term_to: dt.date,
    as_of: dt.date,
    block: Callable[[str, dt.date], tuple[dt.date, dt.date]],
    firsts: Sequence[dt.date],
) -> list[Window]:
    """The windows of a term that have begun by `as_of`, in order.

    block: first and last day of the whole window (of a kind, shorter than the term) that holds a day. firsts: the first day of each slot, whose numbers are
    those of `span_first_period` and the like.
    """

    def whole(kind: str, day: dt.date) -> tuple[dt.date, dt.date]:
        return (term_from, term_to) if kind == "term" else block(kind, day)

    windows: list[Window] = []
    start = term_from
    while start <= min(term_to, as_of):
        whole_start, whole_end = whole(kind, start)
        end = min(whole_end, term_to)
        span_start, span_end = start, end
        if accumulate != "window":
            first, last = whole(accumulate, start)
            span_start, span_end = max(term_from, first), min(term_to, last)
        numbers = (bisect_right(firsts, day) - 1 for day in (span_start, start, end))
        windows.append(Window(len(windows), start, end, span_start, span_end, whole_start, whole_end, *numbers))
        start = end + ONE_DAY
    return windows


def prior_year_days(settings: CalendarSettings, periods: list[Period]) -> Callable[[dt.date], dt.date | None]:
    """A function from a day to the day one year later for which it is the *prior year*; None where there is no such day."""
    if settings.kind == "gregorian":
        return one_year_later
    first_days = {p.fiscal_year: p.first_day for p in periods if p.number == 1}
    starts = sorted((first, year) for year, first in first_days.items())

    def same_week_a_year_later(day: dt.date) -> dt.date | None:
        first, year = starts[bisect_right(starts, (day, LAST_YEAR)) - 1]
        elapsed = (day - first).days
        following = first_days.get(year + 1)
        return following + dt.timedelta(days=elapsed) if following and elapsed < 7 * WEEKS_IN_YEAR else None

    return same_week_a_year_later


def one_year_later(day: dt.date) -> dt.date:
    """The day for which a day is the *prior year*.

    The prior year of a window [start, end] is [start − 1 year, day after end − 1 year), where 29 February minus a year is the 28th
    (docs/language.md). So 29 February is the prior year of the 28th, and the 28th before a leap year that of the 29th.
    """
    if (day.month, day.day) in ((2, 28), (2, 29)):
        return dt.date(day.year + 1, 2, gregorian.monthrange(day.year + 1, 2)[1])
    return day.replace(year=day.year + 1)


def period_of(periods: Sequence[Period], day: dt.date) -> Period:
    """The period that holds a day."""
    return periods[bisect_right(periods, day, key=lambda period: period.first_day) - 1]


def fiscal_block(kind: str, periods: Sequence[Period], day: dt.date) -> tuple[dt.date, dt.date]:
    """First and last day of the calendar's window that holds a day."""
    length, period = PERIODS_IN[kind], period_of(periods, day)
    first = period.period_no - (period.number - 1) % length
    return periods[first].first_day, periods[first + length - 1].last_day


def _months_later(day: dt.date, months: int) -> dt.date:
    years, month = divmod(day.month - 1 + months, 12)
    return dt.date(day.year + years, month + 1, day.day)
