"""Opening balances: what a window brings along from before the book began.

Belongs here: adding them to sums, to what is carried, and to accruals. Does not belong here: which balances count (staging.stg_balances), their lines
(SQL: int_payout_lines_allocated).
"""

from __future__ import annotations

import polars as pl

from models.money import EXACT, MONEY

_PERIOD = ("agreement_id", "benefit_id", "participant_key", "period_no")
_WINDOW = ("agreement_id", "benefit_id", "participant_key", "window_start")
#: What a balance adds to, and its column.
SUMS = {"measure": "opening_measure", "base": "opening_base", "quantity": "opening_quantity"}


def open_periods(rows: pl.DataFrame, openings: pl.DataFrame) -> pl.DataFrame:
    """The rows with what balances add to measure, base and quantity in their period. rows: payout × period."""
    sums = openings.group_by(_PERIOD).agg(pl.col(name).sum().cast(EXACT) for name in SUMS.values())
    return rows.join(sums, on=_PERIOD, how="left", maintain_order="left").with_columns(pl.col(name).fill_null(0) for name in SUMS.values())


def pool_openings(openings: pl.DataFrame, benefits: pl.DataFrame, participants: pl.DataFrame) -> pl.DataFrame:
    """The balances with those of placed pools once for every member: what all members have together."""
    placed = benefits.filter(pl.col("pool") == "placed")
    if placed.is_empty() or openings.is_empty():
        return openings
    members = placed.select("agreement_key", "agreement_id").unique().join(participants, on="agreement_key").select("agreement_id", "participant_key").unique()
    pools = openings.join(placed.select("agreement_id").unique(), on="agreement_id", how="semi").drop("participant_key").join(members, on="agreement_id")
    return pl.concat([openings.join(placed, on="agreement_id", how="anti"), pools.select(openings.columns)])


def open_windows(rows: pl.DataFrame, openings: pl.DataFrame) -> pl.DataFrame:
    """The rows with `opening_carried`, what the window still has to set off when it begins. rows: one per payout."""
    if openings.is_empty():
        return rows
    carried = openings.select(*_WINDOW, pl.col("opening_carried").cast(MONEY))
    return rows.join(carried, on=_WINDOW, how="left", maintain_order="left").with_columns(pl.col("opening_carried").fill_null(0))


def open_accruals(accruals: pl.DataFrame, payouts: pl.DataFrame, openings: pl.DataFrame) -> pl.DataFrame:
    """The accruals of windows with a balance begin in the period of its day, with what has been accrued before. Earlier periods have no row.

    accruals: one row per payout × period, in order. payouts: with payout_key and what names a window.
    """
    if openings.is_empty():
        return accruals
    opened = payouts.select("payout_key", *_WINDOW).join(openings, on=_WINDOW).select("payout_key", "opening_accrued", opened_in="period_no")
    is_first = pl.col("payout_key") != pl.col("payout_key").shift(1).fill_null(-1)
    return (
        accruals.join(opened, on="payout_key", how="left", maintain_order="left")
        .filter(pl.col("opened_in").is_null() | (pl.col("period_no") >= pl.col("opened_in")))
        .with_columns(pl.when(is_first).then(pl.col("opening_accrued").fill_null(0)).otherwise("accrued_before").cast(MONEY).alias("accrued_before"))
        .with_columns((pl.col("accrued_to_date") - pl.col("accrued_before")).cast(MONEY).alias("accrual"))
        .drop("opening_accrued", "opened_in")
    )


def open_lines(lines: pl.DataFrame, openings: pl.DataFrame) -> pl.DataFrame:
    """One line per balance for benefits that pay each line, the first on its day. lines: with place and date."""
    places = lines.select("participant_key", "place", pl.col("date").alias("line_date")).unique()
    before = openings.join(places, on="participant_key", how="left")
    is_before = pl.col("line_date") < pl.col("date")
    return before.group_by(openings.columns, maintain_order=True).agg((pl.col("place").filter(is_before).max().fill_null(-1) + 1).alias("place"))
