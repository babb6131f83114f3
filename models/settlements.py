"""Settlements: what each window pays once earlier windows have been set off.

Belongs here: spans, prior earned and the three clawback rules. Does not belong here: what a span earned (payouts.py), groups (combinations.py).
"""

from __future__ import annotations

import polars as pl

from models.money import MONEY


def settle_windows(rows: pl.DataFrame) -> pl.DataFrame:
    """What each window pays: what its span earned, minus what earlier windows of the span earned, by the clawback rule.

    rows: one row per payout, in the order series, participant, window, with earned (null: blocked), clawback, span_start, span_end, window_end.
    Adds prior_earned, payout, carried (clawback still to be set off) and set_off (what accrued-to-date is measured from).
    carry: what was overpaid is set off against later windows, so the sum paid is the running maximum of the sum earned. none: the same
    within the span only. pay: a negative difference is paid back at once.
    """
    zero = pl.lit(0, MONEY)
    rows = rows.with_columns(
        pl.struct("series_key", "participant_key").rle_id().alias("series"), pl.struct("series_key", "participant_key", "span_start").rle_id().alias("span")
    )
    span, series = "span", "series"
    earned = pl.col("earned").forward_fill().over(span).fill_null(zero)
    is_blocked = pl.col("earned").is_null()
    rule = pl.col("clawback")
    return (
        rows.with_columns(earned.alias("span_earned"))
        .with_columns(_previous(pl.col("span_earned"), span).fill_null(zero).alias("prior_earned"))
        .with_columns((pl.col("span_earned") - pl.col("prior_earned")).alias("difference"))
        .with_columns(pl.when(rule == "none").then("span_earned").otherwise(pl.col("difference").cum_sum().over(series)).alias("sum_earned"))
        .with_columns(
            pl.when(rule == "none")
            .then(_previous(pl.col("sum_earned").cum_max().over(span), span))
            .otherwise(_previous(pl.col("sum_earned").cum_max().over(series), series))
            .fill_null(zero)
            .clip(lower_bound=zero)
            .alias("sum_paid_before")
        )
        .with_columns(
            pl.when(rule == "pay").then("difference").otherwise(pl.max_horizontal(pl.col("sum_earned") - pl.col("sum_paid_before"), zero)).alias("payout"),
            pl.when((rule == "pay") | ((rule == "none") & (pl.col("window_end") == pl.col("span_end"))))
            .then(zero)
            .otherwise(pl.max_horizontal(pl.col("sum_paid_before") - pl.col("sum_earned"), zero))
            .alias("carried"),
            pl.when(rule == "pay").then("prior_earned").otherwise(pl.col("sum_paid_before") - pl.col("sum_earned") + pl.col("span_earned")).alias("set_off"),
        )
        .with_columns(pl.when(is_blocked).then(zero).otherwise("payout").cast(MONEY).alias("payout"))
        .drop("series", "span", "span_earned", "difference", "sum_earned", "sum_paid_before")
        .with_columns(pl.col("prior_earned", "carried", "set_off").cast(MONEY))
    )


def _previous(values: pl.Expr, group: str) -> pl.Expr:
    """The value of the row before in the same group; null on the group's first row. Groups stand together."""
    return pl.when(pl.col(group) == pl.col(group).shift(1)).then(values.shift(1))
