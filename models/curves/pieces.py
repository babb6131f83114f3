"""Curves: every tier table is compiled to one normal form, ordered half-open pieces, and only that form is evaluated.

On a piece the benefit pays, with x the place on the axis (docs/language.md, "What the place pays"):

    Σ over the pay forms f of  value_f × (fixed_f + slope_f × x)

where value_f is what the form multiplies: `rate` the base, `per_unit` the quantity, `amount` 1, `share` the incentive. For `graduated` and
`rolling` the rate form multiplies the axis's unit in measure units (1, the target or the baseline), so that fixed + slope × x is in units of the
axis. `rolling` pays on the whole measure, M = unit × x + offset, so it has one more form, `offset`, for the part that does not depend on x.
To add a kind of curve, add one function to COMPILERS.

Belongs here: compiling and placing. Does not belong here: gates, limits, rounding, earlier windows (payouts.py), grids (matrices.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import lcm
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from models.curves.vocabulary import PAY_FORMS

#: Integers of any size: a product of an incentive, a target and a slope does not fit into 128 bits, and Polars wraps silently.
Exact = npt.NDArray[np.object_]

#: The pay forms of the normal form.
FORMS = (*PAY_FORMS, "offset")
#: Thresholds are integers in this fraction of a unit.
START_SCALE = 10**12

Line = tuple[Fraction, Fraction]
ZERO = Fraction(0)


@dataclass(frozen=True)
class Tier:
    """One tier as agreed: where it begins, and the value of each of its curve's pay forms (0 where the tier has none)."""

    start: Fraction
    pays: dict[str, Fraction]


@dataclass(frozen=True)
class Piece:
    """From `start` (included or not) up to the next piece: tier number and, per pay form, (fixed, slope)."""

    tier: int
    start: Fraction
    includes_start: bool
    pays: dict[str, Line]


def whole(tiers: Sequence[Tier], above: str) -> list[dict[str, Line]]:
    """The tier reached pays on everything."""
    return [{form: (value, ZERO) for form, value in tier.pays.items()} for tier in tiers]


def graduated(tiers: Sequence[Tier], above: str) -> list[dict[str, Line]]:
    """Every tier pays on its own slice. Lump amounts of all tiers reached add up; a share multiplies the length of x in its tier."""
    pieces = []
    below = dict.fromkeys(tiers[0].pays, ZERO)
    for i, tier in enumerate(tiers):
        lines = {}
        for form, value in tier.pays.items():
            if form == "amount":
                below[form] += value
                lines[form] = below[form], ZERO
                continue
            if i:
                below[form] += tiers[i - 1].pays[form] * (tier.start - tiers[i - 1].start)
            lines[form] = below[form] - value * tier.start, value
        pieces.append(lines)
    return pieces


def rolling(tiers: Sequence[Tier], above: str) -> list[dict[str, Line]]:
    """Every tier reached pays on the measure from the first unit up to the next threshold."""
    pieces = []
    below = rates = ZERO
    for i, tier in enumerate(tiers):
        if i:
            below += tiers[i - 1].pays["rate"] * tier.start
        rates += tier.pays["rate"]
        pieces.append({"rate": (below, tier.pays["rate"]), "offset": (rates, ZERO)})
    return pieces


def total(tiers: Sequence[Tier], above: str) -> list[dict[str, Line]]:
    """Every tier reached pays on everything, so the rates add up."""
    return [{"rate": (sum((t.pays["rate"] for t in tiers[: i + 1]), ZERO), ZERO)} for i in range(len(tiers))]


def grid_rows(tiers: Sequence[Tier], above: str) -> list[dict[str, Line]]:
    """The rows (or columns) of a matrix only have starts; what is paid is in its cells (matrices.py)."""
    return [{} for _ in tiers]


def linear(tiers: Sequence[Tier], above: str) -> list[dict[str, Line]]:
    """Straight lines between the points; two points at one place are a jump. One more piece is for x beyond the last point."""
    segments = [_through(a, b) for a, b in pairwise(tiers)]
    last = {form: (value, ZERO) for form, value in tiers[-1].pays.items()}
    can_extend = len(tiers) > 1 and tiers[-1].start > tiers[-2].start
    beyond = {"hold": last, "extend": segments[-1] if can_extend else last, "zero": dict.fromkeys(last, (ZERO, ZERO))}[above]
    return [*segments, last, beyond]


def _through(a: Tier, b: Tier) -> dict[str, Line]:
    if a.start == b.start:
        return {form: (value, ZERO) for form, value in a.pays.items()}
    slopes = {form: (b.pays[form] - value) / (b.start - a.start) for form, value in a.pays.items()}
    return {form: (value - slopes[form] * a.start, slopes[form]) for form, value in a.pays.items()}


COMPILERS: dict[str, Callable[[Sequence[Tier], str], list[dict[str, Line]]]] = {
    "whole": whole,
    "graduated": graduated,
    "linear": linear,
    "rolling": rolling,
    "total": total,
    "running": graduated,  # as if every unit were a line; what lines are paid is in calculation/earnings/line_payments.py
    "matrix": grid_rows,
}


def compile_curve(method: str, boundary: str, above: str, tiers: Sequence[Tier]) -> list[Piece]:
    """The pieces of a curve in order, from the first tier on. Below it, in tier 0, nothing is paid."""
    lines = COMPILERS[method](tiers, above)
    includes = method == "linear" or boundary == "lower_inclusive"
    pieces = [Piece(i, tier.start, includes, pays) for i, (tier, pays) in enumerate(zip(tiers, lines, strict=False), 1)]
    pieces += [Piece(len(tiers), tiers[-1].start, False, pays) for pays in lines[len(tiers) :]]
    return pieces


@dataclass(frozen=True)
class Ladder:
    """The pieces of many benefits, as arrays. Those of benefit i are from `first[i]`, its tier 0, up to `first[i + 1]`, excluded.

    `start` is an integer in 1/START_SCALE. Each form's `fixed` and `slope` are integers over the piece's `divisor`. Unused forms are left out.
    """

    first: npt.NDArray[np.int64]
    tier: npt.NDArray[np.int64]
    start: Exact
    includes_start: npt.NDArray[np.bool_]
    fixed: dict[str, Exact]
    slope: dict[str, Exact]
    divisor: Exact


def compile_ladder(benefits: pl.DataFrame, tiers: pl.DataFrame, forms: Sequence[str] = PAY_FORMS) -> Ladder:
    """Compiles the curve of every benefit.

    benefits: one row per benefit in order: benefit_key, method, boundary, above. Keys may have gaps: a key that is not listed has no tiers but tier 0.
    tiers: one row per tier in order: benefit_key, from_value and the `forms` (null where a tier has none).
    """
    pieces: list[Piece] = []
    first: list[int] = []
    tiers_of = tiers.select("benefit_key", "from_value", *forms).rows_by_key("benefit_key")
    for key, method, boundary, above in benefits.select("benefit_key", "method", "boundary", "above").iter_rows():
        first += [len(pieces)] * (key + 1 - len(first))
        pieces.append(Piece(0, ZERO, True, {}))
        pieces += _pieces(method, boundary, above, tuple(tiers_of[key]), tuple(forms))
    first.append(len(pieces))
    divisors = [lcm(*(number.denominator for line in piece.pays.values() for number in line)) for piece in pieces]

    def integers(form: str, part: int) -> Exact:
        return exact(int(p.pays[form][part] * d) if form in p.pays else 0 for p, d in zip(pieces, divisors, strict=True))

    paid = dict.fromkeys(form for piece in pieces for form in piece.pays)
    return Ladder(
        first=np.array(first),
        tier=np.array([p.tier for p in pieces]),
        start=exact(int(p.start * START_SCALE) for p in pieces),
        includes_start=np.array([p.includes_start for p in pieces]),
        fixed={form: integers(form, 0) for form in paid},
        slope={form: integers(form, 1) for form in paid},
        divisor=exact(divisors),
    )


@lru_cache(maxsize=20_000)
def _pieces(method: str, boundary: str, above: str, rows: tuple[tuple[Any, ...], ...], forms: tuple[str, ...]) -> tuple[Piece, ...]:
    """Kept, because every batch of participants has the same curves."""
    return tuple(compile_curve(method, boundary, above, _tiers(rows, forms)))


def _tiers(rows: Sequence[tuple[Any, ...]], forms: Sequence[str]) -> list[Tier]:
    """The tiers, with the pay forms that any of them has."""
    present = [(i, form) for i, form in enumerate(forms, 1) if any(row[i] is not None for row in rows)]
    return [Tier(Fraction(row[0]), {form: Fraction(row[i] or 0) for i, form in present}) for row in rows]


def place_on_pieces(ladder: Ladder, benefit: npt.NDArray[np.int64], x: Exact, x_divisor: Exact) -> npt.NDArray[np.int64]:
    """The piece of each row. One row in, one out: benefit key, place x / x_divisor (x_divisor > 0)."""
    piece = ladder.first[benefit].copy()
    last = ladder.first[benefit + 1] - 1
    rows = np.flatnonzero(piece < last)
    while rows.size:
        following = piece[rows] + 1
        distance = x[rows] * START_SCALE - ladder.start[following] * x_divisor[rows]
        reached = ((distance > 0) | ((distance == 0) & ladder.includes_start[following])).astype(bool)
        rows = rows[reached]
        piece[rows] += 1
        rows = rows[piece[rows] < last[rows]]
    return piece


@dataclass(frozen=True)
class Coefficients:
    """What each row's curve pays per unit of what each form multiplies: `forms[form] / divisor` (> 0)."""

    forms: dict[str, Exact]
    divisor: Exact

    def replaced(self, rows: npt.NDArray[np.int64], other: Coefficients) -> Coefficients:
        """These, with the coefficients of the rows with these indexes taken from `other`."""
        names = dict.fromkeys((*self.forms, *other.forms))
        nothing = np.zeros(len(self.divisor), dtype=object)
        forms = {form: self.forms.get(form, nothing).copy() for form in names}
        for form, values in forms.items():
            values[rows] = other.forms.get(form, 0)
        divisor = self.divisor.copy()
        divisor[rows] = other.divisor
        return Coefficients(forms, divisor)


def coefficients_on_pieces(ladder: Ladder, piece: npt.NDArray[np.int64], x: Exact, x_divisor: Exact) -> Coefficients:
    """fixed + slope × x of every form. One row in, one out: the piece and the place x / x_divisor."""
    if not any(any(slope) for slope in ladder.slope.values()):
        return Coefficients({form: fixed[piece] for form, fixed in ladder.fixed.items()}, ladder.divisor[piece])
    forms = {form: fixed[piece] * x_divisor + ladder.slope[form][piece] * x for form, fixed in ladder.fixed.items()}
    return Coefficients(forms, ladder.divisor[piece] * x_divisor)


def choose(condition: Any, then: Any, otherwise: Any) -> Exact:
    """`then` where the condition holds, else `otherwise`, as integers of any size (numpy would make a plain number 64 bits wide)."""
    return np.where(condition, np.asarray(then, dtype=object), np.asarray(otherwise, dtype=object))


def exact(numbers: Any) -> Exact:
    """Integers of any size as an array."""
    items = list(numbers)
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array
