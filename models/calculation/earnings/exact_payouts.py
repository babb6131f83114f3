"""Exact payouts: what a result pays before it is rounded, as a fraction. Its lines take their shares of it.

Belongs here: the fraction, how large it may become, and whether anything changed the payout after it. Does not belong here: what is paid
(payouts.py), the shares themselves (SQL: int_payouts_to_allocate, int_payout_lines_allocated).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from models.curves.inputs import integers
from models.curves.pieces import Exact
from models.money import INTEGER

#: Numerator and divisor times the measure in 10^-12 stay below this: SQL multiplies them in 128 bits.
MOST = 2**123
#: The divisor has at most so many bits.
MOST_BITS = 64


def exact_payouts(rows: pl.DataFrame, earned: tuple[Exact, Exact], is_wanted: npt.NDArray[np.bool_]) -> dict[str, pl.Series]:
    """exact_numerator / exact_divisor: what each row earns before it is rounded, in units of what is paid in its currency (cents).

    earned: in units of money, as a ratio. Null where the row is not wanted, earns nothing, or has a measure of 0 or less, which no line can share.
    """
    measure = integers(rows["measure_to_date"])
    here = np.flatnonzero(is_wanted & (measure > 0).astype(bool) & (earned[0] != 0).astype(bool))
    numerator, divisor = earned[0][here] * 10**4, earned[1][here] * integers(rows["payout_unit"])[here]
    common = np.gcd(numerator, divisor)
    numerator, divisor, most = numerator // common, divisor // common, MOST // measure[here]
    for i in np.flatnonzero(((abs(numerator) > most) | (divisor > np.minimum(most, 1 << MOST_BITS))).astype(bool)):
        numerator[i], divisor[i] = _narrowed(numerator[i], divisor[i], most[i])
    is_found = divisor > 0
    return {"exact_numerator": _spread(len(rows), here[is_found], numerator[is_found]), "exact_divisor": _spread(len(rows), here[is_found], divisor[is_found])}


def _narrowed(numerator: int, divisor: int, most: int) -> tuple[int, int]:
    """A fraction near this one that has smaller numbers, and is rounded like it: (0, 0) where no such fraction has numbers up to `most`.

    The last bit is set where bits after it were cut off. So the fraction is never a half by mistake, and lies on the same side of every half.
    """
    bits = min(MOST_BITS, most.bit_length() - (abs(numerator) // divisor).bit_length() - 2)
    if bits < 2:
        return 0, 0
    cut, rest = divmod(numerator << bits, divisor)
    return cut | (rest != 0), 1 << bits


def _spread(length: int, places: npt.NDArray[np.int64], values: Exact) -> pl.Series:
    spread = np.full(length, None, dtype=object)
    spread[places] = values
    return pl.Series(spread.tolist(), dtype=pl.Int128).cast(INTEGER)


def forget_changed(payouts: pl.DataFrame) -> pl.DataFrame:
    """Exact payouts only where the payout is just that, rounded: not after earlier windows of the span, a clawback that is set off, or a group.

    payouts: one row per payout of best_of_group.combine_payouts. One row in, one out.
    """
    is_unchanged = (pl.col("payout") == pl.col("earned")) & (pl.col("window_start") == pl.col("span_start"))
    return payouts.with_columns(pl.when(is_unchanged).then(name).alias(name) for name in ("exact_numerator", "exact_divisor"))
