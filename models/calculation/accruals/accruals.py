"""Accruals: what is owed to date, period by period.

Belongs here: the accruals of a window. Does not belong here: what a placement has earned to date (forecasts.py), closing and posting.
"""

from __future__ import annotations

import polars as pl

from models.calculation.earnings.best_of_group import combine_accruals
from models.calculation.measures.period_rows import keep_period_ends
from models.money import MONEY


def accrue_periods(rows: pl.DataFrame, settled: pl.DataFrame, periods: pl.DataFrame) -> pl.DataFrame:
    """The accrual to date, before and in each fiscal period.

    rows: one row per payout × slot with accrual_earned (of the span, by the end of the period) and is_end, in order. settled: the result of
    best_of_group.combine_payouts. periods: `terms.periods`. The accrual to date is what the span has earned minus what its earlier windows were paid, by
    the clawback rule and after groups are compared, so that in the last period it equals the payout. A blocked result accrues nothing.
    """
    zero = pl.lit(0, MONEY)
    windows = settled.select("payout_key", "prior_paid_and_owed", "clawback", "status")
    path = rows.select("payout_key", "period_no", "accrual_earned", "is_end").join(windows, on="payout_key", maintain_order="left")
    difference = pl.col("accrual_earned") - pl.col("prior_paid_and_owed")
    to_date = pl.when(pl.col("clawback") == "pay").then(difference).otherwise(pl.max_horizontal(difference, zero))
    is_blocked = (pl.col("status") == "blocked") | pl.col("accrual_earned").is_null()
    accrued = path.with_columns(pl.when(is_blocked).then(zero).otherwise(to_date).cast(MONEY).alias("accrued_to_date")).drop(
        "status", "clawback", "prior_paid_and_owed"
    )
    return (
        combine_accruals(accrued, settled)
        .pipe(keep_period_ends, periods)
        .with_columns(pl.col("accrued_to_date").shift(1).over("payout_key").fill_null(zero).alias("accrued_before"))
        .with_columns((pl.col("accrued_to_date") - pl.col("accrued_before")).cast(MONEY).alias("accrual"))
        .select("payout_key", "period_no", "accrued_to_date", "accrued_before", "accrual")
    )
