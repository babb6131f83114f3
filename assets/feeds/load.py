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

from assets.archive.manifest import MANIFEST, Arrival, append_manifest, sync_archive
from assets.archive.receipts import enter_load, write_receipt
from assets.archive.stored_archive import overtaken_by_arrivals, share_archived, shared_log
from assets.feeds.batches import Batch, describe_rounded, describe_undeletable, insert_corrections, insert_rejects, make_batches
from assets.feeds.checks.control_totals import check_totals, rows_without_ignored
from assets.feeds.checks.file_checks import (
    check_rejected,
    check_row_counts,
    columns_of_single_precision,
    files_without_rows,
    ids_with_exponents,
    positive_credits,
    repeated_under_one_name,
)
from assets.feeds.checks.payment_checks import describe_odd_payments
from assets.feeds.checks.repeated_keys import describe_repeated_keys, reject_repeated_keys
from assets.feeds.checks.snapshots import judged_anew, shrunken_snapshots
from assets.feeds.checks.unusual_files import delivered_again, smaller_than_usual
from assets.feeds.column_mapping import check_mappings, settings_hash
from assets.feeds.file_events import log_attention, log_files
from assets.feeds.inspection import format_of
from assets.feeds.landing import land_files
from assets.feeds.line_files import empty_files, settle_engine
from assets.feeds.line_files import insert_rows as insert_into_files
from assets.feeds.line_numbers import left_over_lines, number_lines
from assets.feeds.raw_tables import add_attributes, create_raw_tables, delete_rejected, is_in_files, number_rows, truncate_feed
from assets.feeds.readers import MAX_LINE_BYTES, archived_hash_in
from assets.feeds.row_lines import find_lines
from assets.feeds.sources import Load, check_shape, file_number, read_sources
from assets.feeds.typing_sql import select_rows
from assets.runtime.context import RunContext, StepReport
from assets.runtime.errors import rejection
from assets.runtime.limits import limits_of
from assets.runtime.warehouse import append_rows, open_warehouse, transaction
from assets.spark.line_tables import delete_left_over
from models.documents import InputError, Problem
from models.feeds.attributes import shown_name
from models.feeds.columns import FEEDS, Feed
from models.feeds.reject_reasons import is_correction
from models.feeds.settings import key_columns
from models.sql_text import identifier

_POLL_SECONDS = 0.2


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
        landing = land_files(context, dict(con.execute("select identity, sha256 from raw.landed_files").fetchall()), Path(scratch))
        counts = _load_or_rewrite(Load(context, con, landing, set(), Path(scratch), warnings, notes))
        with transaction(con):
            delete_rejected(con)
        delete_left_over(con)
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


def _load_or_rewrite(load: Load) -> Counter[str]:
    """Load everything in one transaction. When the engine cannot read a CSV file, start again with that file rewritten."""
    while True:
        load.warnings.clear()
        load.notes.clear()
        try:
            with transaction(load.con):
                settle_engine(load.con, load.context)  # with the load that follows: a run that is killed leaves the rows of the engine before
                counts = _load_all(load)
                sync_archive(load.context.archive, {sha256 for sha256, _ in load.landing.facts})
                share_archived(load.context, {arrival.sha256 for arrival in load.landing.new})
                if not append_manifest(load.context.archive, load.landing.new, shared_log(load.context, MANIFEST)):
                    raise overtaken_by_arrivals(load.context)
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


def _load_all(load: Load) -> Counter[str]:
    """Load rows, rejects and registers of every feed that has new files."""
    _check_new_snapshots(load)
    load.con.execute("delete from raw.feed_keys")
    load.con.execute("delete from raw.feed_snapshots")
    load.con.execute("delete from raw.replacing_feeds")
    todo: dict[str, list[Arrival]] = {}
    for feed in FEEDS.values():
        todo[feed.name] = _to_load(load, feed)
        settings = load.context.book.feeds.get(feed.name)
        append_rows(load.con, "raw.feed_keys", [(feed.name, column, position) for position, column in enumerate(key_columns(feed, settings), 1)])
        add_attributes(load.con, feed, [shown_name(column) for column in key_columns(feed, settings) if shown_name(column) != column])
        append_rows(load.con, "raw.feed_snapshots", [(feed.name, settings.snapshot.per)] if settings and settings.snapshot else [])
        append_rows(load.con, "raw.replacing_feeds", [(feed.name,)] if settings and settings.replace else [])
    total = sum(map(len, todo.values()))
    counts: Counter[str] = Counter(files_loaded=total)
    done = 0
    for feed in FEEDS.values():
        if todo[feed.name]:
            counts.update(_load_feed(load, feed, todo[feed.name], done, total))
            done += len(todo[feed.name])
    append_rows(load.con, "raw.landed_files", list(load.landing.identities.items()))
    return counts


def _check_new_snapshots(load: Load) -> None:
    """Raise InputError where a feed has become a snapshot, and the files that it has drop too much of each other."""
    problems: list[Problem] = []
    for name, settings in load.context.book.feeds.items():
        problems += shrunken_snapshots(load.con, FEEDS[name], settings, judged_anew(load.con, FEEDS[name], settings))
    if problems:
        raise InputError(problems)


def _to_load(load: Load, feed: Feed) -> list[Arrival]:
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
        if loaded_under or in_raw:
            empty_files(con) if is_in_files(con, feed) else truncate_feed(con, feed)
        append_rows(con, "raw.feed_settings", [(feed.name, wanted)])
        in_raw = set()
    return [arrival for arrival in arrivals if settings and _in_raw(arrival) not in in_raw]


def _in_raw(arrival: Arrival) -> tuple[int, str, bool]:
    """What raw.feed_files must say of an arrival. A file that was withdrawn after it was loaded makes the feed load again."""
    return arrival.arrival_no, arrival.sha256, arrival.withdrawal is not None


def _load_feed(load: Load, feed: Feed, todo: list[Arrival], done: int, total: int) -> Counter[str]:
    """Load files of one feed. `done` of `total` files of all feeds are loaded already."""
    first = {arrival.sha256: arrival for arrival in reversed(load.landing.arrivals[feed.name]) if not arrival.withdrawal}
    fresh = [arrival for arrival in todo if first.get(arrival.sha256) is arrival]
    settings = load.context.book.feeds[feed.name]
    sources = read_sources(load, feed, fresh)
    check_shape(load, feed, settings, sources)
    days = {file_number(feed, arrival): dt.datetime.fromisoformat(arrival.arrived_at).date() for arrival in fresh}
    batches = make_batches(feed, settings, sources, days, load.context.book.rounding)
    load.warnings.extend(describe_undeletable(feed, settings, batches))
    add_attributes(load.con, feed, [m.name for batch in batches for m in batch.mapped if m.column is None])
    key = key_columns(feed, settings)
    if is_in_files(load.con, feed):
        rows_read, repeating = insert_into_files(load, batches, key)
    else:
        rows_read, repeating = _insert_rows(load, feed, batches, done, total), {source.file_no for source in sources}
    load.notes.extend(describe_rounded(load.con, feed, batches))
    new = {file_number(feed, arrival) for arrival in load.landing.new if arrival.feed == feed.name}
    arrived = {source.file_no: source.name for source in sources if source.file_no in new and not is_correction(source.header)}
    rejected = _record_rejects(load, feed, batches)
    if settings.numbers_lines:
        number_lines(load.con, feed, batches, key, {sha256: file_number(feed, arrival) for sha256, arrival in first.items()})
        if not settings.snapshot and not settings.replace:
            load.warnings.extend(left_over_lines(load.con, feed, key, arrived))
    rows_of_data = rows_without_ignored(load.con, feed, rows_read)
    all_rejected, many_rejected = check_rejected(load.con, feed, settings, sources, rows_of_data)
    load.warnings.extend(many_rejected)
    for batch in batches:
        if key and settings.repeats == "refuse":
            suspected = replace(batch, sources=[source for source in batch.sources if source.file_no in repeating])
            repeated = reject_repeated_keys(load.con, feed, suspected, key) if suspected.sources else {}
            load.warnings.extend(describe_repeated_keys(feed, key, repeated))
            rejected += sum(repeated.values())
        insert_corrections(load.con, feed, batch)
        check_row_counts(batch, rows_read)
    problems = check_totals(load.con, feed, sources, rows_of_data)
    problems += files_without_rows(feed, settings, sources, rows_of_data, load.context.is_rebuild)
    if not load.context.is_rebuild:  # a rebuild repeats what was taken in
        problems += all_rejected + shrunken_snapshots(load.con, feed, settings, arrived)
    if problems:
        raise InputError(problems)
    append_rows(load.con, "raw.declared_totals", [(feed.name, source.file_no, total, value) for source in sources for total, value in source.totals.items()])
    lines_before = find_lines(load.con, feed, batches, rows_read)
    statuses = {arrival.arrival_no: _status_of(arrival, first.get(arrival.sha256)) for arrival in todo}
    _register_files(load, feed, todo, statuses, batches, rows_read, lines_before)
    load.warnings.extend(repeated_under_one_name(load.con, feed, settings, sources))
    load.warnings.extend(ids_with_exponents(load.con, feed, sources))
    load.warnings.extend(positive_credits(load.con, feed, settings, sources))
    if feed.name == "payments":
        load.warnings.extend(describe_odd_payments(load.con, key, arrived))
    load.warnings.extend(columns_of_single_precision(sources))
    again = [(arrival, first[arrival.sha256]) for arrival in todo if arrival in load.landing.new and first.get(arrival.sha256, arrival) is not arrival]
    arrivals = load.landing.arrivals[feed.name]
    load.warnings.extend(delivered_again(load.con, feed, arrivals, [(arrival, original, file_number(feed, original)) for arrival, original in again]))
    load.warnings.extend(smaller_than_usual(load.con, feed, settings, {source.file_no: source.name for source in sources}))
    duplicates = sum(status == "duplicate" for status, _ in statuses.values())
    return Counter(rows_read=sum(rows_read.values()), rows_rejected=rejected, files_duplicate=duplicates)


def _insert_rows(load: Load, feed: Feed, batches: list[Batch], done: int, total: int) -> dict[int, int]:
    """Insert the rows of every batch, rejected ones with a negative file_no. Returns how many each file has, by file_no."""
    for batch in batches:
        names = ", ".join(identifier(m.target) for m in batch.mapped)
        rows = select_rows(batch.mapped, batch.defaults, batch.facts, batch.relation(), batch.rules, batch.deletion)
        _execute(load, f"insert into raw.{feed.name} (file_no, {names}, is_deleted) {rows}", done, len(batch.sources), total)
        done += len(batch.sources)
    return number_rows(load.con, feed, [source.file_no for batch in batches for source in batch.sources])


def _record_rejects(load: Load, feed: Feed, batches: list[Batch]) -> int:
    """Describe the rejected rows, and list those that are no data. Returns how many are rejected."""
    recorded = [insert_rejects(load.con, feed, batch) for batch in batches]
    rejected, ignored = (sum(counts) for counts in zip(*recorded, strict=True)) if recorded else (0, 0)
    found = load.con.execute(f"select count(*) from raw.{feed.name} where file_no < 0").fetchall()[0][0]
    if found != rejected + ignored:
        raise RuntimeError(f"raw.{feed.name}: {found} rows were rejected or ignored but {rejected + ignored} were recorded")
    return rejected


def _register_files(
    load: Load,
    feed: Feed,
    todo: list[Arrival],
    statuses: dict[int, tuple[str, str | None]],
    batches: list[Batch],
    rows_read: dict[int, int],
    lines_before: dict[int, int | None],
) -> None:
    """Enter the files in raw.feed_files. `statuses`: status and reason, by arrival_no."""
    shapes = {source.file_no: (source.lines_outside, batch.rows_per_row, lines_before[source.file_no]) for batch in batches for source in batch.sources}
    entries = []
    for arrival in todo:
        number = file_number(feed, arrival)
        entry = (number, feed.name, arrival.file_name, arrival.sha256, arrival.arrival_no, arrival.arrived_at)
        entries.append((*entry, *statuses[arrival.arrival_no], rows_read.get(number, 0), *shapes.get(number, (0, 1, None))))
    append_rows(load.con, "raw.feed_files", entries)


def _status_of(arrival: Arrival, original: Arrival | None) -> tuple[str, str | None]:
    """What becomes of the file, and why. `original`: the first file with its bytes that counts."""
    if arrival.withdrawal:
        return "withdrawn", f"withdrawn on {arrival.withdrawal.withdrawn_at[:10]} by {arrival.withdrawal.by}: {arrival.withdrawal.reason}"
    if original is None or original is arrival:
        return "loaded", None
    return "duplicate", f"the same bytes as {original.file_name}, which arrived as file {original.arrival_no} of this feed"


def _execute(load: Load, statement: str, done: int, files: int, total: int) -> None:
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
