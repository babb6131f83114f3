"""Pools with one place for all members: each member's part of what the pool is paid."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from tests.reference.calendar import Window
from tests.reference.curve import in_measure, tiers_of
from tests.reference.earning import earn, paying, prorated
from tests.reference.position import BenefitLines, Position, curve_axis
from tests.reference.read import UNIT

ZERO = Fraction(0)


def part_of_pool(case: BenefitLines, window: Window, participant: str, s: Position, last: dt.date, rounded: Callable[[Fraction], Fraction]) -> Fraction:
    """A member's part of an amount. `rounded`: a part of the amount, from 0 to 1, rounded. Members have running sums, in order of id."""
    weights = _weights(case, window, s, last)
    total = sum(weights.values(), ZERO)
    before = sum((weight for other, weight in weights.items() if other < participant), ZERO)
    return rounded((before + weights[participant]) / total) - rounded(before / total)


def _weights(case: BenefitLines, window: Window, s: Position, last: dt.date) -> dict[str, Fraction]:
    own = {member: case.own(member, window, last) for member in case.participants}
    if s.m <= 0:
        return dict.fromkeys(own, Fraction(1))
    if case.benefit.get("method") == "graduated":
        found = _filled(case, window, s, last)
    else:
        place, tier = paying(case, window, case.participants[0], s, last)
        fixed = earn(case.benefit, window, replace(place, e=ZERO, q=ZERO), tier).curve
        found = {}
        for member, (m, e, q) in own.items():
            e = s.e * m / s.m if case.base_kind == "increment" else e
            found[member] = earn(case.benefit, window, replace(place, e=e, q=q), tier).curve - fixed + fixed * m / s.m
    return found if sum(found.values()) else {member: m for member, (m, _, _) in own.items()}


def _filled(case: BenefitLines, window: Window, s: Position, last: dt.date) -> dict[str, Fraction]:
    """What the slices pay that each member's lines fill, in line order: a return gives back the highest."""
    benefit = prorated(case.benefit, window)
    tiers, figures = tiers_of(benefit), s.figures(s.x[curve_axis(benefit)])
    starts = [in_measure(benefit, tier["from"], figures) for tier in tiers]
    ends: list[Fraction | None] = [*starts[1:], None]
    per_x = in_measure(case.benefit, Fraction(1), figures) - in_measure(case.benefit, ZERO, figures)
    lines = sorted(
        (line.order, member, Fraction(value, UNIT)) for member in case.participants for line, value in case.measure[member].lines(window.span_start, last)
    )
    weights = dict.fromkeys(case.participants, ZERO)
    own = {member: case.own(member, window, last)[0] for member in case.participants}
    for tier, start, end in zip(tiers, starts, ends, strict=True):
        filled, running = dict.fromkeys(case.participants, ZERO), ZERO
        for _, member, value in lines:
            low, high = (max(start, place if end is None else min(place, end)) for place in (running, running + value))
            filled[member] += high - low
            running += value
        length = sum(filled.values())
        is_reached = start < s.m or (start == s.m and benefit.get("boundary") != "upper_inclusive")
        each = (tier.get("rate", ZERO) * s.e + tier.get("per_unit", ZERO) * s.q) / s.m + tier.get("share", ZERO) * (s.k or ZERO) / per_x
        for member, part in filled.items():
            lump = tier.get("amount", ZERO) * (part / length if length else own[member] / s.m)
            weights[member] += part * each + (lump if is_reached else ZERO)
    return weights
