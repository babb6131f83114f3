"""Agreements as a table of one row per tier, and back: what `tierledger agreements` reads and writes.

A column is the keys that lead to a value, joined by dots; those of a benefit begin with `benefit.`, those of a tier with `tier.`. A list, or a mapping that
is no plain list of keys and values, is a cell as YAML writes it on one line. An empty cell says nothing.

Belongs here: rows to documents with the cell of every value, documents to rows and to YAML. Does not belong here: worksheets (assets/agreements/worksheets.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml

from models.documents import Document, InputError, Path, Problem, parse_value

Row = dict[str, Any]

#: They are repeated in every row, so that a filtered table can be read.
IDENTITY = ("agreement", "version", "benefit.id")
#: An approval covers the terms as a file has them; a table has none.
_LEFT_OUT = ("approved",)
_PARTS = {
    "benefits": "one row per benefit and tier, with columns that begin with benefit.",
    "benefit.tiers": "one row per tier, with columns that begin with tier.",
}


@dataclass(frozen=True)
class Cell:
    """A value of a worksheet: `place` as in B7, the heading of its column, and what it says."""

    row: int
    place: str
    heading: str
    value: Any


@dataclass(frozen=True, order=True)
class TableDocument(Document):
    """An agreement that was read from a table. `cells`: where every value, or the first of a part, comes from."""

    cells: dict[Path, Cell] = field(repr=False, kw_only=True)

    def problem(self, path: Path, message: str, severity: str = "error") -> Problem:
        cell = next(self.cells[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.cells)
        is_found = path in self.cells
        key = f"{cell.place} {cell.heading}" if is_found else f"{cell.place} {'.'.join(str(part + 1 if isinstance(part, int) else part) for part in path)}"
        return Problem(self.file, cell.row, key, message, severity)


def from_rows(file: str, rows: Iterable[Sequence[Cell]]) -> list[TableDocument]:
    """One document per agreement version, in order. A row with other ids begins a new part, one without goes on with the part above.

    rows: their filled cells. Raises InputError with every cell that contradicts another.
    """
    documents: list[TableDocument] = []
    problems: list[Problem] = []
    for row in rows:
        cells = {cell.heading: cell for cell in row}
        if not documents or _is_another(documents[-1], cells):
            if "agreement" not in cells:
                problems.append(Problem(file, row[0].row, "agreement", "the first row names no agreement; write its id in the column agreement"))
                break
            documents.append(TableDocument(file, len(documents), row[0].row, {"benefits": []}, {}, cells={(): cells["agreement"]}))
        problems += _add(documents[-1], cells)
    if problems:
        raise InputError(problems)
    for document in documents:
        document.value["benefits"] = document.value.pop("benefits")  # the clauses come after what they are of
    return documents


def _is_another(document: TableDocument, cells: Mapping[str, Cell]) -> bool:
    return any(name in cells and cells[name].value != document.value.get(name) for name in ("agreement", "version"))


def _add(document: TableDocument, cells: Mapping[str, Cell]) -> list[Problem]:
    """Put the values of a row where they belong. Returns what cannot be put there."""
    benefits = document.value["benefits"]
    named = cells.get("benefit.id")
    of_benefit = any(heading.startswith(("benefit.", "tier.")) for heading in cells)
    if of_benefit and (not benefits or (named and named.value != benefits[-1].get("id"))):
        benefits.append({})
    at: Path = ("benefits", len(benefits) - 1)
    if any(heading.startswith("tier.") for heading in cells):
        benefits[-1].setdefault("tiers", []).append({})
    problems = []
    for heading, cell in cells.items():
        part, _, rest = heading.partition(".")
        if heading in _PARTS:
            problems.append(_problem(document, cell, f"a table has {_PARTS[heading]}"))
        elif part in _LEFT_OUT:
            problems.append(_problem(document, cell, "is given by `tierledger approve`, after the import"))
        elif part == "benefit":
            problems += _put(document, (*at, *rest.split(".")), cell)
        elif part == "tier":
            problems += _put(document, (*at, "tiers", len(benefits[-1]["tiers"]) - 1, *rest.split(".")), cell)
        else:
            problems += _put(document, tuple(heading.split(".")), cell)
    return problems


def _put(document: TableDocument, path: Path, cell: Cell) -> list[Problem]:
    for n in range(1, len(path)):
        document.cells.setdefault(path[:n], cell)
    earlier = document.cells.setdefault(path, cell)
    into = document.value
    for part in path[:-1]:
        into = into.setdefault(part, {}) if isinstance(into, dict) else into[part]
        if not isinstance(into, dict | list):
            return [_problem(document, cell, f"{earlier.place} gives {part} as one value; write either that or its keys")]
    if earlier.heading != cell.heading:
        return [_problem(document, cell, f"{earlier.place} gives {earlier.heading}; write either {path[-1]} as one value or its keys")]
    if into.setdefault(path[-1], cell.value) != cell.value:
        message = f"{_shown(cell.value)}, but {earlier.place} says {_shown(into[path[-1]])}; leave the cell empty or write the same"
        return [_problem(document, cell, message)]
    return []


def _problem(document: Document, cell: Cell, message: str) -> Problem:
    return Problem(document.file, cell.row, f"{cell.place} {cell.heading}", message)


def to_rows(agreements: Iterable[Mapping[str, Any]]) -> list[Row]:
    """One row per tier, or per benefit without tiers: heading to value. Approvals are left out."""
    rows = []
    for agreement in agreements:
        head = _flat("", {key: value for key, value in agreement.items() if key not in ("benefits", *_LEFT_OUT)})
        for benefit in agreement["benefits"]:
            terms = _flat("benefit.", {key: value for key, value in benefit.items() if key != "tiers"})
            for tier in benefit.get("tiers", [{}]):
                row = {**head, **terms, **_flat("tier.", tier)}
                rows.append(row)
                head, terms = ({key: value for key, value in part.items() if key in IDENTITY} for part in (head, terms))
    return rows


def _flat(prefix: str, values: Mapping[str, Any]) -> Row:
    row: Row = {}
    for key, value in values.items():
        is_plain = isinstance(value, dict) and value and not any(isinstance(each, dict | list) or "." in name for name, each in value.items())
        row |= {f"{prefix}{key}.{name}": each for name, each in value.items()} if is_plain else {f"{prefix}{key}": value}
    return row


def as_cell(value: Any) -> Any:
    """What a cell holds for a value: a number, a day, true or false, or a text that `value_of` reads as the value."""
    if isinstance(value, dict | list):
        return _dump(value, default_flow_style=True).strip()
    if value is None:
        return "null"
    if isinstance(value, str) and not _is_read_as(value, value_of):
        return _dump([value], default_flow_style=True).strip()[1:-1]
    return value


def value_of(content: Any) -> Any:
    """What a cell says: numbers with the 15 digits that a worksheet shows, texts as in YAML. Raises InputError."""
    if isinstance(content, bool):
        return content
    if isinstance(content, int | float):
        number = Decimal(f"{content:.15g}")
        return int(number) if number == number.to_integral_value() else number
    if isinstance(content, dt.datetime):
        if content.time() == dt.time():
            return content.date()
        raise InputError([Problem("", 0, "", "has a time of day; write the day alone")])
    if isinstance(content, dt.time | dt.timedelta):
        raise InputError([Problem("", 0, "", "is a time of day; write a day, a number or a text")])
    return _read_text(str(content).strip())


def _read_text(text: str) -> Any:
    """As YAML reads it; words that programs read differently, such as 007 or no, are text: in a worksheet a number is no text."""
    if text[:1] in tuple("[{'\""):
        return parse_value(text)
    try:
        return parse_value(text)
    except InputError:
        return text


def as_yaml(agreements: Sequence[Mapping[str, Any]]) -> str:
    """The documents of a file, a tier a line."""
    return "---\n".join(_dump(dict(agreement), default_flow_style=None) for agreement in agreements)


class _Dumper(yaml.SafeDumper):
    """Exact numbers, and quotes wherever a reader could take a text for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if _is_read_as(text, parse_value) else '"')


def _is_read_as(text: str, reads: Callable[[str], Any]) -> bool:
    """Whether a text is read as itself, without quotes."""
    try:
        return bool(text) and reads(text) == text
    except InputError:
        return False


_Dumper.add_representer(str, _represent_text)
_Dumper.add_multi_representer(Decimal, lambda dumper, number: dumper.represent_scalar("tag:yaml.org,2002:float", f"{number:f}"))
_Dumper.add_multi_representer(int, lambda dumper, number: dumper.represent_scalar("tag:yaml.org,2002:int", str(int(number))))


def _dump(value: Any, default_flow_style: bool | None) -> str:
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=default_flow_style))


def _shown(value: Any) -> str:
    return str(as_cell(value))
