"""Payout lines compared with the archived files, read in another way than by the run: by Python, with columns found by name, without our SQL.

Belongs here: reading archived transactions a second time, and comparing them with what is published. Does not belong here: statements that are queries
(assets/verification/reconciliations.py), how a run reads files (assets/feeds/readers.py).

A mapping that is a formula is computed from the columns found here, outside the warehouse. Rows and lines are read in order, so memory does not grow
with the book.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from assets.archive.manifest import Arrival
from assets.feeds.column_mapping import json_paths
from assets.feeds.inspection import Dialect, format_of, open_unpacked
from assets.feeds.landing import dialect_of
from assets.feeds.spreadsheets import sheet_lines
from assets.feeds.transcoding import preamble_values
from models.currencies import Rounding
from models.feeds.attributes import folded
from models.feeds.columns import NEGATIVE_TYPES
from models.feeds.expression_parts import Compiled
from models.feeds.expressions import compile_expression
from models.feeds.reject_reasons import CORRECTION_COLUMNS, is_correction
from models.feeds.row_places import name_place
from models.feeds.settings import FeedSettings
from models.feeds.text_formats import forms_of, without_nulls
from models.unicode_form import composed

#: What a payout line shows of its row.
SHOWN = ("transaction_id", "partner_id", "product_id", "amount")
_LINES = f"""select distinct source_sha256, source_row, source_file, source_line, {", ".join(SHOWN)} from published.fct_payout_line
    where source_row is not null and transaction_id is not null order by source_sha256, source_row"""
_AT_ONCE = 10_000
_SPACE = " \t\r\n\u00a0"

Row = dict[str, Any]
#: The line on which a row begins, and its values. Parquet has no lines.
Placed = tuple[int | None, Row]


@dataclass
class Reading:
    """What was compared, and the first line that differs. `computed`: lines with at least one value from a formula."""

    files: int = 0
    lines: int = 0
    computed: int = 0
    wrong: str = ""


def read_again(con: duckdb.DuckDBPyConnection, archive: Path, arrivals: list[Arrival], settings: FeedSettings, rounding: Rounding = "half_up") -> Reading:
    """Compare every published line with its row in its file. `con` has the published tables."""
    reading = Reading()
    suffixes = {each.sha256: each.suffix for each in reversed(arrivals) if each.feed == "transactions"}
    for sha256, lines in itertools.groupby(_fetched(con.cursor().execute(_LINES)), key=lambda line: str(line[0])):
        reading.files += 1
        if sha256 not in suffixes:
            reading.wrong = f"{next(lines)[2]}: no file with the bytes {sha256} arrived for the feed transactions"
            return reading
        file = _File(archive / sha256, suffixes[sha256], settings, rounding)
        pairs_of_file = _paired(file, lines)
        while pairs := list(itertools.islice(pairs_of_file, _AT_ONCE)):
            reading.lines += len(pairs)
            reading.computed += len(pairs) if file.formulas else 0
            reading.wrong = file.first_difference(pairs)
            if reading.wrong:
                return reading
    return reading


def _fetched(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(_AT_ONCE):
        yield from rows


def _paired(file: _File, lines: Iterator[tuple[Any, ...]]) -> Iterator[tuple[tuple[Any, ...], Placed | None]]:
    """Each line with its row, or None if the file has no such row."""
    rows = enumerate(file.rows(), 1)
    number, placed = 0, None
    for line in lines:
        while number < line[1]:
            number, placed = next(rows, (line[1], None))
        yield line, placed if number == line[1] else None


class _File:
    """One archived file: its rows by the file's own column names, and where it has the values that a line shows."""

    def __init__(self, path: Path, suffix: str, settings: FeedSettings, rounding: Rounding) -> None:
        self.path, self.settings = path, settings
        self.preamble: Row = {}
        self.format, self.compression = format_of(suffix)
        self.paths = json_paths(settings) if self.format == "json" else set()
        self.header, self.typed = self._header(dialect_of(settings))
        self.is_correction = is_correction(self.header)
        if self.is_correction:
            self.header = [_unescaped(name) or "" for name in self.header if name not in CORRECTION_COLUMNS]
        self.read = (*SHOWN, "type") if settings.signs == "by_type" else SHOWN
        self.places = {name: self._place(name) for name in self.read}
        self.forms = forms_of(settings if self.format != "json" else settings.model_copy(update={"decimal": ".", "thousands": []}), rounding)
        cells = {name: without_nulls(f"c{i}", settings.nulls) for i, name in enumerate(self.header)}
        self.formulas = {
            shown: compile_expression(text, cells, 6, self.forms, self.typed)
            for shown, text in settings.columns.items()
            if shown in self.read and self.places[shown] is None
        }
        self.deletion = self._deletion(cells)

    def _deletion(self, cells: dict[str, str]) -> Compiled | None:
        """Which rows take their key back; None: the file has no column that says so."""
        if self.settings.deleted is None:
            return None
        known = {folded(name) for name in cells}
        absent = [name for name in compile_expression(self.settings.deleted, None).columns if folded(name) not in known]
        return compile_expression(self.settings.deleted, cells | dict.fromkeys(absent, "null::varchar"), 12, self.forms, self.typed)

    def _place(self, shown: str) -> str | None:
        """The file's column that holds the value as it is. None: there is none, or it comes from a formula."""
        wanted = self.settings.columns.get(shown, shown).strip()
        for name in (wanted, wanted[1:-1].replace('""', '"') if wanted[:1] == wanted[-1:] == '"' else wanted):
            if name in self.header:
                return name
            if wanted.lower() != "null" and (same := [column for column in self.header if folded(column) == folded(name)]):
                return same[0]
        return None

    def _header(self, dialect: Dialect) -> tuple[list[str], frozenset[str]]:
        if self.format == "parquet":
            schema = pq.read_schema(self.path)
            return schema.names, frozenset(field.name for field in schema if str(field.type) not in ("string", "large_string"))
        if self.format in ("csv", "xlsx"):
            header = next(self._records(dialect))[1]
            return [*header, *self.preamble], frozenset()
        return list(dict.fromkeys(key for _, row in self.rows() for key in row)), frozenset()

    def rows(self) -> Iterator[Placed]:
        """Every row in order, rejected ones included, because they count in row numbers."""
        if self.format == "parquet":
            with pq.ParquetFile(self.path) as file:
                for batch in file.iter_batches(_AT_ONCE):
                    yield from ((None, {name: _text(value) for name, value in row.items()}) for row in batch.to_pylist())
        elif self.format in ("csv", "xlsx"):
            records = self._records(dialect_of(self.settings))
            header = next(records)[1]
            yield from self._filled_down((line, dict(zip(header, record, strict=False)) | self.preamble) for line, record in records)
        else:
            yield from ((number, _object(line, self.paths)) for number, line in self._json_lines())

    def _filled_down(self, rows: Iterator[tuple[int, Row]]) -> Iterator[Placed]:
        above: Row = {}
        for line, row in rows:
            if not self.is_correction:
                within = self.settings.fill_within
                if within is None or row.get(within) == above.get(within):
                    row |= {name: row.get(name) or above.get(name) for name in self.settings.fill_down}
                above = row
            yield line, row

    def _records(self, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
        """The header, then every row that is not blank, each with its line or row of the sheet.

        A footer is left out only where its length is unknown: no line points into it.
        """
        csv.field_size_limit(10_000_000)
        with open_unpacked(self.path, self.compression) as stream:
            encoding = "utf-8-sig" if dialect.encoding == "utf-8" else dialect.encoding
            text = io.TextIOWrapper(stream, encoding, newline="")
            lines: Iterator[str] = sheet_lines(self.path, self.path.name, dialect) if self.format == "xlsx" else text
            first = next(lines)
            above: list[str] = []
            if not is_correction(next(csv.reader([first], delimiter=dialect.delimiter))):
                is_named = first.strip().strip('"').casefold() == f"sep={dialect.delimiter}".strip()
                above = [first, *itertools.islice(lines, max(dialect.header_row - 2, 0))] if dialect.header_row > 1 or is_named else []
                self.preamble = dict(preamble_values(above, self.path.name, dialect))
                first = next(lines) if above else first
            records = csv.reader(itertools.chain([first], lines), delimiter=dialect.delimiter)
            header = [name.strip() for name in next(records)]
            while header and not header[-1]:
                header.pop()
            names = iter(name for name in self.settings.fill_down if name not in header)
            last = records.line_num
            yield last, [name or next(names, "") for name in header]
            for record in records:
                if record:
                    yield len(above) + last + 1, record
                last = records.line_num

    def _json_lines(self) -> Iterator[tuple[int, str]]:
        dialect = dialect_of(self.settings)
        with open_unpacked(self.path, self.compression) as stream:
            encoding = "utf-8-sig" if dialect.encoding == "utf-8" else dialect.encoding
            for number, line in enumerate(io.TextIOWrapper(stream, encoding, newline="\n"), 1):
                if line.strip(" \r\n"):
                    yield number, line

    def first_difference(self, pairs: list[tuple[tuple[Any, ...], Placed | None]]) -> str:
        """What is wrong with the first line that differs from its row. Empty: none differs."""
        if missing := next((line for line, placed in pairs if placed is None), None):
            return f"{missing[2]} has no row {missing[1]}, which a line of transaction {missing[4]} names"
        rows = [self._unescaped(placed[1]) for _, placed in pairs if placed is not None]
        computed = {shown: self._computed(formula, rows) for shown, formula in self.formulas.items()}
        is_deleted = self._computed(self.deletion, rows) if self.deletion else []
        if True in is_deleted:
            place = _named(*pairs[is_deleted.index(True)][0][1:4])
            return f"{place}: a published line comes from it, and the file says that the row takes its key back"
        for n, ((_, number, file, line, *published), placed) in enumerate(pairs):
            read = {name: self._typed(name, computed[name][n] if name in computed else self._plain(name, rows[n])) for name in self.read}
            if read.get("type") in NEGATIVE_TYPES and isinstance(read["amount"], Decimal):
                read["amount"] = -abs(read["amount"])
            for shown, value in zip(SHOWN, published, strict=True):
                found = read[shown]
                if found != value:
                    return f"{_named(number, file, line)}: published {shown} is {_shown(value)}, and the file says {_shown(found)}"
            if line is not None and placed is not None and line != placed[0]:
                return f"{_named(number, file, line)}: the file has this row in {name_place(file, number, placed[0])}"
        return ""

    def _unescaped(self, row: Row) -> Row:
        """Undo the escaping in a file of corrections, which keeps spreadsheets from running a cell."""
        if not self.is_correction:
            return row
        return {_unescaped(name) or "": _unescaped(text) for name, text in row.items()}

    def _plain(self, shown: str, row: Row) -> str | None:
        place = self.places[shown]
        text = row.get(place) if place is not None else None
        return None if text is None or composed(text.strip()) in {word.strip() for word in self.settings.nulls} else text

    def _computed(self, formula: Compiled, rows: list[Row]) -> list[Any]:
        places = [i for i, name in enumerate(self.header) if name in formula.columns]
        columns = [[row.get(self.header[i]) or None for row in rows] for i in places]
        lists = ", ".join([f"unnest(?::varchar[]) as c{i}" for i in places] + ["unnest(range(?)) as n"])
        with duckdb.connect(config={"enable_external_access": False}) as con:
            return [value for (value,) in con.execute(f"select {formula.sql} from (select {lists}) order by n", [*columns, len(rows)]).fetchall()]

    def _typed(self, shown: str, value: Any) -> Any:
        """The value as the feed's column holds it."""
        default = self.settings.defaults.get(shown)
        if shown != "amount":
            text = _text(value.normalize() if isinstance(value, Decimal) else value)
            text = composed(text or "").strip(_SPACE)
            return text or (None if default is None else str(default))
        columns = self.formulas[shown].columns if shown in self.formulas else {self.places[shown]}
        if value is None or value == "":
            value = default
        elif isinstance(value, str) and not columns & self.typed:
            for mark in (*self.forms.thousands, *self.forms.symbols):
                value = value.replace(mark, "")
            value = value.replace(self.forms.decimal or ".", ".").strip(_SPACE)
            if self.forms.negatives and (value[:1] == "(" or value[-1:] == "-"):
                value = "-" + value.strip("()-")
        try:
            return None if value is None else Decimal(str(value))
        except InvalidOperation:
            return value


def _named(row: int, file: str, line: int | None) -> str:
    return f"{file}, {name_place(file, row, line)}"


def _unescaped(text: str | None) -> str | None:
    """Without the apostrophe that an export puts before what a spreadsheet would run."""
    return text[1:] if text and text[0] == "'" and text.lstrip("'")[:1] in tuple("=+@\t\r-") else text


def _object(line: str, paths: set[str]) -> Row:
    """The values of a line by key, and by path into its objects."""
    try:
        found = json.loads(line, parse_int=str, parse_float=str)
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    inside = {path: _text(_at(found, path.split("."))) for path in paths if path not in found}
    return {key: _text(value) for key, value in found.items()} | inside


def _at(value: Any, keys: list[str]) -> Any:
    """What lies at the end of a path; the first key may differ in upper and lower case."""
    first = next((key for key in value if folded(key) == folded(keys[0])), keys[0])
    for key in (first, *keys[1:]):
        if isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, dict):
            value = value.get(key)
        else:
            return None
    return value


def _text(value: Any) -> str | None:
    """A typed value as text, as people would write it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dt.datetime) and value.tzinfo is None and value.time() == dt.time():
        return value.date().isoformat()
    return str(value)


def _shown(value: Any) -> str:
    return "nothing" if value is None else f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
