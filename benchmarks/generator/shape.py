"""The facts of the benchmark book: its size, dates, currencies, and how unevenly business is spread.

Belongs here: numbers that more than one part of the generator draws from. Does not belong here: the drawing.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

FIRST_DAY = dt.date(2024, 1, 1)
LAST_DAY = dt.date(2025, 12, 31)
#: Days that transactions are spread over, evenly.
DAYS = (LAST_DAY - FIRST_DAY).days + 1
#: The book is run as of its last day.
AS_OF = LAST_DAY
CURRENCIES = ("EUR", "USD", "GBP")
CURRENCY_SHARES = (0.6, 0.25, 0.15)

#: Averages of a line: units, part of the list price, and the part of sales that is left after returns.
MEAN_UNITS, MEAN_PRICE, MEAN_KEPT = 3.1, 0.9, 0.94


@dataclass(frozen=True)
class BookShape:
    """How large a book is. The seed decides everything else."""

    lines: int
    agreements: int = 1_000
    partners: int = 50_000
    products: int = 20_000
    seed: int = 7

    def random(self, *stream: int) -> np.random.Generator:
        """A random generator of its own for each part of the book, independent of the others."""
        return np.random.default_rng([self.seed, *stream])


def long_tail(count: int, exponent: float, flat_top: int) -> Floats:
    """Weights of a few large and many small, adding up to 1; the first `flat_top` are nearly equal."""
    weights = np.power(np.arange(count) + float(flat_top), -exponent)
    return np.asarray(weights / weights.sum(), np.float64)


def draw_weighted(random: np.random.Generator, weights: Floats, count: int) -> Integers:
    """Positions drawn in proportion to their weights."""
    cumulative = np.cumsum(weights)
    return np.asarray(np.searchsorted(cumulative, random.random(count) * cumulative[-1], side="right"), np.int64)
