"""Whether a run computes only what has changed, and why not.

Belongs here: the reasons for a full run, and the note of it in the warehouse, which every step of the run reads. Does not belong here: finding what has
changed (changed_lines.py, changed_participants.py).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb

from assets.incremental.kept_tables import KeptRun, differing, forget_run, keep_run, read_digest, read_kept_run
from assets.runtime.sql import table_exists
from assets.runtime.versions import code_version, engine_versions
from assets.spark.stages import bucket_count

if TYPE_CHECKING:
    from assets.runtime.context import RunContext

#: With more changed lines than this share of all, a full run is faster.
MOST_CHANGED = 0.3
DAMAGED = "tables of the run before are damaged"
OTHER_BUCKETS = "Spark keeps lines in another number of buckets now"
NOTHING_KEPT = "nothing is kept of a run before: there was none, it did not end, or files were read anew"
#: What has changed, still empty. mode has one row; `program`, `features` and `lines` are what the run is made with and for, which `keep_run`
#: hands on.
_CHANGES = """
    drop schema if exists changes cascade;
    create schema changes;
    create table changes.mode (why_full varchar, as_of_before date, as_of date, program varchar, features varchar, lines varchar);
    create table changes.compared_lines (file_no integer, row_no bigint);
    create table changes.lines (file_no integer, row_no bigint, cause_no integer);
    create table changes.measures_before (line_set_key integer, participant_key integer, period_no integer, cause_no integer);"""


#: On Spark lines are views over files.
_IS_STORED = "select 1 from duckdb_tables() where database_name = current_database() and schema_name || '.' || table_name = ?"
_HAS_DELETED = """
    select sum(count) > 1.5 * (select count(*) from {table}) from pragma_storage_info('{table}') where column_id = 0 and segment_type <> 'VALIDITY'"""


def decide_mode(con: duckdb.DuckDBPyConnection, context: RunContext, variables: dict[str, Any]) -> None:
    """Decide for the run that is about to change the first table, and note it. From here on nothing is kept of the run before but its copies.

    variables: what the SQL is compiled for.
    """
    program, features = f"{code_version()} {engine_versions()}", json.dumps(variables, sort_keys=True, default=str)
    lines = f"{bucket_count(con, context)} buckets" if context.is_on_spark else "a table"
    kept = None
    try:
        kept = read_kept_run(con)
        why = "--full was given" if context.full else _why_full(con, context, kept, program, features, variables)
        if why is None and kept is not None and kept.lines != lines:
            why = OTHER_BUCKETS
    except duckdb.Error:
        why = DAMAGED
    forget_run(con)
    con.execute(_CHANGES)
    if why is None:
        let_deleted_rows_go(con)
    con.execute("insert into changes.mode values (?, ?, ?, ?, ?, ?)", [why, None if kept is None else kept.as_of, context.as_of, program, features, lines])


def let_deleted_rows_go(con: duckdb.DuckDBPyConnection) -> None:
    """Let the checkpoints of this run drop deleted rows, where a table has more than half as many of them as live ones.

    Checkpoints do not (assets/runtime/limits.py), because they write rows just loaded once more where they do.
    """
    for table in ("calc.payouts", "calc.calculation_steps", "intermediate.int_lines_credited"):
        if con.execute(_IS_STORED, [table]).fetchall() and con.execute(_HAS_DELETED.format(table=table)).fetchall() == [(True,)]:
            con.execute("set max_vacuum_tasks = 100")


def keep_published(con: duckdb.DuckDBPyConnection) -> None:
    """Let the next run compute only what will have changed since this one."""
    if table_exists(con, "changes", "mode"):
        keep_run(con, *con.execute("select as_of, program, features, lines from changes.mode").fetchall()[0])


def turn_to_full(con: duckdb.DuckDBPyConnection, why: str) -> None:
    """Compute everything after all."""
    con.execute("update changes.mode set why_full = ?", [why])


def why_full(con: duckdb.DuckDBPyConnection) -> str | None:
    """Why the run in the warehouse computes everything; None where it does not."""
    if not table_exists(con, "changes", "mode"):
        return NOTHING_KEPT
    return con.execute("select why_full from changes.mode").fetchall()[0][0]


def is_incremental(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the run in the warehouse computes only what has changed."""
    return why_full(con) is None


def _why_full(con: duckdb.DuckDBPyConnection, context: RunContext, kept: KeptRun | None, program: str, features: str, variables: dict[str, Any]) -> str | None:
    if kept is None:
        return NOTHING_KEPT
    if kept.program != program:
        return "the program has changed"
    if kept.features != features:
        return "the columns or settings of a feed have changed, or what agreements ask of lines"
    if context.as_of < kept.as_of:
        return f"as_of went back from {kept.as_of}"
    if con.execute("select 1 from (from previous.periods except all from terms.periods) limit 1").fetchall():
        return "the calendar has changed"
    if variables["book"]["has_claims"] and con.execute(f"select 1 from ({differing('agreements')}) limit 1").fetchall():
        return "agreements of an exclusive group have changed"
    if read_digest(con) != kept.digest:
        return DAMAGED
    return None
