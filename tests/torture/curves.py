"""What a measure pays: axes, tiers, matrices, gates, multipliers, limits; with the figures they need.

Belongs here: everything of a benefit that stands on an axis. Does not belong here: windows, scopes, settlement (agreements.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.torture.drawing import Draw, Row
from tests.torture.people import METRIC_PLACES

#: What a partner's lines come to in a month, about: thresholds lie around it.
MONTHLY = {"amount": 420, "margin": 110, "quantity": 14, "count": 1, "points": 120}
FORMS = ("rate", "per_unit", "amount", "share")
SPANS = ("month", "quarter", "half_year", "year", "term")
PLACES = {
    "attainment": ["0", "0.5", "0.8", "0.95", "1", "1.05", "1.2", "1.5"],
    "growth": ["-0.5", "-0.2", "-0.05", "0", "0.05", "0.1", "0.333333", "0.6"],
    "rank": ["1", "2", "3", "4", "5"],
    "ratio": ["-0.5", "0", "0.1", "0.25", "0.3", "1", "3", "4"],
    "percentile": ["0", "0.2", "0.25", "0.333333", "0.5", "0.75", "1"],
}


@dataclass(frozen=True)
class Scale:
    """The measure of a benefit and the size it has at the end of a window."""

    measure: str
    size: int

    def number(self, d: Draw, low: float, high: float) -> Decimal:
        decimals = 0 if self.measure == "count" else d.pick([0, 0, 1]) if self.measure == "quantity" else d.pick([0, 0, 2, 2, 6])
        return d.number(self.size * low, self.size * high, decimals)


def scale_of(benefit: Row, months: int) -> Scale:
    written = benefit.get("measure", "amount")
    measure = written["of"] if isinstance(written, dict) else written
    return Scale(measure, max(2, round(MONTHLY[measure] * months * (0.6 if isinstance(written, dict) else 1))))


def kind_of(by: Any) -> str:
    """The axis by name: measure, attainment, growth, growth_amount, rank, percentile, metric, ratio or benefit."""
    return by if isinstance(by, str) else next(kind for kind in ("metric", "ratio", "benefit", "rank") if kind in by)


def draw_axis(d: Draw, benefit: Row, scale: Scale, ranked: bool = True, units: bool = False) -> Any:
    """An axis, after the benefit has been given what it needs. `units`: only axes that are thresholds of the measure."""
    by = d.weigh(
        [("measure", 4, None), ("attainment", 3, None), ("growth", 2, None), ("growth_amount", 1.5, None)]
        + [("rank", 1.5, "rank"), ("ranked", 1, "rank"), ("percentile", 1, "percentile"), ("metric", 1.5, "metric")] * (ranked and not units)
        + [("metric", 1.5, "metric")] * (not ranked and not units)
        + [("ratio", 1, "ratio")] * (not units)
    )
    if by == "ratio":
        return {"ratio": d.pick([["margin", "amount"], ["amount", "margin"]])}
    if by == "metric":
        return {"metric": d.pick(["nps", "quality"])}
    inner = d.pick(["measure", "attainment", "growth", "growth_amount"]) if by == "ranked" else by
    if inner == "attainment" and "target" not in benefit:
        by_year = [_of_year(d, benefit["window"], scale)] if benefit["window"] != "term" else []
        prior = [{"prior": "year"}, {"prior": "year", "times": d.pick([Decimal("1.05"), Decimal("0.9")])}]
        benefit["target"] = d.pick([_size(d, scale), "feed", *prior, *by_year])
    if inner in ("growth", "growth_amount"):
        add_baseline(d, benefit, scale)
    return {"rank": inner} if by == "ranked" else by


def _of_year(d: Draw, window: str, scale: Scale) -> Row:
    windows = {"month": 12, "quarter": 4, "half_year": 2, "year": 1}[window]
    return {"year": _size(d, scale) * windows, "weights": [d.pick([0, 1, 20, Decimal("0.3")]) for _ in range(windows - 1)] + [d.pick([1, 40])]}


def add_baseline(d: Draw, benefit: Row, scale: Scale) -> None:
    benefit.setdefault("baseline", d.pick([_size(d, scale), "feed", {"prior": "year"}, {"prior": "year"}]))


def add_incentive(d: Draw, benefit: Row) -> None:
    benefit.setdefault("incentive", d.pick([d.number(100, 5000, d.pick([0, 2])), "feed"]))


def _size(d: Draw, scale: Scale) -> Decimal:
    return Decimal(0) if d.chance(0.03) else max(Decimal(1), scale.number(d, 0.6, 1.4))


def draw_places(d: Draw, by: Any, scale: Scale, most: int = 5, least: int = 1) -> list[Decimal]:
    """Where tiers begin on the axis, rising."""
    kind = kind_of(by)
    if kind == "metric":
        return sorted(d.some(METRIC_PLACES, least, most))
    if kind in PLACES:
        return [Decimal(place) for place in d.some(PLACES[kind], least, most)]
    low = -0.3 if kind == "growth_amount" or d.chance(0.05) else 0.05
    places = {scale.number(d, low, 1.8) for _ in range(d.rng.randint(least, most))}
    if kind == "measure" and d.chance(0.4):
        places.add(Decimal(0))
    while len(places) < least:
        places.add(scale.number(d, low, 3))
    return sorted(places)


def draw_form(d: Draw, form: str, kind: str, method: str) -> Decimal:
    """What one tier pays in one form."""
    if form == "rate":
        return d.number(0, 0.2, d.pick([2, 3, 4, 6]))
    if form == "per_unit":
        return d.number(0, 3, d.pick([1, 2, 4]))
    if form == "amount":
        return d.number(0, 400, d.pick([0, 2, 3]))
    in_units = method == "graduated" and kind in ("measure", "growth_amount")  # share × length of x: keep it in reach
    return d.number(0, 0.01 if in_units else 1.5, 4 if in_units else d.pick([1, 2, 3]))


def draw_tiers(d: Draw, benefit: Row, scale: Scale) -> list[Row]:
    """Tiers in one or two forms; a jump now and then where the method is linear."""
    by, method = benefit.get("by", "measure"), benefit.get("method", "whole")
    forms = ["rate"] if method in ("rolling", "total") else d.pick([["rate"], ["rate"], ["amount"], ["share"], ["per_unit"], d.some(FORMS, 2, 3)])
    if "share" in forms:
        add_incentive(d, benefit)
    places = draw_places(d, by, scale, least=2 if method == "linear" and d.chance(0.8) else 1)
    if method == "linear" and d.chance(0.3):
        places = sorted([*places, d.pick(places)])
    return [_tier(d, place, forms, kind_of(by), method) for place in places]


def _tier(d: Draw, place: Decimal, forms: list[str], kind: str, method: str) -> Row:
    given = forms if len(forms) == 1 or d.chance(0.8) else [d.pick(forms)]
    return {"from": place, **{form: draw_form(d, form, kind, method) for form in given}}


def draw_matrix(d: Draw, benefit: Row, scale: Scale) -> Row:
    """A grid over two axes, in one or two forms."""
    rows, columns = ({"by": draw_axis(d, benefit, scale)} for _ in range(2))
    for side in (rows, columns):
        side["from"] = draw_places(d, side["by"], scale, most=4)
    matrix: Row = {"rows": rows, "columns": columns}
    if d.chance(0.7):
        matrix["method"] = d.pick(["whole", "linear", "linear"])
    for form in d.some(["rate", "amount", "share"], 1, 2):
        if form == "share":
            add_incentive(d, benefit)
        matrix[form] = [[draw_form(d, form, "matrix", "whole") for _ in columns["from"]] for _ in rows["from"]]
    return matrix


def draw_gates(d: Draw, benefit: Row, scale: Scale) -> list[Row]:
    gates = []
    for _ in range(d.pick([1, 1, 2])):
        gate: Row = {"by": draw_axis(d, benefit, scale)}
        places = draw_places(d, gate["by"], scale, most=2)
        lower, upper = d.pick(["at_least", "above"]), d.pick(["at_most", "below"])
        if len(places) == 2:
            gate |= {lower: places[0], upper: places[1]}
        else:
            gate[d.pick([lower, lower, lower, upper])] = places[0]
        if d.chance(0.5):
            gate["otherwise"] = d.pick([Decimal(0), Decimal("0.5"), Decimal("0.333333"), Decimal(1)])
        gates.append(gate)
    return gates


def look_at_others(d: Draw, benefits: list[Row]) -> None:
    """A gate of the benefit with the longer window, the later of two alike, on a figure of the other that does not grow with money."""
    seen, looks = sorted(benefits, key=lambda benefit: SPANS.index(benefit["window"]))
    figures = [("tier", ["1", "2", "3"])] + [(name, PLACES[name]) for name, needs in (("attainment", "target"), ("growth", "baseline")) if needs in seen]
    figure, places = d.pick(figures)
    gate = {"by": {"benefit": seen["id"], "of": figure}, d.pick(["at_least", "above"]): Decimal(d.pick(places)), "otherwise": Decimal("0.5")}
    looks["requires"] = [*looks.get("requires", []), gate]


def draw_multiplier(d: Draw, benefit: Row, scale: Scale) -> Row:
    multiplier: Row = {"by": draw_axis(d, benefit, scale)}
    if d.chance(0.7):
        multiplier["method"] = d.pick(["whole", "linear", "linear"])
    if multiplier.get("method") == "linear":
        if d.chance(0.4):
            multiplier["above"] = d.pick(["hold", "extend", "zero"])
    elif d.chance(0.3) and kind_of(multiplier["by"]) != "rank":
        multiplier["boundary"] = d.pick(["lower_inclusive", "upper_inclusive"])
    places = draw_places(d, multiplier["by"], scale, most=3)
    if multiplier.get("method") == "linear" and d.chance(0.2):
        places = sorted([*places, d.pick(places)])
    multiplier["tiers"] = [{"from": place, "factor": d.number(0, 1.6, d.pick([1, 2, 4]))} for place in places]
    return multiplier


def draw_limits(d: Draw, size: int, is_of_money: bool) -> Row:
    """In money; `size` is about what the benefit pays."""
    limits: Row = {}
    if d.chance(0.5):
        limits["at_most"] = d.number(size * 0.5, size * 1.5, d.pick([0, 2]))
    if d.chance(0.3):
        limits["pays_from"] = d.number(size * 0.05, size * 0.4, d.pick([0, 2]))
    if is_of_money and d.chance(0.3, "rate_at_most"):
        limits["rate_at_most"] = d.pick([Decimal(0), Decimal("0.01"), Decimal("0.03"), Decimal("0.1"), Decimal(1)])
    if not limits or d.chance(0.2):
        limits["at_least"] = d.number(1, max(2, size * 0.3), d.pick([0, 2]))
    return limits
