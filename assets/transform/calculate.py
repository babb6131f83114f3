"""The step that computes: reads sums and terms, calls the models, writes the tables `calc.*`.

Belongs here: reading frames, the order of the models, writing tables. Does not belong here: any rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from assets.archive.run_identity import clear_step, record_step
from assets.incremental.changed_participants import OPEN_WINDOWS, delete_changed_payouts, find_changed_participants
from assets.incremental.mode import is_incremental
from assets.incremental.payout_runs import record_payout_runs
from assets.lineage.origins import write_column_lineage
from assets.runtime.context import CheckFailed, RunContext, StepReport
from assets.runtime.limits import limits_of
from assets.runtime.sql import count_rows
from assets.runtime.warehouse import append_table, memory_given_back, open_warehouse, transaction, write_table
from assets.spark.batches import Results, compute_by_tasks
from assets.transform.pool_runs import LINES, RUNS
from models.calculation.batches import split_frames
from models.calculation.columns import SUMMED
from models.calculation.results import compute_results
from models.money import AmountTooLarge

if TYPE_CHECKING:
    from assets.transform.compiled_models import BuiltModel

#: The models take some 7 kB per payout × period. Batches much smaller than 30,000 take longer, because each has a fixed cost.
_ROWS_PER_GIGABYTE = 70_000
#: The tables that every level adds to.
RESULTS = ("payouts", "achievement", "accruals", "calculation_steps", "payout_groups", "payout_pieces")
BENEFIT_COLUMNS = """
    b.* exclude (definition, quote, clause, position, has_constant_rate),
    a.agreement_id, a.currency, a.payout_unit, a.combine_rule, a.combine_group, a.priority, a.net_of, a.pool
"""
_GROUPED = "line_set_key in (select line_set_key from terms.line_sets where grouped_by is not null)"
_SUMS = ", ".join(SUMMED)
_TYPES = {name: f"decimal(38, {dtype.scale})" if isinstance(dtype, pl.Decimal) else "bigint" for name, dtype in SUMMED.items()}
_SUMMED_UP = ", ".join(f"sum({name})::{dtype} as {name}" for name, dtype in _TYPES.items())
#: The sums; those that are kept apart by the values of an attribute, added up.
MEASURES = f"""
    select line_set_key, participant_key, period_no, is_prior, is_after_as_of, {_SUMS} from intermediate.{{table}} where not {_GROUPED}
    union all
    select line_set_key, participant_key, period_no, is_prior, is_after_as_of, {_SUMMED_UP}
    from intermediate.{{table}} where {_GROUPED} group by all"""
#: The same kept apart, of this year.
GROUPS = f"select line_set_key, participant_key, period_no, group_value, {_SUMS} from intermediate.{{table}} where {_GROUPED} and not is_prior"
#: Lines without a rate: what explains a blocked payout.
MISSING_RATES = """
    with lacking as (
        select line_set_key, participant_key, period_no, false as is_prior, day_key from intermediate.{table} where amount_millionths is null and is_in_term
        union all
        select line_set_key, participant_key, prior_period_no, true, day_key
        from intermediate.{table} where amount_millionths is null and prior_period_no is not null
    )
    select line_set_key, participant_key, lacking.period_no, is_prior, from_currency, to_currency, min(day) as first_day
    from lacking join intermediate.int_days_converted as days using (day_key)
    group by all order by all"""
QUERIES = {
    "benefits": f"select {BENEFIT_COLUMNS} from terms.benefits b join terms.agreements a using (agreement_key) order by b.benefit_key",
    "tiers": "from terms.tiers order by benefit_key, tier",
    "axes": "from terms.axes order by benefit_key, slot",
    "axis_parts": "from terms.axis_parts order by benefit_key, slot, part_no",
    "tie_breakers": "from terms.tie_breakers order by benefit_key, place",
    "matrix_columns": "from terms.matrix_columns order by benefit_key, column_no",
    "matrix_cells": "from terms.matrix_cells order by benefit_key, tier, column_no",
    "multipliers": "from terms.multipliers order by benefit_key",
    "multiplier_tiers": "from terms.multiplier_tiers order by benefit_key, tier",
    "gates": "from terms.gates order by benefit_key, slot",
    "draws": "from terms.draws order by benefit_key",
    "windows": "from terms.windows order by benefit_key, window_no",
    "window_parts": "from terms.window_parts order by benefit_key, window_no, part_no",
    "periods": "from terms.periods order by period_no",
    "participants": """
        select agreement_key, participant_key, participant_id,
            case when pool = 'placed' and payee_id is not null then payee_id else participant_id end as figures_of
        from intermediate.int_participants join terms.agreements using (agreement_key)""",
    "participations": """
        select agreement_key, participant_key, first_day, last_day, factor
        from staging.stg_participations join terms.agreements on agreement = agreement_id
        join intermediate.int_participants using (agreement_key, participant_id)
        where pool = 'each'
        order by all""",
    "measures": MEASURES.format(table="int_measures_summed"),
    "groups": GROUPS.format(table="int_measures_summed"),
    "runs": RUNS.format(table="int_lines_credited"),
    "lines": LINES.format(table="int_lines_credited"),
    "missing_rates": MISSING_RATES.format(table="int_lines_credited"),
    "openings": """
        with participants as (
            select distinct agreement_id, participant_key, participant_id
            from intermediate.int_participants join terms.agreements using (agreement_key)
        )
        select agreement_id, benefit as benefit_id, participant_key, period_no, window_start, date, file_no, row_no,
            measure::decimal(18, 6) as opening_measure, base::decimal(18, 6) as opening_base, quantity::decimal(18, 6) as opening_quantity,
            accrued::decimal(18, 6) as opening_accrued, carried::decimal(18, 6) as opening_carried
        from staging.stg_balances as balances
        join participants on balances.agreement = participants.agreement_id and balances.participant_id = participants.participant_id
        join terms.days on balances.date = days.day
        where waits_for is null
        order by all""",
    "targets": """
        select agreement as agreement_id, benefit as benefit_id, participant_id, window_start, target, incentive, baseline
        from staging.stg_targets""",
    "metrics": "select participant_id, metric, date, value from staging.stg_metrics",
}

LEVELS = "select net_level, list(benefit_key) from terms.benefits join terms.agreements using (agreement_key) group by net_level order by net_level"
NETTED = """
    insert into calc.lines_netted
    select due.* from intermediate.int_net_of_deductions as due join terms.agreements using (agreement_key) where net_level = ?"""


@dataclass(frozen=True, kw_only=True)
class CalculateReport(StepReport):
    """How many payouts are blocked, and for the net step how many levels it computed and which models it built for them."""

    blocked: int
    levels: int = 1
    built: tuple[BuiltModel, ...] = ()


def calculate(context: RunContext) -> CalculateReport:
    """Rewrite calc.payouts, calc.achievement, calc.accruals, calc.calculation_steps and the groups and pieces of lines, each while the next is computed.

    This is level 0: the agreements that are net of no other.
    """
    with open_warehouse(context) as con:
        con.execute("set force_compression = 'uncompressed'")  # as in dbt's profile: written once and read once or twice
        con.execute("create schema if not exists calc")
        con.execute("create or replace table calc.lines_netted (agreement_key integer, file_no integer, row_no bigint, paid_ten_thousandths hugeint)")
        clear_step(con, "net")
        levels = dict(con.sql(LEVELS).fetchall())
        incremental = is_incremental(con)
        if incremental:
            find_changed_participants(con)
            delete_changed_payouts(con)
        frames = _read_frames(con)
        with memory_given_back(con, context):
            rows: Counter[str] = Counter()
            for part in _changed_frames(con, frames) if incremental else [frames]:
                rows.update(_write_results(context, con, part, levels.get(0, []), append_table if incremental else write_table))
        return CalculateReport(rows=rows, blocked=_count_blocked(con))


def calculate_net(context: RunContext) -> CalculateReport:
    """Add the agreements that are net of what others pay, level by level. The lines of a level depend on the payouts of the level below."""
    built: tuple[BuiltModel, ...] = ()
    with open_warehouse(context) as con:
        levels = {level: keys for level, keys in con.sql(LEVELS).fetchall() if level}
        if levels:
            con.execute("set force_compression = 'uncompressed'")
            frames = _read_frames(con)
        for level, keys in levels.items():
            built = _net_lines(context, con, level)
            frames |= _read_netted(con)
            with memory_given_back(con, context):
                _write_results(context, con, frames, keys, append_table)
        record_payout_runs(con)
        write_column_lineage(con, context.book.feeds)
        record_step(con, "net")
        rows = {f"calc.{name}": count_rows(con, f"calc.{name}") for name in (*RESULTS, "lines_netted", "column_lineage")}
        return CalculateReport(rows=rows, blocked=_count_blocked(con), levels=len(levels), built=built)


def calculate_payouts(context: RunContext, variables: dict[str, Any]) -> None:
    """Write calc.payouts anew, of all levels, and nothing that a payout does not need. `variables`: those of dbt.read_variables.

    The warehouse needs what `calculate` and `calculate_net` read, and calc.lines_netted.
    """
    with open_warehouse(context) as con:
        levels, frames, as_of_period = con.sql(LEVELS).fetchall(), _read_frames(con), period_of_as_of(con)
        count, write, most_rows = 0, write_table, _most_rows(limits_of(context).memory)
        for level, keys in levels:
            if level:
                _net_lines(context, con, level, variables)
                frames |= _read_netted(con)
            needed = {"payouts"} if level == levels[-1][0] else {"payouts", "payout_pieces", "payout_groups"}
            chosen = {**frames, "benefits": frames["benefits"].filter(pl.col("benefit_key").is_in(keys))}
            for batch in split_frames(chosen, most_rows):
                results = compute_results(batch, context.as_of, as_of_period, context.book.rounding, count)
                left = set(needed)
                while left:
                    name, frame = next(results)
                    if name in needed:
                        write(con, f"calc.{name}", frame)
                        left.remove(name)
                        count += frame.height * (name == "payouts")
                write = append_table


def _read_frames(con: duckdb.DuckDBPyConnection) -> dict[str, pl.DataFrame]:
    return {name: con.sql(query).pl() for name, query in QUERIES.items()}


def _read_netted(con: duckdb.DuckDBPyConnection) -> dict[str, pl.DataFrame]:
    """The frames of lines of agreements that are net of others."""
    queries = {"measures": MEASURES, "groups": GROUPS, "runs": RUNS, "lines": LINES, "missing_rates": MISSING_RATES}
    tables = dict.fromkeys(("measures", "groups"), "int_measures_netted")
    return {name: con.sql(query.format(table=tables.get(name, "int_lines_netted"))).pl() for name, query in queries.items()}


def _changed_frames(con: duckdb.DuckDBPyConnection, frames: dict[str, pl.DataFrame]) -> Iterator[dict[str, pl.DataFrame]]:
    """The frames of what is computed anew: participants who have changed, with all windows; all others with the windows that are open."""
    changed = con.sql("select participant_key from changes.participants").pl()
    participants = frames["participants"]
    windows = con.sql(f"{OPEN_WINDOWS} order by benefit_key, window_no").pl()
    if changed.height:
        yield {**frames, "participants": participants.join(changed, on="participant_key", how="semi")}
    if windows.height:
        yield {**frames, "participants": participants.join(changed, on="participant_key", how="anti"), "windows": windows}


def _write_results(
    context: RunContext, con: duckdb.DuckDBPyConnection, frames: dict[str, pl.DataFrame], benefits: list[int], write: Callable[..., None]
) -> Counter[str]:
    """Compute the results of these benefits and write them, one batch of participants after the other. Returns the rows of each table.

    Each batch is a transaction: the engine keeps what is not committed in memory. A run that ends in between has not recorded the step `net`, and
    nothing is published.
    """
    chosen = {**frames, "benefits": frames["benefits"].filter(pl.col("benefit_key").is_in(benefits))}
    first_payout = 0 if write is write_table else con.execute("select coalesce(max(payout_key) + 1, 0) from calc.payouts").fetchall()[0][0]
    as_of_period = period_of_as_of(con)
    rows: Counter[str] = Counter()
    try:
        for results in _compute_batches(context, chosen, as_of_period):
            first = first_payout + rows["calc.payouts"]
            with transaction(con), ThreadPoolExecutor(max_workers=1) as writer:
                written = []
                for name, frame in results:
                    numbered = frame.with_columns(pl.col("payout_key") + first)
                    written.append(writer.submit(write, con, f"calc.{name}", numbered))
                    rows[f"calc.{name}"] += frame.height
                for table in written:
                    table.result()
            write = append_table
    except AmountTooLarge as error:
        raise CheckFailed("payouts_fit_their_column", str(error)) from None
    return rows


def _compute_batches(context: RunContext, frames: dict[str, pl.DataFrame], as_of_period: int) -> Iterator[Results]:
    """The results of each batch, its payouts numbered from 0. More than one are computed by tasks, where there are any."""
    memory = limits_of(context).memory
    batches = split_frames(frames, _most_rows(memory))
    first = next(batches)
    if context.is_on_spark and next(batches, None) is not None:
        yield from compute_by_tasks(context, split_frames(frames, _most_rows(memory // limits_of(context).threads)), as_of_period)
        return
    for batch in chain([first], batches):
        yield compute_results(batch, context.as_of, as_of_period, context.book.rounding)


def _most_rows(memory: int) -> int:
    """How many results (payout × period) a batch has: more where it may use more memory."""
    return max(1, memory * _ROWS_PER_GIGABYTE // 10**9)


def _net_lines(context: RunContext, con: duckdb.DuckDBPyConnection, level: int, variables: dict[str, Any] | None = None) -> tuple[BuiltModel, ...]:
    """Record in calc.lines_netted what the agreements below `level` pay on the lines of that level."""
    from assets.transform.dbt import build_deductions, build_netted

    deductions = build_deductions(context, variables)
    con.execute(NETTED, [level])
    return (*deductions, *build_netted(context, variables))  # int_measures_netted reads what was just recorded


def _count_blocked(con: duckdb.DuckDBPyConnection) -> int:
    return count_rows(con, "calc.payouts where status = 'blocked'")


def period_of_as_of(con: duckdb.DuckDBPyConnection) -> int:
    """The period that holds as_of, or the last one before it."""
    found = con.execute("select coalesce(max(period_no), -1) from terms.periods, terms.settings where first_day <= as_of").fetchall()
    return int(found[0][0])
