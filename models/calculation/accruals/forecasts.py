"""Forecasts: the projected measure of a span, the tier that it would reach, and what that means for the accrual to date.

Belongs here: projections, earned-to-date by placement. Does not belong here: evaluating figures (payouts.py), targets to date
(accrual_targets.py), accruals per period (accruals.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from models.calculation.accruals.accrual_targets import earn_by_targets_to_date
from models.calculation.earnings.payouts import Earned, Keys, Place, curve_figures, earn_figures, is_of_groups, pay_results, place_results, round_payouts
from models.calculation.measures.achievement import missing_measure, sum_prior_periods
from models.calculation.measures.multiples import count_projected
from models.currencies import Rounding
from models.curves.axes import see_others, sees_differently
from models.curves.compiled import Scheme
from models.curves.inputs import EXACT_SCALE, ScaledInputs, integers, scaled_inputs
from models.curves.pieces import Exact, choose
from models.money import EXACT, MONEY, MOST_MONEY, as_exact, as_money


def forecast_rows(rows: pl.DataFrame, measures: pl.DataFrame, axes: pl.DataFrame, scheme: Scheme, rounding: Rounding) -> pl.DataFrame:
    """projected_measure and projected_earned, what the span would earn by it at the window's end (both null: blocked); tier_forecast, tier_accrual and
    accrual_earned: what the span has earned by the tier that `accrue` chooses.

    rows: one row per payout × period, of payouts.evaluate_results. One row in, one out. At the window's end, and where a projection would change
    nothing, it is the measure itself.
    """
    sums = "measure_sum" if "measure_sum" in rows.columns else "measure_to_date"
    is_moved = (pl.col(sums) != 0) | (pl.col("forecast") == "feed") | (pl.col("placement") == "forecast") | pl.col("measure_over").is_not_null()
    moves = (pl.col("measure") != "distinct") & (is_moved | sees_differently(rows, "projected"))
    is_open = _is_open()
    is_forecast = pl.col("placement") == "forecast"
    rows = rows.with_columns(pl.int_range(pl.len()).alias("row"))
    found = [
        _forecast(rows.filter(is_open & moves & is_forecast), measures, scheme, rounding),
        _project(rows.filter(is_open & moves & ~is_forecast), measures, scheme, rounding),
    ]
    at_tier = rows.filter(is_open & (pl.col("placement") == "tier"))
    forecast = rows
    to_date = _by_row(earn_by_targets_to_date(rows, axes, scheme, rounding, pl.col("placement") == "actual"), rows["row"].dtype)
    for earned in (pl.concat(found, how="diagonal"), _at_tier(at_tier, scheme, rounding), to_date):
        forecast = forecast.join(earned, on="row", how="left", maintain_order="left")
    blocked = pl.col("reason").is_not_null()
    return forecast.with_columns(
        pl.when(~blocked).then(pl.coalesce("projected", "measure_to_date")).alias("projected_measure"),
        pl.when(~blocked & ~pl.col("is_beyond").fill_null(False)).then(pl.coalesce("projected_earned", "earned")).alias("projected_earned"),
        pl.coalesce("tier_projected", "tier").alias("tier_forecast"),
        pl.coalesce("earned_at_tier", "accrued_by_forecast", "earned_to_date", "earned").alias("accrual_earned"),
        pl.when(pl.col("earned_at_tier").is_not_null())
        .then("placement_tier")
        .when(is_forecast)
        .then(pl.coalesce("tier_projected", "tier"))
        .otherwise(pl.coalesce("tier_to_date", "tier"))
        .cast(pl.Int32)
        .alias("tier_accrual"),
    ).drop("row", "projected", "is_beyond", "tier_projected", "accrued_by_forecast", "earned_at_tier", "earned_to_date", "tier_to_date")


def _is_open() -> pl.Expr:
    return ~pl.col("is_end") & pl.col("reason").is_null()


def project_figures(rows: pl.DataFrame, measures: pl.DataFrame) -> tuple[ScaledInputs, Exact]:
    """The figures of the span at its window's end, projected by the rule in `forecast`, and the measure to date over the same divisor.

    linear: P = M × days / days elapsed; seasonal: P = M × the prior year's whole / the prior year's to date; feed: P = the feed's target. Base and
    quantity grow in the same proportion (unchanged where M = 0, or is a number of distinct values); increment is max(P − B, 0). Where M is of other
    days than the window's it stays, and base and quantity grow by days. Target, baseline and incentive are those of the window. One row in, one out.
    """
    figures = scaled_inputs(rows)
    elapsed, days = _days(rows)
    numerator, denominator = days, elapsed
    if (rows["forecast"] == "seasonal").any():
        whole, to_date = _prior_sums(rows, measures)
        is_seasonal = (rows["forecast"] == "seasonal").to_numpy() & (to_date > 0).astype(bool)
        numerator, denominator = choose(is_seasonal, whole, numerator), choose(is_seasonal, to_date, denominator)
    has_feed_target = ((rows["forecast"] == "feed") & rows["feed_target"].is_not_null()).to_numpy()
    feed_target, measure, to_date = integers(rows["feed_target"].cast(EXACT)), integers(rows["measure_to_date"]), figures.measure
    counts_multiples = "measure_sum" in rows.columns
    if counts_multiples:  # it is the sum that grows, and the feed's target is a number of multiples
        every = integers(rows["measure_every"].fill_null(1).cast(EXACT))
        is_multiple = rows["measure_every"].is_not_null().to_numpy()
        feed_target, measure = feed_target * every // EXACT_SCALE, choose(is_multiple, integers(rows["measure_sum"]), measure)
        figures = replace(figures, measure=measure * (figures.divisor // EXACT_SCALE))
    has_ratio, sign = has_feed_target & (measure != 0).astype(bool), choose(measure < 0, -1, 1)
    numerator, denominator = choose(has_ratio, feed_target * sign, numerator), choose(has_ratio, measure * sign, denominator)
    is_zero = (measure == 0).astype(bool) | (rows["measure"] == "distinct").to_numpy()
    # what is sold grows by days where other days are measured (`over`), and these do not
    is_over = rows["measure_over"].is_not_null().to_numpy()
    has_begun = (elapsed > 0).astype(bool)  # a participation may begin later
    numerator = choose(is_over, choose(has_begun, days, 1), choose(is_zero, 1, numerator))
    denominator = choose(is_over, choose(has_begun, elapsed, 1), choose(is_zero, 1, denominator))
    to_date = to_date * denominator
    grown = figures.measure * choose(is_over, denominator, numerator)
    projected = choose(has_feed_target & is_zero, feed_target * (figures.divisor // EXACT_SCALE), grown)
    base, quantity = figures.base * numerator, figures.quantity * numerator
    if counts_multiples:
        is_count, is_measure = is_multiple, (rows["base"] == "measure").to_numpy()
        projected = count_projected(rows, projected, figures.divisor * denominator)
        base, quantity = choose(is_count & is_measure, projected, base), choose(is_count, projected, quantity)
    baseline = figures.baseline * denominator
    increment = projected - baseline
    is_increment = (rows["base"] == "increment").to_numpy()
    return replace(
        figures,
        measure=projected,
        base=choose(is_increment, choose(increment > 0, increment, 0), base),
        quantity=quantity,
        target=figures.target * denominator,
        baseline=baseline,
        incentive=figures.incentive * denominator,
        divisor=figures.divisor * denominator,
    ), to_date


def _prior_sums(rows: pl.DataFrame, measures: pl.DataFrame) -> tuple[Exact, Exact]:
    """The prior year's measure of the whole span, and of the days up to each row's end; 0 where something is missing on its lines."""
    seasonal = rows.filter(pl.col("forecast") == "seasonal").drop("period_no", *(c for c in rows.columns if c.startswith("prior_"))).unique("payout_key")
    sums = sum_prior_periods(seasonal, measures).filter(~missing_measure().any().over("payout_key"))
    whole = sums.group_by("payout_key").agg(pl.col("prior_measure").sum().alias("whole"))
    to_date = (
        rows.select("payout_key", pl.col("period_no").alias("until"))
        .unique(maintain_order=True)
        .join(sums.filter(~pl.col("is_after_as_of")), on="payout_key")
        .filter(pl.col("period_no") <= pl.col("until"))
        .group_by("payout_key", "until")
        .agg(pl.col("prior_measure").sum().alias("to_date"))
    )
    found = (
        rows.select("payout_key", "period_no")
        .join(whole, on="payout_key", how="left", maintain_order="left")
        .join(to_date, left_on=["payout_key", "period_no"], right_on=["payout_key", "until"], how="left", maintain_order="left")
    )
    return integers(found["whole"]), integers(found["to_date"])


def _days(rows: pl.DataFrame) -> tuple[Exact, Exact]:
    """The days of the span that have elapsed at the row's end, and its days up to the window's end."""
    start = pl.col("span_start")
    counted = rows.select(elapsed=(pl.col("counted_until") - start).dt.total_days() + 1, days=(pl.col("window_end") - start).dt.total_days() + 1)
    if "own_days" in rows.columns:  # of a participation that has not begun, 0 of all days have gone
        own = rows.select(elapsed=pl.coalesce("own_days_gone", counted["elapsed"]), days=pl.coalesce("own_days", counted["days"]))
        counted = own.with_columns(pl.when(pl.col("days") > 0).then("days").otherwise(1).alias("days"))
    return integers(counted["elapsed"]), integers(counted["days"])


def _project(rows: pl.DataFrame, measures: pl.DataFrame, scheme: Scheme, rounding: Rounding) -> pl.DataFrame:
    """The projected measure, the tier that it reaches and what it earns there. One row in, one out."""
    return _projection(rows, measures, scheme, rounding)[0]


def _forecast(rows: pl.DataFrame, measures: pl.DataFrame, scheme: Scheme, rounding: Rounding) -> pl.DataFrame:
    """The same with earned to date: payout(P) / P × M, rounded once; where P is 0 or less, or of other days: payout(P) × days elapsed / days."""
    found, rows, figures, to_date, place, (numerator, denominator) = _projection(rows, measures, scheme, rounding)
    elapsed, days = _days(rows)
    is_positive = (figures.measure > 0).astype(bool) & rows["measure_over"].is_null().to_numpy()
    # groups of lines are not projected: theirs is what they have earned to date
    elapsed, days = choose(is_of_groups(rows), 1, elapsed), choose(is_of_groups(rows), 1, days)
    is_positive &= ~is_of_groups(rows)
    earned = numerator * choose(is_positive, to_date, elapsed), denominator * choose(is_positive, figures.measure, days)
    rounded = round_payouts(rows, earned, rounding, place, curve_figures(figures, scheme, _benefits(rows)))
    return found.with_columns(as_money(rounded.tolist()).alias("accrued_by_forecast"))


def _projection(
    rows: pl.DataFrame, measures: pl.DataFrame, scheme: Scheme, rounding: Rounding
) -> tuple[pl.DataFrame, pl.DataFrame, ScaledInputs, Exact, Place, tuple[Exact, Exact]]:
    """The measure that each row is projected to, its tier and what it earns there; the rows as they see others then, their figures, the measure to date over
    the same divisor, their places, and what they earn before it is rounded.

    Lines that are paid one by one are not projected: theirs is what they have earned. An amount that no column holds is none (`is_beyond`).
    """
    figures, to_date = project_figures(rows, measures)
    benefit, rows = _benefits(rows), see_others(rows, "projected")
    place = place_results(rows, figures, scheme, benefit, np.zeros(len(benefit), dtype=bool))
    is_paid = ~scheme.by_line[benefit]
    numerator, denominator = pay_results(rows, figures, scheme, benefit, is_paid, place, lambda cuts: project_figures(cuts, measures)[0]).earned
    is_beyond = (abs(numerator) * 10**4 > denominator * MOST_MONEY).astype(bool)
    projected = choose(is_beyond, 0, numerator), denominator
    rounded = round_payouts(rows, projected, rounding, place, curve_figures(figures, scheme, benefit))
    found = pl.DataFrame(
        {
            "row": rows["row"],
            "projected": as_exact(figures.measure, choose(rows["row"] >= 0, figures.divisor, 1)).cast(EXACT),
            "tier_projected": pl.Series(place.tier, dtype=pl.Int32),
            "projected_earned": as_money(rounded.tolist()),
            "is_beyond": is_beyond & is_paid,
        }
    ).with_columns(pl.when(pl.Series(is_paid)).then("projected_earned").alias("projected_earned"))
    return found, rows, figures, to_date, place, (numerator, denominator)


def earn_projected(rows: pl.DataFrame, measures: pl.DataFrame, scheme: Scheme, rounding: Rounding) -> list[Earned]:
    """What rows earn at the end of their windows by the projection, whatever their placement. rows: numbered by `row`."""
    rows = see_others(rows.filter(_is_open()), "projected")
    return [earn_figures(rows, lambda found: project_figures(found, measures)[0], scheme, rounding)] if len(rows) else []


def _by_row(found: Sequence[Earned], row_type: pl.DataType) -> pl.DataFrame:
    """`earned_to_date` and `tier_to_date` by `row`."""
    empty = pl.DataFrame(schema={"row": row_type, "earned_to_date": MONEY, "tier_to_date": pl.Int32})
    frames = [
        pl.DataFrame({"row": each.row, "earned_to_date": as_money(each.earned.tolist()), "tier_to_date": pl.Series(each.tier, dtype=pl.Int32)})
        for each in found
    ]
    return pl.concat([empty, *frames])


def _at_tier(rows: pl.DataFrame, scheme: Scheme, rounding: Rounding) -> pl.DataFrame:
    """What the figures to date earn if the agreed tier is taken as reached. One row in, one out."""
    figures, benefit = scaled_inputs(rows), _benefits(rows)
    if "tier_numerator" in rows.columns:
        rows = rows.with_columns(pl.col(f"tier_{part}").alias(f"groups_{part}") for part in ("numerator", "denominator"))
    tier = rows["placement_tier"].to_numpy().astype(np.int64)
    place = place_results(rows, figures, scheme, benefit, np.zeros(len(benefit), dtype=bool), tier)
    paid = pay_results(rows, figures, scheme, benefit, np.ones(len(benefit), dtype=bool), place, tier=tier)
    rounded = round_payouts(rows, paid.earned, rounding, place, curve_figures(figures, scheme, benefit))
    return pl.DataFrame({"row": rows["row"], "earned_at_tier": as_money(rounded.tolist())})


def _benefits(rows: pl.DataFrame) -> Keys:
    return rows["benefit_key"].to_numpy().astype(np.int64)
