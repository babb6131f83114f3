"""Agreements many times over, each time on lines of their own: the warehouse of a calculation whose every variant is a copy under keys of its own.

Belongs here: what is kept of a run for it, and the SQL that makes the variants. Does not belong here: which variants there are (what_if.py), the
calculation, which knows nothing of variants.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import duckdb
import polars as pl

from assets.runtime.warehouse import transaction, write_table
from models.sql_text import literal

#: What the calculation and the SQL between its levels read. Rows of other agreements are left out.
_KEPT = {
    "terms": (
        "settings", "periods", "days", "agreements", "nets", "line_sets", "benefits", "tiers", "matrix_columns", "matrix_cells", "axes", "axis_parts",
        "tie_breakers", "draws", "multipliers", "multiplier_tiers", "gates", "windows", "window_parts",
    ),
    "staging": ("stg_targets", "stg_metrics", "stg_participations", "stg_balances", "stg_partner_keys"),
    "intermediate": ("int_participants", "int_days_converted", "int_measures_summed", "int_lines_credited", "int_lines_to_net"),
    "calc": ("lines_netted",),
    "raw": ("assignments", "credits"),
}  # fmt: skip
_LINES = ("int_lines_credited", "int_lines_to_net")
#: Columns that name an agreement or what it has: of a variant they are other numbers, and texts that begin with its number.
_KEYS = (
    "agreement_key", "benefit_key", "part_benefit_key", "series_key", "line_set_key", "measure_line_set_key", "base_line_set_key", "share_line_set_key",
    "prior_line_set_key",
)  # fmt: skip
_IDS = ("agreement_id", "agreement", "from_agreement_id", "first_agreement_id", "combine_group")
#: What grows with the volume, by table: column and its decimals. Counts of lines stay, and _GROWS says what stays of attributes.
_GROWING: Mapping[str, Mapping[str, int]] = {
    "int_measures_summed": {"amount": 6, "cost": 6, "quantity": 12, "attribute_value": 12},
    "stg_balances": {"measure": 6, "base": 6, "quantity": 6},
    **dict.fromkeys(_LINES, dict.fromkeys(("amount_millionths", "cost_millionths", "quantity_millionths", "attribute_millionths"), 0)),
}
#: A line multiplied by an attribute grows with its amount. The number of lines that is multiplied by one stays.
_GROWS = {"attribute_millionths": "sets.multiplied is null", "attribute_value": "sets.multiplied is distinct from 'count'"}
_COUNTED = ("line_count", "missing_rates", "missing_costs", "missing_quantities", "missing_attributes")
_OF_TRANSACTIONS = "sets.grouped_by in ('transaction_id', 'original_transaction_id or transaction_id')"
_SETS = """
    create or replace table sets as
    select line_set_key, multiplied, grouped_by, ranges.*
    from history.line_sets join ranges using (agreement_key)"""


def keep_history(con: duckdb.DuckDBPyConnection, file: Path, agreements: Collection[str], of_lines: Collection[str]) -> None:
    """Write what the run that is in the warehouse computes these agreements from to a file of its own; of those `of_lines` the lines, of others the sums."""
    con.execute(f"attach {literal(str(file))} as kept")
    con.execute("create schema kept.history")
    chosen = f"(select agreement_key from terms.agreements where agreement_id in {_listed(agreements)})"
    by_line = f"(select line_set_key from terms.line_sets join terms.agreements using (agreement_key) where agreement_id in {_listed(of_lines)})"
    own = {
        "agreement_key": f"agreement_key in {chosen}",
        "benefit_key": f"benefit_key in (select benefit_key from terms.benefits where agreement_key in {chosen})",
        "agreement": f"agreement in {_listed(agreements)}",
    }
    with transaction(con):
        for schema, names in _KEPT.items():
            for name in names:
                columns = _columns(con, schema, name)
                condition = next((where for column, where in own.items() if column in columns), "true")
                if name in _LINES:
                    condition = f"line_set_key in {by_line}"
                elif name == "int_measures_summed":
                    condition = f"line_set_key in (select line_set_key from terms.line_sets where agreement_key in {chosen}) and line_set_key not in {by_line}"
                shown = "share" if schema == "raw" else "*"
                con.execute(f"create table kept.history.{name} as select {shown} from {schema}.{name} where {condition}")
    con.execute("detach kept")


def make_variants(con: duckdb.DuckDBPyConnection, ranges: pl.DataFrame, variants: pl.DataFrame, moves: pl.DataFrame) -> int:
    """Make the tables of the variants from what is kept. Returns what their keys are apart: keys of variant n are n times that higher.

    ranges: agreement_key, range_no, first_period, last_period: its lines that are another volume. variants: n, numerator and denominator of the volume.
    moves: where the months of a range go, in each variant: n, range_no, period_no, becomes, and participant_key where not all go there; copy: another one for
    each place.
    Lines that are moved stand apart from those that are not: they are other lines for agreements that are net of what is paid on them.
    """
    for name, frame in (("ranges", ranges), ("variants", variants), ("moves", moves)):
        write_table(con, name, frame)
    con.execute("alter table variants alter numerator type hugeint")
    con.execute("alter table variants alter denominator type hugeint")
    con.execute(_SETS)
    apart = 1 + _largest(con, {"line_sets": "line_set_key", "agreements": "agreement_key", "benefits": "greatest(benefit_key, series_key)"})
    files = 1 + _largest(con, dict.fromkeys(_LINES, "file_no"))
    with transaction(con):  # each commit waits for the disk
        for schema, names in _KEPT.items():
            con.execute(f"create schema if not exists {schema}")
            for name in names:
                columns = _columns(con, "history", name)
                is_moved = name in (*_LINES, "int_measures_summed")
                query = _moved(name, columns, apart, files, "participant_key" in moves.columns) if is_moved else _repeated(name, columns, apart)
                if name == "int_measures_summed":  # two slots of a month may be one in the place of another
                    sums = {column: f"sum({column})::{columns[column]}" for column in (*_GROWING[name], *_COUNTED)}
                    query = f"select * {_replace(sums)} from ({query}) group by all"
                con.execute(f"create or replace table {schema}.{name} as {query}")
    return apart


def _repeated(name: str, columns: Mapping[str, str], apart: int) -> str:
    """The rows of every variant; of tables that name no agreement, the rows."""
    replaced = _keys(columns, apart)
    if not replaced:
        return f"select * from history.{name}"
    replaced |= {column: _times(column, columns[column], decimals) for column, decimals in _GROWING.get(name, {}).items()}
    return f"select rows.* {_replace(replaced)} from history.{name} as rows cross join variants"


def _moved(name: str, columns: Mapping[str, str], apart: int, files: int, of_each: bool) -> str:
    """The lines or sums of every variant: those of its range where the months go, and those outside of it, and of the year before, as they are."""
    keys, is_lines = _keys(columns, apart), name in _LINES
    moved = {**keys, "period_no": "moves.becomes"}
    for column, decimals in _GROWING[name].items():
        times = _times(column, columns[column], decimals)
        moved[column] = f"case when {_GROWS[column]} then {times} else rows.{column} end" if column in _GROWS else times
    if "group_value" in columns:  # a month that is there twice is of other transactions
        moved["group_value"] = f"case when moves.copy > 0 and {_OF_TRANSACTIONS} then rows.group_value || chr(31) || moves.copy else rows.group_value end"
    if is_lines:
        moved["prior_period_no"] = "cast(null as integer)"
        moved["file_no"] = f"cast(rows.file_no + (1 + moves.copy) * {files} as integer)"
        moved["date"] = """case when rows.date between came.period_first_day and came.period_last_day
            then least(went.period_first_day + (rows.date - came.period_first_day)::integer, went.period_last_day)
            else rows.date + (went.period_first_day - came.period_first_day)::integer end"""
    in_range = "rows.period_no between sets.first_period and sets.last_period"
    of_whom = "and rows.participant_key = moves.participant_key" if of_each else ""
    is_now, is_before = ("rows.is_in_term", "rows.prior_period_no is not null") if is_lines else ("not rows.is_prior", "rows.is_prior")
    kept = {**keys, **({"is_in_term": f"rows.is_in_term and not {in_range}"} if is_lines else {})}
    return f"""
        select rows.* {_replace(moved)}
        from history.{name} as rows join sets using (line_set_key)
        join moves on sets.range_no = moves.range_no and rows.period_no = moves.period_no {of_whom}
        join variants using (n)
        join history.periods as came on moves.period_no = came.period_no
        join history.periods as went on moves.becomes = went.period_no
        where {is_now} and {in_range}
        union all
        select rows.* {_replace(kept)}
        from history.{name} as rows join sets using (line_set_key) cross join variants
        where {is_before} or ({is_now} and not {in_range})"""


def _keys(columns: Mapping[str, str], apart: int) -> dict[str, str]:
    return {
        **{column: f"cast(rows.{column} + n * {apart} as integer)" for column in _KEYS if column in columns},
        **{column: f"n || chr(31) || rows.{column}" for column in _IDS if column in columns},
    }


def _times(column: str, type_name: str, decimals: int) -> str:
    """The column times the variant's volume, a half away from 0."""
    units = f"cast(replace(cast(rows.{column} as varchar), '.', '') as hugeint)"
    times = f"sign({units}) * ((2 * abs({units}) * numerator + denominator) // (2 * denominator))"
    if not decimals:
        return f"cast({times} as {type_name})"
    one = f"cast(0.{'0' * (decimals - 1)}1 as decimal({decimals + 1}, {decimals}))"
    return f"cast(cast({times} as decimal(38, 0)) * {one} as {type_name})"


def _replace(replaced: Mapping[str, str]) -> str:
    return f"replace ({', '.join(f'{value} as {column}' for column, value in replaced.items())})"


def _largest(con: duckdb.DuckDBPyConnection, of: Mapping[str, str]) -> int:
    """The largest number that these tables have; 0 where they are empty."""
    values = " union all ".join(f"select {column} as number from history.{name}" for name, column in of.items())
    return int(con.execute(f"select coalesce(max(number), 0) from ({values})").fetchall()[0][0])


def _columns(con: duckdb.DuckDBPyConnection, schema: str, name: str) -> dict[str, str]:
    return {row[0]: row[1] for row in con.execute(f"describe {schema}.{name}").fetchall()}


def _listed(names: Collection[str]) -> str:
    return f"({', '.join(map(literal, sorted(names))) or 'null'})"
