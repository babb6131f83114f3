"""The step that computes: reads sums and terms, calls the models, writes the tables `calc.*`.

Belongs here: reading frames, the order of the models, writing tables. Does not belong here: any rule.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import duckdb
import polars as pl

from assets.runtime.context import RunContext, StepReport
from assets.runtime.warehouse import append_table, open_warehouse, transaction, write_table
from models.calculation.results import compute_results

BENEFIT_COLUMNS = """
    b.* exclude (definition, quote, clause, position), a.agreement_id, a.currency, a.minor_units, a.combine_rule, a.combine_group, a.priority, a.net_of
"""
MEASURES = """
    select line_set_key, participant_key, period_no, is_prior, is_after_as_of, amount, cost, quantity, attribute_value,
      line_count, missing_rates, missing_costs, missing_quantities, missing_attributes
    from intermediate.{table}"""
QUERIES = {
    "benefits": f"select {BENEFIT_COLUMNS} from terms.benefits b join terms.agreements a using (agreement_key) order by b.benefit_key",
    "tiers": "from terms.tiers order by benefit_key, tier",
    "axes": "from terms.axes order by benefit_key, slot",
    "matrix_columns": "from terms.matrix_columns order by benefit_key, column_no",
    "matrix_cells": "from terms.matrix_cells order by benefit_key, tier, column_no",
    "multipliers": "from terms.multipliers order by benefit_key",
    "multiplier_tiers": "from terms.multiplier_tiers order by benefit_key, tier",
    "gates": "from terms.gates order by benefit_key, slot",
    "windows": "from terms.windows order by benefit_key, window_no",
    "periods": "from terms.periods order by period_no",
    "participants": "select agreement_key, participant_key, participant_id from intermediate.int_participants",
    "measures": MEASURES.format(table="int_measures_summed"),
    "targets": """
        select agreement as agreement_id, benefit as benefit_id, participant_id, window_start, target, incentive, baseline
        from staging.stg_targets""",
    "metrics": "select participant_id, metric, date, value from staging.stg_metrics",
}

LEVELS = "select net_level, list(benefit_key) from terms.benefits join terms.agreements using (agreement_key) group by net_level order by net_level"
NETTED = """
    insert into calc.lines_netted
    select due.* from intermediate.int_net_of_deductions as due join terms.agreements using (agreement_key) where net_level = ?"""


def calculate(context: RunContext) -> StepReport:
    """Write calc.payouts, calc.achievement, calc.accruals and calc.calculation_steps anew, each while the next is computed.

    Agreements that are net of what others pay come after those, level by level: the lines of a level are known when the one below is paid.
    """
    rows: dict[str, int] = {}
    blocked = 0
    with open_warehouse(context) as con:
        con.execute("set force_compression = 'uncompressed'")  # as in dbt's profile: written once and read once or twice
        con.execute("create schema if not exists calc")
        con.execute("create or replace table calc.lines_netted (agreement_key integer, file_no integer, row_no bigint, paid_ten_thousandths bigint)")
        frames = {name: con.sql(query).pl() for name, query in QUERIES.items()}
        levels = con.sql(LEVELS).fetchall()
        for level, keys in levels:
            if level:
                _net_lines(context, con, level)
                frames["measures"] = con.sql(MEASURES.format(table="int_measures_netted")).pl()
            chosen = {**frames, "benefits": frames["benefits"].filter(pl.col("benefit_key").is_in(keys))}
            blocked += _write_results(context, con, chosen, rows)
    return StepReport(rows=rows, figures={"blocked": blocked})


def _write_results(context: RunContext, con: duckdb.DuckDBPyConnection, frames: dict[str, pl.DataFrame], rows: dict[str, int]) -> int:
    """Compute and write the results of some benefits, behind those written before. Counts them in `rows`; returns how many are blocked."""
    blocked, written = 0, []
    as_of_period = _as_of_period(con)
    write = append_table if rows else write_table
    results = compute_results(frames, context.as_of, as_of_period, context.book.rounding, first_payout=rows.get("calc.payouts", 0))
    with transaction(con), ThreadPoolExecutor(max_workers=1) as writer:
        for name, frame in results:
            written.append(writer.submit(write, con, f"calc.{name}", frame))
            rows[f"calc.{name}"] = rows.get(f"calc.{name}", 0) + frame.height
            if name == "payouts":
                blocked = frame.filter(pl.col("status") == "blocked").height
        for table in written:
            table.result()
    return blocked


def _net_lines(context: RunContext, con: duckdb.DuckDBPyConnection, level: int) -> None:
    """Note what the agreements below `level` pay on the lines of that level, in calc.lines_netted."""
    from assets.transform.dbt import build_netted

    build_netted(context)
    con.execute(NETTED, [level])
    build_netted(context)  # int_measures_netted reads what was just noted


def _as_of_period(con: duckdb.DuckDBPyConnection) -> int:
    """The period that holds as_of, or the last one before it."""
    row = con.execute("select coalesce(max(period_no), -1) from terms.periods, terms.settings where first_day <= as_of").fetchone()
    assert row is not None, "an aggregate has a row"
    return int(row[0])
