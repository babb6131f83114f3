"""SQL that several steps need: a file as a table, and whether a table exists.

Belongs here: how DuckDB reads paths and catalogs. Does not belong here: quoting (models/sql_text.py), SQL of any step.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from models.sql_text import literal

if TYPE_CHECKING:
    import duckdb


def as_pattern(path: Path) -> str:
    """The glob pattern that matches only this path."""
    return re.sub(r"([*?[])", r"[\1]", str(path))


def scan(files: Path | Sequence[Path], *options: str) -> str:
    """A Parquet file, or several, as a table. Glob characters in their names are escaped, and a folder named a=b adds no column."""
    paths = literal(as_pattern(files)) if isinstance(files, Path) else f"[{', '.join(literal(as_pattern(path)) for path in files)}]"
    return f"read_parquet({', '.join([paths, 'hive_partitioning = false', *options])})"


def table_exists(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    """Whether the warehouse has a table or view of that name."""
    found = con.execute("select 1 from information_schema.tables where table_schema = ? and table_name = ?", [schema, table])
    return bool(found.fetchall())  # a result that is not read to its end blocks the connection
