"""Numbers and days as the whole numbers that every rival computes with.

Money is in cents, quantities are in hundredths, rates and shares in ten-thousandths, exchange rates in millionths; a day is the number of
days since 1970-01-01, a month the number of months since 1970-01.
"""

from __future__ import annotations

import datetime as dt

MONEY, QUANTITY, RATE, FX_RATE = 2, 2, 4, 6
_EPOCH = dt.date(1970, 1, 1).toordinal()


def scaled(number: str, digits: int) -> int:
    """`number` times ten to the power of `digits`, exactly."""
    whole, _, fraction = number.partition(".")
    if len(fraction.rstrip("0")) > digits:
        raise SystemExit(f"{number} has more than {digits} decimals: the rivals do not compute with it")
    return int(whole + fraction[:digits].ljust(digits, "0"))


def day_number(day: dt.date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH


def month_number(day: dt.date) -> int:
    """Months since 1970-01."""
    return (day.year - 1970) * 12 + day.month - 1


def next_year(day: dt.date) -> dt.date:
    """The same day a year later; 29 February becomes 28."""
    return day.replace(year=day.year + 1, day=28 if (day.month, day.day) == (2, 29) else day.day)
