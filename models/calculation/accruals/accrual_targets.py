"""Targets to date: what an accumulated benefit has earned while its window is open, with target and baseline as far as the window has gone.

A window that has just begun has the target of its end. Compared with that, its span would have earned less than its ended windows did.
Belongs here: which rows are concerned, the figures of the window before, earned by the figures to date. Does not belong here: how figures are
interpolated (inputs.py), other placements (forecasts.py).
"""

from __future__ import annotations

import polars as pl

from models.calculation.earnings.payouts import Earned, earn_figures
from models.calculation.measures.achievement import has_positive_target
from models.calculation.places.ranks import rank_rows
from models.currencies import Rounding
from models.curves.axes import see_others, sees_differently
from models.curves.compiled import Scheme
from models.curves.inputs import scaled_inputs

SPAN = ("series_key", "participant_key", "span_start")


def earn_by_targets_to_date(rows: pl.DataFrame, axes: pl.DataFrame, scheme: Scheme, rounding: Rounding, *wanted: pl.Expr) -> list[Earned]:
    """What the periods of later windows of a span earn before their windows end, of the rows that are wanted; and those that look at such a row.

    rows: of payouts.evaluate_results, numbered by `row`. The target to date is that of the span's window before, plus the part of the difference
    for which days have gone; the baseline likewise.
    """
    has_figure = (pl.col("target_source") != "none") | (pl.col("baseline_source") != "none")
    is_later = has_figure & (pl.col("window_start") > pl.col("span_start"))
    is_open = pl.all_horizontal(~pl.col("is_end"), *wanted)
    concerned = rows.filter(is_open & is_later)
    looking = rows.filter(is_open & ~is_later & sees_differently(rows, "to_date") & pl.col("reason").is_null())
    found = [_earn_to_date(rows, concerned, axes, scheme, rounding)] if len(concerned) else []
    return [*found, earn_figures(see_others(looking, "to_date"), scaled_inputs, scheme, rounding)] if len(looking) else found


def _earn_to_date(rows: pl.DataFrame, concerned: pl.DataFrame, axes: pl.DataFrame, scheme: Scheme, rounding: Rounding) -> Earned:
    start, end = pl.col("window_start"), pl.col("window_end")
    concerned = concerned.join(_figures_before(rows), on="payout_key", maintain_order="left").with_columns(
        ((pl.col("counted_until") - start).dt.total_days() + 1).alias("days_gone"), ((end - start).dt.total_days() + 1).alias("window_days")
    )
    # participants whose own result is blocked are ranked too
    placed = rank_rows(concerned, axes).with_columns(concerned["row"]).filter(pl.col("reason").is_null())
    return earn_figures(see_others(placed, "to_date"), scaled_inputs, scheme, rounding)


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
