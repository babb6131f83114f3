"""Types where rows leave the engine for a file and come back: what each type of the warehouse is in Parquet.

Belongs here: the one table of types, and the casts made from it. Does not belong here: which tables become files (line_tables.py).

Parquet has no integer of 128 bits: the engine would write a DOUBLE, and cents would be lost. A type that is not listed is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from models.sql_text import identifier

#: Type of the warehouse: type in the file. HUGEINT has values of 39 digits; one that large is refused by the cast, not shortened.
STORED_AS = {
    "BOOLEAN": "BOOLEAN",
    "INTEGER": "INTEGER",
    "BIGINT": "BIGINT",
    "HUGEINT": "DECIMAL(38,0)",
    "DECIMAL": "DECIMAL",
    "VARCHAR": "VARCHAR",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP WITH TIME ZONE",
    "BIT": "VARCHAR",
    "ENUM": "VARCHAR",
}

Columns = Sequence[tuple[str, str]]


class TypeRefused(TypeError):
    """A column has a type that does not survive a file."""


def to_file(columns: Columns) -> str:
    """SQL of the select list that makes stored columns of declared ones (name and type of each)."""
    return ", ".join(_cast(name, stored_type(name, kind)) for name, kind in columns)


def from_file(columns: Columns) -> str:
    """SQL of the select list that makes declared columns of stored ones."""
    return ", ".join(_cast(name, kind) for name, kind in columns if stored_type(name, kind))


def no_rows(columns: Columns) -> str:
    """SQL of a table with these columns and no rows."""
    return f"select {', '.join(f'cast(null as {kind}) as {identifier(name)}' for name, kind in columns)} where false"


def stored_type(name: str, kind: str) -> str:
    """The type in the file."""
    family = re.split(r"[(]", kind, maxsplit=1)[0]
    stored = STORED_AS.get(family)
    if stored is None or kind.endswith("]"):
        raise TypeRefused(f"column {name} is {kind}, which does not survive a Parquet file unchanged; give it one of {', '.join(STORED_AS)}")
    return kind if stored == family else stored


def _cast(name: str, kind: str) -> str:
    return f"cast({identifier(name)} as {kind}) as {identifier(name)}"
