"""Traces: the numbers of multipliers, gates and matrices that the payouts table does not have, for the calculation steps.

Belongs here: axis values of every slot, the factor of every gate, the corners of a matrix cell; computed by the functions that computed the payout.
Does not belong here: formulas (steps.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from models.calculation.earnings.payouts import Keys, is_of_groups
from models.calculation.measures.amended_windows import is_amended
from models.curves.axes import MEASURE, NONE, RANK, RATIO, place_rows
from models.curves.compiled import Scheme
from models.curves.gates import gate_factors
from models.curves.inputs import EXACT_SCALE, integers, scaled_inputs
from models.curves.pieces import choose, place_on_pieces
from models.curves.vocabulary import COLUMNS, CURVE, FIRST_GATE, GRID_FORMS, MULTIPLY
from models.money import as_exact


@dataclass(frozen=True)
class Traces:
    """axes: one row per payout × slot beyond a plain curve's; multipliers, gates: one row per payout × multiplier or gate; cells: one row per
    payout × corner of its matrix cell (one for a look-up)."""

    axes: pl.DataFrame
    multipliers: pl.DataFrame
    gates: pl.DataFrame
    cells: pl.DataFrame


def trace_results(payouts: pl.DataFrame, scheme: Scheme, frames: Mapping[str, pl.DataFrame]) -> Traces:
    """payouts: one row per payout, after clawbacks and groups. frames: `terms.*`. Blocked results have no trace."""
    paid = payouts.filter(pl.col("status") != "blocked")
    axes = [_trace_axis(paid, scheme, slot).join(frames["axes"], on=["benefit_key", "slot"], how="left", maintain_order="left") for slot in scheme.axes.kinds]
    gates = [_trace_gate(paid, scheme, slot, frames["gates"]) for slot in scheme.gates.bounds]
    return Traces(
        pl.concat(axes, how="diagonal"),
        _trace_multiplier(paid, scheme, frames),
        pl.concat(gates, how="diagonal") if gates else paid.clear(),
        _trace_cells(paid, scheme, frames),
    )


def _benefits(rows: pl.DataFrame) -> Keys:
    return rows["benefit_key"].to_numpy().astype(np.int64)


def _trace_axis(paid: pl.DataFrame, scheme: Scheme, slot: int) -> pl.DataFrame:
    """The place on one slot's axis, for the benefits that use it. A curve's own measure, attainment or growth is already in the payouts."""
    kind = scheme.axes.kinds[slot][_benefits(paid)]
    # groups of lines have places of their own
    of_groups = is_of_groups(paid) & ((kind == MEASURE) | (kind == RATIO)) & (slot <= COLUMNS)
    rows = paid.filter((kind >= RANK if slot == CURVE else kind != NONE) & ~of_groups)
    x, divisor = place_rows(scheme.axes, slot, _benefits(rows), rows, scaled_inputs(rows).unscaled())
    words = pl.col(f"axis_words_{slot}") if f"axis_words_{slot}" in rows.columns else pl.lit(None, pl.String)
    figures = {"measure": "measure_to_date", "target": "effective_target", "baseline": "baseline"}
    return rows.select("payout_key", "benefit_key", "ties_then", words.alias("words"), _tied_by(rows), **figures).with_columns(
        as_exact(x, divisor).alias("x"), pl.lit(slot, pl.Int32).alias("slot")
    )


def _tied_by(rows: pl.DataFrame) -> pl.Expr:
    """The participant's figures that break ties, in words."""
    words = []
    for n, name in enumerate(sorted(name for name in rows.columns if name.startswith("tie_break_"))):
        figure = pl.col(name).cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".").fill_null("none")
        words.append(pl.when(pl.col("ties_then").str.count_matches(", then ") >= n).then(figure))
    found = pl.concat_str(words, separator=", then ", ignore_nulls=True) if words else pl.lit(None, pl.String)
    return found.alias("tied_by")


def _trace_gate(paid: pl.DataFrame, scheme: Scheme, slot: int, gates: pl.DataFrame) -> pl.DataFrame:
    rows = paid.filter(scheme.axes.kinds[slot][_benefits(paid)] != NONE)
    benefit = _benefits(rows)
    x, divisor = place_rows(scheme.axes, slot, benefit, rows, scaled_inputs(rows).unscaled())
    factor = gate_factors(scheme.gates, slot, benefit, x, divisor)
    trace = rows.select("payout_key", "benefit_key", as_exact(x, divisor).alias("x"), as_exact(factor, choose(factor >= 0, EXACT_SCALE, 0)).alias("factor"))
    return trace.with_columns(pl.lit(slot, pl.Int32).alias("slot"), pl.lit(slot - FIRST_GATE + 1).alias("number")).join(
        gates, on=["benefit_key", "slot"], maintain_order="left"
    )


def _trace_multiplier(paid: pl.DataFrame, scheme: Scheme, frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The multiplier's tier, with its own point and the next one."""
    if scheme.multipliers is None:
        return paid.clear()
    rows = paid.filter(scheme.axes.kinds[MULTIPLY][_benefits(paid)] != NONE)
    benefit, figures = _benefits(rows), scaled_inputs(rows)
    tier = scheme.multipliers.tier[place_on_pieces(scheme.multipliers, benefit, *place_rows(scheme.axes, MULTIPLY, benefit, rows, figures))]
    x = as_exact(*place_rows(scheme.axes, MULTIPLY, benefit, rows, figures.unscaled()))
    points = frames["multiplier_tiers"].rename({"tier": "factor_tier"})
    trace = rows.select("payout_key", "benefit_key", "multiplier", x.alias("x"), pl.Series("factor_tier", tier, dtype=pl.Int32))
    following = points.with_columns(pl.col("factor_tier") - 1).rename({"from_value": "next_from", "factor": "next_factor"})
    for point in (points, following):
        trace = trace.join(point, on=["benefit_key", "factor_tier"], how="left", maintain_order="left")
    return trace.join(frames["multipliers"], on="benefit_key", maintain_order="left")


def _trace_cells(paid: pl.DataFrame, scheme: Scheme, frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The corners of every payout's cell: the weight of each and what it pays. They add up to curve_payout."""
    rows = paid.filter((pl.col("method") == "matrix") & (pl.col("tier") > 0) & pl.col("each").is_null() & pl.Series(~is_amended(paid), dtype=pl.Boolean))
    if scheme.columns is None or rows.is_empty():
        return paid.clear()
    benefit, figures = _benefits(rows), scaled_inputs(rows).unscaled()
    (x, x_divisor), (y, y_divisor) = (place_rows(scheme.axes, slot, benefit, rows, figures) for slot in (CURVE, COLUMNS))
    column = scheme.columns.tier[place_on_pieces(scheme.columns, benefit, y, y_divisor)]
    rows = rows.with_columns(pl.Series("column_no", column, dtype=pl.Int32))
    down, down_divisor = _interpolation(rows, "tier", frames["tiers"], x, x_divisor)
    across, across_divisor = _interpolation(rows, "column_no", frames["matrix_columns"], y, y_divisor)
    corners = []
    for n, (next_row, next_column) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        weight = (down if next_row else down_divisor - down) * (across if next_column else across_divisor - across)
        divisor = down_divisor * across_divisor
        corner = rows.select("payout_key", "benefit_key", "matrix_method", pl.col("tier") + next_row, pl.col("column_no") + next_column).join(
            frames["matrix_cells"], on=["benefit_key", "tier", "column_no"], how="left", maintain_order="left"
        )
        multiplied = {"rate": figures.base, "amount": figures.divisor, "share": figures.incentive}
        pays = sum(integers(corner[form]) * multiplied[form] for form in GRID_FORMS)
        corners.append(
            corner.with_columns(
                pl.lit(n, pl.Int32).alias("corner"),
                as_exact(weight, divisor).alias("weight"),
                as_exact(weight * pays, divisor * (figures.divisor * EXACT_SCALE)).alias("cell_payout"),
            ).filter(pl.Series(weight != 0, dtype=pl.Boolean) | (pl.col("corner") == 0))
        )
    return pl.concat(corners)


def _interpolation(rows: pl.DataFrame, number: str, starts: pl.DataFrame, x: np.ndarray, divisor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The position of x between its row (column) and the next, from 0 to 1, as a ratio; 0 in a look-up and beyond the last."""
    points = starts.select("benefit_key", number, "from_value")
    found = rows.select("benefit_key", number, "matrix_method").join(points, on=["benefit_key", number], how="left", maintain_order="left")
    following = points.with_columns(pl.col(number) - 1).rename({"from_value": "next_from"})
    found = found.join(following, on=["benefit_key", number], how="left", maintain_order="left")
    start, end = integers(found["from_value"]), integers(found["next_from"])
    is_between = ((found["matrix_method"] == "linear") & found["next_from"].is_not_null()).to_numpy()
    return choose(is_between, x * EXACT_SCALE - start * divisor, 0), choose(is_between, (end - start) * divisor, 1)
