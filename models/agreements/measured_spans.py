"""The days that a measure sees where they are not those of its window (`over`), as whole periods.

Belongs here: which periods. Does not belong here: windows (versions.py), sums over the periods (models/calculation/achievement.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from models.agreements.schema import Benefit, Trailing, over_of
from models.calendars import Period, Window


def measured_periods(benefit: Benefit, window: Window, periods: Sequence[Period]) -> tuple[int | None, int | None]:
    """First and last period: the whole fiscal year before the one that holds the window's end, or so many that end with its own. Nulls without `over`.

    Periods before the first that the calendar has hold no line.
    """
    over, last = over_of(benefit), window.last_period
    if isinstance(over, Trailing):
        return max(0, last - over.trailing + 1), last
    if over is None:
        return None, None
    year = periods[last].fiscal_year - 1
    before = [period.period_no for period in periods[max(0, last - 24) : last] if period.fiscal_year == year]
    return (min(before), max(before)) if before else (last + 1, last)


def counted_from(benefit: Benefit, windows: Iterable[Window], periods: Sequence[Period], term_from: dt.date) -> dt.date | None:
    """The first day whose lines the measure counts, at the latest the term's first; None without `over`."""
    firsts = [first for window in windows if (first := measured_periods(benefit, window, periods)[0]) is not None]
    return min([term_from, *(periods[first].first_day for first in firsts)]) if over_of(benefit) else None
