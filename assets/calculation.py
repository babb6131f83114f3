"""The step that computes: reads sums and terms, calls the models, writes the tables `calc.*`.

Belongs here: reading frames, the order of the models, writing tables. Does not belong here: any rule.
"""

from __future__ import annotations

import duckdb
import polars as pl

from assets.agreements import write_table
from assets.context import RunContext, StepReport
from assets.warehouse import open_warehouse, transaction
from models.accruals import accrue_periods
from models.achievement import find_figures, list_payouts, measure_periods
from models.curves import compile_ladder
from models.money import FIGURE
from models.payouts import evaluate_curves, settle_windows
from models.slices import cut_slices
from models.steps import list_steps

BENEFIT_COLUMNS = """
    b.benefit_key, b.agreement_key, b.basis_key, a.agreement_id, b.benefit_id, a.currency, a.minor_units, b.accumulate, b.measure, b.base, b.by_axis, b.method,
    b.boundary, b.above, b.target_source, b.target_value, b.target_times, b.baseline_source, b.baseline_value, b.incentive_source, b.incentive_value,
    b.at_most, b.at_least, b.pays_from, b.clawback, b.lag_days,
    coalesce(t.pays_per_unit, false) as pays_per_unit, coalesce(t.pays_share, false) as pays_share
"""
QUERIES = {
    "benefits": f"""
        select {BENEFIT_COLUMNS}
        from terms.benefits b
        join terms.agreements a using (agreement_key)
        left join (select benefit_key, bool_or(per_unit is not null) as pays_per_unit, bool_or(share is not null) as pays_share from terms.tiers group by all) t
          using (benefit_key)
        order by b.benefit_key""",
    "tiers": "from terms.tiers order by benefit_key, tier",
    "windows": "from terms.windows order by benefit_key, window_no",
    "participants": "select agreement_key, participant_key, participant_id from intermediate.int_participants",
    "measures": """
        select basis_key, participant_key, period_no, is_prior, amount, cost, quantity, line_count, missing_rates, missing_costs, missing_quantities
        from intermediate.int_measures_summed""",
    "targets": "select agreement as agreement_id, benefit as benefit_id, participant_id, window_start, target, incentive, baseline from staging.stg_targets",
}
PAYOUT_COLUMNS = (
    "payout_key", "benefit_key", "participant_key", "window_no", "window_start", "window_end", "span_start", "status", "status_reason", "measure", "base",
    "quantity", "target", "baseline", "incentive", "axis_value", "tier", "curve_payout", "multiplier", "gate_factor", "earned", "prior_earned", "carried",
    "payout", "due_date", "first_period", "last_period", "span_measure_before",
)  # fmt: skip
ACHIEVEMENT_COLUMNS = (
    "payout_key", "period_no", "measure_period", "measure_to_date", "target", "attainment", "growth", "tier_actual", "tier_forecast", "tier_accrual",
    "projected_measure", "next_tier_from", "gap_to_next_tier",
)  # fmt: skip


def calculate(context: RunContext) -> StepReport:
    """Write calc.payouts, calc.achievement, calc.accruals and calc.calculation_steps anew."""
    with open_warehouse(context.warehouse) as con:
        frames = {name: con.sql(query).pl() for name, query in QUERIES.items()}
        as_of_period = _as_of_period(con)
        results = compute_results(frames, as_of_period, context)
        with transaction(con):
            con.execute("create schema if not exists calc")
            for name, frame in results.items():
                write_table(con, f"calc.{name}", frame)
    payouts = results["payouts"]
    return StepReport(
        rows={f"calc.{name}": frame.height for name, frame in results.items()},
        figures={"blocked": payouts.filter(pl.col("status") == "blocked").height},
    )


def compute_results(frames: dict[str, pl.DataFrame], as_of_period: int, context: RunContext) -> dict[str, pl.DataFrame]:
    """The tables of `calc` from the frames that QUERIES names."""
    benefits = frames["benefits"]
    ladder = compile_ladder(benefits, frames["tiers"])
    payouts = find_figures(list_payouts(benefits, frames["windows"], frames["participants"]), frames["measures"], frames["targets"])
    periods = measure_periods(payouts, frames["measures"], as_of_period)
    rows = evaluate_curves(periods, ladder, context.book.rounding)
    own_measure = rows.group_by("payout_key").agg(pl.col("measure_period").sum().alias("own_measure"))
    last = rows.filter("is_last").join(own_measure, on="payout_key", maintain_order="left")
    has_ended = pl.col("window_end") <= context.as_of
    is_blocked = pl.col("reason").is_not_null()
    settled = settle_windows(
        last.with_columns(
            pl.when(is_blocked).then(pl.lit("blocked")).when(has_ended).then(pl.lit("final")).otherwise(pl.lit("open")).alias("status"),
            pl.col("reason").alias("status_reason"),
            (pl.col("window_end") + pl.duration(days=pl.col("lag_days"))).alias("due_date"),
            (pl.col("M") - pl.col("own_measure")).alias("span_measure_before"),
            pl.lit(1, FIGURE).alias("multiplier"),
            pl.lit(1, FIGURE).alias("gate_factor"),
        )
    )
    # the names of measure and base give way to their sums, under the published names
    told = (
        settled.drop("amount", "cost", "quantity")
        .rename({"measure": "measure_name", "base": "base_name", "target": "target_before_times"})
        .rename({"M": "measure", "E": "base", "Q": "quantity", "effective_target": "target"})
    )
    achievement = rows.with_columns(
        pl.col("M").alias("measure_to_date"),
        pl.col("effective_target").alias("target"),
        pl.col("tier").alias("tier_actual"),
        pl.lit(None, pl.Int32).alias("tier_forecast"),
        pl.col("tier").alias("tier_accrual"),
        pl.lit(None, FIGURE).alias("projected_measure"),
    )
    return {
        "payouts": told.select(PAYOUT_COLUMNS),
        "achievement": achievement.select(ACHIEVEMENT_COLUMNS),
        "accruals": accrue_periods(rows, settled),
        "calculation_steps": list_steps(_with_tiers(told, frames["tiers"]), cut_slices(settled, frames["tiers"]).with_columns((pl.col("base") != "measure").alias("E_differs"), pl.col("measure").alias("measure_name")), context.book.rounding),
    }


def _with_tiers(payouts: pl.DataFrame, tiers: pl.DataFrame) -> pl.DataFrame:
    """What the tier reached and the next one pay, beside each payout."""
    forms = ["rate", "per_unit", "amount", "share"]
    following = tiers.select("benefit_key", pl.col("tier") - 1, *(pl.col(f).alias(f"next_{f}") for f in forms))
    return (
        payouts.join(tiers.rename({"from_value": "tier_from"}), on=["benefit_key", "tier"], how="left", maintain_order="left")
        .join(following, on=["benefit_key", "tier"], how="left", maintain_order="left")
        .with_columns((pl.col("base_name") != "measure").alias("E_differs"))
    )


def _as_of_period(con: duckdb.DuckDBPyConnection) -> int:
    row = con.execute("select period_no from terms.days join terms.settings on day = as_of").fetchone()
    assert row is not None, "the calendar covers as_of"
    return int(row[0])
