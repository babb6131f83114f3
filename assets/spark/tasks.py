"""What a worker of Spark runs: one piece of a query, by DuckDB, from files to files.

Belongs here: a task as data, and running it. It is imported by workers, so it imports DuckDB alone. Does not belong here: Spark (session.py), which
tasks there are (split_models.py).

A task writes files under names that no other attempt has, and returns them: what was not returned does not exist. So a task that is run twice does no harm.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

#: How a file of rows is written, here and by the driver. zstd makes lines 40 % smaller, in 15 % more time; Power BI cannot read the encodings of
#: Parquet version 2. A column of more values gets no dictionary: looking them up takes a quarter of the time, and saves 8 % of the file.
PARQUET = "format parquet, compression snappy, dictionary_size_limit 4096"
#: Errors that the next attempt may not meet, unless the disk is full. All others are the same however often a task is run.
_WORTH_A_RETRY = (duckdb.IOException, OSError)
_NO_ROOM = ("No space left", "quota", "File too large")
_open: dict[str, duckdb.DuckDBPyConnection] = {}


@dataclass(frozen=True)
class Output:
    """A query whose rows become files of a folder. `bucketed_by`: SQL of a number of a row, called `lines`; then there is a file for each
    of its values.

    `facts`: a query over the written rows, called `written`, of one row.
    """

    query: str
    folder: str
    name: str
    bucketed_by: str | None = None
    facts: str | None = None


@dataclass(frozen=True)
class Task:
    """`small`: the database with small tables, or none. `shared`: statements that are the same for all tasks of a stage; `own`: those of this one."""

    small: str | None
    shared: tuple[str, ...]
    own: tuple[str, ...]
    outputs: tuple[Output, ...]
    memory: int
    spill: str
    folders: tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """A file that a task has written: its path, rows, bucket, the row of `facts`."""

    path: str
    rows: int
    bucket: int = 0
    facts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Result:
    """What a task has written, or the error of DuckDB that it ended with: class and text."""

    written: list[Written] = field(default_factory=list)
    error: tuple[str, str] | None = None

    @property
    def is_out_of_memory(self) -> bool:
        return self.error is not None and self.error[0] == duckdb.OutOfMemoryException.__name__

    def raise_error(self) -> None:
        if self.error:
            kind, text = self.error
            raise getattr(duckdb, kind, duckdb.Error)(text)


@dataclass(frozen=True)
class Probe:
    """What a worker is: versions, the program, the text of a file."""

    engines: str
    program: str
    text: str | None


@dataclass(frozen=True)
class Probing:
    """Looks what a worker is, and what it reads in a file."""

    file: str

    def __call__(self, _: int) -> Probe:
        from assets.runtime.versions import code_version, engine_versions

        try:
            text = Path(self.file).read_text()
        except OSError:
            text = None
        return Probe(engine_versions(), code_version(), text)


def run_task(task: Task) -> Result:
    """Run one task. An error that every attempt would meet is returned, so that Spark does not run it again."""
    try:
        os.makedirs(_spill(task), exist_ok=True)  # a run that begins deletes what is there
        con = _connect(task)
        for statement in task.own:
            con.execute(statement)
        return Result([written for output in task.outputs for written in _write(con, output)])
    except (duckdb.Error, OSError) as error:
        if isinstance(error, _WORTH_A_RETRY) and not any(words in str(error) for words in _NO_ROOM):
            raise
        return Result(error=(type(error).__name__, str(error)))


def _connect(task: Task) -> duckdb.DuckDBPyConnection:
    """The connection of this worker, which serves the tasks of one stage: small tables are read once."""
    key = repr((task.small, task.shared, task.memory, task.spill, task.folders))
    if key not in _open:
        for con in _open.values():
            con.close()
        _open.clear()
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": 1,  # rows stay in the order of their file
            "memory_limit": f"{task.memory // 10**6}MB",
            "temp_directory": _spill(task),
            "autoinstall_known_extensions": False,
        }
        con = duckdb.connect(config=config)
        con.execute("set timezone = 'UTC'")
        con.execute("set allowed_directories = ?", [[*task.folders]])
        con.execute("set enable_external_access = false")  # as on the driver: no statement reaches another file
        con.execute("attach ':memory:' as warehouse")
        if task.small:
            con.execute(f"attach '{task.small.replace(chr(39), chr(39) * 2)}' as small (read_only)")
        con.execute("use warehouse")
        for statement in task.shared:
            con.execute(statement)
        _open[key] = con
    return _open[key]


def _spill(task: Task) -> str:
    """Where this worker spills: the engine uses the same names in every process."""
    return os.path.join(task.spill, f"task-{os.getpid()}")


def _write(con: duckdb.DuckDBPyConnection, output: Output) -> list[Written]:
    name = os.path.join(output.folder, f"{output.name}-{uuid.uuid4().hex[:12]}")
    os.makedirs(output.folder, exist_ok=True)
    if output.bucketed_by is None:
        return [_described(con, output, f"{name}.parquet", _copy(con, output.query, f"{name}.parquet"))]
    query = f"select *, cast({output.bucketed_by} as integer) as bucket_no from ({output.query}) as lines"
    stats = con.execute(f"copy ({query}) to {_literal(name)} ({PARQUET}, partition_by (bucket_no), return_stats true)")
    columns = [column[0] for column in stats.description or ()]
    rows = [dict(zip(columns, row, strict=True)) for row in stats.fetchall()]
    return [Written(row["filename"], int(row["count"]), int(row["partition_keys"]["bucket_no"])) for row in rows]


def _copy(con: duckdb.DuckDBPyConnection, query: str, path: str) -> int:
    return int(con.execute(f"copy ({query}) to {_literal(path)} ({PARQUET})").fetchall()[0][0])


def _described(con: duckdb.DuckDBPyConnection, output: Output, path: str, rows: int) -> Written:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
    facts: Sequence[int] = ()
    if output.facts:
        facts = con.execute(f"with written as (from read_parquet({_literal(path)}, hive_partitioning = false)) {output.facts}").fetchall()[0]
    return Written(path, rows, facts=tuple(facts))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
