"""Slots: the book's fiscal periods, cut at every day on which something begins. What is measured is added up by them.

Belongs here: cutting, and windows that count from a day of their own. Does not belong here: on which days something begins
(models/agreements/versions.py), what is measured.

Most books cut nothing: their slots are their periods.
"""

from __future__ import annotations

import calendar as gregorian
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from models.calendars import ONE_DAY, PERIODS_IN, Period


@dataclass(frozen=True)
class Slot:
    """Days of one period, both included, on which nothing begins but on the first."""

    slot_no: int
    period: Period
    first_day: dt.date
    last_day: dt.date


def cut_slots(periods: Sequence[Period], days: Iterable[dt.date] = ()) -> list[Slot]:
    """The slots of all periods, in order. Days that lie in no period cut nothing."""
    cuts = sorted(set(days) - {period.first_day for period in periods})
    slots: list[Slot] = []
    for period in periods:
        starts = [period.first_day, *(day for day in cuts if period.first_day <= day <= period.last_day)] if cuts else [period.first_day]
        for start, end in zip(starts, [*(day - ONE_DAY for day in starts[1:]), period.last_day], strict=True):
            slots.append(Slot(len(slots), period, start, end))
    return slots


def days_of(slots: Sequence[Slot]) -> Iterator[tuple[dt.date, int]]:
    """(day, slot_no) for every day of the slots."""
    for slot in slots:
        for n in range((slot.last_day - slot.first_day).days + 1):
            yield slot.first_day + dt.timedelta(days=n), slot.slot_no


def months_after(day: dt.date, months: int) -> dt.date:
    """The same day so many months later; in a month that lacks it, the last day."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return dt.date(year, month + 1, min(day.day, gregorian.monthrange(year, month + 1)[1]))


def block_number(kind: str, first: dt.date, day: dt.date) -> int:
    """The number of the block of months (a quarter: three) that holds a day, counted from the day `first`; 0 is the first one."""
    length = PERIODS_IN[kind]
    number = ((day.year - first.year) * 12 + day.month - first.month) // length
    return number if months_after(first, number * length) <= day else number - 1


def block_of(kind: str, first: dt.date, day: dt.date) -> tuple[dt.date, dt.date]:
    """First and last day of that block."""
    number, length = block_number(kind, first, day), PERIODS_IN[kind]
    return months_after(first, number * length), months_after(first, (number + 1) * length) - ONE_DAY
