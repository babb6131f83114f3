"""Clawbacks: what each window pays once earlier windows have been set off.

Belongs here: spans, prior earned and the three clawback rules. Does not belong here: what a span earned (payouts.py), groups (best_of_group.py).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from models.money import MONEY, as_money


def apply_clawback(rows: pl.DataFrame) -> pl.DataFrame:
    """What each window pays: what its span earned, minus what earlier windows of the span earned, by the clawback rule.

    rows: one row per payout, in the order series, participant, window, with earned (null: blocked), clawback, span_start, span_end, window_end.
    Adds prior_earned, payout, carried (clawback still to be set off) and prior_paid_and_owed (what accrued-to-date is measured from).
    pay: a negative difference is paid back at once. carry: it is owed, and set off against later windows. none: the same within the span; what is
    left at its end is forgiven. Versions of a benefit may have different rules: each window goes by its own, also with what it finds owed.
    """
    earned = rows["earned"].cast(MONEY).to_physical().fill_null(0).cast(pl.Int64).to_numpy()
    is_blocked = rows["earned"].is_null().to_numpy()
    starts_series = _changes(rows, "series_key", "participant_key")
    starts_span = _changes(rows, "series_key", "participant_key", "span_start")
    ends_span = (rows["window_end"] == rows["span_end"]).to_numpy()
    rule = rows["clawback"].to_numpy()
    pays, forgives = (rule == "pay") & ~is_blocked, (rule == "none") & ends_span
    before, owed_before, payout, carried = (np.zeros(len(rows), dtype=np.int64) for _ in range(4))
    # all series at once, window after window: a series has as many as its term has periods
    for here in _windows_in_turn(starts_series):
        is_later = ~starts_span[here]
        earned_before = np.where(is_blocked[here - 1], before[here - 1], earned[here - 1])
        before[here] = np.where(is_later, earned_before, 0)
        owed_before[here] = owed = carried[here - 1]  # 0 for the first windows, which are settled before anything is carried
        difference = np.where(is_blocked[here], 0, earned[here] - before[here])
        payout[here] = np.where(pays[here], difference - owed, np.maximum(difference - owed, 0))
        carried[here] = np.where(pays[here] | forgives[here], 0, np.maximum(owed - difference, 0))
    return rows.with_columns(
        as_money(before.tolist()).alias("prior_earned"),
        as_money(payout.tolist()).alias("payout"),
        as_money(carried.tolist()).alias("carried"),
        as_money((before + owed_before).tolist()).alias("prior_paid_and_owed"),
    )


def _changes(rows: pl.DataFrame, *columns: str) -> npt.NDArray[np.bool_]:
    """Whether a row differs from the one before it; the first one does."""
    run = rows.select(pl.struct(columns).rle_id()).to_series()
    return (run != run.shift(1, fill_value=run.len())).to_numpy()


def _windows_in_turn(starts: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int64]]:
    """The first window of every series, then the second of those that have one, and so on, as places of rows."""
    first = np.flatnonzero(starts)
    position = np.arange(len(starts)) - first[np.cumsum(starts) - 1]
    order = np.argsort(position, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(position[order])) + 1)
