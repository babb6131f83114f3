"""What feeds carry along about partners and products, as columns of their published tables.

Belongs here: the query of such a table. Does not belong here: how the columns are called (models/feeds/attributes.py), the other columns
(dbt_project/models/marts).

They differ from book to book, and dbt compiles a model anew for other columns: so they are added when the table is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.feeds.attributes import ATTRIBUTE_TABLES, name_columns
from models.sql_text import identifier, literal

if TYPE_CHECKING:
    import duckdb


def query_of(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """What is published of a mart."""
    place = f"marts.{identifier(table)}"
    if table not in ATTRIBUTE_TABLES:
        return f"from {place}"
    names = [name for (name,) in con.execute("select name from raw.attributes where feed = ? order by position", [ATTRIBUTE_TABLES[table]]).fetchall()]
    columns = name_columns(names, [name for name, *_ in con.execute(f"describe {place}").fetchall()])
    values = [f"json_extract_string(attributes, {literal(_pointer(name))}) as {identifier(column)}" for name, column in columns.items()]
    return f"select {', '.join(['*', *values])} from {place}"


def _pointer(key: str) -> str:
    """The place of a key in a JSON object."""
    return "/" + key.replace("~", "~0").replace("/", "~1")
