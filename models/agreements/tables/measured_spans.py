"""The days that a measure sees where they are not those of its window (`over`), as whole slots.

Belongs here: which slots. Does not belong here: windows (versions.py), sums over the slots (models/calculation/measures/achievement.py).
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from models.agreements.schema import Agreement, Benefit, Trailing, over_of
from models.agreements.versions import block_of_agreement
from models.calendars import ONE_DAY, Period, Window, period_of
from models.slots import Slot

NONE = None, None


def measured_periods(agreement: Agreement, benefit: Benefit, window: Window, periods: Sequence[Period], slots: Sequence[Slot]) -> tuple[int | None, int | None]:
    """First and last slot: the whole fiscal (contract) year before the one that holds the window's end, or so many fiscal periods that end with its own.
    Nulls without `over`.

    Days before the first period that the calendar has hold no line.
    """
    over, last = over_of(benefit), window.last_period
    if isinstance(over, Trailing):
        first = max(0, period_of(periods, window.window_end).period_no - over.trailing + 1)
        return bisect_left(slots, periods[first].first_day, key=_first_day), last
    if over is None:
        return NONE
    year_start = block_of_agreement(agreement, periods, "year", window.window_end)[0]
    if year_start <= periods[0].first_day:
        return last + 1, last
    start, end = block_of_agreement(agreement, periods, "year", year_start - ONE_DAY)
    return bisect_left(slots, start, key=_first_day), bisect_right(slots, end, key=_first_day) - 1


def _first_day(slot: Slot) -> dt.date:
    return slot.first_day


def counted_from(agreement: Agreement, benefit: Benefit, windows: Iterable[Window], periods: Sequence[Period], slots: Sequence[Slot]) -> dt.date | None:
    """The first day whose lines the measure counts, at the latest the term's first; None without `over`."""
    firsts = [first for window in windows if (first := measured_periods(agreement, benefit, window, periods, slots)[0]) is not None]
    return min([agreement.term.from_, *(slots[first].first_day for first in firsts)]) if over_of(benefit) else None
