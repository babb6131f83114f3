"""From a position to what a span has earned: curve × multiplier × gates, limits, rounding; and what an accrual makes of a part of it."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, replace
from fractions import Fraction

from tests.reference.amended import ahead, pays_cut
from tests.reference.axes import axis_of, curve_axes
from tests.reference.calendar import Window
from tests.reference.credit import round_half
from tests.reference.curve import Inputs, gate_factor, in_measure, matrix_pays, multiplier, pays, place, shared_rank_pays, tiers_of
from tests.reference.position import BenefitLines, Group, OwnLine, Position, pays_lines, projected
from tests.reference.read import MINOR_UNITS, UNIT, Row

ZERO = Fraction(0)
ORDER = ("multiply", "requires", "limits")


@dataclass(frozen=True)
class Earned:
    """`limited`: the curve's payment after multiplier, gates and limits, not rounded. `is_limited`: a limit changed it."""

    curve: Fraction
    multiplier: Fraction
    gate: Fraction
    limited: Fraction
    tier: int
    is_limited: bool


def prorated(benefit: Row, window: Window) -> Row:
    """The benefit with amounts, and thresholds in units of the measure, scaled by the days of the window."""
    if benefit.get("prorate", "none") != "days":
        return benefit
    part = window.share_of_days()

    def scaled(tiers: list[Row], by: object) -> list[Row]:
        keys = {"amount", "from"} if axis_of(by)[0] in ("measure", "growth_amount") else {"amount"}
        return [{key: Fraction(value) * part if key in keys else value for key, value in tier.items()} for tier in tiers]

    result = dict(benefit)
    if "tiers" in benefit:
        result["tiers"] = scaled(benefit["tiers"], benefit.get("by", "measure"))
    if "multiply" in benefit:
        result["multiply"] = {**benefit["multiply"], "tiers": scaled(benefit["multiply"]["tiers"], benefit["multiply"]["by"])}
    return result


def earn(benefit: Row, window: Window, s: Position, as_if_tier: int | None = None) -> Earned:
    """What the benefit pays at a position, before rounding."""
    benefit = prorated(benefit, window)
    axes = curve_axes(benefit)
    if s.groups is not None:
        paid_to = [pays_group(benefit, s, group, as_if_tier) for group in s.groups]
        curve, tier = sum((paid for paid, _ in paid_to), ZERO), max((tier for _, tier in paid_to), default=0)
    elif "matrix" in benefit:
        curve, tier = matrix_pays(benefit, s.figures(s.x[axes[0]]), s.x[axes[0]], s.x[axes[1]])
    elif axes[0][0] == "rank" and benefit.get("ties") == "share" and as_if_tier is None:
        curve, tier = shared_rank_pays(benefit, s.figures(s.x[axes[0]]), s.ties[axes[0]])
    elif pays_lines(benefit):
        curve, tier = pay_by_line(benefit, s, window)
    else:
        curve, tier = pays(benefit, s.figures(s.x[axes[0]]), as_if_tier)
    if s.cuts:
        curve = sum((pays_cut(cut, prorated(cut.benefit, window), s, as_if_tier)[0] for cut in s.cuts), ZERO)
        if pays_lines(benefit):
            curve += sum((paid for *_, paid in line_pieces(benefit, s, window)), ZERO)
    times = multiplier(benefit["multiply"], s.x[axis_of(benefit["multiply"]["by"])]) if "multiply" in benefit else Fraction(1)
    gate = Fraction(1)
    for one in benefit.get("requires", []):
        gate *= gate_factor(one, s.x[axis_of(one["by"])])
    paid = curve
    is_limited = False
    for step in benefit.get("order", ORDER):
        if step == "limits" and s.groups is not None:
            continue  # each group was limited alone
        if step == "limits":
            before = paid
            paid = limited(benefit.get("limits", {}), paid, s.e)
            is_limited = paid != before
        else:
            paid *= times if step == "multiply" else gate
    return Earned(curve, times, gate, paid, tier, is_limited)


def pay_by_line(benefit: Row, s: Position, window: Window) -> tuple[Fraction, int]:
    """What lines are paid one by one, with the lump amounts and shares of the tiers reached, and the tier at the end."""
    figures = s.figures(s.x[curve_axes(benefit)[0]])
    lines = sum((paid for *_, paid in line_pieces(benefit, s, window)), ZERO)
    if benefit.get("method") == "running":
        return lines, pays({**benefit, "method": "whole"}, figures)[1]
    once, tier = pays(benefit, replace(figures, e=ZERO, q=ZERO))
    return lines + once, tier


def line_pieces(benefit: Row, s: Position, window: Window) -> list[tuple[OwnLine, int, Fraction, Fraction]]:
    """line, tier (0: below the first), the part of its measure, and what that is paid, by the version of its day; in the order of lines."""
    versions = [(cut.lines, prorated(cut.benefit, window), cut.now) for cut in s.cuts if cut.sign > 0]
    found: list[tuple[OwnLine, int, Fraction, Fraction]] = []
    running = ZERO
    for line in s.lines:
        own, at = next(((terms, now) for lines, terms, now in versions if line.order in lines), (benefit, s))
        found += _pieces_of(own, at.figures(ZERO), line, running)
        running += line.m
    return found


def _pieces_of(benefit: Row, figures: Inputs, line: OwnLine, before: Fraction) -> list[tuple[OwnLine, int, Fraction, Fraction]]:
    """The pieces of one line. before: the measure of the lines before it."""
    tiers = tiers_of(benefit)
    strict = benefit.get("boundary") == "upper_inclusive"
    starts = [in_measure(benefit, tier["from"], figures) for tier in tiers]
    found, running = [], before + line.m

    def paid(number: int, line: OwnLine, part: Fraction) -> Fraction:
        tier = tiers[number - 1] if number else {}
        return (tier.get("rate", ZERO) * line.e + tier.get("per_unit", ZERO) * line.q) * part

    if benefit.get("method") == "running" or not line.m:
        at = before if line.m < 0 else running
        number = place(starts, at, strict)
        if benefit.get("method") != "running" and at < 0:
            number = 0
        return [(line, number, line.m, paid(number, line, Fraction(1)))]
    low, high = min(before, running), max(before, running)
    for number in range(len(tiers) + 1):
        bottom = None if number == 0 else max(starts[number - 1], ZERO)
        top = None if number == len(tiers) else max(starts[number], ZERO)
        inside = (high if top is None else min(high, top)) - (low if bottom is None else max(low, bottom))
        if inside > 0:
            part = inside / abs(line.m)
            found.append((line, number, line.m * part, paid(number, line, part)))
    return found


def pays_group(benefit: Row, s: Position, group: Group, as_if_tier: int | None = None) -> tuple[Fraction, int]:
    """What one group of lines is paid within the limits, and its tier. A ratio whose second part is not above 0 pays nothing."""
    places = []
    for axis in curve_axes(benefit):
        if axis[0] == "ratio":
            above, below = (group.sums[name] for name in json.loads(axis[1])["ratio"])
            if below <= 0:
                return ZERO, 0
            places.append(above / below)
        else:
            places.append(group.m if axis[0] == "measure" else (s.x if s.placed is None else s.placed)[axis])
    figures = Inputs(group.m, group.e, group.q, None, None, None, places[0])
    paid, tier = matrix_pays(benefit, figures, *places) if "matrix" in benefit else pays(benefit, figures, as_if_tier)
    return limited(benefit.get("limits", {}), paid, group.e), tier


def limited(limits: Row, paid: Fraction, e: Fraction) -> Fraction:
    """at_most and a part of the base clip, then less than pays_from pays 0, then at_least lifts."""
    if "at_most" in limits:
        paid = min(paid, Fraction(limits["at_most"]))
    if "rate_at_most" in limits:
        paid = min(paid, Fraction(limits["rate_at_most"]) * max(e, ZERO))
    if "pays_from" in limits and paid < limits["pays_from"]:
        paid = ZERO
    if "at_least" in limits:
        paid = max(paid, Fraction(limits["at_least"]))
    return paid


def smallest(currency: str, settings: Row) -> Fraction:
    """The smallest amount that is paid."""
    said = settings.get("minor_units", {}).get(currency, MINOR_UNITS[currency])
    return said if isinstance(said, Fraction) else Fraction(1, 10**said)


def rounded(value: Fraction, currency: str, settings: Row) -> Fraction:
    """A payout as it is paid: in the currency's decimals, or in what book.yaml says, a number of decimals or a step."""
    step = smallest(currency, settings)
    return round_half(value / step, settings.get("rounding") == "half_even") * step


def paying(case: BenefitLines, window: Window, participant: str, s: Position, last: dt.date) -> tuple[Position, int | None]:
    """The position that what has accrued by `last` is paid at, and the tier that is taken as reached."""
    placement = case.benefit.get("accrue", {}).get("placement", "actual")
    if placement == "actual" or last == window.end:
        return s, None
    return (s, int(placement["tier"])) if isinstance(placement, dict) else (at_the_end(case, window, participant, s, last), None)


def accrued(case: BenefitLines, window: Window, participant: str, s: Position, last: dt.date) -> Fraction:
    """What the span has earned by `last` in the placement that the benefit accrues with, not rounded."""
    how = case.benefit.get("accrue", {})
    placement = how.get("placement", "actual")
    if placement == "actual" or last == window.end:
        return earn(case.benefit, window, s).limited
    if isinstance(placement, dict):
        return earn(case.benefit, window, s, as_if_tier=int(placement["tier"])).limited
    elapsed, days = window.days(last), window.days(window.end)
    end = at_the_end(case, window, participant, s, last)
    p, paid = end.m, earn(case.benefit, window, end).limited
    if case.each:  # groups are not projected
        return paid
    return paid / p * s.m if p > 0 and not case.over else paid * elapsed / days


def at_the_end(case: BenefitLines, window: Window, participant: str, s: Position, last: dt.date) -> Position:
    """The position at the window's end as it is projected on `last`."""
    end = _at_the_end(case, window, participant, s, last)
    return replace(end, cuts=tuple(ahead(cut, s, end, case, window, last) for cut in s.cuts)) if s.cuts else end


def _at_the_end(case: BenefitLines, window: Window, participant: str, s: Position, last: dt.date) -> Position:
    elapsed, days = window.days(last), window.days(window.end)
    if case.distinct:  # how many values will come is not known from the days
        return projected(case, s, s.m)
    if case.over:  # what is sold grows, the days that are measured do not
        grown, times = projected(case, s, s.sum), Fraction(days, elapsed) if elapsed else Fraction(1)
        return replace(grown, e=s.e * times, q=grown.q if case.counts else s.q * times)
    p = _projection(case, case.benefit.get("accrue", {}).get("forecast", "linear"), window, participant, s, last)
    return projected(case, s, (s.sum * days / elapsed if elapsed else s.sum) if p is None else p)


def _projection(case: BenefitLines, forecast: str, window: Window, participant: str, s: Position, last: dt.date) -> Fraction | None:
    """The sum of the measure expected at the window's end; None: by days. The feed says it in multiples, where they are counted."""
    if forecast == "feed":
        row = case.target_row(participant, window)
        return None if row is None or row["target"] is None else Fraction(row["target"], UNIT) * (case.every or 1)
    if forecast == "seasonal":
        whole, to_date = (case.prior_sum(participant, window.span_start, day) for day in (window.end, last))
        return None if whole.missing or to_date.value <= 0 else s.sum * whole.value / to_date.value
    return None
