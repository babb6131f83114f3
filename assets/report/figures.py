"""Amounts and days as several pages write them.

Belongs here: formatting for pages only. Does not belong here: money and numbers in general (assets/published/formatting.py).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from assets.published.formatting import money


def days(first: dt.date, last: dt.date) -> str:
    """Both days; the year once where it is the same."""
    return f"{first} – {last}" if first.year != last.year else f"{first} – {last:%m-%d}"


def bare(amount: Decimal | None, currency: str) -> str:
    """An amount whose currency stands beside another one of the row."""
    return money(amount, currency).removesuffix(f" {currency}")
