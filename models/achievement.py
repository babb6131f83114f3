"""Achievement: what each participant's lines add up to, window by window and period by period, beside target and baseline.

Belongs here: the grid of results, sums to date, and where target, baseline and incentive come from.
Does not belong here: tiers and money (curves.py, payouts.py).
"""

from __future__ import annotations

import polars as pl

from models.money import FIGURE

#: Columns of int_measures_summed that are added up.
SUMMED = ("amount", "cost", "quantity", "line_count", "missing_rates", "missing_costs", "missing_quantities")
NEEDS_AMOUNT, NEEDS_COST, NEEDS_QUANTITY = ("amount", "margin"), ("margin",), ("quantity",)


def list_payouts(benefits: pl.DataFrame, windows: pl.DataFrame, participants: pl.DataFrame) -> pl.DataFrame:
    """Every result there is: one row per benefit × participant × window that has begun, also where nothing was sold.

    Adds `payout_key` in the order benefit, participant, window.
    """
    return (
        windows.join(benefits, on="benefit_key")
        .join(participants.select("agreement_key", "participant_key", "participant_id"), on="agreement_key")
        .sort("benefit_key", "participant_key", "window_no")
        .with_row_index("payout_key")
        .with_columns(pl.col("payout_key").cast(pl.Int32))
    )


def find_figures(payouts: pl.DataFrame, measures: pl.DataFrame, targets: pl.DataFrame) -> pl.DataFrame:
    """Target, baseline and incentive of every payout: a number of the agreement, a row of the feed, or the prior year.

    One row in, one out. The target is `target` × `target_times`, both exact. `prior_lacks` says what the prior year's lines lack.
    targets: one row per agreement_id, benefit_id, participant_id, window_start.
    """
    prior = _sum_prior_year(payouts, measures)
    found = payouts.join(
        targets.rename({"target": "feed_target", "incentive": "feed_incentive", "baseline": "feed_baseline"}),
        on=["agreement_id", "benefit_id", "participant_id", "window_start"],
        how="left",
    ).join(prior, on="payout_key", how="left")

    def figure(name: str) -> pl.Expr:
        source = pl.col(f"{name}_source")
        return (
            pl.when(source == "number")
            .then(pl.col(f"{name}_value"))
            .when(source == "feed")
            .then(pl.col(f"feed_{name}").cast(FIGURE))
            .when(source == "prior")
            .then(pl.col("prior_measure"))
            .alias(name)
        )

    return found.with_columns(figure("target"), figure("baseline"), figure("incentive")).sort("payout_key")


def measure_periods(payouts: pl.DataFrame, measures: pl.DataFrame, as_of_period: int) -> pl.DataFrame:
    """Measure, base and quantity of the span up to the end of each period of each window, up to `as_of`.

    One row per payout × period, in the order of payout_key, period_no. `reason` says what a figure lacks, null when nothing.
    """
    rows = (
        payouts.with_columns(pl.int_ranges("first_period", pl.col("last_period").clip(upper_bound=as_of_period) + 1).alias("period_no"))
        .explode("period_no")
        .with_columns(pl.col("period_no").cast(pl.Int32))
        .join(
            measures.filter(~pl.col("is_prior")).drop("is_prior"),
            on=["basis_key", "participant_key", "period_no"],
            how="left",
            maintain_order="left",
        )
        .with_columns(pl.col(c).fill_null(0) for c in SUMMED)
    )
    measure, base = pl.col("measure"), pl.col("base")
    counted_base = pl.when(base.is_in(["measure", "increment"])).then(measure).otherwise(base)
    of_span = pl.struct("benefit_key", "participant_key", "span_start").rle_id()
    # a column of zeros is its own running sum, and most books lack nothing
    counted = ["line_count", *(c for c in ("missing_rates", "missing_costs", "missing_quantities") if rows[c].max())]
    return (
        rows.with_columns(of_span.alias("span_key"), counted_base.alias("base_column"), _column(measure).alias("measure_period"))
        .with_columns(_column(pl.col("base_column")).alias("base_period"))
        .with_columns(
            pl.col("measure_period").cum_sum().over("span_key").alias("M"),
            pl.col("base_period").cum_sum().over("span_key").alias("base_sum"),
            pl.col("quantity").cast(FIGURE).cum_sum().over("span_key").alias("Q"),
            *(pl.col(c).cum_sum().over("span_key") for c in counted),
        )
        .with_columns(
            pl.when(base == "increment").then(pl.max_horizontal(pl.col("M") - pl.col("baseline"), pl.lit(0, FIGURE))).otherwise("base_sum").alias("E"),
            (pl.col("period_no") == pl.col("period_no").max().over("payout_key")).alias("is_last"),
        )
        .with_columns(_reason().alias("reason"))
    )


def _column(name: pl.Expr) -> pl.Expr:
    """The summed column that a measure names."""
    return (
        pl.when(name == "quantity")
        .then(pl.col("quantity").cast(FIGURE))
        .when(name == "margin")
        .then((pl.col("amount") - pl.col("cost")).cast(FIGURE))
        .when(name == "count")
        .then(pl.col("line_count").cast(FIGURE))
        .otherwise(pl.col("amount").cast(FIGURE))
    )


def _reason() -> pl.Expr:
    """What is missing or impossible, so that the result is blocked; the first that applies. Null: nothing (SPEC §2)."""

    def uses(names: tuple[str, ...]) -> pl.Expr:
        return pl.col("measure").is_in(names) | pl.col("base_column").is_in(names)

    by, base = pl.col("by_axis"), pl.col("base")
    needs_baseline = by.is_in(["growth", "growth_amount"]) | (base == "increment")
    needs_prior = (needs_baseline & (pl.col("baseline_source") == "prior")) | ((by == "attainment") & (pl.col("target_source") == "prior"))
    needs_quantity = uses(NEEDS_QUANTITY) | pl.col("pays_per_unit")
    return (
        pl.when(uses(NEEDS_AMOUNT) & (pl.col("missing_rates") > 0))
        .then(pl.lit("fx"))
        .when(uses(NEEDS_COST) & (pl.col("missing_costs") > 0))
        .then(pl.lit("cost"))
        .when(needs_quantity & (pl.col("missing_quantities") > 0))
        .then(pl.lit("quantity"))
        .when(needs_prior & pl.col("prior_lacks").is_not_null())
        .then("prior_lacks")
        .when((by == "attainment") & pl.col("target").is_null())
        .then(pl.lit("target_missing"))
        .when((by == "attainment") & (pl.col("target") <= 0))
        .then(pl.lit("target_not_positive"))
        .when(needs_baseline & pl.col("baseline").is_null())
        .then(pl.lit("baseline_missing"))
        .when((by == "growth") & (pl.col("baseline") <= 0))
        .then(pl.lit("baseline_not_positive"))
        .when(pl.col("pays_share") & pl.col("incentive").is_null())
        .then(pl.lit("incentive_missing"))
    )


def _sum_prior_year(payouts: pl.DataFrame, measures: pl.DataFrame) -> pl.DataFrame:
    """The measure over the same days one year earlier, of the whole span up to the window's end, whatever `as_of`.

    One row per payout that looks back; 0 where nothing was sold. `prior_lacks`: fx, cost or quantity where a line lacks what the measure needs.
    """

    def lacks(reason: str, measures: tuple[str, ...], missing: str) -> pl.Expr:
        is_lacking = (pl.col("measure").is_in(measures) & (pl.col(missing) > 0)).any()
        return pl.when(is_lacking).then(pl.lit(reason)).alias(reason)

    looking = payouts.filter((pl.col("baseline_source") == "prior") | (pl.col("target_source") == "prior"))
    return (
        looking.with_columns(pl.int_ranges("span_first_period", pl.col("last_period") + 1).alias("period_no"))
        .select("payout_key", "basis_key", "participant_key", "measure", "period_no")
        .explode("period_no")
        .with_columns(pl.col("period_no").cast(pl.Int32))
        .join(measures.filter("is_prior"), on=["basis_key", "participant_key", "period_no"], how="left")
        .with_columns(pl.col(c).fill_null(0) for c in SUMMED)
        .group_by("payout_key")
        .agg(
            _column(pl.col("measure")).sum().alias("prior_measure"),
            lacks("fx", NEEDS_AMOUNT, "missing_rates"),
            lacks("cost", NEEDS_COST, "missing_costs"),
            lacks("quantity", NEEDS_QUANTITY, "missing_quantities"),
        )
        .with_columns(pl.coalesce("fx", "cost", "quantity").alias("prior_lacks"))
        .select("payout_key", "prior_measure", "prior_lacks")
    )
