"""Sums of very many fractions, exact or so fine that no payout shows the difference, whatever the order.

Belongs here: adding up. Does not belong here: what the terms are (groups.py, line_payments.py).
"""

from __future__ import annotations

from math import lcm

import numpy as np
import numpy.typing as npt

from models.curves.pieces import Exact, choose

Keys = npt.NDArray[np.int64]
#: Up to so many bits the sum has a common denominator. Beyond, it is rounded to 1/FINE: far beyond any payout's last digit, so that a half stays a half.
MOST_BITS = 8192
FINE = 10**60
#: What the terms of such a sum are rounded to, so that their errors do not reach it.
_FINER = FINE * 10**20


def add_up(at: Keys, numerator: Exact, denominator: Exact, payout: Keys) -> tuple[Exact, Exact]:
    """The sum, up to each row of a payout, of the terms at it and at the rows before it, as a ratio.

    at: the row of every term. payout: the number of the payout of every row; the rows of a payout follow each other.
    """
    common = _common_denominators(payout[at], denominator, int(payout[-1]) + 1)
    shared = common[payout[at]]
    terms = numerator * choose((shared > 0).astype(bool), shared, _FINER) // denominator
    changes = np.zeros(len(payout), dtype=object)
    np.add.at(changes, at, terms)
    sums = np.cumsum(changes)
    first = np.searchsorted(payout, payout, side="left")
    sums = sums - choose(first > 0, sums[first - 1], 0)
    of_row = common[payout]
    step = _FINER // FINE
    is_exact = (of_row > 0).astype(bool)
    return choose(is_exact, sums, (2 * sums + step) // (2 * step)), choose(is_exact, of_row, FINE)


def _common_denominators(payout: Keys, denominators: Exact, count: int) -> Exact:
    """A common denominator per payout; 0 where it would be too long."""
    common: Exact = np.ones(count, dtype=object)
    for number, denominator in set(zip(payout.tolist(), denominators.tolist(), strict=True)):
        if common[number]:
            larger = lcm(common[number], denominator)
            common[number] = larger if larger.bit_length() <= MOST_BITS else 0
    return common
