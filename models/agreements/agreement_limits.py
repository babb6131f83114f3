"""Limits of an agreement: the span that each window belongs to, and the limits that hold in it.

Belongs here: spans of `limits.per`, and which version's limits hold. Does not belong here: limiting results (models/calculation/earnings/agreement_limits.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from models.agreements.schema import Agreement, has_curve
from models.agreements.versions import block_of_agreement, effective_from
from models.calendars import Period, Window
from models.documents import Path

SPANS = ("window", "year", "term")


def limits_of_window(
    versions: Sequence[Agreement], version: Agreement, window: Window, periods: Sequence[Period], payout_unit: int
) -> tuple[dt.date | None, Decimal | None, Decimal | None]:
    """The last day of the window's span, and at_most and at_least of the version in force on that day; nulls where there are no limits.

    versions: all of the agreement, sorted. payout_unit: what is paid in its currency, in ten-thousandths. A cap is the last multiple of it that is not
    above at_most, a floor the first that is not below at_least, because they limit what is rounded already.
    """
    per = _span_of(versions)
    if per is None:
        return None, None, None
    last_day = {"window": window.window_end, "year": min(year_end(version, window, periods), version.term.to), "term": version.term.to}[per]
    in_force = max((v for v in versions if effective_from(v) <= last_day), key=lambda v: v.version)
    limits = in_force.limits
    if limits is None:
        return None, None, None
    unit = Decimal(payout_unit).scaleb(-4)
    return last_day, _multiple(limits.at_most, unit, ROUND_FLOOR), _multiple(limits.at_least, unit, ROUND_CEILING)


def limit_problems(versions: Sequence[Agreement]) -> Iterator[tuple[int, Path, str]]:
    """What is wrong with limits between the versions of an agreement and its windows: (index of the version, key, message)."""
    per = _span_of(versions)
    for i, version in enumerate(versions):
        limits = version.limits
        if limits and limits.at_most is None and limits.at_least is None:
            yield i, ("limits",), "names no limit: give at_most or at_least"
        if limits and limits.per != per:
            yield i, ("limits", "per"), f"is {per} in an earlier version and cannot change; make it another agreement"
        if limits and version.combine.rule == "best":
            yield i, ("limits",), "cannot be combined with combine: {rule: best}, which compares agreements before anything of them is limited"
        kinds = {benefit.window for benefit in version.benefits if has_curve(benefit)}
        if per == "window" and len(kinds) > 1:
            yield i, ("limits", "per"), f"per: window needs benefits with one window; found {', '.join(sorted(kinds))}"
        if per == "year" and "term" in kinds:
            yield i, ("limits", "per"), "a window of the whole term is longer than the year; use per: term"


def _span_of(versions: Sequence[Agreement]) -> str | None:
    return next((version.limits.per for version in versions if version.limits), None)


def _multiple(amount: Decimal | None, unit: Decimal, rounding: str) -> Decimal | None:
    return None if amount is None else (amount / unit).to_integral_value(rounding) * unit


def year_end(agreement: Agreement, window: Window, periods: Sequence[Period]) -> dt.date:
    """The last day of the fiscal year (contract year) that holds the window's end."""
    return block_of_agreement(agreement, periods, "year", window.window_end)[1]
