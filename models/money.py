"""Money: the one place where a ratio is rounded to an amount.

Everything before this module is exact (integers and ratios of integers of any size); everything after it is DECIMAL.
Its SQL twin for transaction lines is dbt_project/macros/money.sql; tests prove that the two agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from models.currencies import Rounding


def round_ratio(numerator: Any, denominator: Any, rounding: Rounding) -> Any:
    """numerator / denominator to the nearest integer. Integers of any size, or numpy object arrays of them; denominator > 0.

    half_up: a half is rounded away from zero (12.5 → 13, −12.5 → −13). half_even: a half is rounded to the even neighbour.
    """
    twice = 2 * denominator
    if rounding == "half_up":
        size = (2 * abs(numerator) + denominator) // twice
        return size * (1 - 2 * (numerator < 0))
    nearest = (2 * numerator + denominator) // twice
    is_tie = (2 * numerator + denominator) % twice == 0
    return nearest - (is_tie & (nearest % 2 == 1)) * 1


#: Published types: rounded money, and every other exact number.
MONEY = pl.Decimal(18, 4)
EXACT = pl.Decimal(38, 12)
#: Whole numbers of up to 38 digits.
INTEGER = pl.Decimal(38, 0)


#: Money has at most 14 digits before the point: in ten-thousandths, less than this.
MOST_MONEY = 10**18


class AmountTooLarge(Exception):
    """An amount has more digits than the column that it is published in."""


def as_money(ten_thousandths: Iterable[int | None]) -> pl.Series:
    """Integers in ten-thousandths of a unit as money."""
    return _decimals(ten_thousandths, 4).cast(MONEY)


def as_exact(numerator: Any, denominator: Any) -> pl.Series:
    """numerator / denominator with 12 decimals, for people to read. Nothing is computed from a ratio that had to be rounded here.

    Takes numpy object arrays of integers. The result is null where the denominator is 0.
    """
    known = np.flatnonzero(denominator)
    numbers = np.full(len(denominator), None, dtype=object)
    numbers[known] = round_ratio(numerator[known] * 10**12, denominator[known], "half_up")
    return _decimals(numbers.tolist(), 12)


def _decimals(integers: Iterable[int | None], scale: int) -> pl.Series:
    whole = pl.Series(integers, dtype=pl.Int128)
    return pl.select(whole.cast(INTEGER) * pl.lit(Decimal(1).scaleb(-scale), dtype=pl.Decimal(38, scale))).to_series()
