"""Best of a group: agreements that compete with each other, `combine: {rule: best}`.

Belongs here: which agreement of a group wins. Does not belong here: `exclusive` and `net_of`, which apply to lines (SQL).
"""

from __future__ import annotations

import polars as pl

from models.money import MONEY

#: Agreements of a group are compared per participant and window of the calendar, before terms clip it.
COMPARISON_KEYS = ("combine_group", "participant_key", "whole_start")


def combine_payouts(settled: pl.DataFrame) -> pl.DataFrame:
    """In each group only the agreement with the largest payout pays; the others pay 0 with `status_reason` combined.

    settled: one row per payout of clawbacks.apply_clawback, with agreement_id, combine_rule, combine_group, priority. One row in, one out.
    Adds `payout_before_group`, `is_winner` (null: not compared) and `winning_agreement`.
    """
    best = settled.filter(_competes())
    settled = settled.with_columns(pl.col("payout").alias("payout_before_group"))
    if best.is_empty():
        return settled.with_columns(pl.lit(None, pl.Boolean).alias("is_winner"), pl.lit(None, pl.String).alias("winning_agreement"))
    winners = _winners(_sum_agreements(best, "payout"))
    is_winner = pl.when(_competes()).then(pl.col("agreement_id") == pl.col("winning_agreement"))
    is_outranked = _is_outranked()
    return (
        settled.join(winners, on=COMPARISON_KEYS, how="left", maintain_order="left")
        .with_columns(is_winner.alias("is_winner"))
        .with_columns(
            pl.when(is_outranked).then(pl.lit(0, MONEY)).otherwise("payout").alias("payout"),
            pl.when(is_outranked).then(pl.lit("combined")).otherwise("status_reason").alias("status_reason"),
        )
    )


def combine_accruals(accruals: pl.DataFrame, settled: pl.DataFrame) -> pl.DataFrame:
    """The same comparison of accrued_to_date in every period; at a window's end the payout itself.

    accruals: one row per payout × period, with accrued_to_date. settled: the result of combine_payouts. One row in, one out, in the same order.
    An agreement whose window ended earlier competes with what it had accrued by then.
    """
    compared = settled.filter(_competes()).select(
        "payout_key",
        *COMPARISON_KEYS,
        "agreement_id",
        "combine_rule",
        "status",
        "priority",
        "window_end",
        "last_period",
        pl.col("payout").alias("window_payout"),
    )
    if compared.is_empty():
        return accruals
    best = accruals.join(compared, on="payout_key")
    sums = _sum_agreements(best, "accrued_to_date", "period_no")
    grid = sums.select(*COMPARISON_KEYS, "period_no").unique().join(sums.select(*COMPARISON_KEYS, "agreement_id", "priority").unique(), on=COMPARISON_KEYS)
    filled = (
        grid.join(sums.drop("priority"), on=[*COMPARISON_KEYS, "agreement_id", "period_no"], how="left")
        .sort(*COMPARISON_KEYS, "agreement_id", "period_no")
        .with_columns(pl.col("total").forward_fill().over(*COMPARISON_KEYS, "agreement_id"))
        .drop_nulls("total")
    )
    winners = _winners(filled, "period_no")
    outranked = (
        best.join(winners, on=[*COMPARISON_KEYS, "period_no"])
        .filter(pl.col("agreement_id") != pl.col("winning_agreement"))
        .select("payout_key", "period_no", pl.lit(True).alias("is_outranked"))
    )
    ends = best.filter("is_end").select("payout_key", "period_no", "window_payout")
    return (
        accruals.join(outranked, on=["payout_key", "period_no"], how="left", maintain_order="left")
        .join(ends, on=["payout_key", "period_no"], how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("window_payout").is_not_null())
            .then("window_payout")
            .when("is_outranked")
            .then(pl.lit(0, MONEY))
            .otherwise("accrued_to_date")
            .alias("accrued_to_date")
        )
        .drop("is_outranked", "window_payout")
    )


def _competes() -> pl.Expr:
    """Whether a result is compared. Blocked results are not, so an agreement with blocked results only does not compete."""
    return (pl.col("combine_rule") == "best") & pl.col("combine_group").is_not_null() & (pl.col("status") != "blocked")


def _is_outranked() -> pl.Expr:
    return ~pl.col("is_winner").fill_null(True)


def _sum_agreements(rows: pl.DataFrame, amount: str, *at: str) -> pl.DataFrame:
    """What each agreement pays with all its benefits: one row per comparison × agreement."""
    return rows.group_by(*COMPARISON_KEYS, *at, "agreement_id").agg(pl.col(amount).sum().alias("total"), pl.col("priority").min())


def _winners(sums: pl.DataFrame, *at: str) -> pl.DataFrame:
    """The agreement with the largest total; among equals the lowest priority number, then the first id. One row per comparison."""
    ranked = sums.sort("total", "priority", "agreement_id", descending=[True, False, False])
    return ranked.group_by(*COMPARISON_KEYS, *at, maintain_order=True).agg(pl.col("agreement_id").first().alias("winning_agreement"))
