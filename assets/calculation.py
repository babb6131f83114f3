"""The step that computes: reads sums and terms, calls the models, writes the tables `calc.*`.

Belongs here: reading frames, the order of the models, writing tables. Does not belong here: any rule.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import duckdb
import polars as pl

from assets.agreements import write_table
from assets.context import RunContext, StepReport
from assets.warehouse import open_warehouse, transaction
from models.results import compute_results

BENEFIT_COLUMNS = """
    b.* exclude (definition, quote, clause, position), a.agreement_id, a.currency, a.minor_units, a.combine_rule, a.combine_group, a.priority
"""
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
    "measures": """
        select basis_key, participant_key, period_no, is_prior, is_ahead, amount, cost, quantity, attribute_value,
          line_count, missing_rates, missing_costs, missing_quantities, missing_attributes
        from intermediate.int_measures_summed""",
    "targets": """
        select agreement as agreement_id, benefit as benefit_id, participant_id, window_start, target, incentive, baseline
        from staging.stg_targets""",
    "metrics": "select participant_id, metric, date, value from staging.stg_metrics",
}


def calculate(context: RunContext) -> StepReport:
    """Write calc.payouts, calc.achievement, calc.accruals and calc.calculation_steps anew, each while the next is computed."""
    rows, blocked, written = {}, 0, []
    with open_warehouse(context.warehouse) as con:
        frames = {name: con.sql(query).pl() for name, query in QUERIES.items()}
        as_of_period = _as_of_period(con)
        with transaction(con), ThreadPoolExecutor(max_workers=1) as writer:
            con.execute("create schema if not exists calc")
            for name, frame in compute_results(frames, context.as_of, as_of_period, context.book.rounding):
                written.append(writer.submit(write_table, con, f"calc.{name}", frame))
                rows[f"calc.{name}"] = frame.height
                if name == "payouts":
                    blocked = frame.filter(pl.col("status") == "blocked").height
            for table in written:
                table.result()
    return StepReport(rows=rows, figures={"blocked": blocked})


def _as_of_period(con: duckdb.DuckDBPyConnection) -> int:
    row = con.execute("select period_no from terms.days join terms.settings on day = as_of").fetchone()
    assert row is not None, "the calendar covers as_of"
    return int(row[0])
