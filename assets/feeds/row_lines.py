"""Where a row is in its file, as a person finds it: the line of a text, the row of a sheet.

Belongs here: finding the lines of the rows that were just read. Does not belong here: the rule for all other rows (`raw.line_of_row` in
assets/feeds/raw_tables.py), numbers of the lines of a transaction (assets/feeds/line_numbers.py).

In most files every row is one line, so that counting is enough. Blank lines and line breaks in quotes can only make rows fewer than lines:
where there are as many of both, each row is where counting puts it. Only other files are read once more.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import duckdb

from assets.feeds.batches import Batch
from assets.feeds.inspection import format_of, open_unpacked
from assets.feeds.readers import MAX_LINE_BYTES, Source
from assets.runtime.warehouse import append_table
from models.feeds.columns import Feed

if TYPE_CHECKING:
    import numpy as np


def find_lines(con: duckdb.DuckDBPyConnection, feed: Feed, batches: Sequence[Batch], rows_read: Mapping[int, int]) -> dict[int, int | None]:
    """How many lines of each file are before its first row, by file_no. None: the file has no lines, or nobody can say which row is on which.

    Rows that are not where counting puts them go to raw.row_lines. `rows_read`: by file_no.
    """
    before: dict[int, int | None] = {}
    for batch in batches:
        for source in batch.sources:
            rows = rows_read.get(source.file_no, 0) // batch.rows_per_row
            before[source.file_no] = source.lines_before
            if source.lines_before is None or _is_one_line_each(source, rows):
                continue
            lines = _lines(source)
            if len(lines) == rows:
                _append(con, feed, source.file_no, lines, source.lines_before, batch.rows_per_row)
            else:
                before[source.file_no] = None
    return before


def _is_one_line_each(source: Source, rows: int) -> bool:
    facts = source.facts
    return facts.lines == _has_header(source) + rows and facts.returns in (0, facts.newlines)


def _has_header(source: Source) -> bool:
    return format_of(source.suffix)[0] == "csv"


def _lines(source: Source) -> np.ndarray:
    """The line of each row, in order; none where the text cannot be split into rows."""
    import numpy as np

    with open_unpacked(source.text_path, format_of(source.suffix)[1]) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        try:
            return np.fromiter(_first_lines(text, source) if _has_header(source) else _filled_lines(text), np.int64)
        except csv.Error:
            return np.empty(0, np.int64)


def _filled_lines(text: io.TextIOWrapper) -> Iterator[int]:
    return (number for number, line in enumerate(text, 1) if line.strip(" \r\n"))


def _first_lines(text: io.TextIOWrapper, source: Source) -> Iterator[int]:
    """The first line of each record below the header. A row of a sheet is one record, whatever line breaks its cells have."""
    csv.field_size_limit(MAX_LINE_BYTES)
    records = csv.reader(text, delimiter=source.delimiter, strict=True)
    above = source.header_line - 1
    next(records)
    last = records.line_num
    for number, record in enumerate(records, 2):
        if record:
            yield above + (number if source.is_sheet else last + 1)
        last = records.line_num


def _append(con: duckdb.DuckDBPyConnection, feed: Feed, file_no: int, lines: np.ndarray, before: int, rows_per_row: int) -> None:
    import numpy as np
    import pyarrow as pa

    rows = np.flatnonzero(lines != before + 1 + np.arange(len(lines)))
    row_no = (rows[:, None] * rows_per_row + np.arange(1, rows_per_row + 1)).ravel()
    columns = {"file_no": np.full(len(row_no), file_no, np.int32), "row_no": row_no, "line": lines[rows].repeat(rows_per_row)}
    append_table(con, "raw.row_lines", pa.table({"feed": pa.repeat(feed.name, len(row_no)), **columns}))
