"""Targets to date: what an accumulated benefit has earned while its window is open, with target and baseline as far as the window has gone.

A window that has just begun has the target of its end. Compared with that, its span would have earned less than its ended windows did.
Belongs here: which rows are concerned, the figures of the window before, earned by the figures to date. Does not belong here: how figures are
interpolated (inputs.py), other placements (forecasts.py).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from models.calculation.achievement import has_positive_target
from models.calculation.payouts import pay_results, place_results, round_payouts
from models.calculation.ranks import rank_rows
from models.currencies import Rounding
from models.curves.compiled import Scheme
from models.curves.inputs import scaled_inputs
from models.money import MONEY, as_money

SPAN = ("series_key", "participant_key", "span_start")


def earn_by_targets_to_date(rows: pl.DataFrame, axes: pl.DataFrame, scheme: Scheme, rounding: Rounding) -> pl.DataFrame:
    """`earned_to_date` and `tier_to_date` by `row`: of the periods of later windows of a span, before their windows end, with placement actual.

    rows: of payouts.evaluate_results, numbered by `row`. The target to date is that of the span's window before, plus the part of the difference
    for which days have gone; the baseline likewise.
    """
    is_concerned = ~pl.col("is_end") & (pl.col("placement") == "actual") & (pl.col("window_start") > pl.col("span_start"))
    has_figure = (pl.col("target_source") != "none") | (pl.col("baseline_source") != "none")
    concerned = rows.filter(is_concerned & has_figure)
    if concerned.is_empty():
        return pl.DataFrame(schema={"row": rows["row"].dtype, "earned_to_date": MONEY, "tier_to_date": pl.Int32})
    start, end = pl.col("window_start"), pl.col("window_end")
    concerned = concerned.join(_figures_before(rows), on="payout_key", maintain_order="left").with_columns(
        ((pl.col("counted_until") - start).dt.total_days() + 1).alias("days_gone"), ((end - start).dt.total_days() + 1).alias("window_days")
    )
    # participants whose own result is blocked are ranked too
    placed = rank_rows(concerned, axes).with_columns(concerned["row"]).filter(pl.col("reason").is_null())
    figures, benefit = scaled_inputs(placed), placed["benefit_key"].to_numpy().astype(np.int64)
    place = place_results(placed, figures, scheme, benefit, np.zeros(len(benefit), dtype=bool))
    paid = pay_results(placed, figures, scheme, benefit, np.ones(len(benefit), dtype=bool), place)
    earned = as_money(round_payouts(placed, paid.earned, rounding).tolist())
    return pl.DataFrame({"row": placed["row"], "earned_to_date": earned, "tier_to_date": pl.Series(place.tier, dtype=pl.Int32)})


def _figures_before(rows: pl.DataFrame) -> pl.DataFrame:
    """Target and baseline of the span's window before, by payout_key; null in the first window, and where that window has none that can be used."""
    target = pl.when(has_positive_target() & ~pl.col("missing_prior_target")).then("target")
    is_usable = ~pl.col("missing_prior_baseline") & ((pl.col("baseline") > 0) | ~pl.col("axis_needs_positive_baseline"))
    windows = rows.unique("payout_key").sort(*SPAN, "window_start")
    return windows.select(
        "payout_key",
        target.shift(1).over(SPAN).alias("target_before"),
        *(pl.col(name).shift(1).over(SPAN).alias(f"{name}_before") for name in ("target_times", "weight_to_date", "weight_of_year")),
        pl.when(is_usable).then("baseline").shift(1).over(SPAN).alias("baseline_before"),
    )
