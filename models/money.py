"""Money: minor units of the currencies, and the one place where a ratio is rounded to an amount.

Everything before this module is exact (integers and ratios of integers of any size); everything after it is DECIMAL.
Its SQL twin for transaction lines is dbt_project/macros/money.sql; tests prove that the two agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal

import numpy as np
import polars as pl

Rounding = Literal["half_up", "half_even"]

_OTHER_MINOR_UNITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_TWO = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC "
    "CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD "
    "KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN "
    "QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED "
    "VES WST XAG XAU XCD XCG YER ZAR ZMW ZWG"
)

#: ISO 4217 code to the number of decimals of its smallest unit.
MINOR_UNITS: dict[str, int] = {
    **dict.fromkeys(_TWO.split(), 2),
    **{code: digits for digits, codes in _OTHER_MINOR_UNITS.items() for code in codes.split()},
}

#: book.yaml may round payouts to something else: a number of decimals, or a step such as 0.05.
PayoutUnits = Mapping[str, int | Decimal]


def payout_unit(currency: str, others: PayoutUnits) -> int:
    """What payouts in the currency are rounded to, in ten-thousandths of a unit of money."""
    unit = others.get(currency, MINOR_UNITS[currency])
    return int(unit * 10_000) if isinstance(unit, Decimal) else 10 ** (4 - unit)


def describe_payout_unit(unit: int) -> str:
    """A payout unit in words, before the currency: `2 decimals of` EUR, `steps of 0.05` CHF."""
    decimals = next((digits for digits in range(5) if unit == 10 ** (4 - digits)), None)
    return f"steps of {(Decimal(unit) / 10_000).normalize():f}" if decimals is None else f"{decimals} decimals of"


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
    return pl.select(whole.cast(pl.Decimal(38, 0)) * pl.lit(Decimal(1).scaleb(-scale), dtype=pl.Decimal(38, scale))).to_series()
