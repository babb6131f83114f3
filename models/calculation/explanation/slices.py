"""Slices: what each tier pays, for the methods that pay on every tier reached. `explain` and the calculation steps show them.

Belongs here: cutting a measure at the thresholds. Does not belong here: the payout itself, which pieces.py computes as a whole.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from models.curves.axes import axis_unit, in_units, threshold
from models.curves.compiled import PAYS_LINES, Scheme
from models.curves.inputs import integers, scaled_inputs
from models.curves.pieces import START_SCALE, choose
from models.curves.vocabulary import CURVE, PAY_FORMS
from models.money import EXACT, as_exact

SLICED = ("graduated", "rolling", "total", "running")


def cut_slices(payouts: pl.DataFrame, tiers: pl.DataFrame, scheme: Scheme, paid_lines: pl.DataFrame) -> pl.DataFrame:
    """One row per payout × tier reached, with slice_from, slice_to, slice and slice_payout, which add up to curve_payout.

    payouts: one row per payout of payouts.evaluate_results that is not blocked. tiers: `terms.tiers` of the same benefits. paid_lines: of
    line_payments.list_pieces: what tiers pay lines one by one, instead of slices.
    graduated: a slice is the measure between two thresholds, and the last one ends at the measure. Where the measure is 0 or less, slices are 0 and
    only lump amounts and shares pay. rolling: the measure up to the next threshold. total: the base.
    """
    if "cuts" in payouts.columns:  # each version has slices of its own
        payouts = payouts.filter(pl.col("cuts").is_null())
    ends = tiers.sort("benefit_key", "tier").with_columns(pl.col("from_value").shift(-1).over("benefit_key").alias("next_from"))
    rows = (
        payouts.filter(pl.col("method").is_in(SLICED) & ((pl.col("tier") > 0) | PAYS_LINES) & pl.col("each").is_null())
        .drop("tier", *PAY_FORMS, strict=False)
        .join(payouts.select("payout_key", pl.col("tier").alias("tier_reached")), on="payout_key")
        .join(ends, on="benefit_key")
        .join(paid_lines, on=["payout_key", "tier"], how="left")
        # lines may have been paid by a tier that the measure has left since
        .filter((pl.col("tier") <= pl.col("tier_reached")) | pl.col("line_payout").is_not_null())
        .sort("payout_key", "tier")
    )
    figures = scaled_inputs(rows)
    kind = scheme.axes.kinds[CURVE][rows["benefit_key"].to_numpy().astype(np.int64)]
    is_graduated, is_total = (rows["method"] == "graduated").to_numpy(), (rows["method"] == "total").to_numpy()
    is_last = (rows["tier"] == rows["tier_reached"]).to_numpy()
    start, step = threshold(kind, figures, integers(rows["from_value"]))
    end, _ = threshold(kind, figures, integers(rows["next_from"]))
    end = choose(is_last, figures.measure * step, end)
    start, end = choose(is_graduated, start, 0), choose(is_total, figures.base * step, end)
    has_slices = (figures.measure > 0).astype(bool)
    length = choose(is_graduated & ~has_slices, 0, end - start)
    # with graduated, rate and per_unit multiply the slice's part of the base and of the quantity
    is_part = is_graduated & has_slices
    measure = choose(is_part, figures.measure, 1)
    rate, per_unit = choose(is_part, figures.base, 1), choose(is_part, figures.quantity, 0)
    by_line, is_reached = scheme.by_line[rows["benefit_key"].to_numpy()], (rows["tier"] <= rows["tier_reached"]).to_numpy()
    has_rate = choose(by_line, 0, 1)
    sliced = has_rate * length * (integers(rows["rate"]) * rate + integers(rows["per_unit"]) * per_unit)
    # the length of x is the slice in units of the axis; it has the same divisor as the amounts
    unit = choose(in_units(kind), figures.divisor, axis_unit(kind, figures))
    x_length = (end - start) * integers(rows["share"]) * figures.incentive
    lump = integers(rows["amount"]) * figures.part * step
    numerator = choose(is_reached, (sliced + lump * measure) * unit + choose(is_graduated, x_length, 0) * measure, 0)
    over = np.zeros(len(start), dtype=object) + figures.divisor * step
    return rows.with_columns(
        as_exact(start, over).alias("slice_from"),
        as_exact(end, over).alias("slice_to"),
        as_exact(length, over).alias("slice"),
        (as_exact(numerator, measure * unit * over * START_SCALE) + pl.Series(rows["line_payout"].fill_null(0))).cast(EXACT).alias("slice_payout"),
    )
