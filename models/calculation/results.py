"""From sums and terms to the tables of `calc`: all steps of the calculation, in order.

Belongs here: the order of the steps and the columns passed on. Does not belong here: rules of the calculation, reading or writing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping

import polars as pl

from models.calculation.accruals.accrual_targets import earn_by_targets_to_date
from models.calculation.accruals.accruals import accrue_periods
from models.calculation.accruals.forecasts import earn_projected, forecast_rows
from models.calculation.columns import SUMMED, TABLES, check_frame, read_inputs
from models.calculation.earnings.agreement_limits import limit_accruals, limit_differences
from models.calculation.earnings.amended_payouts import list_parts, list_parts_of_lines
from models.calculation.earnings.best_of_group import combine_payouts
from models.calculation.earnings.clawbacks import apply_clawback, find_differences
from models.calculation.earnings.draws import accrue_draws, find_draws, pay_draws
from models.calculation.earnings.exact_payouts import forget_changed
from models.calculation.earnings.groups import count_in_groups, earn_groups, list_groups, sum_groups
from models.calculation.earnings.line_payments import list_pieces
from models.calculation.earnings.other_benefits import View, earn_in_order
from models.calculation.earnings.payouts import evaluate_results
from models.calculation.explanation.draw_steps import list_draw_steps
from models.calculation.explanation.largest_groups import list_largest
from models.calculation.explanation.missing import describe_missing
from models.calculation.explanation.slices import cut_slices
from models.calculation.explanation.steps import list_steps
from models.calculation.explanation.traces import trace_results
from models.calculation.measures.achievement import find_reasons, find_targets, list_payouts, measure_periods
from models.calculation.measures.amended_windows import block_by_cuts, cut_windows, list_slots, mark_amended, nest_cuts, number_cuts
from models.calculation.measures.incomplete import hide_incomplete
from models.calculation.measures.openings import open_accruals, open_windows, pool_openings
from models.calculation.measures.period_rows import keep_period_ends
from models.calculation.places.placed_pools import add_members, publish_members, spread_pools
from models.calculation.places.placed_slices import weigh_slices
from models.calculation.places.ranks import rank_rows
from models.calculation.places.tie_breaks import find_tie_breaks
from models.currencies import Rounding
from models.curves.axes import find_metrics, find_ratios, list_needs
from models.curves.compiled import compile_scheme
from models.curves.inputs import integers
from models.curves.vocabulary import PAY_FORMS
from models.money import EXACT, as_exact


def compute_results(
    frames: Mapping[str, pl.DataFrame], as_of: dt.date, as_of_period: int, rounding: Rounding, first_payout: int = 0
) -> Iterator[tuple[str, pl.DataFrame]]:
    """The tables payouts, achievement, accruals, calculation_steps, payout_groups and payout_pieces of `calc` (columns.TABLES), each as soon as it is computed.

    frames: those of columns.INPUTS. measures: int_measures_summed; targets: one row per agreement_id, benefit_id, participant_id, window_start.
    benefits may be a part of the book's, with all versions of a benefit and all agreements of a group. Payouts are numbered from `first_payout` on.
    """
    for name, table in _compute(read_inputs(frames), as_of, as_of_period, rounding, first_payout):
        yield name, check_frame(f"calc.{name}", table, TABLES[name])


def _compute(
    frames: Mapping[str, pl.DataFrame], as_of: dt.date, as_of_period: int, rounding: Rounding, first_payout: int
) -> Iterator[tuple[str, pl.DataFrame]]:
    tiers, axes, measures = frames["tiers"], frames["axes"], frames["measures"]
    scheme = compile_scheme(frames)
    benefits = frames["benefits"].join(list_needs(axes), on="benefit_key")
    participations = frames["participations"]
    listed = list_payouts(benefits, frames["windows"], frames["participants"], participations, as_of, first_payout)
    parts = frames["window_parts"].join(benefits, on="benefit_key", how="semi")
    versions = list_slots(parts, benefits)
    if len(parts):
        cuts = list_payouts(benefits, cut_windows(frames["windows"], parts), frames["participants"], participations, as_of)
        listed = pl.concat([mark_amended(listed, parts), number_cuts(cuts, benefits)], how="diagonal")
    of_members = measures
    measures = spread_pools(of_members, benefits, frames["windows"], frames["participants"], *(pl.col(name).sum() for name in SUMMED))
    missing_rates = spread_pools(frames["missing_rates"], benefits, frames["windows"], frames["participants"], pl.col("first_day").min())

    def measure(payouts: pl.DataFrame, sums: pl.DataFrame, openings: pl.DataFrame) -> pl.DataFrame:
        targeted = find_targets(payouts, sums, frames["targets"])
        return measure_periods(targeted, sums, frames["groups"], frames["periods"], participations, openings, versions, as_of, as_of_period)

    openings = frames["openings"]
    of_pools = pool_openings(openings, benefits, frames["participants"])
    pools = nest_cuts(measure(listed, measures, of_pools), find_reasons)
    measured = add_members(pools, listed, lambda payouts: measure(payouts, of_members, openings))
    groups = sum_groups(measured, frames["groups"])
    measured = count_in_groups(measured, groups)
    compared = find_tie_breaks(find_metrics(measured, axes, frames["metrics"]), frames["tie_breakers"], measures, frames["metrics"])
    placed = weigh_slices(find_ratios(rank_rows(block_by_cuts(find_reasons(compared)), axes), axes), tiers, frames["runs"], scheme)

    def earn(rows: pl.DataFrame) -> pl.DataFrame:
        return forecast_rows(evaluate_results(earn_groups(rows, groups, axes, scheme), scheme, rounding), measures, axes, scheme, rounding)

    views: dict[str, View] = {
        "projected": lambda rows: earn_projected(rows, measures, scheme, rounding),
        "to_date": lambda rows: earn_by_targets_to_date(rows, axes, scheme, rounding),
    }
    rows = earn_in_order(placed, frames, earn, views)
    differences = open_windows(limit_differences(find_differences(_assign_status(rows, as_of)), as_of), openings)
    by_curves = forget_changed(combine_payouts(apply_clawback(differences)))
    draws = find_draws(by_curves, frames["draws"], rounding)
    settled = pay_draws(by_curves, draws)
    payouts = _rename_for_publication(hide_incomplete(settled))
    yield "payouts", _payout_rows(payouts)
    own_sums = {"member_measure_period": "measure_period", "member_measure": "measure_to_date"}
    projected = accrue_draws(accrue_periods(limit_accruals(_as_projected(rows), settled), settled, frames["periods"]), draws)
    yield "achievement", _achievement_rows(keep_period_ends(publish_members(hide_incomplete(rows), own_sums), frames["periods"]), projected)
    accruals = accrue_draws(accrue_periods(limit_accruals(rows, settled), settled, frames["periods"]), draws)
    yield "accruals", open_accruals(accruals, settled, openings)
    if draws is not None:  # they have no curve to explain
        settled, payouts = (of.join(draws.rows, on="payout_key", how="anti", maintain_order="left") for of in (settled, payouts))
    shares_rank = (pl.col("ties") == "share") & (pl.col("tie_count") > 1)
    pieces, paid_lines = list_pieces(settled, scheme)
    yield "payout_pieces", pieces
    slices = cut_slices(settled.filter((pl.col("status") != "blocked") & ~shares_rank), tiers, scheme, paid_lines)
    missing = describe_missing(settled, measures, missing_rates, axes)
    of_groups, of_parts = list_groups(groups), list_parts(settled, frames, scheme)
    yield "payout_groups", pl.concat([of_groups.select(*TABLES["payout_groups"]), list_parts_of_lines(of_parts, settled, versions, measures)])
    steps = list_steps(
        _with_tiers(payouts, tiers),
        slices,
        trace_results(settled, scheme, frames),
        missing,
        list_largest(of_groups, settled, tiers),
        of_parts.join(tiers.drop("from_value"), on=["benefit_key", "tier"], how="left", maintain_order="left"),
        rounding,
    )
    yield "calculation_steps", steps if draws is None else pl.concat([steps, list_draw_steps(draws, rounding)]).sort("payout_key", "step_no")


def _assign_status(rows: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """One row per payout, that of its last period, with status and the span's measure before the window."""
    own_measure = rows.group_by("payout_key").agg(pl.col("measure_period").sum().alias("own_measure"))
    is_blocked, has_ended = pl.col("reason").is_not_null(), pl.col("window_end") <= as_of
    return (
        rows.filter("is_last")
        .join(own_measure, on="payout_key", maintain_order="left")
        .with_columns(
            pl.when(is_blocked).then(pl.lit("blocked")).when(has_ended).then(pl.lit("final")).otherwise(pl.lit("open")).alias("status"),
            pl.col("reason").alias("status_reason"),
            pl.when(pl.col("measure_over").is_null())
            .then(pl.col("measure_sum" if "measure_sum" in rows.columns else "measure_to_date") - pl.col("own_measure"))
            .otherwise(0)
            .alias("span_measure_before"),
        )
    )


def _rename_for_publication(settled: pl.DataFrame) -> pl.DataFrame:
    """The published column names: `measure` and `base` are now the sums, no longer their names. Adds `prorated`, the part of the window that counts."""
    parts = as_exact(integers(settled["days"]), integers(settled["of_days"])) if (settled["of_days"] > 1).any() else pl.lit(1, EXACT)
    settled = settled.with_columns(parts.alias("prorated"))
    return (
        settled.drop("amount", "cost", "quantity")
        .rename({"measure": "measure_name", "base": "base_name", "target": "target_before_times", "incentive": "whole_incentive"})
        .rename(
            {
                "measure_to_date": "measure",
                "base_to_date": "base",
                "quantity_to_date": "quantity",
                "effective_target": "target",
                "effective_incentive": "incentive",
            }
        )
    )


def _payout_rows(payouts: pl.DataFrame) -> pl.DataFrame:
    """The table of payouts. Of a placed pool a row has the member's own measure, base and quantity; the pool's measure stands beside them."""
    is_member = pl.col("pool_row").is_not_null() if "pool_row" in payouts.columns else pl.lit(False)
    pools = payouts.with_columns(pl.when(is_member).then("measure").cast(EXACT).alias("pool_measure"))
    own = {"member_measure": "measure", "member_base": "base", "member_quantity": "quantity"}
    return publish_members(pools, own).select(*TABLES["payouts"])


def _as_projected(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows as if they accrued all that their windows would earn: what follows then is what they would pay."""
    return rows.with_columns(pl.col("projected_earned").alias("accrual_earned"))


def _achievement_rows(rows: pl.DataFrame, projected: pl.DataFrame) -> pl.DataFrame:
    """projected: of accruals, by what windows would earn at their end."""
    would_pay = projected.select("payout_key", "period_no", pl.col("accrued_to_date").alias("projected_payout"))
    found = rows.join(would_pay, on=["payout_key", "period_no"], how="left", maintain_order="left")
    return found.with_columns(
        pl.col("effective_target").alias("target"),
        pl.col("tier").alias("tier_actual"),
        pl.when(pl.col("projected_earned").is_not_null()).then("projected_payout").alias("projected_payout"),
    ).select(*TABLES["achievement"])


def _with_tiers(payouts: pl.DataFrame, tiers: pl.DataFrame) -> pl.DataFrame:
    """Adds to each payout what the tier reached and the next one pay."""
    following = tiers.select("benefit_key", pl.col("tier") - 1, *(pl.col(form).alias(f"next_{form}") for form in PAY_FORMS))
    return payouts.join(tiers.rename({"from_value": "tier_from"}), on=["benefit_key", "tier"], how="left", maintain_order="left").join(
        following, on=["benefit_key", "tier"], how="left", maintain_order="left"
    )
