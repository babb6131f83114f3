"""The models of lines on Spark: each is cut as its `meta` says, and its pieces are run as tasks.

Belongs here: reading `meta.lines`, building one model. Does not belong here: the SQL (dbt_project), what a piece reads (stages.py).

    split_by: file                    a piece is some files of transactions: whatever is computed within a line
    split_by: {model: [columns], …}   a piece is a bucket of these columns of each model; rows that belong together have them in common
    split_by: repeated_keys           only rows whose key occurs more than once, or that take it back, are compared: on the driver
    split_by: driver                  read in one pass on the driver, which keeps little of it
    split_by: reader                  a view: cut as whatever reads it
    into: [columns]                   the rows stay files, in buckets of these columns; without it they are few, and become a table
    once: [model]                     a small model that one piece alone may see, because its rows do not come from lines
    sum: [columns]                    a row may come from several pieces: these columns are added up, the others name it
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.runtime.errors import SqlError
from assets.runtime.sql import scan, table_exists
from assets.spark.added_lines import add_rows, changed_buckets, changed_files
from assets.spark.line_models import LineModel
from assets.spark.line_tables import (
    LineFile,
    columns_of,
    driver_views,
    drop_relation,
    files_of,
    forget_table,
    line_relations,
    make_view,
    note_driver_view,
    register_columns,
    register_files,
    show_table,
)
from assets.spark.stages import TRANSACTIONS, Stage, bucket_count, bucket_of, groups_of_files, opened_stage, relations_read
from assets.spark.tasks import Output, Written
from assets.spark.type_border import Columns, from_file, no_rows, to_file
from models.sql_text import identifier

if TYPE_CHECKING:
    import duckdb

    from assets.runtime.context import RunContext

WAYS = ("file", "repeated_keys", "driver", "reader")
_KEYS = ("split_by", "into", "once", "sum")
_MOST_ROWS_OF_A_PARTITION = 50_000


@dataclass(frozen=True)
class Split:
    """How a model is cut. `buckets`: columns by model, where it is cut by buckets."""

    way: str
    buckets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    into: Sequence[str] = ()
    once: Sequence[str] = ()
    summed: Sequence[str] = ()


def read_split(name: str, meta: Mapping[str, Any]) -> Split:
    """What a model says of its lines. Raises SqlError with the model's name where that cannot be read."""
    by, lists = meta.get("split_by"), {key: list(meta.get(key) or ()) for key in _KEYS[1:]}
    buckets: dict[str, list[str]] = by if isinstance(by, dict) else {}
    is_known = by in WAYS if isinstance(by, str) else bool(buckets) and all(isinstance(columns, list) and columns for columns in buckets.values())
    if set(meta) - set(_KEYS) or not is_known:
        raise SqlError(f"{name}: meta.lines is {dict(meta)}; it needs split_by ({', '.join(WAYS)}, or columns by model) and may have {', '.join(_KEYS[1:])}")
    return Split("buckets" if buckets else str(by), buckets, lists["into"], lists["once"], lists["sum"])


def split_of(con: duckdb.DuckDBPyConnection, model: LineModel) -> Split | None:
    """How a model is cut; None where it reads no lines. Raises SqlError where it reads lines and does not say, or could not be right in pieces."""
    views = driver_views(con)
    read = relations_read(con, model.sql, views)
    in_files = line_relations(con)
    lines = [name for name in read if name in in_files]
    whole = [name for name in read if name in views]
    if not lines:
        return None
    if model.meta is None:
        message = "say in its yml how it is split (config: meta: lines: split_by, see assets/spark/split_models.py)"
        raise SqlError(f"{model.name} reads {', '.join(lines)}, which Spark computes in pieces; {message}")
    split = read_split(model.name, model.meta)
    if whole and split.way != "driver":
        raise SqlError(f"{model.name} is split by {split.way}, and reads {', '.join(whole)}, which needs all lines; make that a table, or split neither")
    return split


def build_split(con: duckdb.DuckDBPyConnection, context: RunContext, model: LineModel, split: Split) -> bool:
    """Build a model by tasks. False where the driver is to build it as it builds any other."""
    note_driver_view(con, model.name, split.way == "driver" and model.kind == "view")
    if split.way == "repeated_keys":
        return _compare_new_keys(con, model) if model.is_added_to else _build_of_repeated_keys(con, context, model)
    if split.way not in ("file", "buckets"):
        return False
    columns = [(str(name), str(kind)) for name, kind, *_ in con.execute(f"describe {model.sql}").fetchall()]
    before = files_of(con, model.name)
    with opened_stage(con, context, model.sql, model.settings) as stage:
        written = _run(con, context, stage, model, split, columns)
    if model.is_added_to:
        add_rows(con, context, model, columns, written, bool(split.into))
        return True
    _replace(con, context, model.name, columns, written, split)
    for file in before:
        file.path.unlink(missing_ok=True)
    return True


def _run(con: duckdb.DuckDBPyConnection, context: RunContext, stage: Stage, model: LineModel, split: Split, columns: Columns) -> list[Written]:
    pieces = _pieces(con, context, stage, split, model.is_added_to)
    if split.into:
        pieces = [["set partitioned_write_flush_threshold = " + str(_MOST_ROWS_OF_A_PARTITION), *piece] for piece in pieces]
    empty = {relation: f"create or replace view {relation} as {no_rows(_described(con, relation))}" for relation in (_named(con, n) for n in split.once)}
    pieces = with_rows_once(pieces, stage.definitions, empty)
    buckets = bucket_count(con, context)
    bucketed_by = bucket_of(split.into, buckets) if split.into and buckets > 1 else None
    output = Output(f"select {to_file(columns)} from ({model.sql})", str(context.lines / model.name), "rows", bucketed_by)
    return [file for files in stage.run(pieces, lambda _: [output]) for file in files if file.rows]


def with_rows_once(pieces: Sequence[Sequence[str]], definitions: Mapping[str, str], empty: Mapping[str, str]) -> list[list[str]]:
    """The statements of tasks, of which the first alone sees rows of some relations. `empty`: by relation, what makes it one without rows. A relation
    without a definition is not read: not every book has what a model is about.
    """
    read = [relation for relation in empty if relation in definitions]
    return [[*((empty if number else definitions)[relation] for relation in read), *piece] for number, piece in enumerate(pieces)]


def _pieces(con: duckdb.DuckDBPyConnection, context: RunContext, stage: Stage, split: Split, only_changed: bool) -> list[list[str]]:
    """The own statements of each task: views over its lines. `only_changed`: over files with lines that changed, and buckets with sums that did."""
    if split.way == "file":
        groups = groups_of_files(con, context, changed_files(con) if only_changed else None)
        return [stage.over(TRANSACTIONS, files) for files in groups]
    buckets = bucket_count(con, context)
    numbers = changed_buckets(con, buckets) if only_changed else [*range(buckets)]
    return [bucket_piece(con, stage, split.buckets, buckets, [number]) for number in numbers]


def bucket_piece(con: duckdb.DuckDBPyConnection, stage: Stage, by: Mapping[str, Sequence[str]], buckets: int, numbers: Sequence[int]) -> list[str]:
    """The statements by which a task sees some buckets alone: of tables of lines their files, of small tables their rows."""
    statements = []
    for model_name, columns in by.items():
        relation = _named(con, model_name)
        if relation in stage.lines:
            statements += stage.over(relation, [file for file in files_of(con, relation) if file.part in numbers])
        elif table_exists(con, *relation.split(".")):
            condition = f"{bucket_of(columns, buckets)} in ({', '.join(map(str, numbers))})"
            statements.append(f"create or replace view {relation} as from small.{relation} as lines where {condition}")
    return statements


def _replace(con: duckdb.DuckDBPyConnection, context: RunContext, name: str, columns: Columns, written: Sequence[Written], split: Split) -> None:
    """Put what tasks have written in place of the model."""
    drop_relation(con, name)
    forget_table(con, name)
    if split.into:
        register_columns(con, name, columns)
        register_files(con, name, [LineFile(file.bucket, Path(file.path), file.rows) for file in written])
        show_table(con, name)
        return
    paths = [Path(file.path) for file in written]
    rows = f"select {from_file(columns)} from {scan(paths)}" if paths else no_rows(columns)
    if split.summed:
        sums = ", ".join(f"cast(sum({identifier(c)}) as {kind}) as {identifier(c)}" for c, kind in columns if c in split.summed)
        rows = f"select * exclude ({', '.join(map(identifier, split.summed))}), {sums} from ({rows}) group by all"
    con.execute(f"create or replace table {name} as {rows}")
    shutil.rmtree(context.lines / name, ignore_errors=True)


def _build_of_repeated_keys(con: duckdb.DuckDBPyConnection, context: RunContext, model: LineModel) -> bool:
    """Let the driver compare only rows that can be replaced or replace another. False where it needs all of them: a file may say what is gone."""
    buckets = bucket_count(con, context)
    if buckets == 1 or _says_what_is_gone(con):
        return False
    key = [name for (name,) in con.execute("select column_name from raw.feed_keys where feed = 'transactions' order by position").fetchall()]
    columns, folder = columns_of(con, TRANSACTIONS), context.lines / "repeated"
    candidates = _repeated_rows(con, context, key, buckets) if key else []
    con.execute(make_view(TRANSACTIONS, columns, [LineFile(0, Path(file.path), file.rows) for file in candidates]))
    try:
        for statement in model.statements:
            con.execute(statement)
    finally:
        show_table(con, TRANSACTIONS)
        shutil.rmtree(folder, ignore_errors=True)
    return True


def _repeated_rows(con: duckdb.DuckDBPyConnection, context: RunContext, key: Sequence[str], buckets: int) -> list[Written]:
    """Rows whose key occurs more than once, or that take it back. Keys are compared by hash, so some rows more may be among them."""
    folder = str(context.lines / "repeated")
    key_hash = f"hash({', '.join(map(identifier, key))})"
    groups = groups_of_files(con, context)
    with opened_stage(con, context, f"from {TRANSACTIONS}") as stage:
        own = [stage.over(TRANSACTIONS, files) for files in groups]
        hashes = Output(f"select {key_hash} as key_hash from {TRANSACTIONS}", folder, "keys", f"key_hash % {buckets}")
        keys = [file for files in stage.run(own, lambda _: [hashes]) for file in files]
        of_bucket = [[Path(file.path) for file in keys if file.bucket == number] for number in range(buckets)]
        twice = [Output(f"select key_hash from {scan(paths)} group by key_hash having count(*) > 1", folder, "repeated") for paths in of_bucket if paths]
        repeated = [file for files in stage.run([[] for _ in twice], lambda i: [twice[i]]) for file in files if file.rows]
        paths = [Path(file.path) for file in repeated]
        is_repeated = f"{key_hash} in (select key_hash from {scan(paths)})" if paths else "false"
        rows = Output(f"select * from {TRANSACTIONS} where is_deleted or {is_repeated}", folder, "rows")
        return [file for files in stage.run(own, lambda _: [rows]) for file in files if file.rows]


def _compare_new_keys(con: duckdb.DuckDBPyConnection, model: LineModel) -> bool:
    """Let the driver read only files with rows that are compared. False where it needs all of them."""
    if _says_what_is_gone(con):
        return False
    numbers = {number for (number,) in con.execute("select distinct file_no from changes.compared_lines").fetchall()}
    con.execute(make_view(TRANSACTIONS, columns_of(con, TRANSACTIONS), [file for file in files_of(con, TRANSACTIONS) if file.part in numbers]))
    try:
        for statement in model.statements:
            con.execute(statement)
    finally:
        show_table(con, TRANSACTIONS)
    return True


def _says_what_is_gone(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether a file of transactions may say what is gone: then rows of all files are compared."""
    rows = con.execute(
        """
        select 1 from raw.feed_snapshots where feed = 'transactions' union all select 1 from raw.replacing_feeds where feed = 'transactions'
        union all select 1 from raw.corrections where feed = 'transactions'"""
    ).fetchall()
    return bool(rows)


def _named(con: duckdb.DuckDBPyConnection, model_name: str) -> str:
    """schema.table of a model."""
    rows = con.execute(
        """
        select table_schema || '.' || table_name from information_schema.tables
        where table_name = ? and table_schema in ('staging', 'intermediate', 'marts')""",
        [model_name],
    ).fetchall()
    return rows[0][0] if rows else f"intermediate.{model_name}"


def _described(con: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[str, str]]:
    return [(str(name), str(kind)) for name, kind, *_ in con.execute(f"describe {relation}").fetchall()]
