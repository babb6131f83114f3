"""The step that takes files in: landing folders → archive → raw.*.

Belongs here: which files are loaded into which table, in one transaction, and the count of their rows.
Does not belong here: copying (assets/landing.py), formats (assets/readers.py), what a value must look like (assets/typing_sql.py).
"""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from assets.context import RunContext, StepReport
from assets.inspection import Facts, format_of, inspect, refusal
from assets.landing import Arrival, Landing, append_manifest, land_files, sync_archive
from assets.mapping import check_mappings, map_header, settings_hash
from assets.raw_tables import add_attributes, append_rows, create_raw_tables, empty_feed, forget_refused, number_rows
from assets.readers import Source, archived_hash_in, identifier, json_keys_of, looks_ragged, parquet_columns, quoted, relation, rewrite_csv
from assets.typing_sql import Mapped, TextFacts, select_rejects, select_rows
from assets.warehouse import open_warehouse, transaction
from models.documents import InputError
from models.feeds import FEEDS, Feed

#: file_no = this × the feed's place + arrival_no: the same however the files of several feeds came interleaved.
FILE_NUMBERS_PER_FEED = 100_000_000
#: Files one statement reads: many, because the engine writes the rows of a second statement twice; not all, because each takes memory.
_FILES_AT_ONCE = 2_000
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class _Batch:
    """Files of one feed that one statement reads: they have the same header, format and packing."""

    sources: list[Source]
    mapped: list[Mapped]
    defaults: dict[str, str]

    @property
    def facts(self) -> TextFacts:
        facts = [source.facts for source in self.sources]
        if format_of(self.sources[0].suffix)[0] != "csv":
            return TextFacts()
        return TextFacts(
            has_space=any(f.has_space or f.has_quote for f in facts),
            has_control=any(f.has_control for f in facts),
            is_ascii=all(f.is_ascii for f in facts),
        )


@dataclass(frozen=True)
class _Load:
    """One attempt at the transaction that loads. `to_rewrite`: hashes of CSV files that the engine refused as they are."""

    context: RunContext
    con: duckdb.DuckDBPyConnection
    landing: Landing
    to_rewrite: set[str]
    scratch: Path


def load_feeds(context: RunContext) -> StepReport:
    """Take in every file that has arrived, and bring raw.* to what archive and settings say.

    Raises InputError when a file is refused as a whole: then nothing of this run is loaded.
    """
    problems = check_mappings(context.folder, context.book)
    if problems:
        raise InputError(problems)
    with open_warehouse(context.warehouse) as con, tempfile.TemporaryDirectory(prefix="tierledger-") as scratch:
        with transaction(con):
            create_raw_tables(con)
            forget_refused(con)  # of a run that was killed before it did
        landing = land_files(context, dict(con.execute("select identity, sha256 from raw.landed_files").fetchall()))
        figures = _load_or_rewrite(_Load(context, con, landing, set(), Path(scratch)))
        with transaction(con):
            forget_refused(con)
        counts = [f"select 'raw.{name}', count(*) from raw.{name}" for name in (*FEEDS, "rejects")]
        return StepReport(dict(con.execute(" union all ".join(counts)).fetchall()), dict(figures))


def _load_or_rewrite(load: _Load) -> Counter[str]:
    """Load everything in one transaction; again from the start when the engine refuses a CSV file, which then is rewritten first."""
    while True:
        try:
            with transaction(load.con):
                figures = _load_all(load)
                sync_archive(load.context.archive, load.landing.facts)
                append_manifest(load.context.archive, load.landing.new)
            return figures
        except duckdb.InvalidInputException as error:
            refused = archived_hash_in(error)
            if refused is None or refused in load.to_rewrite:
                raise
            load.to_rewrite.add(refused)


def _load_all(load: _Load) -> Counter[str]:
    """Rows, rejects and registers of every feed that has something to load."""
    load.con.execute("delete from raw.feed_keys")
    todo: dict[str, list[Arrival]] = {}
    for feed in FEEDS.values():
        todo[feed.name] = _to_load(load, feed)
        settings = load.context.book.feeds.get(feed.name)
        key = feed.key if settings is None or settings.key is None else settings.key
        append_rows(load.con, "feed_keys", [(feed.name, column, position) for position, column in enumerate(key, 1)])
    total = sum(map(len, todo.values()))
    landing = load.landing
    figures: Counter[str] = Counter(files_new=len(landing.new), files_still_written=len(landing.still_written), files_loaded=total)
    done = 0
    for feed in FEEDS.values():
        if todo[feed.name]:
            figures.update(_load_feed(load, feed, todo[feed.name], done, total))
            done += len(todo[feed.name])
    append_rows(load.con, "landed_files", list(landing.identities.items()))
    return figures


def _to_load(load: _Load, feed: Feed) -> list[Arrival]:
    """The arrivals whose rows are not in raw. Empties the feed first when its settings changed or raw holds what the manifest does not."""
    con, arrivals = load.con, load.landing.arrivals[feed.name]
    settings = load.context.book.feeds.get(feed.name)
    wanted = settings_hash(feed, settings)
    loaded_under = con.execute("select sha256 from raw.feed_settings where feed = ?", [feed.name]).fetchall()
    in_raw = set(con.execute("select arrival_no, sha256 from raw.feed_files where feed = ?", [feed.name]).fetchall())
    if loaded_under != [(wanted,)] or not in_raw <= {(arrival.arrival_no, arrival.sha256) for arrival in arrivals}:
        empty_feed(con, feed)
        append_rows(con, "feed_settings", [(feed.name, wanted)])
        in_raw = set()
    return [arrival for arrival in arrivals if settings and (arrival.arrival_no, arrival.sha256) not in in_raw]


def _load_feed(load: _Load, feed: Feed, todo: list[Arrival], done: int, total: int) -> Counter[str]:
    """Load files of one feed; `done` of `total` files of all feeds were loaded before."""
    first = {arrival.sha256: arrival for arrival in reversed(load.landing.arrivals[feed.name])}
    fresh = [arrival for arrival in todo if first[arrival.sha256] is arrival]
    batches = _batches(load, feed, _sources(load, feed, fresh))
    add_attributes(load.con, feed, [m.name for batch in batches for m in batch.mapped if m.column is None])
    for batch in batches:
        names = ", ".join(identifier(m.name) for m in batch.mapped)
        rows = select_rows(batch.mapped, batch.defaults, batch.facts, relation(batch.sources))
        _execute(load, f"insert into raw.{feed.name} (file_no, {names}) {rows}", done, len(batch.sources), total)
        done += len(batch.sources)
    rows_read = number_rows(load.con, feed, [source.file_no for batch in batches for source in batch.sources])
    rejected = sum(_reject(load.con, feed, batch) for batch in batches)
    refused = load.con.execute(f"select count(*) from raw.{feed.name} where file_no < 0").fetchall()[0][0]
    if refused != rejected:
        raise RuntimeError(f"raw.{feed.name}: {refused} rows were refused but {rejected} were recorded")
    for batch in batches:
        _check_row_counts(batch.sources, rows_read)
    entries = []
    for arrival in todo:
        original = first[arrival.sha256]
        number = file_number(feed, arrival)
        same = f"the same bytes as {original.file_name}, which arrived as file {original.arrival_no} of this feed"
        status, reason = ("loaded", None) if original is arrival else ("duplicate", same)
        read = rows_read.get(number, 0)
        entries.append((number, feed.name, arrival.file_name, arrival.sha256, arrival.arrival_no, arrival.arrived_at, status, reason, read))
    append_rows(load.con, "feed_files", entries)
    return Counter(rows_read=sum(rows_read.values()), rows_rejected=rejected, files_duplicate=len(todo) - len(fresh))


def _execute(load: _Load, statement: str, done: int, files: int, total: int) -> None:
    """Run a long statement in a thread of its own, and tell from this one how far it is. Loading is two thirds of the step's progress."""
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
            if not running.done():  # stopped by hand: the statement must not go on
                con.interrupt()
            raise
    load.context.progress("feeds", total + 2 * (done + files), 3 * total)


def file_number(feed: Feed, arrival: Arrival) -> int:
    """The file's number in this book: rising in order of arrival within its feed."""
    return FILE_NUMBERS_PER_FEED * list(FEEDS).index(feed.name) + arrival.arrival_no


def _sources(load: _Load, feed: Feed, arrivals: list[Arrival]) -> list[Source]:
    """The archived files to read, with facts and header; those that the engine would refuse as a whole are rewritten."""
    archive = load.context.archive

    def facts_of(arrival: Arrival) -> Facts:
        if arrival.sha256 in load.landing.facts:
            return load.landing.facts[arrival.sha256]
        path = archive / arrival.sha256
        lost = f"it is {arrival.file_name} of feed {feed.name}: restore it from a backup"
        if not path.exists():
            raise refusal(f"archive/{arrival.sha256}", f"is missing; {lost}")
        facts = inspect(path, arrival.suffix, arrival.file_name)
        if facts.sha256 != arrival.sha256:
            raise refusal(f"archive/{arrival.sha256}", f"is damaged, its bytes are not those that arrived; {lost}")
        return facts

    with ThreadPoolExecutor(2) as pool:
        facts = list(pool.map(facts_of, arrivals))
    sources = []
    for arrival, fact in zip(arrivals, facts, strict=True):
        source = Source(file_number(feed, arrival), archive / arrival.sha256, arrival.file_name, arrival.suffix, fact, fact.header)
        file_format = format_of(arrival.suffix)[0]
        if file_format == "parquet":
            columns = tuple(parquet_columns(source.path, source.name))
            source = replace(source, columns=columns, header=tuple(name for name, _ in columns))
        elif file_format == "csv" and (arrival.sha256 in load.to_rewrite or looks_ragged(fact)):
            source = rewrite_csv(source, load.scratch / f"{feed.name}-{arrival.sha256}")
        sources.append(source)
    lines = [source for source in sources if format_of(source.suffix)[0] == "json"]
    headers = dict(zip([s.file_no for s in lines], json_keys_of(load.con, lines), strict=True))
    return [replace(source, header=headers[source.file_no]) if source.file_no in headers else source for source in sources]


def _batches(load: _Load, feed: Feed, sources: list[Source]) -> list[_Batch]:
    """Files of one shape together. Raises InputError with one file of every shape that lacks a column."""
    settings = load.context.book.feeds[feed.name]
    groups: dict[tuple[object, ...], list[Source]] = defaultdict(list)
    for source in sources:
        groups[(format_of(source.suffix), source.header, source.columns, source.is_rewritten)].append(source)
    batches, problems = [], []
    defaults = {name: str(value) for name, value in settings.defaults.items()}
    for group in groups.values():
        try:
            mapped = map_header(feed, settings, group[0].header, group[0].name)
        except InputError as error:
            problems += error.problems
            continue
        batches += [_Batch(group[i : i + _FILES_AT_ONCE], mapped, defaults) for i in range(0, len(group), _FILES_AT_ONCE)]
    if problems:
        raise InputError(problems)
    return batches


def _reject(con: duckdb.DuckDBPyConnection, feed: Feed, batch: _Batch) -> int:
    """Describe the refused rows (negative file_no) of a batch in raw.rejects. Returns how many.

    Their text is read again, only from the files that have some: the same test finds the same rows in the same order.
    """
    refused = {file_no for (file_no,) in con.execute(f"select distinct -file_no from raw.{feed.name} where file_no < 0").fetchall()}
    sources = [source for source in batch.sources if source.file_no in refused]
    if not sources:
        return 0
    rejects = select_rejects(batch.mapped, batch.defaults, batch.facts, relation(sources), sources[0].header)
    con.execute(f"create or replace temp table refused as {rejects}")
    numbers = ", ".join(str(-source.file_no) for source in sources)
    inserted = con.execute(
        f"""insert into raw.rejects
        select {quoted(feed.name)}, numbered.file_no, numbered.row_no, reason, column_name, message, raw
        from (select *, row_number() over (partition by file_no order by rowid) as n from refused) as found
        join (select -file_no as file_no, row_no, row_number() over (partition by file_no order by rowid) as n
              from raw.{feed.name} where file_no in ({numbers})) as numbered using (file_no, n)
        order by 2, 3"""
    ).fetchall()
    con.execute("drop table temp.refused")
    return int(inserted[0][0])


def _check_row_counts(sources: list[Source], rows_read: dict[int, int]) -> None:
    """Where a file has no quotes, its lines are its rows: the reader must have seen every one."""
    for source in sources:
        facts = source.facts
        if format_of(source.suffix) != ("csv", "none") or facts.has_quote or source.is_rewritten:
            continue
        read = rows_read.get(source.file_no, 0)
        lines = facts.newlines + (not facts.ends_with_newline)
        if lines - 1 != read:
            with source.path.open("rb") as file:
                lines = sum(1 for line in file if line.strip(b"\r\n"))
            if lines - 1 != read:
                raise refusal(source.name, f"has {lines - 1} rows but {read} were read; report this")
