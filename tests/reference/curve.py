"""What a measure pays: place on the tiers and the three methods. Exact fractions; nothing is rounded here."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

Row = dict[str, Any]
ZERO = Fraction(0)


@dataclass(frozen=True)
class Figures:
    """The figures of one benefit, participant and span: measure, base, quantity, target, baseline, incentive and the axis value."""

    m: Fraction
    e: Fraction
    q: Fraction
    t: Fraction | None
    b: Fraction | None
    k: Fraction | None
    x: Fraction


def axis_value(by: str, m: Fraction, t: Fraction | None, b: Fraction | None) -> Fraction:
    if by == "attainment":
        return m / t  # type: ignore[operator]
    if by == "growth":
        return m / b - 1  # type: ignore[operator]
    return m - b if by == "growth_amount" else m  # type: ignore[operator]


def pays(benefit: Row, f: Figures) -> tuple[Fraction, int]:
    """What the curve pays, and the tier reached (0: none)."""
    tiers = [{key: Fraction(value) for key, value in tier.items()} for tier in benefit["tiers"]]
    method = benefit.get("method", "whole")
    strictly = benefit.get("boundary") == "upper_inclusive" and method != "linear"
    tier = sum(1 for place in tiers if place["from"] < f.x or (place["from"] == f.x and not strictly))
    if tier == 0:
        return ZERO, 0
    if method == "whole":
        return _paid(tiers[tier - 1], f), tier
    if method == "graduated":
        return _graduated(benefit, tiers, f, tier), tier
    if method == "linear":
        return _linear(tiers, f, tier, benefit.get("above", "hold")), tier
    raise NotImplementedError(method)


def _paid(y: dict[str, Fraction], f: Figures) -> Fraction:
    return y.get("rate", ZERO) * f.e + y.get("per_unit", ZERO) * f.q + y.get("amount", ZERO) + y.get("share", ZERO) * (f.k or ZERO)


def _graduated(benefit: Row, tiers: list[dict[str, Fraction]], f: Figures, tier: int) -> Fraction:
    by, measure, base = benefit.get("by", "measure"), benefit.get("measure", "amount"), benefit.get("base", "measure")
    total = ZERO
    for i, place in enumerate(tiers):
        following = tiers[i + 1]["from"] if i + 1 < len(tiers) else None
        low, high = _in_measure(by, place["from"], f), None if following is None else _in_measure(by, following, f)
        inside = max(ZERO, (f.m if high is None else min(f.m, high)) - low) if f.m > 0 else ZERO
        if inside:
            total += place.get("rate", ZERO) * inside * (1 if base in ("measure", measure) else f.e / f.m)
            total += place.get("per_unit", ZERO) * inside * (1 if measure == "quantity" else f.q / f.m)
        if i < tier:
            total += place.get("amount", ZERO)
        length = max(ZERO, (f.x if following is None else min(f.x, following)) - place["from"])
        total += place.get("share", ZERO) * length * (f.k or ZERO)
    return total


def _in_measure(by: str, place: Fraction, f: Figures) -> Fraction:
    if by == "attainment":
        return place * f.t  # type: ignore[operator]
    if by == "growth":
        return (1 + place) * f.b  # type: ignore[operator]
    return f.b + place if by == "growth_amount" else place  # type: ignore[operator]


def _linear(tiers: list[dict[str, Fraction]], f: Figures, tier: int, above: str) -> Fraction:
    point = tiers[tier - 1]
    other: dict[str, Fraction] | None = None
    if tier < len(tiers):
        other = tiers[tier]
    elif above == "extend":
        other = next((p for p in reversed(tiers[:-1]) if p["from"] < point["from"]), None)
    elif above == "zero" and f.x > point["from"]:
        return ZERO
    if other is None:
        return _paid(point, f)
    part = (f.x - point["from"]) / (other["from"] - point["from"])
    y = {form: point.get(form, ZERO) + part * (other.get(form, ZERO) - point.get(form, ZERO)) for form in ("rate", "per_unit", "amount", "share")}
    return _paid(y, f)
