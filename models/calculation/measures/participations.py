"""Participants who take part on some days only: which windows they have, and what their days count.

Belongs here: days of participations. Does not belong here: whose lines count on them (dbt_project/, int_memberships), what a part of a window scales.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

_WHO = ("agreement_key", "participant_key")
#: A factor has six decimals.
_FACTOR_SCALE = 10**6


def keep_own_windows(listed: pl.DataFrame, participations: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """The rows of windows in which their participant takes part, on a day that has come; with `days` / `of_days` of its own where they are prorated.

    listed: one row per benefit × participant × window. participations: one row per agreement_key × participant_key × span
    of days; who has none takes part on all days.
    """
    if participations.is_empty():
        return listed
    listed = listed.with_columns(pl.int_range(pl.len()).alias("row"))
    begin, end = pl.max_horizontal("first_day", "window_start"), pl.min_horizontal("last_day", "window_end")
    days = (end - begin).dt.total_days() + 1
    factor = (pl.col("factor") * _FACTOR_SCALE).cast(pl.Int64)
    taken = (
        listed.select("row", *_WHO, "window_start", "window_end")
        .join(participations, on=_WHO)
        .filter(begin <= end)
        .group_by("row")
        .agg((days * factor).sum().alias("own"), begin.min().alias("begins"))
    )
    restricted = participations.select(*_WHO, pl.lit(True).alias("is_restricted")).unique()
    whole_days = (pl.col("whole_end") - pl.col("whole_start")).dt.total_days() + 1
    # in days where they are whole days, for people to read
    scale = pl.when(pl.col("own") % _FACTOR_SCALE == 0).then(_FACTOR_SCALE).otherwise(1)
    own, of_days = pl.col("own") // scale, whole_days * _FACTOR_SCALE // scale
    is_part = (pl.col("prorate") == "days") & own.is_not_null() & (own != of_days)
    return (
        listed.join(restricted, on=_WHO, how="left", maintain_order="left")
        .join(taken, on="row", how="left", maintain_order="left")
        .filter(pl.col("is_restricted").is_null() | (pl.col("begins") <= as_of))
        .with_columns(
            pl.when(is_part).then(own).when(own.is_not_null()).then(1).otherwise("days").alias("days"),
            pl.when(is_part).then(of_days).when(own.is_not_null()).then(1).otherwise("of_days").alias("of_days"),
        )
        .drop("is_restricted", "own", "begins", "row")
    )


def count_own_days(rows: pl.DataFrame, participations: pl.DataFrame) -> pl.DataFrame:
    """`own_days_gone` and `own_days`: of who takes part on some days only, the days of the span that have gone, and those up to the window's end.

    rows: one row per payout × period with counted_until. One row in, one out. The columns are there only where someone has such days.
    """
    if participations.is_empty():
        return rows
    begin = pl.max_horizontal("first_day", "span_start")

    def days_until(last: str) -> pl.Expr:
        days = (pl.min_horizontal("last_day", last) - begin).dt.total_days() + 1
        return pl.max_horizontal(days, pl.lit(0)).sum()

    found = (
        rows.select("payout_key", "period_no", *_WHO, "span_start", "counted_until", "window_end")
        .join(participations, on=_WHO)
        .group_by("payout_key", "period_no")
        .agg(days_until("counted_until").alias("own_days_gone"), days_until("window_end").alias("own_days"))
    )
    return rows.join(found, on=["payout_key", "period_no"], how="left", maintain_order="left")
