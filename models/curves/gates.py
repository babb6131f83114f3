"""Gates and multipliers: what scales the curve's payment.

Belongs here: which gates hold, the factor that they leave, the multiplier's factor. Does not belong here: the curve, limits, rounding (payouts.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from models.curves.axes import Axes, place_rows
from models.curves.inputs import EXACT_SCALE, ScaledInputs, integers
from models.curves.pieces import Exact, Ladder, choose, coefficients_on_pieces, place_on_pieces
from models.curves.vocabulary import MULTIPLY

#: For each bound of a gate: whether it fails, given x × EXACT_SCALE − bound × divisor.
FAILS = {
    "at_least": lambda distance: distance < 0,
    "above": lambda distance: distance <= 0,
    "at_most": lambda distance: distance > 0,
    "below": lambda distance: distance >= 0,
}


@dataclass(frozen=True)
class Gates:
    """`terms.gates` by slot and benefit: `bounds[slot][bound]` = (whether it is set, its value), `otherwise[slot]`; values are integers in 1/EXACT_SCALE."""

    bounds: dict[int, dict[str, tuple[npt.NDArray[np.bool_], Exact]]]
    otherwise: dict[int, Exact]


def compile_gates(gates: pl.DataFrame, benefits: int) -> Gates:
    """The gates of benefits 0 … benefits − 1. gates: `terms.gates`."""
    bounds: dict[int, dict[str, tuple[npt.NDArray[np.bool_], Exact]]] = {}
    otherwise = {}
    for (slot,), here in gates.sort("slot").partition_by("slot", as_dict=True, maintain_order=True).items():
        keys = here["benefit_key"].to_numpy()
        bounds[slot] = {}
        for name in FAILS:
            is_set, values = np.zeros(benefits, dtype=bool), np.zeros(benefits, dtype=object)
            is_set[keys] = here[name].is_not_null().to_numpy()
            values[keys] = integers(here[name])
            bounds[slot][name] = is_set, values
        otherwise[slot] = np.zeros(benefits, dtype=object)
        otherwise[slot][keys] = integers(here["otherwise"])
    return Gates(bounds, otherwise)


def gate_factors(gates: Gates, slot: int, benefit: npt.NDArray[np.int64], x: Exact, divisor: Exact) -> Exact:
    """The factor that one gate leaves, in 1/EXACT_SCALE: 1 where every bound holds, else `otherwise`. For rows of benefits with a gate in this slot."""
    fails = np.zeros(len(x), dtype=bool)
    for name, (is_set, values) in gates.bounds[slot].items():
        distance = x * EXACT_SCALE - values[benefit] * divisor
        fails |= is_set[benefit] & FAILS[name](distance).astype(bool)
    return choose(fails, gates.otherwise[slot][benefit], EXACT_SCALE)


def scale_by_gates(
    gates: Gates, axes: Axes, benefit: npt.NDArray[np.int64], rows: pl.DataFrame, figures: ScaledInputs, is_paid: npt.NDArray[np.bool_]
) -> tuple[Exact, Exact]:
    """The product of the factors of all gates: numerator and divisor, 1 where there is no gate. Gates are not prorated."""
    numerator, divisor = np.full(len(benefit), 1, dtype=object), np.full(len(benefit), 1, dtype=object)
    for slot in gates.bounds:
        here = np.flatnonzero(axes.uses(slot, benefit) & is_paid)
        x, x_divisor = place_rows(axes, slot, benefit[here], rows[here], figures.at(here).unscaled())
        numerator[here] = numerator[here] * gate_factors(gates, slot, benefit[here], x, x_divisor)
        divisor[here] = divisor[here] * EXACT_SCALE
    return numerator, divisor


def multiply_rows(
    multipliers: Ladder, axes: Axes, benefit: npt.NDArray[np.int64], rows: pl.DataFrame, figures: ScaledInputs, is_paid: npt.NDArray[np.bool_]
) -> tuple[Exact, Exact]:
    """The multiplier of every row: numerator and divisor, 1 where the benefit has none; 0 below its first tier."""
    numerator, divisor = np.full(len(benefit), 1, dtype=object), np.full(len(benefit), 1, dtype=object)
    here = np.flatnonzero(axes.uses(MULTIPLY, benefit) & is_paid)
    x, x_divisor = place_rows(axes, MULTIPLY, benefit[here], rows[here], figures.at(here))
    piece = place_on_pieces(multipliers, benefit[here], x, x_divisor)
    found = coefficients_on_pieces(multipliers, piece, x, x_divisor)
    numerator[here], divisor[here] = found.forms.get("factor", 0), found.divisor
    return numerator, divisor
