"""A query as a stage of Spark: what its tasks read besides their own lines, and the tasks.

Belongs here: finding what a query reads, handing small tables to tasks, how many pieces the lines are cut into. Does not belong here: which model is cut
by what (dbt_project, split_models.py), running tasks (session.py).

What a query reads is found in its text and in those of the views below it: dbt writes every name as schema and table. Tables of lines are given to each
task as the files it works on; all other tables are small, and go out as one database per stage.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from assets.runtime.limits import limits_of
from assets.spark.line_tables import LineFile, columns_of, files_of, line_relations, make_view
from assets.spark.session import run_tasks, slots_of
from assets.spark.tasks import Output, Task, Written
from models.book.limit_settings import LEAST_MEMORY
from models.sql_text import identifier, literal

if TYPE_CHECKING:
    import duckdb

    from assets.runtime.context import RunContext

TRANSACTIONS = "raw.transactions"
#: Which bucket a row is in is looked up there.
_PARTICIPANTS = "intermediate.int_participants"
#: Lines of a bucket and of a task, and the most of both: a stage writes a file per task and bucket.
_LINES_PER_BUCKET, _MOST_BUCKETS = 500_000, 512
_LINES_PER_TASK, _MOST_TASKS = 250_000, 256


#: Names with dots between them, not followed by a parenthesis as those of functions are.
_DOTTED = re.compile(r'(?:"\w+"|(?<![\w"])\w+)(?:\.(?:"\w+"|\w+))+(?![\w"(])')
_ENUMS = """
    select schema_name || '.' || type_name from duckdb_types() where database_name = current_database() and logical_type = 'ENUM' and schema_name <> 'main'"""
_LABELS = "select unnest(labels) as label from duckdb_types() where schema_name || '.' || type_name = ? and database_name = current_database()"


@dataclass(frozen=True)
class Stage:
    """What the tasks of one query have in common. `lines`: the tables of lines that it reads, by name with their columns.

    `definitions`: the statement that makes each other table or view, by name.
    """

    context: RunContext
    task: Task
    lines: Mapping[str, list[tuple[str, str]]]
    definitions: Mapping[str, str]

    def run(self, own: Sequence[Sequence[str]], outputs: Callable[[int], Sequence[Output]]) -> list[list[Written]]:
        """Run a task per list of own statements. Returns what each has written."""
        return run_tasks(self.context, [replace(self.task, own=tuple(each), outputs=tuple(outputs(i))) for i, each in enumerate(own)])

    def over(self, relation: str, files: Sequence[LineFile]) -> list[str]:
        """The statement by which a task reads these files as the table; none where the query does not read it."""
        return [make_view(relation, self.lines[relation], files)] if relation in self.lines else []


@contextmanager
def opened_stage(con: duckdb.DuckDBPyConnection, context: RunContext, query: str, hooks: Sequence[str] = ()) -> Iterator[Stage]:
    """The stage of a query. The small tables are there while the block runs."""
    read = relations_read(con, " ".join([query, *hooks, _PARTICIPANTS]))
    lines = {name: columns_of(con, name) for name in line_relations(con) if name in read}
    tables = [name for name, sql in read.items() if sql is None and name not in lines]
    types = _name_types(con, " ".join([query, *(sql for sql in read.values() if sql)]))
    definitions = {
        name: f"create or replace view {name} as from small.{name}" if sql is None else sql.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1)
        for name, sql in read.items()
        if name not in lines
    }
    schemas = sorted({name.split(".")[0] for name in read} | {"raw", "intermediate"})
    shared = [
        *(f"create schema if not exists {schema}" for schema in schemas),
        *_macros(con),
        *(f"create type {name} as enum (select label from small.{name})" for name in types),
        *(make_view(name, columns, []) for name, columns in lines.items()),
        *definitions.values(),
        *hooks,
    ]
    small = context.lines / "small" / f"{uuid.uuid4().hex[:12]}.duckdb"
    _write_small(con, small, tables, types)
    try:
        yield Stage(context, _task(context, small, shared), lines, definitions)
    finally:
        small.unlink(missing_ok=True)


def plain_task(context: RunContext, own: Sequence[str], outputs: Sequence[Output]) -> Task:
    """A task that reads nothing but its files."""
    return replace(_task(context, None, []), own=tuple(own), outputs=tuple(outputs))


def bucket_count(con: duckdb.DuckDBPyConnection, context: RunContext) -> int:
    """How many buckets the lines of the book are in: of book.yaml, else by the number of lines alone, so that every step finds the same.

    A power of two: as a book grows, lines are seldom put into other buckets, which computes everything.
    """
    wanted = min(_MOST_BUCKETS, max(1, -(-_line_count(con) // _LINES_PER_BUCKET)))
    return context.book.engine.buckets or 1 << (wanted - 1).bit_length()


def bucket_of(columns: Sequence[str], buckets: int) -> str:
    """SQL of the bucket of a row, called `lines`, by the values of these columns.

    Participants count by their ids: their keys depend on earlier runs, and published files are by bucket. The engine's hash may be another in its next
    version, which computes everything.
    """
    stable = {"participant_key": f"(select any_value(participant_id) from {_PARTICIPANTS} as ids where ids.participant_key = lines.participant_key)"}
    return f"(hash({', '.join(stable.get(column, f'lines.{identifier(column)}') for column in columns)}) % {buckets})"


def groups_of_files(con: duckdb.DuckDBPyConnection, context: RunContext, numbers: Collection[int] | None = None) -> list[list[LineFile]]:
    """The files of transactions, or those with these numbers, in groups of about as many lines, one group per task. There is one group at least."""
    files = [file for file in files_of(con, TRANSACTIONS) if numbers is None or file.part in numbers]
    lines = sum(file.rows for file in files)
    wanted = min(_MOST_TASKS, max(2 * slots_of(context), -(-lines // _LINES_PER_TASK)))
    return grouped(files, lambda file: file.rows, wanted) or [[]]


def grouped(items: Sequence[LineFile], size: Callable[[LineFile], int], groups: int) -> list[list[LineFile]]:
    """Items that follow each other, in at most so many groups of about one size."""
    most = max(1, -(-sum(map(size, items)) // groups))
    found: list[list[LineFile]] = []
    filled = most
    for item in items:
        if filled + size(item) > most and (filled or not found):
            found.append([])
            filled = 0
        found[-1].append(item)
        filled += size(item)
    return found


def _line_count(con: duckdb.DuckDBPyConnection) -> int:
    return int(con.execute("select coalesce(sum(rows), 0) from spark.line_files where relation = ?", [TRANSACTIONS]).fetchall()[0][0])


def _task(context: RunContext, small: Path | None, shared: Sequence[str]) -> Task:
    limits = limits_of(context)
    books = [context.folder, *context.made_from]
    folders = sorted({str(path) for folder in (*books, context.published, context.archive, limits.spill.parent) for path in (folder, folder.resolve())})
    memory = max(LEAST_MEMORY, limits.memory // limits.threads)
    return Task(str(small) if small else None, tuple(shared), (), (), memory, str(limits.spill), tuple(folders))


def _write_small(con: duckdb.DuckDBPyConnection, path: Path, tables: Sequence[str], types: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    own = con.cursor()  # what the run has not committed is not for tasks
    try:
        own.execute(f"attach {literal(path)} as small")
        try:
            for schema in sorted({name.split(".")[0] for name in [*tables, *types]}):
                own.execute(f"create schema small.{schema}")
            for name in tables:
                own.execute(f"create table small.{name} as from {name}")
            for name in types:
                own.execute(f"create table small.{name} as {_LABELS}", [name])
            own.execute("checkpoint small")
        finally:
            own.execute("detach small")
    finally:
        own.close()


def relations_read(con: duckdb.DuckDBPyConnection, query: str, stop_at: Collection[str] = ()) -> dict[str, str | None]:
    """Tables and views that a query reads, by schema.table, each after those it is made of.

    A view has its statement. Tables of lines count as tables, and so do the views in `stop_at`.
    """
    known: dict[str, str | None] = dict(
        con.execute(
            """
            select schema_name || '.' || table_name, null from duckdb_tables() where database_name = current_database()
            union all select schema_name || '.' || view_name, sql from duckdb_views() where database_name = current_database() and not internal"""
        ).fetchall()
    )
    known |= dict.fromkeys([*line_relations(con), *stop_at])
    found: dict[str, str | None] = {}

    def walk(text: str) -> None:
        for name in _names_in(text):
            if name in known and name not in found:
                sql = known[name]
                if sql is not None:
                    walk(sql.split(" AS ", 1)[1])
                found[name] = sql

    walk(query)
    return found


@lru_cache(maxsize=1_000)
def _names_in(text: str) -> tuple[str, ...]:
    """Whatever a text names by schema and table, quoted or not, and much that is a column of an alias. Asked again for a view by whatever reads it."""
    pairs = (pair for parts in _DOTTED.findall(text) for pair in pairwise(parts.replace('"', "").split(".")))
    return tuple(dict.fromkeys(".".join(pair) for pair in pairs))


def _name_types(con: duckdb.DuckDBPyConnection, text: str) -> list[str]:
    """The enums that a text names."""
    rows = con.execute(_ENUMS).fetchall()
    return [name for (name,) in rows if re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", text)]


def _macros(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The functions in SQL that the warehouse has and that read no table."""
    rows = con.execute(
        """
        select schema_name, function_name, parameters, macro_definition from duckdb_functions()
        where not internal and function_type = 'macro' and schema_name = 'raw' and function_name = 'line_of_row'"""
    ).fetchall()
    return [f"create or replace macro {schema}.{name}({', '.join(parameters)}) as {definition}" for schema, name, parameters, definition in rows]
