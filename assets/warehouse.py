"""Opening the warehouse: the one DuckDB file of a book, private to the run.

Belongs here: connection settings and transactions. Does not belong here: SQL of any step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from assets.context import RunContext
from assets.limits import limits_of


@contextmanager
def open_warehouse(context: RunContext) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that is closed when the block ends, however it ends. Times are UTC; memory, threads and spilling as book.yaml limits them."""
    con = duckdb.connect(str(context.warehouse), config=limits_of(context).engine)
    try:
        con.execute("set timezone = 'UTC'")
        con.execute("set enable_progress_bar = false")  # it would draw into `--json`; the engine takes it per connection only
        yield con
    finally:
        con.close()


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
