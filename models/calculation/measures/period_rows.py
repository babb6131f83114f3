"""From slots to fiscal periods: of the rows of a payout the last one in each period, which sees all of the period's days.

Belongs here: which rows are published. Does not belong here: where slots are cut (models/slots.py).
"""

from __future__ import annotations

import polars as pl


def keep_period_ends(rows: pl.DataFrame, periods: pl.DataFrame) -> pl.DataFrame:
    """The rows with the last slot of each fiscal period of a payout; `measure_period` becomes the period's.

    rows: one row per payout × slot, in order. periods: `terms.periods`. Where nothing is cut, these are all rows.
    """
    if periods["is_period_end"].all():
        return rows
    named = rows.join(periods.select("period_no", "period"), on="period_no", how="left", maintain_order="left")
    if "measure_period" in rows.columns:
        named = named.with_columns(pl.col("measure_period").sum().over("payout_key", "period"))
    is_last = pl.any_horizontal((pl.col(name) != pl.col(name).shift(-1)).fill_null(True) for name in ("payout_key", "period"))
    return named.filter(is_last).drop("period")
