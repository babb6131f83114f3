"""The slices of graduated payouts, one by one: what explain and the calculation steps show.

Belongs here: cutting a measure at the thresholds. Does not belong here: the payout itself, which curves.py computes in one piece.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from models.curves import PAY_FORMS, START_SCALE, choose
from models.money import as_figure
from models.payouts import SCALE, axis_unit, figures_of, integers, threshold


def cut_slices(payouts: pl.DataFrame, tiers: pl.DataFrame) -> pl.DataFrame:
    """One row per graduated payout × tier reached, with slice_from, slice_to, slice and slice_payout; they add up to curve_payout.

    payouts: one row per payout as payouts.evaluate_curves gives them, not blocked. tiers: `terms.tiers` of the same benefits.
    The last slice ends at the measure. Where the measure is 0 or less, slices are 0 and only lump amounts and shares pay.
    """
    ends = tiers.sort("benefit_key", "tier").with_columns(pl.col("from_value").shift(-1).over("benefit_key").alias("next_from"))
    rows = (
        payouts.filter((pl.col("method") == "graduated") & (pl.col("tier") > 0))
        .drop("tier", *PAY_FORMS, strict=False)
        .join(payouts.select("payout_key", pl.col("tier").alias("tier_reached")), on="payout_key")
        .join(ends, on="benefit_key")
        .filter(pl.col("tier") <= pl.col("tier_reached"))
        .sort("payout_key", "tier")
    )
    figures = figures_of(rows)
    is_last = (rows["tier"] == rows["tier_reached"]).to_numpy()
    start, step = threshold(rows, figures, integers(rows["from_value"]))
    end, _ = threshold(rows, figures, integers(rows["next_from"]))
    measure = figures.measure * step
    end = choose(is_last, measure, end)
    has_slices = (measure > 0).astype(bool)
    length = choose(has_slices, end - start, 0)
    # rate and per_unit multiply the slice's part of the base and of the quantity; all over measure × START_SCALE
    divisor = choose(has_slices, measure, 1)
    sliced = length * (integers(rows["rate"]) * figures.base + integers(rows["per_unit"]) * figures.quantity)
    unit = axis_unit(rows, figures)
    # the length of x is the slice in units of the axis
    x_length = (end - start) * integers(rows["share"]) * figures.incentive
    numerator = sliced * unit * step + (integers(rows["amount"]) * SCALE * unit * step + x_length) * divisor
    return rows.with_columns(
        as_figure(start, np.full(len(start), SCALE * step, dtype=object)).alias("slice_from"),
        as_figure(end, np.full(len(start), SCALE * step, dtype=object)).alias("slice_to"),
        as_figure(length, np.full(len(start), SCALE * step, dtype=object)).alias("slice"),
        as_figure(numerator, divisor * unit * step * SCALE * START_SCALE).alias("slice_payout"),
    )
