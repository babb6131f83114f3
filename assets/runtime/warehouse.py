"""Opening the warehouse: the one DuckDB file of a book, private to the run.

Belongs here: connection settings and transactions. Does not belong here: SQL of any step.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from assets.runtime.context import RunContext
from assets.runtime.limits import limits_of


@contextmanager
def open_warehouse(context: RunContext) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that is closed when the block ends, however it ends. Times are UTC; memory, threads and spilling as book.yaml limits them.

    No statement reads or writes a file outside the book, and none can take that back.
    """
    con = duckdb.connect(str(context.warehouse), config=limits_of(context).engine)
    try:
        con.execute("set timezone = 'UTC'")
        con.execute("set enable_progress_bar = false")  # it would draw into `--json`; the engine takes it per connection only
        _confine(con, context)
        yield con
    finally:
        con.close()


def as_pattern(path: Path) -> str:
    """The pattern that only this path matches, whatever its letters mean to the engine."""
    return re.sub(r"([*?[])", r"[\1]", str(path))


def _confine(con: duckdb.DuckDBPyConnection, context: RunContext) -> None:
    """Leave the engine the files of the book alone and what it spills, by the paths that a run uses and by those that links lead to.

    It holds for all connections of the process to this warehouse, and cannot be taken back.
    """
    if con.execute("select current_setting('enable_external_access')").fetchall() == [(True,)]:
        books = [context.folder, *([context.made_from] if context.made_from else [])]
        folders = [context.published, limits_of(context).spill.parent, *(book / part for book in books for part in ("", "archive", "ledger", "published"))]
        names = {name for folder in folders for path in (folder, folder.resolve()) for name in (str(path), as_pattern(path))}
        con.execute("set allowed_directories = ?", [sorted(names)])
        con.execute("set enable_external_access = false")


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of the block's writes, or none of them."""
    con.begin()
    try:
        yield
    except BaseException:
        con.rollback()
        raise
    con.commit()
