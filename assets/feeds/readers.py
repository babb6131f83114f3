"""Archived files as relations of text: one column per column of the file, rows in the order of the file.

Belongs here: formats. Does not belong here: what the columns mean (assets/feeds/typing_sql.py), storing (assets/feeds/load.py).

A relation has `file_no`, `c0 … cn` (VARCHAR, null where the file has nothing) and `fault`, `fault_message`, `fault_raw`
(null unless the row could not be split into fields).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from assets.feeds.inspection import Compression, Facts, format_of, open_unpacked
from assets.runtime.errors import rejection
from models.feeds.attributes import folded
from models.feeds.settings import Unpivot
from models.sql_text import literal

#: The longest line that is read; the engine's own limit.
MAX_LINE_BYTES = 2_000_000
_SEPARATOR = "\x1f"  # a control character: no line of JSON may contain it


@dataclass(frozen=True)
class Source:
    """One archived file to read. `header`: its columns by name, in order."""

    file_no: int
    path: Path
    name: str
    suffix: str
    facts: Facts
    header: tuple[str, ...]
    columns: tuple[tuple[str, str], ...] = ()  # Parquet: names and SQL types
    pointers: tuple[tuple[str, str], ...] = ()  # JSON: columns that are paths into objects, with their JSON pointers
    rewritten_from: Path | None = None  # the text that `rewrite_csv` has copied to `path`
    delimiter: str = ","
    totals: dict[str, str] = field(default_factory=dict)  # control totals declared by the sender
    header_line: int = 1  # of the file that arrived
    lines_outside: int = 0  # above its header and in its footer
    is_sheet: bool = False  # lines are rows of a sheet
    preamble: tuple[tuple[str, str], ...] = ()  # columns whose value is above the header

    @property
    def is_rewritten(self) -> bool:
        """Whether `path` holds a copy made by `rewrite_csv`."""
        return self.rewritten_from is not None

    @property
    def text_path(self) -> Path:
        """The text with the file's own lines from its header on."""
        return self.rewritten_from or self.path

    @property
    def lines_before(self) -> int | None:
        """How many lines of the file that arrived are before its first row if its header is one line. None: Parquet has no lines."""
        return {"csv": self.header_line, "json": 0}.get(format_of(self.suffix)[0])

    @property
    def names(self) -> tuple[str, ...]:
        """Its columns, with those from above the header at the end."""
        return (*self.header, *(name for name, _ in self.preamble))


def relation(sources: list[Source]) -> str:
    """SQL of the relation over files with the same header, format and compression."""
    file_format, compression = format_of(sources[0].suffix)
    paths = "[" + ", ".join(literal(str(source.path)) for source in sources) + "]"
    first = sources[0].file_no
    numbers = [source.file_no for source in sources]
    is_run = numbers == list(range(first, first + len(numbers)))
    file_no = f"(file_index::integer + {first})" if is_run else f"(({numbers})[file_index::bigint + 1])::integer"
    header = sources[0].header
    columns = [f"c{i}" for i in range(len(header))]
    if file_format == "csv":
        return _csv(paths, file_no, columns, "none" if sources[0].is_rewritten else compression, sources[0])
    if file_format == "parquet":
        return _parquet(paths, file_no, sources[0])
    return _json_lines(paths, file_no, header, dict(sources[0].pointers), compression)


def with_preamble(rows: str, source: Source) -> str:
    """SQL of a relation with the columns from above the header."""
    values = "".join(f", {literal(value)} as c{i}" for i, (_, value) in enumerate(source.preamble, len(source.header)))
    return f"select *{values} from ({rows})" if values else rows


def filled_down(rows: str, cells: list[str], within: str | None = None) -> str:
    """SQL of a relation in which an empty one of these cells has the value above it in its file. Rows stay in order.

    `within`: a cell that must have the same value there, so that nothing is taken from a row above that it does not belong to.
    """
    if not cells:
        return rows
    above = ", ".join(
        f"last_value(case when {cell} is not null then {{'file_no': file_no, 'within': {within or 'null'}, 'value': {cell}}} end ignore nulls) "
        f"over (rows between unbounded preceding and current row) as above_{cell}"
        for cell in cells
    )
    same = f" and above_{{cell}}.within = {within}" if within else ""
    taken = ", ".join(
        f"case when above_{cell}.file_no = file_no and fault is null{same.format(cell=cell)} then above_{cell}.value end as {cell}" for cell in cells
    )
    return f"select * exclude ({', '.join(f'above_{cell}' for cell in cells)}) replace ({taken}) from (select *, {above} from ({rows}))"


def unpivoted(rows: str, header: tuple[str, ...], unpivot: Unpivot | None) -> str:
    """SQL of a relation with one row per row and listed column: the cells of the file, then those that `unpivot` adds. Rows stay in order."""
    if unpivot is None:
        return rows
    items = []
    for name, values in unpivot.columns.items():
        cells = [*(literal(str(value)) for value in values.values()), f"c{header.index(name)}"]
        items.append(f"[{', '.join(cells)}]")
    added = ", ".join(f"item[{i + 1}] as c{len(header) + i}" for i in range(len(unpivot.names)))
    return f"select * exclude (item), {added} from (select *, unnest([{', '.join(items)}]) as item from ({rows}))"


def _csv(paths: str, file_no: str, columns: list[str], compression: Compression, source: Source) -> str:
    is_rewritten = source.is_rewritten
    delimiter = "," if is_rewritten else source.delimiter
    fault = ["fault", "fault_message", "fault_raw"]
    taken = columns + fault if is_rewritten else columns
    types = ", ".join(f"'{column}': 'VARCHAR'" for column in taken)
    missing = "" if is_rewritten else ", null as fault, null as fault_message, null as fault_raw"
    blank_lines = " where c0 is not null" if taken == ["c0"] else ""  # in a file of one column the engine reads them as rows
    return f"""select {file_no} as file_no, {", ".join(taken)}{missing}
        from read_csv({paths}, columns = {{{types}}}, auto_detect = false, header = true, delim = {literal(delimiter)}, quote = '"', escape = '"',
            compression = '{compression}'){blank_lines}"""


def _parquet(paths: str, file_no: str, source: Source) -> str:
    columns = ", ".join(f"{_parquet_text(f'p{i}', kind)} as c{i}" for i, (_, kind) in enumerate(source.columns))
    files = _by_place(paths, len(source.columns))
    return f"select {file_no} as file_no, {columns}, null as fault, null as fault_message, null as fault_raw from {files}"


def _by_place(paths: str, columns: int) -> str:
    """SQL of Parquet files with their columns as p0, p1, … No column name can clash with `file_index`, and a folder named a=b adds no column."""
    return f"read_parquet({paths}, hive_partitioning = false) as files ({', '.join(f'p{i}' for i in range(columns))})"


def _parquet_text(column: str, kind: str) -> str:
    """The exact text of a typed value. A timestamp at midnight is a day, because many writers store days that way."""
    text = f"nullif({column}::varchar, '')"
    if kind.startswith("TIMESTAMP") and "TIME ZONE" not in kind:
        return f"case when {column} = date_trunc('day', {column}) then {column}::date::varchar else {text} end"
    return text


def parquet_columns(path: Path, name: str) -> list[tuple[str, str]]:
    """Column names and SQL types of a Parquet file. Raises InputError when it cannot be read."""
    try:
        with duckdb.connect() as con:
            elements = con.execute(f"select name, coalesce(num_children, 0) from parquet_schema({literal(str(path))})").fetchall()
            names = list(_names_at_the_top(elements))
            kinds = con.execute(f"describe from {_by_place(literal(str(path)), len(names))}").fetchall()
    except duckdb.Error as error:
        raise rejection(name, f"cannot be read as Parquet, deliver it again: {str(error).splitlines()[0]}") from None
    return [(name, str(row[1])) for name, row in zip(names, kinds, strict=True)]


def _names_at_the_top(elements: list[tuple[str, int]]) -> Iterator[str]:
    """The top-level columns of a Parquet schema, which lists the root, then each column followed by its children."""
    inside = 0
    for name, children in elements[1:]:
        if not inside:
            yield name
        inside = max(inside - 1, 0) + children


#: Strings stay as they are, and numbers are quoted. The engine would turn an unquoted number into a double and lose digits.
_STRING_OR_NUMBER = r'("(?:[^"\\]|\\.)*")|(-?[0-9][0-9.eE+-]*)'


def with_paths(source: Source, paths: set[str]) -> Source:
    """A JSON file with the paths into its objects as further columns; a path whose first key no row has is none."""
    keys = {folded(key): key for key in reversed(source.header)}
    pointers = {}
    for path in sorted(paths - {*source.header}):
        first, *rest = path.split(".")
        if folded(first) in keys:
            pointers[path] = "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in (keys[folded(first)], *rest))
    return replace(source, header=(*source.header, *pointers), pointers=tuple(pointers.items()))


def _json_lines(paths: str, file_no: str, header: tuple[str, ...], pointers: dict[str, str], compression: Compression) -> str:
    shape = literal(json.dumps({key: "VARCHAR" for key in header if key and key not in pointers} or {"-": "VARCHAR"}, ensure_ascii=False))
    texts = [f"json_extract_string(text, {literal(pointers[key])})" if key in pointers else _json_text(key) for key in header]
    columns = ", ".join(f"nullif({text}, '') as c{i}" for i, text in enumerate(texts))
    objects = ["", *sorted({pointer[: pointer.rindex("/")] for pointer in pointers.values()})]
    keys = [f"json_keys(valid{', ' + literal(each) if each else ''})" for each in objects]
    repeats = " or ".join(f"coalesce(len(list_distinct({each})) != len({each}), false)" for each in keys)
    marked = f"regexp_replace(line, {literal(_STRING_OR_NUMBER)}, E'\\\\1\\x01\\\\2\\x01', 'g')"
    exact = f"replace(replace({marked}, E'\\x01\\x01', ''), E'\\x01', '\"')"
    return f"""
        with lines as ({json_line_relation(paths, file_no, compression)}),
        parsed as (select file_no, line, case when json_valid(line) then line end as valid from lines),
        judged as (
            select file_no, line, case
                when valid is null or json_type(valid) != 'OBJECT' then 'bad_json'
                when {repeats} then 'duplicate_key' end as fault
            from parsed),
        exact as (select file_no, line, fault, case when fault is null then {exact} else '{{}}' end as text from judged),
        taken as (select *, json_transform(text, {shape}) as object from exact)
        select file_no, {columns}, fault,
            case fault when 'bad_json' then 'the line is not one JSON object' when 'duplicate_key' then 'a key stands twice' end as fault_message,
            case when fault is not null then to_json({{'line': line}})::varchar end as fault_raw
        from taken"""


def _json_text(key: str) -> str:
    """The text of one key. The engine's objects have no key with an empty name."""
    return f"struct_extract(object, {literal(key)})" if key else "json_extract_string(text, '/')"


def json_line_relation(paths: str, file_no: str, compression: Compression) -> str:
    """One row per line that is not blank: `file_no, line`."""
    return f"""select {file_no} as file_no, line from read_csv({paths}, columns = {{'line': 'VARCHAR'}}, auto_detect = false, header = false,
        delim = '{_SEPARATOR}', quote = '', escape = '', compression = '{compression}') where trim(line) != ''"""


def json_keys_of(con: duckdb.DuckDBPyConnection, sources: list[Source]) -> list[tuple[str, ...]]:
    """The keys of each file's objects, in order of first appearance."""
    keys: dict[int, list[str]] = {source.file_no: [] for source in sources}
    for compression in ("none", "gzip", "zstd"):
        chosen = [source for source in sources if format_of(source.suffix)[1] == compression]
        if not chosen:
            continue
        paths = "[" + ", ".join(literal(str(source.path)) for source in chosen) + "]"
        numbers = [source.file_no for source in chosen]
        lines = json_line_relation(paths, f"(({numbers})[file_index::bigint + 1])::integer", compression)
        shapes = con.execute(
            f"""select file_no, keys, min(n) as n from (select file_no, row_number() over () as n, json_keys(line) as keys
                from ({lines}) where json_valid(line) and json_type(line) = 'OBJECT') group by all order by n"""
        ).fetchall()
        for file_no, shape, _ in shapes:
            keys[file_no] += [key for key in dict.fromkeys(shape) if key not in keys[file_no]]
    return [tuple(keys[source.file_no]) for source in sources]


def looks_ragged(facts: Facts) -> bool:
    """Whether a CSV file without quotes has a row of the wrong width, or mixes line ends."""
    if facts.returns and facts.returns != facts.newlines:
        return True
    return not facts.has_quote and facts.commas != facts.lines * (len(facts.header) - 1)


def rewrite_csv(source: Source, target: Path) -> Source:
    """Write the same rows as a CSV file that the engine can read, with rows of the wrong width marked as faults.

    For files that the engine cannot read. It is slower, but one bad row does not cost the others. Raises InputError when the file is not CSV.
    """
    width = len(source.header)
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([f"c{i}" for i in range(width)] + ["fault", "fault_message", "fault_raw"])
        rows = _rows(source)
        row = next(rows)
        for row in rows:
            while len(row) > width and row[-1] == "":
                row.pop()
            if len(row) == width:
                writer.writerow([*row, "", "", ""])
            elif not any(row) or (len(row) == 1 and re.fullmatch(r"[-=_+*]{3,}", row[0].strip())):  # delimiters alone, a ruled or a blank line
                writer.writerows([[""] * (width + 3)] if row else [])
            else:
                raw = {**dict(zip(source.header, row, strict=False)), **{f"({i + 1})": row[i] for i in range(width, len(row))}}
                message = f"the row has {len(row)} fields, the header {width}"
                writer.writerow([""] * width + ["wrong_field_count", message, json.dumps(raw, ensure_ascii=False)])
    if 0 < len(row) < width and not source.facts.ends_with_newline:
        line = source.facts.newlines + source.header_line
        raise rejection(source.name, "is cut off in its last row (too few fields, no line end); deliver it again", line)
    return replace(source, path=target, rewritten_from=source.path)


def _rows(source: Source) -> Iterator[list[str]]:
    csv.field_size_limit(MAX_LINE_BYTES)
    with open_unpacked(source.path, format_of(source.suffix)[1]) as stream:
        reader = csv.reader(io.TextIOWrapper(stream, encoding="utf-8-sig", newline=""), delimiter=source.delimiter, strict=True)
        try:
            yield from reader
        except csv.Error as error:
            raise rejection(source.name, f"is not valid CSV: {error}", reader.line_num + source.header_line - 1) from None


def archived_hash_in(error: duckdb.Error) -> str | None:
    """The archived file that an error of the engine is about: the last hash in it, because the line that is quoted first may have hashes too."""
    found = re.findall(r"\b[0-9a-f]{64}\b", str(error))
    return found[-1] if found else None
