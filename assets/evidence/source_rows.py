"""The rows behind the chosen payouts, as they stand in the files that arrived.

Belongs here: finding a row in an archived file. Does not belong here: what its columns mean (assets/feeds).
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb

from assets.archive.manifest import read_manifest
from assets.feeds.inspection import format_of, open_unpacked
from assets.published.reader import fetch
from assets.runtime.errors import rejection
from assets.runtime.file_hashes import file_sha256
from assets.runtime.sql import scan
from models.feeds.settings import FeedSettings

PATH = "sample/source_rows.jsonl"
_WANTED = """
    select distinct source_sha256, source_row, source_line from fct_payout_line semi join chosen using (payout_id)
    where source_row is not null order by all"""


def write_source_rows(con: duckdb.DuckDBPyConnection, archive: Path, settings: FeedSettings, folder: Path) -> int:
    """Write one line of JSON per row: hash of the file, its name, row, line and the row as it stands there. Returns how many.

    Raises InputError where an archived file has other bytes than the one that arrived.
    """
    by_file: dict[str, dict[int, int | None]] = defaultdict(dict)
    for row in fetch(con, _WANTED):
        by_file[row["source_sha256"]][row["source_row"]] = row["source_line"]
    arrived = {each.sha256: each for each in read_manifest(archive) if each.feed == "transactions"}
    (folder / "sample").mkdir(exist_ok=True)
    count = 0
    with (folder / PATH).open("w", encoding="utf-8", newline="\n") as out:
        for sha256, rows in sorted(by_file.items()):
            if file_sha256(archive / sha256) != sha256:
                message = f"is damaged, its bytes are not those that arrived; it is {arrived[sha256].file_name}: restore it from a backup"
                raise rejection(f"archive/{sha256}", message)
            texts = dict(_read_rows(con, archive / sha256, arrived[sha256].suffix, rows, settings))
            for number, line in sorted(rows.items()):
                entry = {"source_sha256": sha256, "source_file": arrived[sha256].file_name, "source_row": number, "source_line": line, "raw": texts.get(number)}
                out.write(json.dumps(entry, ensure_ascii=False) + "\n")
                count += 1
    return count


def _read_rows(con: duckdb.DuckDBPyConnection, path: Path, suffix: str, rows: Mapping[int, int | None], settings: FeedSettings) -> Iterator[tuple[int, Any]]:
    """Row number and the row: the text of its line or lines, or the cells of a format that has no lines."""
    file_format, compression = format_of(suffix)
    if file_format == "parquet":
        numbered = f"select row_number() over () as number, rows::json::varchar as cells from {scan(path)} as rows"
        yield from con.execute(f"select number, cells from ({numbered}) where number in (select unnest($1))", [list(rows)]).fetchall()
    elif file_format == "xlsx":
        yield from _read_sheet(path, rows, settings)
    else:
        with open_unpacked(path, compression) as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8-sig" if settings.encoding == "utf-8" else settings.encoding, newline="")
            yield from _read_lines(text, rows, has_quotes=file_format == "csv")


def _read_lines(text: io.TextIOWrapper, rows: Mapping[int, int | None], has_quotes: bool) -> Iterator[tuple[int, str]]:
    """Rows that begin on the same line, of a file whose columns became rows, have the same text. A line break in quotes does not end a row."""
    on_line: dict[int | None, list[int]] = defaultdict(list)
    for row, line in rows.items():
        on_line[line].append(row)
    lines = enumerate(text, 1)
    for number, found in lines:
        if number in on_line:
            while has_quotes and found.count('"') % 2:
                found += next(lines)[1]
            for row in on_line[number]:
                yield row, found.rstrip("\r\n")


def _read_sheet(path: Path, rows: Mapping[int, int | None], settings: FeedSettings) -> Iterator[tuple[int, list[str | None]]]:
    import openpyxl

    with path.open("rb") as stream:  # the archive's names have no suffix
        workbook = openpyxl.load_workbook(io.BytesIO(stream.read()), read_only=True, data_only=True)
    sheet = workbook[settings.sheet] if isinstance(settings.sheet, str) else workbook.worksheets[(settings.sheet or 1) - 1]
    on_line = {line: number for number, line in rows.items()}
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        if number in on_line:
            yield on_line[number], [None if cell is None else str(cell) for cell in cells]
