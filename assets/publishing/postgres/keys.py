"""Keys and indexes of the published tables in PostgreSQL, for BI tools that look for them and for joins.

Belongs here: declaring them. Does not belong here: which there are and whether they hold (assets/published/marts.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from assets.published.marts import Keys, columns_of, declared_keys, keys_that_hold, references_that_hold
from assets.publishing.postgres.connection import Transaction
from models.sql_text import identifier

if TYPE_CHECKING:
    import duckdb

#: Columns by which facts are joined and filtered, where they are not the first of a primary key.
_INDEXED = ("payout_id", "agreement_id", "participant_id")


def find_keys(con: duckdb.DuckDBPyConnection, files: dict[str, list[Path]]) -> dict[str, Keys]:
    """The keys that hold in the Parquet files of a set."""
    found = keys_that_hold(con, files, {table: columns_of(con, paths) for table, paths in files.items()}, declared_keys())
    return {table: references_that_hold(con, table, files, found) for table in files}


def declare_keys(transaction: Transaction, schema: str, table: str, keys: Keys) -> None:
    """NOT NULL, the primary key and indexes. Adds only what the table does not have."""
    place = f"{schema}.{identifier(table)}"
    changes = [f"alter column {identifier(name)} set not null" for name in keys.not_null]
    if keys.primary and not transaction.fetch("select 1 from pg_index where indrelid = $1::regclass and indisprimary", place):
        changes.append(f"add primary key ({', '.join(map(identifier, keys.primary))})")
    if changes:
        transaction.execute(f"alter table {place} {', '.join(changes)}")
    if not table.startswith("fct_"):
        return
    first = transaction.fetch(
        "select attname::text from pg_index join pg_attribute on attrelid = indrelid and attnum = indkey[0] where indrelid = $1::regclass", place
    )
    present = transaction.fetch("select attname::text from pg_attribute where attrelid = $1::regclass and attnum > 0", place)
    for column in _INDEXED:
        if (column,) in present and (column,) not in first:
            transaction.execute(f"create index on {place} ({identifier(column)})")


def declare_references(transaction: Transaction, schema: str, found: dict[str, Keys]) -> None:
    """The foreign keys. They are not validated again, because they were found to hold in the files."""
    for table, keys in found.items():
        for column, target in keys.references:
            transaction.execute(
                f"alter table {schema}.{identifier(table)} add foreign key ({identifier(column)}) references {schema}.{identifier(target)} not valid"
            )
