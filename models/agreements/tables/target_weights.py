"""The part of a year's target that a window has, by weights.

Belongs here: that part as two integers. Does not belong here: targets themselves (models/calculation/measures/achievement.py), rules between keys (rules.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import gcd

from models.agreements.schema import Agreement, Benefit, WeightedTarget
from models.agreements.values import FACTOR_DECIMALS
from models.calendars import PERIODS_IN, Period, Window, period_of
from models.slots import block_number


def target_weights(agreement: Agreement, benefit: Benefit, window: Window, periods: Sequence[Period]) -> tuple[int, int]:
    """The weights of the windows of the span so far, and of all windows of a year; 1 and 1 where the target is not of a year.

    A window that the term clips keeps its weight.
    """
    target = benefit.target
    if not isinstance(target, WeightedTarget):
        return 1, 1
    length = PERIODS_IN[benefit.window]
    if agreement.windows:
        first, last = (block_number(benefit.window, agreement.term.from_, day) for day in (window.span_start, window.window_end))
        places = [number % len(target.weights) for number in range(first, last + 1)]
    else:
        first, last = (period_of(periods, day).period_no for day in (window.span_start, window.window_end))
        places = [place for _, place in {(period.fiscal_year, (period.number - 1) // length) for period in periods[first : last + 1]}]
    to_date, year = _integer([target.weights[place] for place in places]), _integer(target.weights)
    common = gcd(to_date, year)
    return to_date // common, year // common


def _integer(weights: Sequence[Decimal]) -> int:
    return int(sum(weights, Decimal(0)).scaleb(FACTOR_DECIMALS))
