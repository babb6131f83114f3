"""Opening the warehouse: the one DuckDB file of a book, private to the run.

Belongs here: connection settings, transactions, writing a frame as a table. Does not belong here: SQL of any step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import duckdb

from assets.runtime.context import RunContext
from assets.runtime.limits import limits_of
from assets.runtime.sql import as_pattern
from models.book.limit_settings import LEAST_MEMORY


@contextmanager
def open_warehouse(context: RunContext) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that is closed when the block ends. Times are UTC. book.yaml limits memory, threads and spilling.

    No statement can read or write a file outside the book, and none can lift that restriction.
    """
    con = duckdb.connect(str(context.warehouse), config=limits_of(context).engine)
    try:
        con.execute("set timezone = 'UTC'")
        con.execute("set enable_progress_bar = false")  # it would write into the output of `--json`; it can only be set per connection
        _confine(con, context)
        yield con
    finally:
        con.close()


def _confine(con: duckdb.DuckDBPyConnection, context: RunContext) -> None:
    """Restrict the engine to the files of the book and its spill folder, by the paths that a run uses and by the targets of links.

    The restriction holds for all connections of the process to this warehouse, and cannot be lifted.
    """
    if con.execute("select current_setting('enable_external_access')").fetchall() == [(True,)]:
        books = [context.folder, *context.made_from]
        folders = [context.published, limits_of(context).spill.parent, *(book / part for book in books for part in ("", "archive", "ledger", "published"))]
        names = {name for folder in folders for path in (folder, folder.resolve()) for name in (str(path), as_pattern(path))}
        con.execute("set allowed_directories = ?", [sorted(names)])
        con.execute("set enable_external_access = false")


@contextmanager
def memory_given_back(con: duckdb.DuckDBPyConnection, context: RunContext) -> Iterator[None]:
    """In the block the engine has a quarter of its memory. What it keeps of earlier steps goes back to the machine, for frames in Python."""
    memory = limits_of(context).memory
    con.execute(f"set memory_limit = '{max(LEAST_MEMORY, memory // 4) // 10**6}MB'")
    try:
        yield
    finally:
        con.execute(f"set memory_limit = '{memory // 10**6}MB'")


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of the block's writes, or none of them."""
    con.begin()
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):  # an engine that has given up has nothing to take back
            con.rollback()
        raise
    con.commit()


def write_table(con: duckdb.DuckDBPyConnection, name: str, frame: object) -> None:
    """Write a frame as a table, replacing a table of that name."""
    con.register("frame_to_write", frame)
    con.execute(f"create or replace table {name} as from frame_to_write")
    con.unregister("frame_to_write")


def append_table(con: duckdb.DuckDBPyConnection, name: str, frame: object) -> None:
    """Append a frame to a table."""
    con.register("frame_to_write", frame)
    con.execute(f"insert into {name} by name from frame_to_write")
    con.unregister("frame_to_write")


def append_rows(con: duckdb.DuckDBPyConnection, name: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Append rows to a table in one statement. Values are in the order of the table's columns."""
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        con.execute(f"insert into {name} select {', '.join('unnest(?)' for _ in columns)}", columns)
