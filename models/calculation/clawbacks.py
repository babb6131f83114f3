"""Clawbacks: what each window pays after earlier windows are set off.

Belongs here: spans, prior earned and the three clawback rules. Does not belong here: what a span earned (payouts.py), groups (best_of_group.py).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from models.calculation.bounds import refuse_large_amounts
from models.money import MONEY, MOST_MONEY, as_money


def apply_clawback(rows: pl.DataFrame) -> pl.DataFrame:
    """What each window pays: what its span earned, minus what earlier windows of the span earned, by the clawback rule.

    rows: one row per payout, ordered by series, participant and window, with earned (null: blocked), clawback, span_start, span_end, window_end.
    Adds prior_earned, payout, carried (clawback still to be set off) and prior_paid_and_owed (what the accrual to date is measured from).
    pay: a negative difference is paid back at once. carry: it is owed, and set off against later windows. none: the same within the span, and the
    rest is forgiven at its end. Versions of a benefit may have different rules. Each window follows its own rule, also for what was owed before it.
    """
    earned = rows["earned"].cast(MONEY).to_physical().fill_null(0).cast(pl.Int64).to_numpy()
    is_blocked = rows["earned"].is_null().to_numpy()
    starts_series = _changes(rows, "series_key", "participant_key")
    starts_span = _changes(rows, "series_key", "participant_key", "span_start")
    ends_span = (rows["window_end"] == rows["span_end"]).to_numpy()
    rule = rows["clawback"].to_numpy()
    pays, forgives = (rule == "pay") & ~is_blocked, (rule == "none") & ends_span
    before, owed_before, payout, carried = (np.zeros(len(rows), dtype=np.int64) for _ in range(4))
    # all series at once, one window after the other: a series has at most as many windows as its term has periods
    for here in _windows_by_position(starts_series):
        is_later = ~starts_span[here]
        earned_before = np.where(is_blocked[here - 1], before[here - 1], earned[here - 1])
        before[here] = np.where(is_later, earned_before, 0)
        owed_before[here] = owed = carried[here - 1]  # 0 for the first windows, because nothing is carried before them
        difference = np.where(is_blocked[here], 0, earned[here] - before[here])
        payout[here] = np.where(pays[here], difference - owed, np.maximum(difference - owed, 0))
        carried[here] = np.where(pays[here] | forgives[here], 0, np.maximum(owed - difference, 0))
        # before it could pass 64 bits: a window adds less than 3 × 10^18
        if (np.maximum(abs(payout[here]), carried[here]) >= MOST_MONEY).any():
            refuse_large_amounts(rows[here], payout[here], "pays")
            refuse_large_amounts(rows[here], carried[here], "carries a clawback of")
    return rows.with_columns(
        as_money(before.tolist()).alias("prior_earned"),
        as_money(payout.tolist()).alias("payout"),
        as_money(carried.tolist()).alias("carried"),
        as_money((before + owed_before).tolist()).alias("prior_paid_and_owed"),
    )


def _changes(rows: pl.DataFrame, *columns: str) -> npt.NDArray[np.bool_]:
    """Whether a row differs from the one before it; true for the first row."""
    run = rows.select(pl.struct(columns).rle_id()).to_series()
    return (run != run.shift(1, fill_value=run.len())).to_numpy()


def _windows_by_position(starts: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int64]]:
    """The row indexes of the first windows of all series, then of the second windows, and so on."""
    first = np.flatnonzero(starts)
    position = np.arange(len(starts)) - first[np.cumsum(starts) - 1]
    order = np.argsort(position, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(position[order])) + 1)
