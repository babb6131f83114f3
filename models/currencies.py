"""Currencies: the minor unit of each, and what payouts in it are rounded to.

Belongs here: the table of ISO 4217, and settings as plain numbers. Does not belong here: rounding itself (models/money.py), which needs numpy and Polars;
what only looks at settings does not load them.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

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
