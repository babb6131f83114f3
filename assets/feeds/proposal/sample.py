"""A file that nobody has described, as a sample of its lines or columns.

Belongs here: format, encoding, delimiter and sheet, and the texts as a feed would read them. Does not belong here: what they mean (the neighbours).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from assets.feeds.inspection import Dialect, Facts, format_of, open_unpacked, suffix_of
from assets.feeds.readers import MAX_LINE_BYTES, Source, parquet_columns, relation
from assets.feeds.spreadsheets import sheet_lines, sheet_names
from assets.runtime.errors import rejection
from models.feeds.settings import DELIMITERS

#: How much of a file is looked at: its first records, and its last ones for what follows the rows.
FIRST, LAST = 50_000, 200
#: … but never at more cells, so that a file of very many columns does not fill the memory.
_MOST_CELLS = 2_000_000
#: In a file of more columns, those behind are looked at only if their name says what they are.
WIDE = 300


@dataclass(frozen=True)
class Record:
    """A record of a CSV file or a row of a sheet. `line`: where it begins, from 1. A blank line is no record. `padded`: cells that have spaces around."""

    line: int
    cells: list[str]
    padded: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Column:
    """A column of the file: its texts, empty where there is none, and its type if the file itself declares one.

    `is_path`: it is inside an object. `zone`: in which its moments were, as the file says.
    """

    name: str
    cells: list[str]
    type: str = ""

    is_padded: bool = False  # spaces stand around some of its texts
    is_path: bool = False
    zone: str = ""

    def values(self) -> list[str]:
        """Its texts without the empty ones, in order."""
        return [cell for cell in self.cells if cell]


@dataclass(frozen=True)
class Sample:
    """What a file holds. `records` of CSV and XLSX, where the header is still to be found; `columns` of Parquet and JSON.

    `settings`: what the feed must say so that the file can be read at all; `reasons`: how that is known. `rows`: how many the file has, about.
    """

    settings: dict[str, Any]
    reasons: dict[str, str]
    records: list[Record] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    delimiter: str = ","


def read_sample(path: Path) -> Sample:
    """The sample of a file. Raises InputError when it is in no format that a feed reads."""
    suffix = suffix_of(path.name)
    if not suffix:
        raise rejection(path.name, "is in no format that a feed reads; export it as CSV, XLSX, Parquet or JSON lines (.csv, .xlsx, .parquet, .jsonl)")
    file_format = format_of(suffix)[0]
    try:
        if file_format == "csv":
            return _csv(path, suffix)
        if file_format == "xlsx":
            return _xlsx(path)
        return _parquet(path, suffix) if file_format == "parquet" else _json(path, suffix)
    except (duckdb.Error, OSError, UnicodeError, csv.Error) as error:
        raise rejection(path.name, f"cannot be read: {str(error).splitlines()[0]}") from None


def _csv(path: Path, suffix: str) -> Sample:
    compression = format_of(suffix)[1]
    settings: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    with open_unpacked(path, compression) as stream:
        encoding = _encoding_of(stream)
    if encoding != "utf-8":
        settings["encoding"] = encoding
        reasons["encoding"] = "not UTF-8; check that umlauts, accents and € are right" if encoding == "windows-1252" else "by its first bytes"

    def lines() -> Iterator[str]:
        with open_unpacked(path, compression) as stream:
            yield from io.TextIOWrapper(stream, encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="\n")

    head = list(islice(lines(), 500))
    delimiter = _delimiter_of(head)
    if delimiter != ",":
        settings["delimiter"] = delimiter
    first = 1 if head and head[0].strip().strip('"').casefold() == f"sep={delimiter}".strip() else 0
    return Sample(settings, reasons, records=_records(islice(lines(), first, None), delimiter, first), delimiter=delimiter)


def _encoding_of(stream: Any) -> str:
    """UTF-16 by its byte order mark, UTF-8 if all of the file is, otherwise windows-1252."""
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")()
    chunk = stream.read(1 << 20)
    if bytes(chunk[:2]) in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        while chunk:
            decoder.decode(bytes(chunk))
            chunk = stream.read(1 << 20)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8"


def _delimiter_of(lines: list[str]) -> str:
    """The delimiter that splits most lines into the same, largest number of fields."""
    if lines and lines[0].lower().startswith(("sep=", '"sep=')):
        named = lines[0].strip().strip('"')[4:] or "\t"
        if named in DELIMITERS:
            return named

    def split(delimiter: str) -> int:
        widths = Counter(len(record) for record in csv.reader(lines, delimiter=delimiter) if len(record) > 1)
        return max((width - 1) * times for width, times in widths.items()) if widths else 0

    return max(DELIMITERS, key=split)


def _records(lines: Iterable[str], delimiter: str, skipped: int = 0) -> list[Record]:
    """The first and the last records. A record that no delimiter splits is kept too: it may be a title."""
    csv.field_size_limit(MAX_LINE_BYTES)
    reader = csv.reader(lines, delimiter=delimiter)
    first: list[Record] = []
    cells_seen = 0
    last: deque[Record] = deque(maxlen=LAST)
    begins = 1 + skipped
    for cells in reader:
        stripped = [cell.strip() for cell in cells]
        padded = frozenset(i for i, cell in enumerate(cells) if cell != stripped[i]) if stripped != cells else frozenset()
        record = Record(begins, stripped, padded)
        begins = reader.line_num + 1 + skipped
        if any(record.cells):
            is_first = len(first) < FIRST and cells_seen < _MOST_CELLS
            first.append(record) if is_first else last.append(record)
            cells_seen += len(cells)
    return first + list(last)


def _xlsx(path: Path) -> Sample:
    """The sheet with the most values. A first sheet is often a cover."""
    names = sheet_names(path, path.name)
    sheets = {name: _even(_records(sheet_lines(path, path.name, Dialect(sheet=name)), ",")) for name in names}
    chosen = max(names, key=lambda name: sum(sum(map(bool, record.cells)) for record in sheets[name]))
    if chosen == names[0]:
        return Sample({}, {}, records=sheets[chosen])
    return Sample({"sheet": chosen}, {"sheet": f"the largest of {len(names)} sheets"}, records=sheets[chosen])


def _even(records: list[Record]) -> list[Record]:
    """Rows of a sheet with cells up to its last column: a sheet has none where nothing was typed."""
    width = max((len(record.cells) for record in records), default=0)
    return [replace(record, cells=record.cells + [""] * (width - len(record.cells))) for record in records]


def _parquet(path: Path, suffix: str) -> Sample:
    columns = parquet_columns(path, path.name)
    source = Source(0, path, path.name, suffix, Facts(), tuple(name for name, _ in columns), columns=tuple(columns))
    zones = {field.name: str(getattr(field.type, "tz", None) or "") for field in pq.read_schema(path)}
    return Sample({}, {}, columns=[replace(column, zone=zones.get(column.name, "")) for column in _columns(source, dict(columns))])


def _json(path: Path, suffix: str) -> Sample:
    """Objects inside the objects of the lines are columns by their paths. Lists are not: a line of one is no row."""
    columns: dict[str, list[str]] = {}
    paths: set[str] = set()
    rows = 0
    with open_unpacked(path, format_of(suffix)[1]) as stream:
        for line in io.TextIOWrapper(stream, encoding="utf-8-sig"):
            try:
                found = json.loads(line, parse_int=str, parse_float=str) if line.strip() else None
            except ValueError:
                continue
            if not isinstance(found, dict) or rows >= FIRST:
                continue
            for name, value in _leaves(found):
                if "." in name and name not in found:
                    paths.add(name)
                cells = columns.setdefault(name, [])
                cells += [""] * (rows - len(cells)) + [value]
            rows += 1
    if not rows:
        raise rejection(path.name, "has no line that is one JSON object; export one object per line (JSON lines)", 1)
    filled = {name: cells + [""] * (rows - len(cells)) for name, cells in columns.items()}
    return Sample({}, {}, columns=[Column(name, cells, is_path=name in paths) for name, cells in filled.items()])


def _leaves(found: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """The values of an object by name, those of objects inside it by path. A path of other than plain words cannot be written."""
    for key, value in found.items():
        if isinstance(value, dict):
            if re.fullmatch(r"[^\W\d]\w*", key):
                yield from _leaves(value, f"{above}{key}.")
        elif not above or re.fullmatch(r"\w+", key):
            is_plain = isinstance(value, str)
            yield f"{above}{key}", value if is_plain else "" if value is None else json.dumps(value)


def _columns(source: Source, types: dict[str, str]) -> list[Column]:
    cells = ", ".join(f"c{i}" for i in range(len(source.header)))
    rows_at_most = min(FIRST, max(_MOST_CELLS // len(source.header), 1))
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        rows = con.execute(f"select {cells} from ({relation([source])}) limit {rows_at_most}").fetchall()
    columns = zip(*rows, strict=True) if rows else ([] for _ in source.header)
    return [Column(name, [cell or "" for cell in column], types.get(name, "")) for name, column in zip(source.header, columns, strict=True)]
