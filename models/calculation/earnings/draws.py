"""Draws: what they pay beside other benefits, and the balance that later windows pay back.

Belongs here: what the other benefits pay, the balance from window to window, accruals of draws. Does not belong here: what other benefits pay, which
agreements go on with one balance (models/agreements/rules/draws.py), steps (explanation/draw_steps.py).

In a window E is what the others pay, and g the draw's amount. Where E < g it pays g − E, and what it may recover adds to the balance, up to the
ceiling. Else it takes back what exceeds g, up to the balance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from models.calculation.earnings.bounds import refuse_large_amounts
from models.calculation.earnings.clawbacks import changes, windows_by_position
from models.currencies import Rounding
from models.curves.inputs import EXACT_SCALE, integers
from models.money import EXACT, INTEGER, MONEY, MOST_MONEY, as_money, round_ratio

Amounts = npt.NDArray[np.int64]
#: The balance of one participant, through every agreement that goes on with it.
_OF_BALANCE = ("first_agreement_id", "benefit_id", "participant_key")


@dataclass(frozen=True)
class Draws:
    """The draws of a calculation.

    rows: one row per payout of a draw, in order of its balance, with `drawn_against` (E), `guaranteed` (g), `balance_before`, `balance`, `blocked_by`.
    parts: payout_key and against_key, the payouts that it is against, with benefit_id and payout.
    """

    rows: pl.DataFrame
    parts: pl.DataFrame

    @cached_property
    def is_blocked(self) -> npt.NDArray[np.bool_]:
        return self.rows["blocked_by"].is_not_null().to_numpy()

    @cached_property
    def ceiling(self) -> Amounts:
        """How far the balance grows, in whole payout units: as far as an amount may go where there is no ceiling."""
        unit = integers(self.rows["payout_unit"])
        whole = integers(self.rows["ceiling"]) * 10**4 // (unit * EXACT_SCALE) * unit
        return np.where(self.rows["ceiling"].is_null().to_numpy(), MOST_MONEY, whole).astype(np.int64)

    def pay(self, here: npt.NDArray[np.int64], against: Amounts, balance: Amounts) -> tuple[Amounts, Amounts]:
        """What the draws pay and their balance after it. here: indexes of rows; against: what the others pay; balance: before."""
        short = self._guaranteed[here] - against
        room = np.maximum(self.ceiling[here] - balance, 0)
        paid = np.where(short > 0, np.where(self._recovers[here], np.minimum(short, room), short), -np.minimum(balance, -short))
        grows = np.where((short > 0) & ~self._recovers[here], 0, paid)
        blocked = self.is_blocked[here]
        return np.where(blocked, 0, paid), np.where(blocked, balance, balance + grows)

    @cached_property
    def _guaranteed(self) -> Amounts:
        return _ten_thousandths(self.rows["guaranteed"])

    @cached_property
    def _recovers(self) -> npt.NDArray[np.bool_]:
        return self.rows["recovers"].to_numpy()


def find_draws(settled: pl.DataFrame, draws: pl.DataFrame, rounding: Rounding) -> Draws | None:
    """The draws among the payouts, with their balances; None where there are none.

    settled: one row per payout of best_of_group.combine_payouts. draws: `terms.draws`.
    """
    due = settled.join(draws, on="benefit_key").sort(*_OF_BALANCE, "window_end", "agreement_id", "window_start")
    if due.is_empty():
        return None
    parts = _payouts_against(due, settled)
    is_blocked = pl.col("status") == "blocked"
    sums = parts.group_by("payout_key").agg(pl.col("payout").sum().alias("drawn_against"), pl.col("benefit_id").filter(is_blocked).first().alias("blocked_by"))
    amount, unit = integers(due["draw_amount"]) * integers(due["days"]), integers(due["payout_unit"])
    guaranteed = round_ratio(amount * 10**4, integers(due["of_days"]) * EXACT_SCALE * unit, rounding) * unit
    rows = due.join(sums, on="payout_key", how="left", maintain_order="left").with_columns(
        pl.col("drawn_against").fill_null(0).cast(MONEY), as_money(guaranteed.tolist()).alias("guaranteed")
    )
    found = Draws(rows, parts.select("payout_key", "against_key", "benefit_id", "payout"))
    against = _ten_thousandths(rows["drawn_against"])
    before, balance, payout = (np.zeros(len(rows), dtype=np.int64) for _ in range(3))
    opened = _ten_thousandths(rows["opening_carried"]) if "opening_carried" in rows.columns else before.copy()
    # all balances at once, one window after the other
    for here in windows_by_position(changes(rows, *_OF_BALANCE)):
        before[here] = balance[here - 1] + opened[here]  # 0 for the first windows, because nothing is there before them
        payout[here], balance[here] = found.pay(here, against[here], before[here])
        if (np.maximum(abs(payout[here]), balance[here]) >= MOST_MONEY).any():
            refuse_large_amounts(rows[here], payout[here], "pays")
            refuse_large_amounts(rows[here], balance[here], "has a balance of")
    money = {"balance_before": before, "balance": balance, "drawn": payout}
    return Draws(rows.with_columns(as_money(values.tolist()).alias(name) for name, values in money.items()), found.parts)


def pay_draws(settled: pl.DataFrame, draws: Draws | None) -> pl.DataFrame:
    """The payouts with what the draws pay; `carried` is their balance. A draw against a blocked result is blocked. One row in, one row out."""
    if draws is None:
        return settled
    is_draw, is_blocked = pl.col("drawn").is_not_null(), pl.col("blocked_by").is_not_null()
    found = settled.join(draws.rows.select("payout_key", "drawn", "balance", "blocked_by"), on="payout_key", how="left", maintain_order="left")
    return found.with_columns(
        *(pl.coalesce("drawn", name).alias(name) for name in ("payout", "payout_before_group")),
        pl.when(is_blocked).then(None).otherwise(pl.coalesce("drawn", "earned")).alias("earned"),
        pl.coalesce("balance", "carried").alias("carried"),
        pl.when(is_blocked).then(pl.lit("blocked")).otherwise("status").alias("status"),
        pl.when(is_blocked).then(pl.lit("benefit_blocked")).otherwise("status_reason").alias("status_reason"),
        *(pl.when(is_draw).then(pl.lit(None, INTEGER)).otherwise(name).alias(name) for name in ("exact_numerator", "exact_divisor")),
        *(pl.when(is_blocked).then(pl.lit(None, EXACT)).otherwise(name).alias(name) for name in ("axis_value", "curve_payout", "limited_payout")),
    ).drop("drawn", "balance", "blocked_by")


def accrue_draws(accruals: pl.DataFrame, draws: Draws | None) -> pl.DataFrame:
    """The accruals with those of draws: what each would pay on what the others have accrued by the end of the period.

    accruals: one row per payout × period of accruals.accrue_periods. One row in, one out.
    """
    if draws is None:
        return accruals
    position = draws.rows.select("payout_key").with_row_index("position")
    path = accruals.join(position, on="payout_key")
    others = draws.parts.select("payout_key", "against_key").join(
        accruals.select("accrual", against_key="payout_key", accrued_in="period_no"), on="against_key"
    )
    accrued = (
        path.select("payout_key", "period_no").join(others, on="payout_key").filter(pl.col("accrued_in") <= pl.col("period_no"))
        .group_by("payout_key", "period_no").agg(pl.col("accrual").sum().alias("against"))
    )  # fmt: skip
    path = path.join(accrued, on=["payout_key", "period_no"], how="left", maintain_order="left").sort("payout_key", "period_no")
    here = path["position"].to_numpy().astype(np.int64)
    paid, _ = draws.pay(here, _ten_thousandths(path["against"].fill_null(0)), _ten_thousandths(draws.rows["balance_before"])[here])
    found = path.select("payout_key", "period_no").with_columns(as_money(paid.tolist()).alias("drawn_to_date"))
    before = pl.col("accrued_to_date").shift(1).over("payout_key").fill_null(0)
    return (
        accruals.join(found, on=["payout_key", "period_no"], how="left", maintain_order="left")
        .with_columns(pl.coalesce("drawn_to_date", "accrued_to_date").alias("accrued_to_date"))
        .with_columns(before.cast(MONEY).alias("accrued_before"))
        .with_columns((pl.col("accrued_to_date") - pl.col("accrued_before")).cast(MONEY).alias("accrual"))
        .drop("drawn_to_date")
    )


def _payouts_against(due: pl.DataFrame, settled: pl.DataFrame) -> pl.DataFrame:
    """One row per draw × payout that it is against: those whose windows end in the draw's."""
    same = ("agreement_id", "participant_key")
    named = due.select("payout_key", *same, "window_start", "window_end", benefit_id="against").explode("benefit_id")
    others = settled.select(*same, "benefit_id", "payout", "status", against_key="payout_key", ends="window_end")
    joined = named.join(others, on=[*same, "benefit_id"], how="inner", maintain_order="left_right")
    return joined.filter(pl.col("ends").is_between("window_start", "window_end"))


def _ten_thousandths(money: pl.Series) -> Amounts:
    return money.cast(MONEY).to_physical().cast(pl.Int64).to_numpy().copy()
