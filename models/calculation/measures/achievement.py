"""Achievement: the sums of each participant's lines, per window and period, compared with target and baseline.

Belongs here: the grid of results, sums to date, and the sources of target, baseline and incentive.
Does not belong here: tiers and money (pieces.py, payouts.py).
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from models.calculation.columns import SUMMED
from models.calculation.measures.amended_windows import count_by_days, measure_at_cuts
from models.calculation.measures.distinct_values import count_values
from models.calculation.measures.multiples import count_to_date
from models.calculation.measures.openings import SUMS, open_periods
from models.calculation.measures.participations import count_own_days, keep_own_windows
from models.money import EXACT

#: Measures whose lines are multiplied by an attribute. Like the measure of an attribute, their sum is `attribute_value`.
MULTIPLIED = ("amount_times", "quantity_times", "margin_times", "count_times")
#: What may be missing on a line, in the order in which reasons are reported: the reason, the measures and bases that need it, the counter.
MISSING = (
    ("fx", ("amount", "margin", "amount_times", "margin_times"), "missing_rates"),
    ("cost", ("margin", "margin_times"), "missing_costs"),
    ("quantity", ("quantity", "quantity_times"), "missing_quantities"),
    ("attribute", ("attribute", *MULTIPLIED), "missing_attributes"),
)


def list_payouts(
    benefits: pl.DataFrame, windows: pl.DataFrame, participants: pl.DataFrame, participations: pl.DataFrame, as_of: dt.date, first_key: int = 0
) -> pl.DataFrame:
    """All results: one row per benefit × participant × window that has begun, also where nothing was sold. Who takes part on some days only has the
    windows with such a day.

    Adds `payout_key` from `first_key` on, ordered by series (all versions of a benefit), participant and window; `days / of_days`, the part of the
    calendar's window that a prorated benefit covers; `counts_from`, the first period whose sums a window adds to its span.
    """
    start, end = pl.col("window_start"), pl.col("window_end")
    whole_days = (pl.col("whole_end") - pl.col("whole_start")).dt.total_days() + 1
    is_part = (pl.col("prorate") == "days") & ((start != pl.col("whole_start")) | (end != pl.col("whole_end")))
    # windows of an earlier version count for the span too
    is_first = pl.col("window_start") == pl.col("window_start").min().over("benefit_key", "span_start")
    listed = (
        windows.with_columns(pl.when(is_first).then("span_first_period").otherwise("first_period").alias("counts_from"))
        .join(benefits, on="benefit_key")
        .with_columns(
            pl.when(is_part).then((end - start).dt.total_days() + 1).otherwise(1).alias("days"), pl.when(is_part).then(whole_days).otherwise(1).alias("of_days")
        )
        .join(participants.select("agreement_key", "participant_key", "participant_id", "figures_of"), on="agreement_key")
        .sort("series_key", "participant_key", "window_start")
    )
    own = keep_own_windows(listed, participations, as_of)
    return own.with_row_index("payout_key", offset=first_key).with_columns(pl.col("payout_key").cast(pl.Int32))


def find_targets(payouts: pl.DataFrame, measures: pl.DataFrame, targets: pl.DataFrame) -> pl.DataFrame:
    """Target, baseline and incentive of every payout: a number in the agreement, a row of the feed, or the prior year.

    One row in, one out. The target is `target` × `target_times` × the
    window's part of the year's weights, all exact. `prior_missing` says what is missing on the prior year's lines.
    `feed_target` is the feed's own row, which a forecast may use.
    targets: one row per agreement_id, benefit_id, participant_id, window_start.
    """
    prior = _sum_prior_year(payouts, measures)
    found = payouts.join(
        targets.rename({"target": "feed_target", "incentive": "feed_incentive", "baseline": "feed_baseline"}),
        left_on=["agreement_id", "benefit_id", "figures_of", "window_start"],
        right_on=["agreement_id", "benefit_id", "participant_id", "window_start"],
        how="left",
        maintain_order="left",
    ).join(prior, on="payout_key", how="left", maintain_order="left")

    def figure(name: str) -> pl.Expr:
        source = pl.col(f"{name}_source")
        return (
            pl.when(source.is_in(["number", "year"]))
            .then(pl.col(f"{name}_value"))
            .when(source == "feed")
            .then(pl.col(f"feed_{name}").cast(EXACT))
            .when(source == "prior")
            .then(pl.col("prior_measure"))
            .alias(name)
        )

    return found.with_columns(figure("target"), figure("baseline"), figure("incentive"))


def measure_periods(
    payouts: pl.DataFrame,
    measures: pl.DataFrame,
    groups: pl.DataFrame,
    periods: pl.DataFrame,
    participations: pl.DataFrame,
    openings: pl.DataFrame,
    versions: pl.DataFrame,
    as_of: dt.date,
    as_of_period: int,
) -> pl.DataFrame:
    """Measure, base and quantity of the span up to the end of each period of each window, up to `as_of`.

    One row per payout × period, ordered by payout_key, period_no. `counted_until` is the last day that counts; `is_end`: the window has ended by then.
    `missing_…` say what is missing; find_reasons reduces them to one reason.
    periods: `terms.periods`; groups: as in columns.INPUTS; versions: of amended_windows.list_slots.
    """
    rows = (
        payouts.with_columns(pl.int_ranges("counts_from", pl.col("last_period").clip(upper_bound=as_of_period) + 1).alias("period_no"))
        .explode("period_no")
        .with_columns(pl.col("period_no").cast(pl.Int32))
        .pipe(count_by_days, versions)
    )
    rows, of_measure, of_base = _join_sums(rows, measures.filter(~pl.col("is_prior")))
    rows = _see_other_days(rows, measures, periods, of_measure)
    opened: dict[str, pl.Expr] = dict.fromkeys(SUMS, pl.lit(0, EXACT))
    if not openings.is_empty():
        rows, opened = open_periods(rows, openings), {name: pl.col(column) for name, column in SUMS.items()}
    base = pl.col("base")
    # an amended window is summed up alone
    alone = [pl.when(pl.col("amended_key").is_not_null()).then("payout_key")] if "amended_key" in rows.columns else []
    of_span = pl.struct("benefit_key", "participant_key", "span_start", *alone).rle_id()
    is_measure = base.is_in(["measure", "increment"])
    # ratios are of the benefit's own lines; `line_count` becomes that of the measure
    own = {"amount": "amount", "cost": "cost", "units": "quantity", "count": "line_count"} if (rows["axis_needs_sums"] != "").any() else {}
    rows = rows.with_columns(pl.col(column).alias(f"{name}_to_date") for name, column in own.items())
    sums_of_ratios = [pl.col(f"{name}_to_date").cum_sum().over("span_key") for name in own]
    opened_to_date = [] if openings.is_empty() else [opened["measure"].cum_sum().over(of_span).alias("opened_to_date")]
    summed = (
        rows.with_columns(
            of_span.alias("span_key"), (column_of(pl.col("measure"), of_measure) + opened["measure"]).cast(EXACT).alias("measure_period"), *opened_to_date
        )
        .pipe(count_values, groups)
        .with_columns(
            pl.when(is_measure).then("measure_period").otherwise((column_of(base, of_base) + opened["base"]).cast(EXACT)).alias("base_period"),
            pl.col("measure_period").alias("seen_period"),
            # the line count is that of the measure's own scope
            pl.col(f"line_count{of_measure}").alias("line_count"),
        )
        .with_columns(
            pl.col("seen_period").cum_sum().over("span_key").alias("measure_to_date"),
            # what the lines of the window bring: where they are not measured, their base
            pl.when(pl.col("measure_over").is_null()).then("measure_period").otherwise("base_period").alias("measure_period"),
            pl.col("base_period").cum_sum().over("span_key").alias("base_sum"),
            (pl.col("quantity").cast(EXACT) + opened["quantity"]).cast(EXACT).cum_sum().over("span_key").alias("quantity_to_date"),
            # the running sum of zeros is zero, so columns of zeros are skipped: in most books nothing is missing
            *(pl.col(c).cum_sum().over("span_key") for c in rows.columns if c.startswith("missing_") and rows[c].max()),
            pl.col("line_count").cum_sum().over("span_key"),
            *sums_of_ratios,
        )
    )
    summed = measure_at_cuts(count_to_date(summed.drop("seen_period")))
    summed = summed.drop(name for name in SUMS.values() if name in summed.columns)
    if rows["counts_from"].ne(rows["first_period"]).any():
        summed = summed.filter(pl.col("period_no") >= pl.col("first_period"))
    measured = (
        summed.join(periods.select("period_no", "last_day"), on="period_no", how="left", maintain_order="left")
        .with_columns(
            pl.when(base == "increment")
            .then(pl.max_horizontal(pl.col("measure_to_date") - pl.col("baseline"), pl.lit(0, EXACT)))
            .otherwise("base_sum")
            .alias("base_to_date"),
            (pl.col("period_no") == pl.col("period_no").max().over("payout_key")).alias("is_last"),
            pl.min_horizontal("last_day", "window_end", pl.lit(as_of)).alias("counted_until"),
            (missing_measure(of_measure) | (pl.col("missing_values") > 0)).alias("missing_measure"),
            _missing_base(of_measure, of_base).alias("missing_base"),
            _missing_lines(of_measure, of_base).alias("missing_lines"),
            pl.lit(False).alias("missing_metric"),
            *(
                ((pl.col(f"{name}_source") == "prior") & pl.col("prior_missing").is_not_null()).alias(f"missing_prior_{name}")
                for name in ("target", "baseline")
            ),
        )
        .with_columns((pl.col("counted_until") == pl.col("window_end")).alias("is_end"))
    )
    return count_own_days(measured, participations)


def _join_sums(rows: pl.DataFrame, sums: pl.DataFrame) -> tuple[pl.DataFrame, str, str]:
    """Adds to each row the sums of its benefit's lines. Where measure or base have a scope of their own, their sums get a suffix, which is returned."""
    sums = sums.select("line_set_key", "participant_key", "period_no", *SUMMED)
    keys = {"": "line_set_key", "_of_measure": "measure_line_set_key", "_of_base": "base_line_set_key"}
    suffixes = {"": ""}
    for suffix, key in keys.items():
        same = next((s for s in suffixes.values() if (rows[keys[s]] == rows[key]).all()), None) if suffix else None
        if same is None:
            suffixed = sums.rename({c: f"{c}{suffix}" for c in SUMMED})
            on = ["participant_key", "period_no"]
            rows = rows.join(suffixed, left_on=[key, *on], right_on=["line_set_key", *on], how="left", maintain_order="left")
            rows = rows.with_columns(pl.col(f"{c}{suffix}").fill_null(0) for c in SUMMED)
        suffixes[suffix] = suffix if same is None else same
    return rows, suffixes["_of_measure"], suffixes["_of_base"]


def _see_other_days(rows: pl.DataFrame, measures: pl.DataFrame, periods: pl.DataFrame, suffix: str) -> pl.DataFrame:
    """The rows with the sums of the measure's lines over other periods than the window's, where it is of others (`over`): those before the window with its
    first period. Adds measured_from and measured_until, the days they cover; null where they are the window's."""
    if not rows["measure_over"].is_not_null().any():
        return rows
    key, period = ["measure_line_set_key", "participant_key"], pl.col("measured_period")
    seen = (
        rows.filter(pl.col("measure_over").is_not_null())
        .group_by("payout_key", *key, "counts_from", "measured_first_period", "measured_last_period")
        .agg(pl.col("period_no").max().alias("until"))
        .with_columns(pl.int_ranges("measured_first_period", pl.min_horizontal("measured_last_period", "until") + 1).alias("measured_period"))
        .explode("measured_period")
        .drop_nulls("measured_period")
        .with_columns(period.cast(pl.Int32), pl.max_horizontal(period, "counts_from").cast(pl.Int32).alias("period_no"))
        .join(measures.filter(~pl.col("is_prior")), left_on=[*key, "measured_period"], right_on=["line_set_key", "participant_key", "period_no"])
        .group_by("payout_key", "period_no")
        .agg(pl.col(c).sum().alias(f"{c}_seen") for c in SUMMED)
    )
    is_over = pl.col("measure_over").is_not_null()
    days = {"measured_first_period": ("first_day", "measured_from"), "measured_last_period": ("last_day", "measured_until")}
    for number, (day, name) in days.items():
        rows = rows.join(periods.select(pl.col("period_no").alias(number), pl.col(day).alias(name)), on=number, how="left", maintain_order="left")
    return (
        rows.join(seen, on=["payout_key", "period_no"], how="left", maintain_order="left")
        .with_columns(pl.when(is_over).then(pl.col(f"{c}_seen").fill_null(0)).otherwise(f"{c}{suffix}").alias(f"{c}{suffix}") for c in SUMMED)
        .drop(f"{c}_seen" for c in SUMMED)
    )


def column_of(name: pl.Expr, suffix: str = "") -> pl.Expr:
    """The summed column of the measure or base with this name. Lines of distinct values bring their amounts."""

    def summed(column: str) -> pl.Expr:
        return pl.col(f"{column}{suffix}").cast(EXACT)

    return (
        pl.when(name == "quantity")
        .then(summed("quantity"))
        .when(name == "margin")
        .then((pl.col(f"amount{suffix}") - pl.col(f"cost{suffix}")).cast(EXACT))
        .when(name == "count")
        .then(summed("line_count"))
        .when(name.is_in(["attribute", *MULTIPLIED]))
        .then(summed("attribute_value"))
        .otherwise(summed("amount"))
    )


def missing_measure(suffix: str = "") -> pl.Expr:
    """Whether something that the measure needs is missing on a line."""
    return pl.any_horizontal((pl.col("measure").is_in(names) & (pl.col(f"{missing}{suffix}") > 0)) for _, names, missing in MISSING)


def _missing_base(of_measure: str, of_base: str) -> pl.Expr:
    """The same for the base, which may be the measure itself."""
    is_measure = pl.col("base").is_in(["measure", "increment"])
    own = pl.any_horizontal((pl.col(f"{missing}{of_base}") > 0) & pl.col("base").is_in(names) for _, names, missing in MISSING)
    return pl.when(is_measure).then(missing_measure(of_measure)).otherwise(own)


def _missing_lines(of_measure: str, of_base: str) -> pl.Expr:
    """What is missing on a line that the measure, the base, a ratio or a pay form needs: the first reason that applies. Null: nothing."""

    def is_missing(names: tuple[str, ...], missing: str) -> pl.Expr:
        found = (pl.col("measure").is_in(names) & (pl.col(f"{missing}{of_measure}") > 0)) | (pl.col("base").is_in(names) & (pl.col(f"{missing}{of_base}") > 0))
        if "amount" in names:
            found |= pl.col("missing_values") > 0
        found |= pl.col("axis_needs_sums").str.contains("|".join(names)) & (pl.col(missing) > 0)
        return found | (needs_quantity() & (pl.col(missing) > 0)) if "quantity" in names else found

    return pl.coalesce(pl.when(is_missing(names, missing)).then(pl.lit(reason)) for reason, names, missing in MISSING)


def needs_quantity() -> pl.Expr:
    """Whether a pay form multiplies the quantity of lines. What is counted is a quantity itself."""
    return pl.col("pays_per_unit") & ~is_counted()


def is_counted() -> pl.Expr:
    """Whether the measure is a number of multiples or of values."""
    return pl.col("measure_every").is_not_null() | (pl.col("measure") == "distinct")


def has_positive_target() -> pl.Expr:
    """Whether the window has a target above 0: neither the target itself nor its weight is 0."""
    return (pl.col("target") > 0).fill_null(False) & (pl.col("weight_to_date") > 0)


def find_reasons(rows: pl.DataFrame) -> pl.DataFrame:
    """`reason`: why the result is blocked, the first that applies; null: it is not blocked. docs/language.md lists the reasons.

    A result needs whatever any axis of its benefit needs (axes.list_needs).
    """
    needs_target, needs_positive = pl.col("axis_needs_target"), pl.col("axis_needs_positive_baseline")
    needs_baseline = pl.col("axis_needs_baseline") | (pl.col("base") == "increment")
    needs_prior = (needs_baseline & pl.col("missing_prior_baseline")) | (needs_target & pl.col("missing_prior_target"))
    return rows.with_columns(
        pl.when(pl.col("missing_lines").is_not_null())
        .then("missing_lines")
        .when(needs_prior)
        .then("prior_missing")
        .when(needs_target & pl.col("target").is_null())
        .then(pl.lit("target_missing"))
        .when(needs_target & ~has_positive_target())
        .then(pl.lit("target_not_positive"))
        .when(needs_baseline & pl.col("baseline").is_null())
        .then(pl.lit("baseline_missing"))
        .when(needs_positive & (pl.col("baseline") <= 0))
        .then(pl.lit("baseline_not_positive"))
        .when(pl.col("missing_metric"))
        .then(pl.lit("metric_missing"))
        .when(pl.col("pays_share") & pl.col("incentive").is_null())
        .then(pl.lit("incentive_missing"))
        .alias("reason")
    )


def _sum_prior_year(payouts: pl.DataFrame, measures: pl.DataFrame) -> pl.DataFrame:
    """The measure over the same days one year earlier, of the whole span up to the window's end, whatever `as_of` is.

    One row per payout that needs the prior year; 0 where nothing was sold. `prior_missing`: fx, cost, quantity or attribute, where the measure needs it
    and it is missing on a line.
    """
    with_prior = payouts.filter((pl.col("baseline_source") == "prior") | (pl.col("target_source") == "prior"))
    compared = pl.coalesce("prior_line_set_key", "measure_line_set_key").alias("measure_line_set_key")
    return (
        sum_prior_periods(with_prior.with_columns(compared), measures)
        .group_by("payout_key")
        .agg(
            pl.col("prior_measure").sum(),
            *(pl.when((pl.col("measure").is_in(names) & (pl.col(missing) > 0)).any()).then(pl.lit(reason)).alias(reason) for reason, names, missing in MISSING),
        )
        .select("payout_key", "prior_measure", pl.coalesce(reason for reason, _, _ in MISSING).alias("prior_missing"))
    )


def sum_prior_periods(payouts: pl.DataFrame, measures: pl.DataFrame) -> pl.DataFrame:
    """The prior year's measure per period, from the span's first to the window's last: one row per payout × period (two for the period that
    contains `as_of`)."""
    return (
        payouts.with_columns(pl.int_ranges("span_first_period", pl.col("last_period") + 1).alias("period_no"))
        .select("payout_key", "measure_line_set_key", "participant_key", "measure", "period_no")
        .explode("period_no")
        .with_columns(pl.col("period_no").cast(pl.Int32))
        .join(
            measures.filter("is_prior"),
            left_on=["measure_line_set_key", "participant_key", "period_no"],
            right_on=["line_set_key", "participant_key", "period_no"],
            how="left",
        )
        .with_columns(pl.col(c).fill_null(0) for c in SUMMED)
        .with_columns(column_of(pl.col("measure")).alias("prior_measure"), pl.col("is_after_as_of").fill_null(False))
    )
