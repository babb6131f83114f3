"""Clawbacks: what each window pays after earlier windows are set off.

Belongs here: spans, prior earned and the three clawback rules. Does not belong here: what a span earned (payouts.py), groups (best_of_group.py).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from models.calculation.earnings.bounds import refuse_large_amounts
from models.money import MONEY, MOST_MONEY, as_money

#: Money that may be twice as large as what is paid.
DIFFERENCE = pl.Decimal(38, 4)


def find_differences(rows: pl.DataFrame) -> pl.DataFrame:
    """`prior_earned`, what earlier windows of the span earned, and `difference`, what the window adds to it; a blocked window adds 0.

    rows: one row per payout, ordered by series, participant and window, with earned (null: blocked) and span_start.
    """
    of_span = ("series_key", "participant_key", "span_start")
    earned = pl.col("earned").cast(DIFFERENCE)
    before = earned.forward_fill().shift(1).over(of_span).fill_null(0)
    return rows.with_columns(before.cast(MONEY).alias("prior_earned"), (earned - before).fill_null(0).cast(DIFFERENCE).alias("difference"))


def apply_clawback(rows: pl.DataFrame) -> pl.DataFrame:
    """What each window pays: what it adds to what its span earned, by the clawback rule.

    rows: one row per payout of find_differences, ordered by series, participant and window, with clawback, span_end and window_end.
    Adds payout, carried (clawback still to be set off) and prior_paid_and_owed (what the accrual to date is measured from).
    pay: a negative difference is paid back at once. carry: it is owed, and set off against later windows. none: the same within the span, and the
    rest is forgiven at its end. Versions of a benefit may have different rules. Each window follows its own rule, also for what was owed before it.
    """
    differences, before = (rows[name].to_physical().cast(pl.Int64).to_numpy() for name in ("difference", "prior_earned"))
    is_blocked = rows["earned"].is_null().to_numpy()
    starts_series = changes(rows, "series_key", "participant_key")
    ends_span = (rows["window_end"] == rows["span_end"]).to_numpy()
    rule = rows["clawback"].to_numpy()
    pays, forgives = (rule == "pay") & ~is_blocked, (rule == "none") & ends_span
    opened = rows["opening_carried"].to_physical().cast(pl.Int64).to_numpy() if "opening_carried" in rows.columns else np.zeros(len(rows), dtype=np.int64)
    owed_before, payout, carried = (np.zeros(len(rows), dtype=np.int64) for _ in range(3))
    # all series at once, one window after the other: a series has at most as many windows as its term has periods
    for here in windows_by_position(starts_series):
        owed_before[here] = owed = carried[here - 1] + opened[here]  # 0 for the first windows, because nothing is carried before them
        difference = differences[here]
        payout[here] = np.where(pays[here], difference - owed, np.maximum(difference - owed, 0))
        carried[here] = np.where(pays[here] | forgives[here], 0, np.maximum(owed - difference, 0))
        # before it could pass 64 bits: a window adds less than 3 × 10^18
        if (np.maximum(abs(payout[here]), carried[here]) >= MOST_MONEY).any():
            refuse_large_amounts(rows[here], payout[here], "pays")
            refuse_large_amounts(rows[here], carried[here], "carries a clawback of")
    return rows.with_columns(
        as_money(payout.tolist()).alias("payout"),
        as_money(carried.tolist()).alias("carried"),
        as_money((before + owed_before).tolist()).alias("prior_paid_and_owed"),
    )


def changes(rows: pl.DataFrame, *columns: str) -> npt.NDArray[np.bool_]:
    """Whether a row differs from the one before it; true for the first row."""
    run = rows.select(pl.struct(columns).rle_id()).to_series()
    return (run != run.shift(1, fill_value=run.len())).to_numpy()


def windows_by_position(starts: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int64]]:
    """The row indexes of the first windows of all series, then of the second windows, and so on."""
    first = np.flatnonzero(starts)
    position = np.arange(len(starts)) - first[np.cumsum(starts) - 1]
    order = np.argsort(position, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(position[order])) + 1)
