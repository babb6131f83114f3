"""Where the columns of our tables come from, as the program computes them: the same for every book.

Belongs here: reading program.json. Does not belong here: how it is made (pipelines/pages/program_lineage.py), what a book adds (origins.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from models.calculation.reads import WIDE

PROGRAM_FILE = Path(__file__).with_name("program.json")


@dataclass(frozen=True)
class ComputedColumn:
    """A column as schema.table.column is computed: its expression, or in words what a Polars model computes, and the columns it comes from."""

    expression: str
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class ProgramLineage:
    """The columns that the program computes, by schema.table.column, and by schema.table those that decide which rows a table has.

    What no column here is called is written by the steps that read files, agreements and ledger.
    """

    columns: Mapping[str, ComputedColumn]
    rows: Mapping[str, tuple[str, ...]]

    def columns_of(self, table: str) -> dict[str, ComputedColumn]:
        """The columns of a table (schema.table) by their own names, in order."""
        return self._by_table.get(table, {})

    @cached_property
    def _by_table(self) -> dict[str, dict[str, ComputedColumn]]:
        found: dict[str, dict[str, ComputedColumn]] = {}
        for name, column in self.columns.items():
            table, own = name.rsplit(".", 1)
            found.setdefault(table, {})[own] = column
        return found

    def tables_read(self, table: str) -> dict[str, list[tuple[str, str]]]:
        """The columns of a table (schema.table), each with the tables it comes from directly and their columns. A step in Polars is one table's."""
        return {name: sorted({_split(each) for each in self._before(f"{table}.{name}")}) for name in self.columns_of(table)}

    def _before(self, column: str) -> set[str]:
        """The columns of tables that a column is computed from, through the columns of the calculation, which no table has."""
        found: set[str] = set()
        seen, ahead = {column}, list(self.columns[column].inputs)
        while ahead:
            each = ahead.pop()
            if each not in seen:
                seen.add(each)
                if each.startswith(f"{WIDE}."):
                    ahead += self.columns[each].inputs
                else:
                    found.add(each)
        return found


def _split(column: str) -> tuple[str, str]:
    schema, table, name = column.split(".", 2)
    return f"{schema}.{table}", name


@cache
def read_program() -> ProgramLineage:
    """The lineage that comes with the program."""
    content = json.loads(PROGRAM_FILE.read_bytes())
    return ProgramLineage(
        {name: ComputedColumn(expression, tuple(inputs)) for name, (expression, inputs) in content["columns"].items()},
        {name: tuple(inputs) for name, inputs in content["rows"].items()},
    )
