"""Formatting of numbers for people: money with its currency's decimals and thousands separators, rates, counts, sizes.

Belongs here: formatting only. It never rounds an amount.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from models.currencies import MINOR_UNITS


def money(amount: Decimal | None, currency: str) -> str:
    """1234.5 EUR as `1,234.50 EUR`: at least the decimals of the currency's minor unit, more where the amount has them."""
    return "–" if amount is None else f"{number(amount, MINOR_UNITS.get(currency, 2))} {currency}"


def number(value: Any, decimals: int = 0) -> str:
    """With thousands separators, at least `decimals` decimals and no trailing zeros beyond them."""
    if value is None:
        return "–"
    text = f"{Decimal(value):,f}"
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0").ljust(decimals, "0")
    return f"{whole}.{fraction}" if fraction else whole


def readable(value: Any, decimals: int) -> Any:
    """A computed value with at most `decimals` decimals, as people read it; what was agreed or paid has fewer and is shown as it is."""
    return value if value is None else round(Decimal(value), decimals)


def counted(count: int, noun: str) -> str:
    """`1 line`, `1,234 lines`: for nouns with a regular plural."""
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def slashed(*parts: object) -> str:
    """What there is of the parts of a name, such as a transaction and its line."""
    return "/".join(str(part) for part in parts if part is not None)


def percent(rate: Decimal | None) -> str:
    """0.015 as `1.5 %`."""
    return "–" if rate is None else f"{number(rate * 100)} %"


def size(count: int) -> str:
    """Bytes in a readable unit."""
    value, units = float(count), ["bytes", "kB", "MB", "GB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "bytes" else f"{value:.1f} {units[0]}"
