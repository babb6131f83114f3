"""SQL that several steps need: a file as a table, whether a table exists, how many rows it has and whether they are the same.

Belongs here: how DuckDB reads paths and catalogs. Does not belong here: quoting (models/sql_text.py), SQL of any step.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from models.sql_text import literal

if TYPE_CHECKING:
    import duckdb

#: In place of columns: the whole row.
ALL_COLUMNS = "digested"


def as_pattern(path: Path) -> str:
    """The glob pattern that matches only this path."""
    return re.sub(r"([*?[])", r"[\1]", str(path))


def scan(files: Path | Sequence[Path], *options: str) -> str:
    """A Parquet file, or several, as a table. Glob characters in their names are escaped, and a folder named a=b adds no column."""
    paths = literal(as_pattern(files)) if isinstance(files, Path) else f"[{', '.join(literal(as_pattern(path)) for path in files)}]"
    return f"read_parquet({', '.join([paths, 'hive_partitioning = false', *options])})"


def table_exists(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    """Whether the warehouse has a table or view of that name."""
    found = con.execute(_NAMED, [schema, table])
    return bool(found.fetchall())  # a result that is not read to its end blocks the connection


#: information_schema takes twice as long, and a run asks often.
_NAMED = """
    select 1 from duckdb_tables() where database_name = current_database() and schema_name = $1 and table_name = $2
    union all select 1 from duckdb_views() where database_name = current_database() and schema_name = $1 and view_name = $2"""


def count_rows(con: duckdb.DuckDBPyConnection, rows: str) -> int:
    """How many rows a table has, or a table with its condition."""
    return int(con.execute(f"select count(*) from {rows}").fetchall()[0][0])


def digest_rows(con: duckdb.DuckDBPyConnection, tables: Mapping[str, str]) -> int:
    """One number for all rows of these tables, in any order. `tables`: by name the columns that count, or ALL_COLUMNS."""
    sums = " + ".join(f"(select coalesce(sum(hash({columns})), 0) from {table} as digested)" for table, columns in tables.items())
    return int(con.execute(f"select {sums}").fetchall()[0][0])
