"""Limits of an agreement: what all its benefits together earn in a span, capped and lifted.

Belongs here: the part of each window in a sum that is limited. Does not belong here: which span a window is in and what limits hold there
(models/agreements/agreement_limits.py), limits of one benefit (payouts.py).
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from models.calculation.earnings.clawbacks import DIFFERENCE
from models.money import MONEY

#: Results that are limited together.
SPAN = ("agreement_id", "participant_key", "limited_until")
#: Their order: a later window has what earlier ones leave.
IN_SPAN = ("window_end", "benefit_key")


def limit_differences(settled: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """`difference`, what each window adds to what its own span has earned, with the limits of its agreement.

    settled: one row per payout with difference of clawbacks.find_differences. One row in, one out. In order, each window keeps its own part of the
    running sum, which at_most caps. The last one is lifted to at_least, once the span has ended and nothing in it is blocked.
    """
    limited = settled.filter(pl.col("limited_until").is_not_null())
    if limited.is_empty():
        return settled
    parts = _parts_of_sum(limited.sort(*SPAN, *IN_SPAN), SPAN)
    is_last = pl.col("payout_key") == pl.col("payout_key").last().over(SPAN)
    is_whole = (pl.col("limited_until") <= as_of) & ~pl.col("earned").is_null().any().over(SPAN)
    missing = pl.max_horizontal(pl.col("lifted_to") - pl.col("part").sum().over(SPAN), pl.lit(0, DIFFERENCE))
    lifted = parts.with_columns(pl.when(is_last & is_whole & pl.col("lifted_to").is_not_null()).then(missing).otherwise(pl.lit(0, DIFFERENCE)).alias("lift"))
    found = lifted.select("payout_key", (pl.col("part") + pl.col("lift")).cast(DIFFERENCE).alias("part"))
    return (
        settled.join(found, on="payout_key", how="left", maintain_order="left").with_columns(pl.coalesce("part", "difference").alias("difference")).drop("part")
    )


def limit_accruals(rows: pl.DataFrame, settled: pl.DataFrame) -> pl.DataFrame:
    """`accrual_earned` with the limits of the agreement: of what all its benefits have accrued by the end of the period.

    rows: one row per payout × period of forecasts.forecast_rows. settled: of clawbacks.apply_clawback. One row in, one out.
    """
    limited = rows.filter(pl.col("limited_until").is_not_null())
    if limited.is_empty():
        return rows
    path = limited.join(settled.select("payout_key", "prior_earned", pl.col("difference").alias("paid")), on="payout_key").with_columns(
        (pl.col("accrual_earned") - pl.col("prior_earned")).fill_null(0).alias("difference")
    )
    grid = (
        path.select(*SPAN, *IN_SPAN, "payout_key", "limited_to")
        .unique()
        .join(path.select(*SPAN, "period_no").unique(), on=SPAN)
        .join(path.select("payout_key", "period_no", "difference"), on=["payout_key", "period_no"], how="left")
        .sort("payout_key", "period_no")
        # a window that has ended keeps its part, one that has not begun has none yet
        .with_columns(pl.col("difference").forward_fill().over("payout_key").fill_null(0))
        .sort(*SPAN, "period_no", *IN_SPAN)
    )
    found = (
        path.select("payout_key", "period_no", "is_end", "prior_earned", "paid")
        .join(_parts_of_sum(grid, (*SPAN, "period_no")).select("payout_key", "period_no", "part"), on=["payout_key", "period_no"])
        .with_columns((pl.col("prior_earned") + pl.when("is_end").then("paid").otherwise("part")).cast(MONEY).alias("limited_earned"))
        .select("payout_key", "period_no", "limited_earned")
    )
    is_limited = pl.col("limited_earned").is_not_null() & pl.col("accrual_earned").is_not_null()
    return (
        rows.join(found, on=["payout_key", "period_no"], how="left", maintain_order="left")
        .with_columns(pl.when(is_limited).then("limited_earned").otherwise("accrual_earned").alias("accrual_earned"))
        .drop("limited_earned")
    )


def _parts_of_sum(rows: pl.DataFrame, together: tuple[str, ...]) -> pl.DataFrame:
    """`part` of each row in the running sum of `difference`, which `limited_to` caps. Rows in their order within `together`."""
    running = pl.col("difference").cast(DIFFERENCE).cum_sum().over(together)
    return rows.with_columns(pl.min_horizontal(running, pl.col("limited_to").cast(DIFFERENCE)).alias("capped")).with_columns(
        (pl.col("capped") - pl.col("capped").shift(1).over(together).fill_null(0)).cast(DIFFERENCE).alias("part")
    )
