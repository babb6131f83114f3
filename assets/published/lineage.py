"""Where a published column comes from, read from the published table column_lineage.

Belongs here: finding the column and grouping its origins. Does not belong here: how they are shown (pipelines/cli), how they are computed
(assets/lineage/).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assets.published.reader import Row, fetch, open_published
from models.documents import InputError, Problem

#: What separates the columns of a way.
ARROW = " ← "


@dataclass(frozen=True)
class ColumnOrigins:
    """A published column, or the rows of a table (`column_name` null), with its rows of column_lineage, those from feeds first."""

    table_name: str
    column_name: str | None
    expression: str | None
    origins: list[Row]

    @property
    def name(self) -> str:
        return f"{self.table_name}.{self.column_name}" if self.column_name else f"the rows of {self.table_name}"


def find_origins(book_folder: Path, wanted: str) -> list[ColumnOrigins]:
    """The origins of `table.column`, or of all columns of `table` and of its rows. Raises InputError for what is not published."""
    table, _, column = wanted.strip().partition(".")
    with open_published(book_folder) as con:
        rows = fetch(con, _OF_TABLE, [table])
        names = list(dict.fromkeys(row["column_name"] for row in rows if row["column_name"]))
        if not rows:
            tables = [row["table_name"] for row in fetch(con, "select distinct table_name from column_lineage order by all")]
            raise _unknown(wanted, f"no published table is called {table!r}", tables)
    if column and column not in names:
        raise _unknown(wanted, f"{table} has no column {column!r}", names)
    chosen = [row for row in rows if not column or row["column_name"] == column]
    asked: list[str | None] = [column] if column else [*names, None]
    return [ColumnOrigins(table, name, of[0]["expression"], of) for name in asked if (of := [row for row in chosen if row["column_name"] == name])]


def _unknown(wanted: str, problem: str, known: list[str]) -> InputError:
    return InputError([Problem("COLUMN", 0, "", f"{wanted!r}: {problem}; there are: {', '.join(known)}")])


_OF_TABLE = """
    select * from column_lineage where table_name = ?
    order by column_name nulls last, array_position(['feed', 'file', 'agreement', 'book', 'ledger', 'run', 'program'], origin),
        canonical_table, canonical_column, file_column
"""
