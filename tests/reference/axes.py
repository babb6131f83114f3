"""The x axis: a participant's place by measure, target, baseline or metric, or its rank among the others. Exact fractions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

Row = dict[str, Any]
Place = tuple[Fraction, tuple[tuple[bool, Fraction], ...]]  # the value that is ranked, and the figures that decide among equals
Axis = tuple[str, str]  # kind, and of what: ("growth", ""), ("rank", "attainment"), ("metric", "nps")

#: Axes that follow from measure, target and baseline alone.
OWN = ("measure", "attainment", "growth", "growth_amount")
#: Axes that look elsewhere: at other benefits and metrics, or at sums of the benefit's lines. What they look at is kept as JSON.
LOOKS = ("benefit", "score", "ratio")


def axis_of(by: Any) -> Axis:
    """`by` as written, in one form."""
    if isinstance(by, dict):
        if kind := next((kind for kind in LOOKS if kind in by), ""):
            return kind, json.dumps(by, default=str)
        ((kind, of),) = by.items()
        return str(kind), str(of)
    return (by, "measure") if by in ("rank", "percentile") else (by, "")


def axis_value(by: str, m: Fraction, t: Fraction | None, b: Fraction | None) -> Fraction:
    if by == "attainment":
        return m / t  # type: ignore[operator]
    if by == "growth":
        return m / b - 1  # type: ignore[operator]
    return m - b if by == "growth_amount" else m  # type: ignore[operator]


def curve_axes(benefit: Row) -> list[Axis]:
    """Axes of the curve: one, or a matrix's rows and columns."""
    if "matrix" in benefit:
        return [axis_of(benefit["matrix"][side]["by"]) for side in ("rows", "columns")]
    return [axis_of(benefit.get("by", "measure"))]


def parts(axis: Axis) -> list[Row]:
    """The parts of a score; a benefit alone is one with the weight 1."""
    by = json.loads(axis[1]) if axis[0] in LOOKS else {}
    return [{**by, "weight": 1}] if axis[0] == "benefit" else list(by.get("score", []))


def axes_in_order(benefit: Row) -> list[Axis]:
    """Every axis of a benefit, as the reasons of a blocked result are given: curve, multiplier, gates."""
    others = [*([benefit["multiply"]] if "multiply" in benefit else []), *benefit.get("requires", [])]
    return list(dict.fromkeys([*curve_axes(benefit), *(axis_of(other["by"]) for other in others)]))


def all_axes(benefit: Row) -> set[Axis]:
    """Every axis that a benefit asks for."""
    others = [*benefit.get("requires", []), *([benefit["multiply"]] if "multiply" in benefit else [])]
    return {*curve_axes(benefit), *(axis_of(other["by"]) for other in others)}


def own_axes(benefit: Row) -> set[str]:
    """What has to be known of the participant itself: a rank by attainment needs the attainment."""
    return {of if kind in ("rank", "percentile") else kind for kind, of in all_axes(benefit)}


def needs(benefit: Row, name: str) -> bool:
    """Whether a benefit needs its target, its baseline, a positive baseline, or its incentive."""
    own = own_axes(benefit)
    if name == "target":
        return "attainment" in own
    if name == "baseline":
        return bool(own & {"growth", "growth_amount"}) or benefit.get("base") == "increment"
    if name == "positive baseline":
        return "growth" in own
    return name == "incentive" and "share" in forms(benefit)


def forms(benefit: Row) -> set[str]:
    """The pay forms that a benefit uses."""
    grids: Iterator[str] | Iterable[str] = benefit["matrix"] if "matrix" in benefit else (form for tier in benefit["tiers"] for form in tier)
    return set(grids) & {"rate", "per_unit", "amount", "share"}


def rank(own: Place, everyone: list[Place]) -> tuple[int, int]:
    """1 + how many are larger, and how many share the place."""
    return 1 + sum(1 for value in everyone if value > own), sum(1 for value in everyone if value == own)


def percentile(own: Fraction, everyone: list[Fraction]) -> Fraction:
    """Of the others, how many are smaller; alone: 1."""
    others = len(everyone) - 1
    return Fraction(sum(1 for value in everyone if value < own), others) if others else Fraction(1)
