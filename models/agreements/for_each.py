"""One text for many agreements: `for_each` names a table in the same folder, and each row of the table gives the values of one agreement.

Belongs here: reading the documents of agreement files, tables included. Does not belong here: what the keys mean (schema.py).
"""

from __future__ import annotations

import copy
import csv
import io
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from models.documents import MAX_BYTES, Document, InputError, Path, Problem, parse_documents, parse_value

#: What a row cannot give: the table itself, and the approval, which covers all rows.
_NOT_OF_ROWS = ("for_each", "approved")


@dataclass(frozen=True, order=True)
class TableRow(Document):
    """The agreement of one row: `file` and `line` are the table's. `text`: the document that names the table. `columns`: the heading of what the row gives."""

    text: Document = field(repr=False, kw_only=True)
    columns: dict[Path, str] = field(repr=False, kw_only=True)
    table: list[list[str]] = field(repr=False, kw_only=True)

    @property
    def written(self) -> Document:
        return self.text

    @property
    def approved_terms(self) -> Any:
        return {**self.text.value, "for_each": self.table}

    def problem(self, path: Path, message: str, severity: str = "error") -> Problem:
        if heading := next((self.columns[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.columns), None):
            return Problem(self.file, self.line, heading, message, severity)
        return self.text.problem(path, message, severity)


def read_documents(texts: Mapping[str, str]) -> tuple[list[Document], list[Problem]]:
    """Every agreement of the files (name → text), a row of a table being one, and everything that cannot be read."""
    documents: list[Document] = []
    problems: list[Problem] = []
    used: set[str] = set()
    for file, text in sorted(texts.items()):
        if _is_table(file):
            continue
        try:
            found = parse_documents(text, file)
            if not found:  # one that was cut off, or cleared by mistake, would end an agreement in silence
                problems.append(Problem(file, 0, "", "holds no agreement; write one, or take the file out of agreements/"))
            for document in found:
                is_shared = isinstance(document.value, dict) and "for_each" in document.value
                documents += _rows(document, _table_of(document, texts), texts, used) if is_shared else [document]
        except InputError as error:
            problems += error.problems
    unused = (file for file in texts if _is_table(file) and file not in used)
    problems += [Problem(file, 0, "", "no agreement names this table with for_each; name it, or take the file out of agreements/") for file in sorted(unused)]
    return documents, problems


def _is_table(file: str) -> bool:
    return file.endswith(".csv")


def _table_of(document: Document, texts: Mapping[str, str]) -> str:
    name = document.value["for_each"]
    file = posixpath.normpath(posixpath.join(posixpath.dirname(document.file), str(name)))
    if not _is_table(str(name)) or file not in texts:
        names = ", ".join(sorted(posixpath.basename(each) for each in texts if _is_table(each))) or "none"
        message = f"names the table of the agreements, a .csv file in the same folder; {name} is not there. Tables in agreements/: {names}"
        raise InputError([document.problem(("for_each",), message)])
    return file


def _rows(document: Document, file: str, texts: Mapping[str, str], used: set[str]) -> list[Document]:
    if file in used:
        raise InputError([document.problem(("for_each",), f"{file} is the table of another text already; a row is one agreement")])
    used.add(file)
    heading, *rows = _read_table(file, texts[file])
    shared = {key: value for key, value in document.value.items() if key != "for_each"}
    paths = {column: _path(file, column, shared) for column in heading[1]}
    if ("agreement",) not in paths.values():
        raise InputError([Problem(file, 1, "agreement", "this column is missing: it gives each agreement its id")])
    table = [cells for _, cells in (heading, *rows)]
    return [_row(document, file, line, dict(zip(paths.items(), cells, strict=True)), shared, table) for line, cells in rows]


def _read_table(file: str, text: str) -> list[tuple[int, list[str]]]:
    """The heading and the rows, each with its line. Rows without a value are no rows."""
    if len(text) > MAX_BYTES:
        raise InputError([Problem(file, 0, "", f"larger than {MAX_BYTES:,} characters; split it into several tables, each with a text of its own")])
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise InputError([Problem(file, reader.line_num, "", f"this is not CSV: {error}")]) from None
    found = [(line, cells) for line, cells in lines if any(cells)]
    if len(found) < 2:
        raise InputError([Problem(file, 0, "", "holds no row; write one per agreement, below a first line that names the columns")])
    columns = found[0][1]
    if doubled := sorted({column for column in columns if columns.count(column) > 1}):
        raise InputError([Problem(file, found[0][0], doubled[0], "this column is there twice; keep one")])
    if wrong := [(line, len(cells)) for line, cells in found if len(cells) != len(columns)]:
        line, count = wrong[0]
        raise InputError([Problem(file, line, "", f"{count} values for {len(columns)} columns; they are separated by commas, so quote a value that has one")])
    return found


def _path(file: str, column: str, shared: Any) -> Path:
    """Where a column's values go: keys joined by dots, entries of a list by their id or their number from 1. The last key may be new."""
    path: list[str | int] = []
    value, parts = shared, column.split(".")
    for n, part in enumerate(parts):
        if isinstance(value, list):
            ids = [entry.get("id") if isinstance(entry, dict) else None for entry in value]
            place = ids.index(part) if part in ids else int(part) - 1 if part.isascii() and part.isdigit() else -1
            if not 0 <= place < len(value):
                raise _no_place(file, column, f"{'.'.join(parts[:n])} has no entry {part}")
            path, value = [*path, place], value[place]
        elif isinstance(value, dict) and part and (part in value or n == len(parts) - 1):
            path, value = [*path, part], value.get(part)
        else:
            raise _no_place(file, column, f"the text has no {'.'.join(parts[: n + 1])}")
    if path[0] in _NOT_OF_ROWS:
        raise InputError([Problem(file, 1, column, f"a row cannot give {path[0]}; write it in the text, for all rows")])
    return tuple(path)


def _no_place(file: str, column: str, reason: str) -> InputError:
    message = f"names no place in the text: {reason}. A column is the keys to a value, joined by dots, such as benefits.volume.tiers.1.rate"
    return InputError([Problem(file, 1, column, message)])


def _row(document: Document, file: str, line: int, cells: Mapping[tuple[str, Path], str], shared: Any, table: list[list[str]]) -> TableRow:
    """The text with the values of a row. An empty cell leaves what the text says."""
    value = copy.deepcopy(shared)
    given = {path: column for (column, path), text in cells.items() if text}
    for (column, path), text in cells.items():
        if text:
            try:
                _put(value, path, _cell(text))
            except InputError as error:
                raise InputError([Problem(file, line, column, each.message) for each in error.problems]) from None
    return TableRow(file, document.index, line, value, {}, text=document, columns=given, table=table)


def _put(value: Any, path: Path, cell: Any) -> None:
    for part in path[:-1]:
        value = value[part]
    value[path[-1]] = cell


@lru_cache(maxsize=20_000)
def _cell(text: str) -> Any:
    return parse_value(text)
