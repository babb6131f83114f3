"""Benefits: a curve, a window and limits around what a participant is expected to buy.

Belongs here: one benefit in the agreement language. Does not belong here: who takes part and for which products (agreements.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Random = np.random.Generator
Benefit = dict[str, Any]

#: How often each curve and each window is drawn.
CURVES = {"whole": 0.36, "graduated": 0.17, "margin": 0.04, "per_unit": 0.1, "lump": 0.07, "growth": 0.12, "linear": 0.14}
WINDOWS = {"month": 0.15, "quarter": 0.45, "half_year": 0.1, "year": 0.26, "term": 0.04}
#: Part of monthly and quarterly benefits that accumulate over the year.
ACCUMULATES = 0.4
#: Where thresholds lie around what is expected; a curve of n tiers takes the last n.
STEPS = (0.3, 0.6, 0.85, 1.0, 1.15, 1.35)


def draw_frame(random: Random, number: int) -> Benefit:
    """Id, clause, window, and how the window accumulates."""
    window = draw_name(random, WINDOWS)
    frame: Benefit = {"id": f"b{number}", "clause": f"{number + 3}.{random.integers(1, 9)}", "window": window}
    if window in ("month", "quarter") and random.random() < ACCUMULATES:
        frame["accumulate"] = "year"
        frame["settle"] = {"clawback": str(random.choice(["carry", "pay", "none"]))}
    return frame


def draw_curve(random: Random, kind: str, amount: float, quantity: float) -> Benefit:
    """The keys that say what is paid; `amount`, `quantity`: what is expected in a window."""
    tiers = int(random.integers(2, 6))
    steps = STEPS[-tiers:]
    rates = [(50 + 75 * place + int(random.integers(0, 50))) / 10_000 for place in range(tiers)]
    curve = _CURVES[kind](random, steps, rates, amount, quantity)
    if kind != "linear" and random.random() < 0.1:
        curve["boundary"] = "upper_inclusive"
    pays, limits = max(amount * 0.02, 1), {}
    if random.random() < 0.2:
        limits["at_most"] = int(pays * 1.5) + 1
    if random.random() < 0.1:
        limits["pays_from"] = int(pays * 0.3) + 1
    if random.random() < 0.03:
        limits["at_least"] = 25
    return curve | ({"limits": limits} if limits else {})


def draw_name(random: Random, chances: dict[str, float]) -> str:
    """One of the names, by its chance."""
    return str(random.choice(list(chances), p=list(chances.values())))


def _rates(random: Random, steps: Sequence[float], rates: Sequence[float], amount: float, _quantity: float) -> Benefit:
    return {"tiers": [{"from": start, "rate": rate} for start, rate in zip(_thresholds(amount, steps), rates, strict=True)]}


def _whole(random: Random, steps: Sequence[float], rates: Sequence[float], amount: float, quantity: float) -> Benefit:
    curve = _rates(random, steps, rates, amount, quantity)
    if random.random() < 0.2:
        curve["tiers"][-1]["amount"] = int(random.integers(1, 20)) * 50
    return curve


def _graduated(random: Random, steps: Sequence[float], rates: Sequence[float], amount: float, quantity: float) -> Benefit:
    return {"method": "graduated", **_rates(random, steps, rates, amount, quantity)}


def _margin(random: Random, steps: Sequence[float], rates: Sequence[float], amount: float, quantity: float) -> Benefit:
    return {"measure": "margin", **_rates(random, steps, rates, amount * 0.3, quantity)}


def _per_unit(random: Random, steps: Sequence[float], _rates: Sequence[float], _amount: float, quantity: float) -> Benefit:
    tiers = [{"from": start, "per_unit": (50 + 70 * place + int(random.integers(0, 30))) / 1_000} for place, start in enumerate(_thresholds(quantity, steps))]
    return {"measure": "quantity", "method": str(random.choice(["whole", "graduated"])), "tiers": tiers}


def _lump(_random: Random, steps: Sequence[float], _rates: Sequence[float], amount: float, _quantity: float) -> Benefit:
    starts = _rising([max(1, int(amount * step)) for step in steps])
    return {"tiers": [{"from": start, "amount": max(1, int(amount * 0.01 * place))} for place, start in enumerate(starts, 1)]}


def _growth(random: Random, steps: Sequence[float], rates: Sequence[float], _amount: float, _quantity: float) -> Benefit:
    first = -0.05 if random.random() < 0.2 else 0
    starts = [first, *((300 * place + int(random.integers(0, 200))) / 10_000 for place in range(1, len(steps)))]
    is_on_increment = random.random() < 0.4
    tiers = [{"from": start, "rate": round(rate * (2 if is_on_increment else 1), 4)} for start, rate in zip(starts, rates, strict=True)]
    return {"by": "growth", "baseline": {"prior": "year"}, **({"base": "increment"} if is_on_increment else {}), "tiers": tiers}


def _linear(random: Random, steps: Sequence[float], _rates: Sequence[float], _amount: float, _quantity: float) -> Benefit:
    starts = np.unique(np.round(np.linspace(50, 150, len(steps))).astype(int) + random.integers(0, 5, len(steps)))
    shares = np.cumsum(random.integers(1, 40, len(starts)))
    above = {"above": str(random.choice(["extend", "zero"]))} if random.random() < 0.3 else {}
    tiers = [{"from": int(start) / 100, "share": int(share) / 100} for start, share in zip(starts, shares, strict=True)]
    return {"by": "attainment", "target": "feed", "incentive": "feed", "method": "linear", **above, "tiers": tiers}


_CURVES = {"whole": _whole, "graduated": _graduated, "margin": _margin, "per_unit": _per_unit, "lump": _lump, "growth": _growth, "linear": _linear}


def _thresholds(expected: float, steps: Sequence[float]) -> list[int]:
    """The first tier begins at 0, the others around what is expected."""
    return _rising([0, *(int(expected * step) for step in steps[1:])])


def _rising(starts: list[int]) -> list[int]:
    """The same, each above the one before."""
    for place in range(1, len(starts)):
        starts[place] = max(starts[place], starts[place - 1] + 1)
    return starts
