"""Windows in which the terms of several versions hold, each on its own days: their lines, and what each version pays."""

from __future__ import annotations

import datetime as dt
from copy import copy
from dataclasses import replace
from fractions import Fraction

from tests.reference.axes import OWN, Axis, axis_value, curve_axes
from tests.reference.calendar import DAY, Range, Window
from tests.reference.curve import Inputs, matrix_pays, pays, shared_rank_pays
from tests.reference.position import BenefitLines, Cut, Position, pays_lines
from tests.reference.series import Splice, Values

ZERO = Fraction(0)


def amended(cases: list[tuple[BenefitLines, Range]]) -> BenefitLines:
    """The lines of a window: of each version on its days. cases: in order of their days; the last one's terms are those of the window."""
    own = [copy(case) for case, _ in cases]
    days = [each for _, each in cases]
    window = own[-1]
    for case in own:
        for name in ("measure", "quantity", "base"):
            setattr(case, name, _spliced([getattr(original, name) for original, _ in cases], days, getattr(cases[own.index(case)][0], name)))
        if case.over:  # other days than the window's
            case.measure = cases[-1][0].measure
        for name in ("sums", "tie_sums"):
            of = [getattr(original, name) for original, _ in cases]
            mine = {key: _spliced([each.get(key, {}) for each in of], days, series) for key, series in of[own.index(case)].items()}
            setattr(case, name, mine)
        case.values = {who: Values.spliced([original.values[who] for original, _ in cases], days) for who in case.values}
        case.shared = case.base if case.over else case.measure
    window.in_parts = [(case, each) for case, each in zip(own, days, strict=True)]
    return window


def _spliced(of: list[dict], days: list[Range], mine: dict) -> dict:  # type: ignore[type-arg]
    return {who: Splice([(each[who], range_) for each, range_ in zip(of, days, strict=True) if who in each], series) for who, series in mine.items()}


def ahead(cut: Cut, s: Position, end: Position, case: BenefitLines, window: Window, last: dt.date) -> Cut:
    """The cut as it is projected on `last`: days to come have the average of what is to come."""
    left = (window.end - last).days
    part = Fraction(max(0, min((cut.day - last).days, left)), left) if left else ZERO
    b = cut.now.b or ZERO
    e = end.m if case.base_kind == "measure" else max(end.m - b, ZERO) if case.base_kind == "increment" else end.e
    moved = {"m": end.m - cut.now.m, "e": e - cut.now.e, "q": end.q - cut.now.q}
    return replace(cut, at=replace(cut.at, **{name: getattr(cut.at, name) + change * part for name, change in moved.items()}))


def pays_cut(cut: Cut, benefit: dict, s: Position, as_if_tier: int | None = None) -> tuple[Fraction, int]:  # type: ignore[type-arg]
    """What a version pays by a day of its terms, with the sign of the cut, and the tier of the place. benefit: its own, prorated."""
    at = cut.at

    def place(axis: Axis, m: Fraction) -> Fraction:
        return axis_value(axis[0], m, at.t, at.b) if axis[0] in OWN else s.x[axis]

    axes = curve_axes(benefit)
    if benefit.get("method") == "running":  # its lines are paid by themselves
        return ZERO, 0
    if benefit.get("method") == "graduated":
        of_slices = ZERO if pays_lines(benefit) else at.m
        paid, tier = pays(benefit, Inputs(at.m, of_slices, of_slices, at.t, at.b, at.k, place(axes[0], at.m)))
        return cut.sign * paid, tier

    def at_place(e: Fraction, q: Fraction) -> tuple[Fraction, int]:
        places = [place(axis, s.m) for axis in axes]
        f = Inputs(s.m, e, q, at.t, at.b, at.k, places[0])
        if "matrix" in benefit:
            return matrix_pays(benefit, f, *places)
        if axes[0][0] == "rank" and benefit.get("ties") == "share" and as_if_tier is None:
            return shared_rank_pays(benefit, f, s.ties[axes[0]])
        return pays(benefit, f, as_if_tier and min(as_if_tier, len(benefit["tiers"])))

    (paid, tier), (lump, _) = at_place(at.e, at.q), at_place(ZERO, ZERO)
    return cut.sign * (paid - lump + lump * Fraction(cut.days, cut.of)), tier


def cuts_of(case: BenefitLines, participant: str, window: Window, last: dt.date, before: dict) -> tuple[tuple[Cut, ...], str]:  # type: ignore[type-arg]
    """The cuts of a participant's window on `last`, and why one of them is missing something."""
    found: list[Cut] = []
    reasons = []
    of = (window.end - window.span_start).days + 1
    for number, (version, (first, end)) in enumerate(case.in_parts):
        references = version.to_date(participant, window, last, before)
        now = version.alone(participant, window, last, references)
        reasons.append(now.reason)
        ends = [(1, end, (end - (window.span_start if number else first)).days + 1)]
        if number:
            ends.append((-1, first - DAY, (first - window.span_start).days))
        lines = frozenset(line.order for line, _ in version.quantity[participant].lines(first, min(end, last)))
        for sign, day, days in ends:
            at = version.alone(participant, window, min(day, last), references)
            found.append(Cut(sign, number, version.benefit, now, at, day, days, of, lines))
    return tuple(found), next((reason for reason in reasons if reason), "")
