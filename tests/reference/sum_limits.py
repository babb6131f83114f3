"""Limits of an agreement: on the sum of what all its benefits add, per participant and span, before clawbacks are set off."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

from tests.reference.calendar import Calendar
from tests.reference.combine import Outcome
from tests.reference.read import Row
from tests.reference.versions import effective, number, term

ZERO = Fraction(0)


def limit_sums(outcomes: Sequence[Outcome], versions: Sequence[Row], calendar: Calendar, as_of: dt.date) -> None:
    """Changes `difference` and `differences` of the outcomes of one agreement. In order of window end, then place of the benefit in the document."""
    spans: dict[tuple[str, dt.date], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if {"draw", "manual"} & set(outcome.case.benefit):
            continue
        last = _span_end(outcome, versions, calendar)
        if last is not None:
            spans[outcome.participant, last].append(outcome)
    for (_, last), found in spans.items():
        limits = max((v for v in versions if effective(v) <= last), key=number).get("limits")
        if limits:
            found.sort(key=lambda o: (o.window.end, _place(o)))
            _limit(found, {k: Fraction(v) for k, v in limits.items() if k != "per"}, last <= as_of)


def _limit(found: list[Outcome], limits: dict[str, Fraction], has_ended: bool) -> None:
    # of what is accrued, as it was at the end of each period
    for outcome in found:
        for period in outcome.differences:
            before = sum((_at(other, period) for other in found[: found.index(outcome)]), ZERO)
            own = outcome.differences[period]
            if own is not None:
                outcome.limited[period] = _capped(before + own, limits) - _capped(before, limits)
    running = ZERO
    for outcome in found:
        own, outcome_before = outcome.difference or ZERO, running
        running += own
        if outcome.difference is not None:
            outcome.difference = _capped(running, limits) - _capped(outcome_before, limits)
    if has_ended and "at_least" in limits and all(outcome.difference is not None for outcome in found):
        lacking = limits["at_least"] - sum((outcome.difference or ZERO for outcome in found), ZERO)
        last = found[-1]
        last.difference = (last.difference or ZERO) + max(lacking, ZERO)
    for outcome in found:
        if outcome.row["status"] == "final" and outcome.limited and outcome.difference is not None:
            outcome.limited[max(outcome.limited)] = outcome.difference
        outcome.differences = {period: outcome.limited.get(period) for period in outcome.differences}


def _at(outcome: Outcome, period: str) -> Fraction:
    """What an outcome adds at the end of a period: nothing before it begins, and what it ended with later."""
    begun = [p for p in outcome.differences if p <= period]
    return (outcome.differences[max(begun)] or ZERO) if begun else ZERO


def _capped(amount: Fraction, limits: dict[str, Fraction]) -> Fraction:
    return min(amount, limits["at_most"]) if "at_most" in limits else amount


def _place(outcome: Outcome) -> int:
    return [str(b["id"]) for b in outcome.case.agreement["benefits"]].index(str(outcome.case.benefit["id"]))


def _span_end(outcome: Outcome, versions: Sequence[Row], calendar: Calendar) -> dt.date | None:
    per = next((v["limits"]["per"] for v in versions if v.get("limits")), None)
    if per is None:
        return None
    last = term(outcome.case.agreement)[1]
    year_end = outcome.case.counting.block(outcome.window.end, 12)[1]
    return {"window": outcome.window.end, "year": min(year_end, last), "term": last}[per]
