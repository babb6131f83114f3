"""What a measure pays: place on the tiers, the methods, the matrix, multipliers and gates. Exact fractions; nothing is rounded here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from tests.reference.axes import axis_of, axis_value

__all__ = ["Inputs", "axis_value", "gate_factor", "in_measure", "matrix_pays", "multiplier", "pays", "shared_rank_pays", "tiers_of"]

Row = dict[str, Any]
Tier = dict[str, Fraction]
ZERO = Fraction(0)
FORMS = ("rate", "per_unit", "amount", "share")


@dataclass(frozen=True)
class Inputs:
    """The figures of one benefit, participant and span: measure, base, quantity, target, baseline, incentive and the axis value."""

    m: Fraction
    e: Fraction
    q: Fraction
    t: Fraction | None
    b: Fraction | None
    k: Fraction | None
    x: Fraction


def tiers_of(benefit: Row) -> list[Tier]:
    return [{key: Fraction(value) for key, value in tier.items()} for tier in benefit["tiers"]]


def place(points: list[Fraction], x: Fraction, strictly: bool) -> int:
    """The last point with from ≤ x, or from < x; 0: below the first."""
    return sum(1 for point in points if point < x or (point == x and not strictly))


def is_strict(part: Row, by: Any) -> bool:
    """Whether a threshold belongs to the tier below it: upper_inclusive, but never for interpolation or ranks."""
    return part.get("boundary") == "upper_inclusive" and part.get("method") != "linear" and axis_of(by)[0] != "rank"


def pays(benefit: Row, f: Inputs, as_if_tier: int | None = None) -> tuple[Fraction, int]:
    """What the curve pays, and the tier reached (0: none). `as_if_tier` pays method whole's tier of that number."""
    tiers = tiers_of(benefit)
    method = benefit.get("method", "whole")
    tier = as_if_tier or place([t["from"] for t in tiers], f.x, is_strict(benefit, benefit.get("by", "measure")))
    if tier == 0:
        return ZERO, 0
    if method == "whole":
        return _paid(tiers[tier - 1], f), tier
    if method == "graduated":
        return _graduated(benefit, tiers, f, tier), tier
    if method == "linear":
        return _paid(_interpolated(tiers, f.x, tier, benefit.get("above", "hold")), f), tier
    if method == "rolling":
        return _rolling(benefit, tiers, f, tier), tier
    if method == "total":
        return sum((t.get("rate", ZERO) * f.e for t in tiers[:tier]), ZERO), tier
    raise NotImplementedError(method)


def shared_rank_pays(benefit: Row, f: Inputs, occupied: int) -> tuple[Fraction, int]:
    """ties: share: the mean of what the curve pays at each of the occupied ranks; the tier is that of the best of them."""
    paid = [pays(benefit, replace(f, x=f.x + i))[0] for i in range(occupied)]
    return sum(paid, ZERO) / occupied, pays(benefit, f)[1]


def _paid(y: Tier, f: Inputs) -> Fraction:
    return y.get("rate", ZERO) * f.e + y.get("per_unit", ZERO) * f.q + y.get("amount", ZERO) + y.get("share", ZERO) * (f.k or ZERO)


def _graduated(benefit: Row, tiers: list[Tier], f: Inputs, tier: int) -> Fraction:
    total = ZERO
    for i, one in enumerate(tiers):
        following = tiers[i + 1]["from"] if i + 1 < len(tiers) else None
        low, high = in_measure(benefit, one["from"], f), None if following is None else in_measure(benefit, following, f)
        inside = max(ZERO, (f.m if high is None else min(f.m, high)) - low) if f.m > 0 else ZERO
        if inside:  # E/M and Q/M are 1 where base or quantity are the measure itself
            total += one.get("rate", ZERO) * inside * (f.e / f.m)
            total += one.get("per_unit", ZERO) * inside * (f.q / f.m)
        if i < tier:
            total += one.get("amount", ZERO)
        length = max(ZERO, (f.x if following is None else min(f.x, following)) - one["from"])
        total += one.get("share", ZERO) * length * (f.k or ZERO)
    return total


def _rolling(benefit: Row, tiers: list[Tier], f: Inputs, tier: int) -> Fraction:
    total = ZERO
    for i, one in enumerate(tiers[:tier]):
        up_to = f.m if i + 1 == len(tiers) else min(f.m, in_measure(benefit, tiers[i + 1]["from"], f))
        total += one.get("rate", ZERO) * up_to
    return total


def in_measure(benefit: Row, threshold: Fraction, f: Inputs) -> Fraction:
    """A threshold in units of the measure."""
    by = benefit.get("by", "measure")
    if by == "attainment":
        return threshold * f.t  # type: ignore[operator]
    if by == "growth":
        return (1 + threshold) * f.b  # type: ignore[operator]
    return f.b + threshold if by == "growth_amount" else threshold  # type: ignore[operator]


def _interpolated(tiers: list[Tier], x: Fraction, tier: int, above: str) -> Tier:
    """The pay forms at x between the points; past the last one as `above` says."""
    point = tiers[tier - 1]
    other: Tier | None = None
    if tier < len(tiers):
        other = tiers[tier]
    elif above == "extend":
        other = next((p for p in tiers[-2:-1] if p["from"] < point["from"]), None)  # a curve that ends in a jump has no slope: it holds
    elif above == "zero" and x > point["from"]:
        return {}
    if other is None:
        return point
    part = (x - point["from"]) / (other["from"] - point["from"])
    return {form: point.get(form, ZERO) + part * (other.get(form, ZERO) - point.get(form, ZERO)) for form in (*FORMS, "factor")}


def matrix_pays(benefit: Row, f: Inputs, row_x: Fraction, column_x: Fraction) -> tuple[Fraction, int]:
    """What a two-way grid pays, and its row as tier. Below the first row or column: nothing; beyond the last: held."""
    matrix = benefit["matrix"]
    linear = matrix.get("method", "whole") == "linear"
    places, points = [], []
    for side, x in (("rows", row_x), ("columns", column_x)):
        froms = [Fraction(value) for value in matrix[side]["from"]]
        number = place(froms, x, not linear and is_strict({"boundary": benefit.get("boundary")}, matrix[side]["by"]))
        if number == 0:
            return ZERO, 0
        inside = linear and number < len(froms)
        places.append(number - 1)
        points.append((x - froms[number - 1]) / (froms[number] - froms[number - 1]) if inside else ZERO)
    (r, c), (u, v) = places, points
    y = {}
    for form in set(matrix) & set(FORMS):
        grid = [[Fraction(value) for value in line] for line in matrix[form]]
        y[form] = sum(
            (weight * grid[i][j] for i, j, weight in (
                (r, c, (1 - u) * (1 - v)), (r + 1, c, u * (1 - v)), (r, c + 1, (1 - u) * v), (r + 1, c + 1, u * v)
            ) if weight),
            ZERO,
        )  # fmt: skip
    return _paid(y, f), r + 1


def multiplier(multiply: Row, x: Fraction) -> Fraction:
    """The factor at x; below the first: 0."""
    tiers = tiers_of(multiply)
    number = place([t["from"] for t in tiers], x, is_strict(multiply, multiply["by"]))
    if number == 0:
        return ZERO
    tier = _interpolated(tiers, x, number, multiply.get("above", "hold")) if multiply.get("method") == "linear" else tiers[number - 1]
    return tier.get("factor", ZERO)


def gate_factor(gate: Row, x: Fraction) -> Fraction:
    """1 where every condition of the gate holds, else what is still paid."""
    holds = (
        ("at_least" not in gate or x >= gate["at_least"]) and ("above" not in gate or x > gate["above"])
        and ("at_most" not in gate or x <= gate["at_most"]) and ("below" not in gate or x < gate["below"])
    )  # fmt: skip
    return Fraction(1) if holds else Fraction(gate.get("otherwise", 0))
