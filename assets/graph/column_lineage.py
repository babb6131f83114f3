"""Column lineage as Dagster shows it: for each column of a table, the columns of the tables it is computed from.

Belongs here: the lineage of program and book as Dagster's metadata. Does not belong here: the lineage itself (assets/lineage/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from assets.lineage.origins import read_file_columns
from assets.lineage.program import read_program
from assets.runtime.context import RunContext
from assets.runtime.warehouse import open_warehouse

_METADATA = "dagster/column_lineage"


def show_columns(key: dg.AssetKey) -> dict[str, Any]:
    """The columns of a table with those they come from; nothing for tables that files, agreements and ledger are read into."""
    schema, table = key.path[0], key.path[-1]
    if schema == "published":
        return _as_metadata({column: [(f"marts.{table}", column)] for column in read_program().columns_of(f"marts.{table}")})
    return _as_metadata(read_program().tables_read(f"{schema}.{table}"))


def show_file_columns(context: RunContext) -> dict[dg.AssetKey, dict[str, Any]]:
    """The columns of every raw.<feed> with the columns of its files."""
    found: dict[dg.AssetKey, dict[str, list[tuple[str, str]]]] = {}
    with open_warehouse(context) as con:
        for column, sources in read_file_columns(con, context.book.feeds).items():
            _, feed, name = column.split(".", 2)
            found.setdefault(dg.AssetKey(["raw", feed]), {})[name] = [(f"feeds.{feed}", source.name) for source in sources if source.name]
    return {key: _as_metadata(columns) for key, columns in found.items()}


def _as_metadata(columns: Mapping[str, Sequence[tuple[str, str]]]) -> dict[str, Any]:
    if not columns:
        return {}
    by_column = {name: [dg.TableColumnDep(dg.AssetKey(table.split(".")), column) for table, column in of] for name, of in columns.items()}
    return {_METADATA: dg.TableColumnLineage(by_column)}
