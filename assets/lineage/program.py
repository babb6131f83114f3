"""Where the columns of our tables come from, as the program computes them: the same for every book.

Belongs here: reading program.json. Does not belong here: how it is made (program_columns.py), what a book adds (origins.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

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
        return {name.removeprefix(f"{table}."): column for name, column in self.columns.items() if name.startswith(f"{table}.")}


@cache
def read_program() -> ProgramLineage:
    """The lineage that comes with the program."""
    content = json.loads(PROGRAM_FILE.read_bytes())
    return ProgramLineage(
        {name: ComputedColumn(expression, tuple(inputs)) for name, (expression, inputs) in content["columns"].items()},
        {name: tuple(inputs) for name, inputs in content["rows"].items()},
    )
