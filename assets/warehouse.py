"""Opening the warehouse: the one DuckDB file of a book, private to the run.

Belongs here: connection settings and transactions. Does not belong here: SQL of any step.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

#: Limits of the engine inside one run; dbt's profile (assets/dbt.py) uses the same.
SETTINGS: dict[str, str | int | bool] = {"memory_limit": "1500MB", "threads": 2}


@contextmanager
def open_warehouse(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that is closed when the block ends, however it ends. Times are UTC."""
    con = duckdb.connect(str(path), config={**SETTINGS, "temp_directory": f"{path}.tmp"})
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
