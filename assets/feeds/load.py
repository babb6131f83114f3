"""The step that takes files in: landing folders → archive → raw.*.

Belongs here: which files are loaded into which table, in one transaction, and the count of their rows.
Does not belong here: copying (assets/feeds/landing.py), formats (assets/feeds/readers.py), what a value must look like (assets/feeds/typing_sql.py).
"""

from __future__ import annotations

import datetime as dt
import re
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from assets.archive.manifest import Arrival, append_manifest, sync_archive
from assets.archive.receipts import enter_load, write_receipt
from assets.feeds.batches import Batch, describe_rounded, describe_undeletable, insert_corrections, insert_rejects, make_batches
from assets.feeds.column_mapping import check_mappings, json_paths, settings_hash
from assets.feeds.control_totals import check_totals, plain_total, rows_without_ignored
from assets.feeds.file_checks import check_rejected, columns_of_single_precision, ids_with_exponents, positive_credits, repeated_under_one_name
from assets.feeds.file_events import log_attention, log_files
from assets.feeds.inspection import Dialect, Facts, checked_header, format_of, inspect, is_unnamed
from assets.feeds.landing import Landing, dialect_of, land_files
from assets.feeds.line_numbers import left_over_lines, number_lines
from assets.feeds.raw_tables import add_attributes, append_rows, create_raw_tables, delete_rejected, number_rows, truncate_feed
from assets.feeds.readers import MAX_LINE_BYTES, Source, archived_hash_in, json_keys_of, looks_ragged, parquet_columns, rewrite_csv, with_paths
from assets.feeds.repeated_keys import describe_repeated_keys, reject_repeated_keys
from assets.feeds.snapshots import judged_anew, shrunken_snapshots
from assets.feeds.transcoding import write_plain
from assets.feeds.typing_sql import select_rows
from assets.feeds.unusual_files import delivered_again, smaller_than_usual
from assets.runtime.context import RunContext, StepReport
from assets.runtime.errors import rejection
from assets.runtime.limits import limits_of
from assets.runtime.warehouse import open_warehouse, transaction
from models.documents import InputError, Problem
from models.feeds.attributes import folded
from models.feeds.columns import FEEDS, Feed
from models.feeds.reject_reasons import CORRECTION_COLUMNS, is_correction
from models.feeds.settings import FeedSettings, key_of
from models.spreadsheet_text import restore_text
from models.sql_text import identifier

#: file_no = this × the feed's place + arrival_no. It does not depend on the order in which files of different feeds arrived.
FILE_NUMBERS_PER_FEED = 100_000_000
_POLL_SECONDS = 0.2
#: The place of the status in a row of raw.feed_files.
_STATUS = 6


@dataclass(frozen=True)
class _Load:
    """One attempt at the transaction that loads. `to_rewrite`: hashes of CSV files that the engine cannot read as they are."""

    context: RunContext
    con: duckdb.DuckDBPyConnection
    landing: Landing
    to_rewrite: set[str]
    scratch: Path
    warnings: list[str]
    notes: list[str]


@dataclass(frozen=True, kw_only=True)
class FeedsReport(StepReport):
    """Counts of files and rows, warnings, notes, and the files that could not be read (permissions) and were skipped."""

    files_new: int
    files_still_written: int
    files_loaded: int
    files_duplicate: int
    rows_read: int
    rows_rejected: int
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    unreadable_files: tuple[Problem, ...]


def load_feeds(context: RunContext) -> FeedsReport:
    """Take in every file that has arrived, and bring raw.* in line with archive and settings.

    Raises InputError when a file is rejected. Then this run loads nothing.
    """
    problems = check_mappings(context.folder, context.book)
    if problems:
        raise InputError(problems)
    warnings: list[str] = []
    notes: list[str] = []
    spill = limits_of(context).spill
    spill.parent.mkdir(parents=True, exist_ok=True)
    with open_warehouse(context) as con, tempfile.TemporaryDirectory(dir=spill.parent, prefix=f"{spill.name}.") as scratch:
        with transaction(con):
            create_raw_tables(con)
            delete_rejected(con)  # left by a run that was killed before it deleted them
        landing = land_files(context, dict(con.execute("select identity, sha256 from raw.landed_files").fetchall()))
        counts = _load_or_rewrite(_Load(context, con, landing, set(), Path(scratch), warnings, notes))
        with transaction(con):
            delete_rejected(con)
        write_receipt(con, context)
        log_files(con, landing.new)
        queries = [f"select 'raw.{name}', count(*) from raw.{name}" for name in (*FEEDS, "rejects")]
        rows = dict(con.execute(" union all ".join(queries)).fetchall())
    warnings = landing.warnings + warnings
    log_attention(warnings, landing.unreadable)
    return FeedsReport(
        rows=rows,
        files_new=len(landing.new),
        files_still_written=len(landing.still_written),
        files_loaded=counts["files_loaded"],
        files_duplicate=counts["files_duplicate"],
        rows_read=counts["rows_read"],
        rows_rejected=counts["rows_rejected"],
        warnings=tuple(warnings),
        notes=tuple(notes),
        unreadable_files=tuple(landing.unreadable),
    )


def _load_or_rewrite(load: _Load) -> Counter[str]:
    """Load everything in one transaction. When the engine cannot read a CSV file, start again with that file rewritten."""
    while True:
        load.warnings.clear()
        load.notes.clear()
        try:
            with transaction(load.con):
                counts = _load_all(load)
                sync_archive(load.context.archive, {sha256 for sha256, _ in load.landing.facts})
                append_manifest(load.context.archive, load.landing.new)
                enter_load(load.con, load.context)
            return counts
        except duckdb.InvalidInputException as error:
            unreadable = archived_hash_in(error)
            lines = [a for arrivals in load.landing.arrivals.values() for a in arrivals if a.sha256 == unreadable and format_of(a.suffix)[0] == "json"]
            if lines:
                place = re.search(r"on Line: (\d+)", str(error))
                message = f"a line cannot be read: is it longer than {MAX_LINE_BYTES // 1_000_000} MB? Deliver it again, one object per line"
                raise rejection(lines[0].file_name, message, int(place.group(1)) if place else 0) from None
            if unreadable is None or unreadable in load.to_rewrite:
                raise
            load.to_rewrite.add(unreadable)


def _load_all(load: _Load) -> Counter[str]:
    """Load rows, rejects and registers of every feed that has new files."""
    _check_new_snapshots(load)
    load.con.execute("delete from raw.feed_keys")
    load.con.execute("delete from raw.feed_snapshots")
    load.con.execute("delete from raw.replacing_feeds")
    todo: dict[str, list[Arrival]] = {}
    for feed in FEEDS.values():
        todo[feed.name] = _to_load(load, feed)
        settings = load.context.book.feeds.get(feed.name)
        append_rows(load.con, "feed_keys", [(feed.name, column, position) for position, column in enumerate(key_of(feed, settings), 1)])
        append_rows(load.con, "feed_snapshots", [(feed.name, settings.snapshot.per)] if settings and settings.snapshot else [])
        append_rows(load.con, "replacing_feeds", [(feed.name,)] if settings and settings.replace else [])
    total = sum(map(len, todo.values()))
    counts: Counter[str] = Counter(files_loaded=total)
    done = 0
    for feed in FEEDS.values():
        if todo[feed.name]:
            counts.update(_load_feed(load, feed, todo[feed.name], done, total))
            done += len(todo[feed.name])
    append_rows(load.con, "landed_files", list(load.landing.identities.items()))
    return counts


def _check_new_snapshots(load: _Load) -> None:
    """Raise InputError where a feed has become a snapshot, and the files that it has drop too much of each other."""
    problems: list[Problem] = []
    for name, settings in load.context.book.feeds.items():
        problems += shrunken_snapshots(load.con, FEEDS[name], settings, judged_anew(load.con, FEEDS[name], settings))
    if problems:
        raise InputError(problems)


def _to_load(load: _Load, feed: Feed) -> list[Arrival]:
    """The arrivals whose rows are not in raw.

    Empties the feed first if its settings changed, or raw holds files that the manifest does not list or has withdrawn.
    """
    con, arrivals = load.con, load.landing.arrivals[feed.name]
    settings = load.context.book.feeds.get(feed.name)
    wanted = settings_hash(feed, settings, load.context.book.rounding)
    loaded_under = con.execute("select sha256 from raw.feed_settings where feed = ?", [feed.name]).fetchall()
    files = "select arrival_no, sha256, status = 'withdrawn' from raw.feed_files where feed = ?"
    in_raw = set(con.execute(files, [feed.name]).fetchall())
    if loaded_under != [(wanted,)] or not in_raw <= set(map(_in_raw, arrivals)):
        truncate_feed(con, feed)
        append_rows(con, "feed_settings", [(feed.name, wanted)])
        in_raw = set()
    return [arrival for arrival in arrivals if settings and _in_raw(arrival) not in in_raw]


def _in_raw(arrival: Arrival) -> tuple[int, str, bool]:
    """What raw.feed_files must say of an arrival. A file that was withdrawn after it was loaded makes the feed load again."""
    return arrival.arrival_no, arrival.sha256, arrival.withdrawal is not None


def _load_feed(load: _Load, feed: Feed, todo: list[Arrival], done: int, total: int) -> Counter[str]:
    """Load files of one feed. `done` of `total` files of all feeds are loaded already."""
    first = {arrival.sha256: arrival for arrival in reversed(load.landing.arrivals[feed.name]) if not arrival.withdrawal}
    fresh = [arrival for arrival in todo if first.get(arrival.sha256) is arrival]
    settings = load.context.book.feeds[feed.name]
    sources = _sources(load, feed, fresh)
    _check_shape(load, feed, settings, sources)
    days = {file_number(feed, arrival): dt.datetime.fromisoformat(arrival.arrived_at).date() for arrival in fresh}
    batches = make_batches(feed, settings, sources, days, load.context.book.rounding)
    load.warnings.extend(describe_undeletable(feed, settings, batches))
    add_attributes(load.con, feed, [m.name for batch in batches for m in batch.mapped if m.column is None])
    for batch in batches:
        names = ", ".join(identifier(m.target) for m in batch.mapped)
        rows = select_rows(batch.mapped, batch.defaults, batch.facts, batch.relation(), batch.rules, batch.deletion)
        _execute(load, f"insert into raw.{feed.name} (file_no, {names}, is_deleted) {rows}", done, len(batch.sources), total)
        done += len(batch.sources)
    load.notes.extend(describe_rounded(load.con, feed, batches))
    rows_read = number_rows(load.con, feed, [source.file_no for batch in batches for source in batch.sources])
    recorded = [insert_rejects(load.con, feed, batch) for batch in batches]
    rejected, ignored = (sum(counts) for counts in zip(*recorded, strict=True)) if recorded else (0, 0)
    new = {file_number(feed, arrival) for arrival in load.landing.new if arrival.feed == feed.name}
    arrived = {source.file_no: source.name for source in sources if source.file_no in new and not is_correction(source.header)}
    key = key_of(feed, settings)
    if settings.numbers_lines:
        number_lines(load.con, feed, batches, key, {sha256: file_number(feed, arrival) for sha256, arrival in first.items()})
        if not settings.snapshot and not settings.replace:
            load.warnings.extend(left_over_lines(load.con, feed, key, arrived))
    found = load.con.execute(f"select count(*) from raw.{feed.name} where file_no < 0").fetchall()[0][0]
    if found != rejected + ignored:
        raise RuntimeError(f"raw.{feed.name}: {found} rows were rejected or ignored but {rejected + ignored} were recorded")
    rows_of_data = rows_without_ignored(load.con, feed, rows_read)
    all_rejected, many_rejected = check_rejected(load.con, feed, settings, sources, rows_of_data)
    load.warnings.extend(many_rejected)
    for batch in batches:
        if key and settings.repeats == "refuse":
            repeated = reject_repeated_keys(load.con, feed, batch, key)
            load.warnings.extend(describe_repeated_keys(feed, key, repeated))
            rejected += sum(repeated.values())
        insert_corrections(load.con, feed, batch)
        _check_row_counts(batch, rows_read)
    problems = check_totals(load.con, feed, sources, rows_of_data)
    if not load.context.is_rebuild:  # a rebuild repeats what was taken in
        problems += all_rejected
        if settings.snapshot and not settings.non_empty:
            message = f"has no rows, and feeds.{feed.name} is a snapshot: it would take back every row; deliver it again, or remove it"
            problems += [Problem(source.name, 0, "", message) for source in sources if not rows_of_data.get(source.file_no)]
        problems += shrunken_snapshots(load.con, feed, settings, arrived)
    if settings.non_empty:
        message = f"has no rows, and feeds.{feed.name} is non_empty in book.yaml; deliver it again"
        problems += [Problem(source.name, 0, "", message) for source in sources if not rows_of_data.get(source.file_no)]
    if problems:
        raise InputError(problems)
    append_rows(load.con, "declared_totals", [(feed.name, source.file_no, total, value) for source in sources for total, value in source.totals.items()])
    entries = []
    outside = {source.file_no: source.lines_outside for source in sources}
    per_row = {source.file_no: batch.rows_per_row for batch in batches for source in batch.sources}
    for arrival in todo:
        number = file_number(feed, arrival)
        status, reason = _status_of(arrival, first.get(arrival.sha256))
        read = rows_read.get(number, 0)
        entry = (number, feed.name, arrival.file_name, arrival.sha256, arrival.arrival_no, arrival.arrived_at, status, reason, read)
        entries.append((*entry, outside.get(number, 0), per_row.get(number, 1)))
    append_rows(load.con, "feed_files", entries)
    load.warnings.extend(repeated_under_one_name(load.con, feed, settings, sources))
    load.warnings.extend(ids_with_exponents(load.con, feed, sources))
    load.warnings.extend(columns_of_single_precision(sources))
    load.warnings.extend(positive_credits(load.con, feed, settings, sources))
    again = [(arrival, first[arrival.sha256]) for arrival in todo if arrival in load.landing.new and first.get(arrival.sha256, arrival) is not arrival]
    arrivals = load.landing.arrivals[feed.name]
    load.warnings.extend(delivered_again(load.con, feed, arrivals, [(arrival, original, file_number(feed, original)) for arrival, original in again]))
    load.warnings.extend(smaller_than_usual(load.con, feed, settings, {source.file_no: source.name for source in sources}))
    return Counter(rows_read=sum(rows_read.values()), rows_rejected=rejected, files_duplicate=sum(entry[_STATUS] == "duplicate" for entry in entries))


def _status_of(arrival: Arrival, original: Arrival | None) -> tuple[str, str | None]:
    """What becomes of the file, and why. `original`: the first file with its bytes that counts."""
    if arrival.withdrawal:
        return "withdrawn", f"withdrawn on {arrival.withdrawal.withdrawn_at[:10]} by {arrival.withdrawal.by}: {arrival.withdrawal.reason}"
    if original is None or original is arrival:
        return "loaded", None
    return "duplicate", f"the same bytes as {original.file_name}, which arrived as file {original.arrival_no} of this feed"


def _execute(load: _Load, statement: str, done: int, files: int, total: int) -> None:
    """Run a long statement in its own thread and report its progress from this one. Loading is two thirds of the step's progress."""
    con = load.con
    con.execute("set enable_progress_bar = true")
    con.execute("set enable_progress_bar_print = false")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(con.execute, statement)
        try:
            while True:
                try:
                    running.result(_POLL_SECONDS)
                    break
                except TimeoutError:
                    share = max(0.0, con.query_progress()) / 100
                    load.context.progress("feeds", total + int(2 * (done + share * files)), 3 * total)
        except BaseException:
            if not running.done():  # stopped by the user: the statement must not go on
                con.interrupt()
            raise
    load.context.progress("feeds", total + 2 * (done + files), 3 * total)


def file_number(feed: Feed, arrival: Arrival) -> int:
    """The file's number in this book. Within a feed it rises in order of arrival."""
    return FILE_NUMBERS_PER_FEED * list(FEEDS).index(feed.name) + arrival.arrival_no


def _sources(load: _Load, feed: Feed, arrivals: list[Arrival]) -> list[Source]:
    """The archived files to read, with facts and header. Files that the engine cannot read are rewritten."""
    archive = load.context.archive
    settings = load.context.book.feeds[feed.name]
    dialect = dialect_of(settings)

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
    headers = {source.file_no: checked_header(keys, source.name) for source, keys in zip(lines, json_keys_of(load.con, lines), strict=True)}
    paths = json_paths(settings)
    return [with_paths(replace(source, header=headers[source.file_no]), paths) if source.file_no in headers else source for source in sources]


def _restored(header: tuple[str, ...]) -> tuple[str, ...]:
    """The columns as they were called before `rejects --export` kept a spreadsheet from running their names."""
    return tuple(map(restore_text, header)) if is_correction(header) else header


def _plain(load: _Load, source: Source, dialect: Dialect, trailer: list[str], target: Path) -> Source:
    """The same file as uncompressed UTF-8 text: its header and its rows, without the lines around them."""
    plain = write_plain(source.path, source.suffix, source.name, dialect, trailer, target)
    if plain.lacks_footer:
        load.warnings.append(f"{source.name}: no line begins as the footer does ({dialect.footer}); was the file cut off?")
    suffix = ".jsonl" if format_of(source.suffix)[0] == "json" else ".csv"
    facts = inspect(target, suffix, source.name, replace(dialect, encoding="utf-8", header_row=1), plain.header_line)
    source = replace(source, header_line=plain.header_line, lines_outside=plain.lines_outside, totals=plain.totals or source.totals)
    source = replace(source, path=target, suffix=suffix, facts=facts, header=_restored(facts.header), preamble=plain.preamble)
    checked_header(source.names, source.name, plain.header_line)
    return source


def _check_shape(load: _Load, feed: Feed, settings: FeedSettings, sources: list[Source]) -> None:
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
    append_rows(load.con, "feed_columns", [(feed.name, column) for column in sorted(new)])


def _check_row_counts(batch: Batch, rows_read: dict[int, int]) -> None:
    """In a file without quotes every line is a row, so the reader must have seen each of them."""
    for source in batch.sources:
        facts = source.facts
        if format_of(source.suffix) != ("csv", "none") or facts.has_quote or source.is_rewritten:
            continue
        read = rows_read.get(source.file_no, 0) / batch.rows_per_row
        lines = facts.newlines + (not facts.ends_with_newline)
        if lines - 1 != read:
            with source.path.open("rb") as file:
                lines = sum(1 for line in file if line.strip(b"\r\n"))
            if lines - 1 != read:
                raise rejection(source.name, f"has {lines - 1} rows but {read:g} were read; report this")
