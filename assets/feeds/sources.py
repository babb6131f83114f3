"""Archived files made ready to be read: their facts and headers, as text without the lines around it where the engine needs that.

Belongs here: one source per archived file, and what its shape says. Does not belong here: rows (assets/feeds/batches.py), loading (assets/feeds/load.py).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from assets.archive.manifest import Arrival
from assets.archive.stored_archive import fetch_archived
from assets.feeds.checks.control_totals import plain_total
from assets.feeds.column_mapping import json_paths
from assets.feeds.inspection import Dialect, Facts, checked_header, format_of, inspect, is_unnamed, open_unpacked
from assets.feeds.landing import Landing, dialect_of
from assets.feeds.readers import Source, json_keys_of, looks_ragged, parquet_columns, rewrite_csv, with_paths
from assets.feeds.transcoding import write_plain
from assets.runtime.context import RunContext
from assets.runtime.errors import rejection
from assets.runtime.warehouse import append_rows
from models.documents import InputError, Problem
from models.feeds.attributes import folded
from models.feeds.columns import FEEDS, Feed
from models.feeds.reject_reasons import CORRECTION_COLUMNS, is_correction
from models.feeds.settings import FeedSettings
from models.spreadsheet_text import restore_text

#: file_no = this × the feed's place + arrival_no. It does not depend on the order in which files of different feeds arrived.
FILE_NUMBERS_PER_FEED = 100_000_000


@dataclass(frozen=True)
class Load:
    """One attempt at the transaction that loads. `to_rewrite`: hashes of CSV files that the engine cannot read as they are."""

    context: RunContext
    con: duckdb.DuckDBPyConnection
    landing: Landing
    to_rewrite: set[str]
    scratch: Path
    warnings: list[str]
    notes: list[str]


def file_number(feed: Feed, arrival: Arrival) -> int:
    """The file's number in this book. Within a feed it rises in order of arrival."""
    return FILE_NUMBERS_PER_FEED * list(FEEDS).index(feed.name) + arrival.arrival_no


def read_sources(load: Load, feed: Feed, arrivals: list[Arrival]) -> list[Source]:
    """The archived files to read, with facts and header. Files that the engine cannot read are rewritten."""
    archive = load.context.archive
    settings = load.context.book.feeds[feed.name]
    dialect = dialect_of(settings)
    fetch_archived(load.context, [arrival.sha256 for arrival in arrivals])

    def facts_of(arrival: Arrival) -> Facts:
        if (arrival.sha256, dialect) in load.landing.facts:
            return load.landing.facts[arrival.sha256, dialect]
        path = archive / arrival.sha256
        lost = f"it is {arrival.file_name} of feed {feed.name}: restore it from a backup"
        if not path.exists():
            raise rejection(f"archive/{arrival.sha256}", f"is missing; {lost}")
        facts = inspect(path, arrival.suffix, arrival.file_name, dialect)
        if facts.sha256 != arrival.sha256:
            raise rejection(f"archive/{arrival.sha256}", f"is damaged, its bytes are not those that arrived; {lost}")
        return facts

    with ThreadPoolExecutor(2) as pool:
        facts = list(pool.map(facts_of, arrivals))
    sources = []
    for arrival, fact in zip(arrivals, facts, strict=True):
        source = Source(file_number(feed, arrival), archive / arrival.sha256, arrival.file_name, arrival.suffix, fact, _restored(fact.header))
        source = replace(source, delimiter=dialect.delimiter, totals=arrival.totals or {})
        file_format = format_of(arrival.suffix)[0]
        if file_format not in ("csv", "xlsx") and dialect.has_layout:
            message = f"is not CSV or XLSX, and feeds.{feed.name}.header_row and footer are for these; put the file into a feed without them"
            raise rejection(source.name, message)
        is_rewritten = dialect.encoding != "utf-8" or settings.trailer or dialect.has_layout or fact.names_delimiter
        if file_format == "xlsx" or (file_format != "parquet" and is_rewritten):
            source = _plain(load, source, dialect, settings.trailer, load.scratch / f"{feed.name}-{arrival.sha256}.text")
            fact = source.facts
        if file_format == "parquet":
            columns = tuple(parquet_columns(source.path, source.name))
            source = replace(source, columns=columns, header=checked_header([name for name, _ in columns], source.name))
        elif format_of(source.suffix)[0] == "csv" and (arrival.sha256 in load.to_rewrite or looks_ragged(fact)):
            source = rewrite_csv(source, load.scratch / f"{feed.name}-{arrival.sha256}")
        sources.append(source)
    sources = [replace(source, totals={total: plain_total(value, settings) for total, value in source.totals.items()}) for source in sources]
    lines = [source for source in sources if format_of(source.suffix)[0] == "json"]
    keys = json_keys_of(load.con, lines)
    if none := [source.name for source, found in zip(lines, keys, strict=True) if not found and _is_list(source)]:
        raise rejection(none[0], "is a list, and JSON is read line by line, one object in each: `jq -c '.[]'` makes such lines of a list")
    headers = {source.file_no: checked_header(found, source.name) for source, found in zip(lines, keys, strict=True)}
    paths = json_paths(settings)
    return [with_paths(replace(source, header=headers[source.file_no]), paths) if source.file_no in headers else source for source in sources]


def _is_list(source: Source) -> bool:
    with open_unpacked(source.path, format_of(source.suffix)[1]) as stream:
        return stream.read(64).lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"[")


def _restored(header: tuple[str, ...]) -> tuple[str, ...]:
    """The columns as they were called before `rejects --export` kept a spreadsheet from running their names."""
    return tuple(map(restore_text, header)) if is_correction(header) else header


def _plain(load: Load, source: Source, dialect: Dialect, trailer: list[str], target: Path) -> Source:
    """The same file as uncompressed UTF-8 text: its header and its rows, without the lines around them."""
    plain = write_plain(source.path, source.suffix, source.name, dialect, trailer, target)
    if plain.lacks_footer:
        load.warnings.append(f"{source.name}: no line begins as the footer does ({dialect.footer}); was the file cut off?")
    suffix = ".jsonl" if format_of(source.suffix)[0] == "json" else ".csv"
    facts = inspect(target, suffix, source.name, replace(dialect, encoding="utf-8", header_row=1), plain.header_line)
    source = replace(source, header_line=plain.header_line, lines_outside=plain.lines_outside, totals=plain.totals or source.totals)
    is_sheet = format_of(source.suffix)[0] == "xlsx"
    source = replace(source, path=target, suffix=suffix, is_sheet=is_sheet, facts=facts, header=_restored(facts.header), preamble=plain.preamble)
    checked_header(source.names, source.name, plain.header_line)
    return source


def check_shape(load: Load, feed: Feed, settings: FeedSettings, sources: list[Source]) -> None:
    """Check how files end, and warn about new columns. Raises InputError if the feed requires a final newline and a file has none."""
    unended = [s for s in sources if format_of(s.suffix) == ("csv", "none") and not s.facts.ends_with_newline and s.facts.newlines and not s.totals]
    if settings.final_newline and unended:
        message = f"the last line has no line end, and feeds.{feed.name} requires one (final_newline in book.yaml): the file may be cut off; deliver it again"
        raise InputError([Problem(source.name, source.facts.newlines + source.header_line, "", message) for source in unended])
    load.warnings.extend(f"{source.name}: the last line has no line end; nothing else shows whether the file is complete" for source in unended)
    known: set[str] = {folded(name) for (name,) in load.con.execute("select column_name from raw.feed_columns where feed = ?", [feed.name]).fetchall()}
    seen = set(known)
    new: list[str] = []
    for source in sources:
        named = [column for column in source.names if not is_unnamed(column)]
        added = [column for column in named if folded(column) not in seen and not (is_correction(source.header) and column in CORRECTION_COLUMNS)]
        if added and seen:
            load.warnings.append(f"{source.name} has columns that no earlier file of {feed.name} has: {', '.join(added[:20])}")
        seen.update(map(folded, added))
        new += added
    append_rows(load.con, "raw.feed_columns", [(feed.name, column) for column in sorted(new)])
