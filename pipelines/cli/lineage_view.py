"""The origins of published columns as text to show: what a file column fills, what agreements say, and Mermaid.

Belongs here: words and order, the same for terminal and page. Does not belong here: layout (commands/lineage.py, templates/), reading
(assets/published/lineage.py).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from assets.published.lineage import ARROW, ColumnOrigins
from assets.published.reader import Row

_TITLES = {
    "file": "The files themselves",
    "agreement": "Agreements",
    "book": "book.yaml",
    "ledger": "The ledger",
    "run": "The run",
}


@dataclass(frozen=True)
class FileOrigin:
    """A column of a feed's files. `way`: the columns from it to the published one, the published one first."""

    feed: str
    source: str
    column: str
    way: list[str]


@dataclass(frozen=True)
class OriginsView:
    """What is shown of one column: its origins in files, then what others say, as title and names."""

    name: str
    expression: str | None
    files: list[FileOrigin]
    others: list[tuple[str, str]]


def present_origins(found: ColumnOrigins) -> OriginsView:
    """The origins of a column as a person reads them."""
    files = [_file_origin(row) for row in found.origins if row["origin"] == "feed"]
    others = [(title, names) for origin, title in _TITLES.items() if (names := _by_table(row for row in found.origins if row["origin"] == origin))]
    return OriginsView(found.name, found.expression, files, others)


def draw_mermaid(columns: list[ColumnOrigins]) -> str:
    """The ways as a Mermaid flowchart. What agreements, book and ledger say is one node per table."""
    edges: dict[tuple[str, str], None] = {}
    for found in columns:
        for row in found.origins:
            way = list(reversed(row["way"].split(ARROW)))
            if row["origin"] == "feed":
                way.insert(0, f"{_feed(row)} file: {_source(row)}")
            else:
                way[0] = row["canonical_table"]
            edges |= dict.fromkeys(itertools.pairwise(way))
    numbers = {name: f"n{number}" for number, name in enumerate(dict.fromkeys(name for edge in edges for name in edge))}
    nodes = [f'  {number}["{_escaped(name)}"]' for name, number in numbers.items()]
    return "\n".join(["flowchart LR", *nodes, *(f"  {numbers[start]} --> {numbers[end]}" for start, end in edges)]) + "\n"


def _file_origin(row: Row) -> FileOrigin:
    column = str(row["canonical_column"]).removeprefix("attribute:")
    return FileOrigin(_feed(row), _source(row), column, row["way"].split(ARROW))


def _feed(row: Row) -> str:
    return str(row["canonical_table"]).removeprefix("raw.")


def _source(row: Row) -> str:
    """The file's column, with what book.yaml says about it."""
    if row["file_column"] is None:
        return str(row["mapping"])
    return f"{row['file_column']} ({row['mapping']})" if row["mapping"] else str(row["file_column"])


def _by_table(rows: Iterable[Row]) -> str:
    tables: dict[str, list[str]] = {}
    for row in rows:
        tables.setdefault(str(row["canonical_table"]).partition(".")[2], []).append(str(row["canonical_column"]))
    return "; ".join(f"{table}: {', '.join(columns)}" for table, columns in tables.items())


def _escaped(name: str) -> str:
    """Mermaid takes entities in labels, with # instead of &."""
    return name.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
