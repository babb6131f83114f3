"""The step that takes files in: landing folders → archive → raw.*.

Belongs here: which files are loaded into which table, in one transaction, and the count of their rows.
Does not belong here: copying (assets/landing.py), formats (assets/readers.py), what a value must look like (assets/typing_sql.py).
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from assets.context import RunContext, StepReport
from assets.inspection import Facts, format_of, inspect, refusal
from assets.landing import Arrival, Landed, append_manifest, archive_file, find_files, read_manifest, sync_archive
from assets.mapping import check_settings, map_header, settings_hash
from assets.raw_tables import add_attributes, create_raw_tables, empty_feed, key_rows, number_rows
from assets.readers import Source, archived_hash_in, identifier, json_keys_of, looks_ragged, parquet_columns, quoted, relation, rewrite_csv
from assets.typing_sql import Mapped, TextFacts, select_rejects, select_rows
from assets.warehouse import open_warehouse, transaction
from models.documents import InputError, parse_documents
from models.feeds import FEEDS, Feed

#: file_no = this × the feed's place + arrival_no: the same however the files of several feeds came interleaved.
FILE_NUMBERS_PER_FEED = 100_000_000
_BATCH_BYTES = 64_000_000
_BATCH_FILES = 2_000


@dataclass
class _Batch:
    """Files of one feed that one statement reads: they have the same header, format and packing."""

    feed: Feed
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


@dataclass
class _Landing:
    """What the landing folders and the manifest hold: every arrival by feed, and those that are new."""

    arrivals: dict[str, list[Arrival]]
    new: list[Arrival] = field(default_factory=list)
    facts: dict[str, Facts] = field(default_factory=dict)  # by hash, of the files copied now
    identities: dict[str, str] = field(default_factory=dict)
    still_written: list[str] = field(default_factory=list)


def load_feeds(context: RunContext) -> StepReport:
    """Take in every file that has arrived, and bring raw.* to what archive and settings say.

    Raises InputError when a file is refused as a whole: then nothing of this run is loaded.
    """
    document = parse_documents((context.folder / "book.yaml").read_text(encoding="utf-8-sig"), "book.yaml")[0]
    problems = check_settings(context.book, document)
    if problems:
        raise InputError(problems)
    context.archive.mkdir(exist_ok=True)
    with open_warehouse(context.warehouse) as con, tempfile.TemporaryDirectory(prefix="tierledger-") as scratch:
        with transaction(con):
            create_raw_tables(con)
        landed = _land(context, con)
        to_rewrite: set[str] = set()
        while True:
            try:
                with transaction(con):
                    report = _load(context, con, landed, to_rewrite, Path(scratch))
                    sync_archive(context.archive, landed.facts)
                    append_manifest(context.archive, landed.new)
                return report
            except duckdb.InvalidInputException as error:
                refused = archived_hash_in(error)
                if refused is None or refused in to_rewrite:
                    raise
                to_rewrite.add(refused)


# ---- landing -------------------------------------------------------------------------------------------------------


def _land(context: RunContext, con: duckdb.DuckDBPyConnection) -> _Landing:
    """Copy what is new into the archive. Raises InputError with every file that is refused."""
    result = _Landing({name: [] for name in FEEDS})
    for arrival in read_manifest(context.archive):
        result.arrivals[arrival.feed].append(arrival)
    found = {name: find_files(context.folder, name, settings.patterns) for name, settings in context.book.feeds.items()}
    known = dict(con.execute("select identity, sha256 from raw.landed_files").fetchall())
    files = {landed.identity: landed for feed in found.values() for landed in feed}
    hashes = {identity: known[identity] for identity in files if identity in known and (context.archive / known[identity]).exists()}
    problems = []
    to_copy = [landed for identity, landed in files.items() if identity not in hashes]
    with ThreadPoolExecutor(2) as pool:
        for i, (landed, facts) in enumerate(zip(to_copy, pool.map(lambda each: _copied(each, context.archive), to_copy), strict=True)):
            if isinstance(facts, InputError):
                problems += facts.problems
            elif facts is None:
                result.still_written.append(landed.name)
            else:
                hashes[landed.identity] = facts.sha256
                result.facts[facts.sha256] = facts
                if landed.is_settled:
                    result.identities[landed.identity] = facts.sha256
            context.progress("feeds", i + 1, 3 * len(to_copy))
    if problems:
        raise InputError(problems)
    arrived_at = context.started_at.astimezone(dt.UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    for name in FEEDS:
        arrivals = result.arrivals[name]
        entered = {(arrival.file_name, arrival.sha256) for arrival in arrivals}
        for landed in found.get(name, []):
            sha256 = hashes.get(landed.identity)
            if sha256 and (landed.name, sha256) not in entered:
                arrivals.append(_arrival(name, landed, sha256, len(arrivals) + 1, arrived_at))
                result.new.append(arrivals[-1])
    return result


def _arrival(feed: str, landed: Landed, sha256: str, arrival_no: int, arrived_at: str) -> Arrival:
    return Arrival(feed, landed.name, sha256, arrival_no, arrived_at, landed.size, landed.suffix)


def _copied(landed: Landed, archive: Path) -> Facts | InputError | None:
    try:
        return archive_file(landed, archive)
    except InputError as error:
        return error
    except FileNotFoundError:
        return None
    except PermissionError as error:
        return refusal(landed.name, f"cannot be read: {error.strerror}; give the run the right to read it")


# ---- loading -------------------------------------------------------------------------------------------------------


def _load(context: RunContext, con: duckdb.DuckDBPyConnection, landed: _Landing, to_rewrite: set[str], scratch: Path) -> StepReport:
    """One transaction's work: rows, rejects and registers of every feed that has something to load."""
    con.execute("delete from raw.feed_keys")
    todo: dict[str, list[Arrival]] = {}
    for feed in FEEDS.values():
        todo[feed.name] = _to_load(context, con, feed, landed.arrivals[feed.name])
        settings = context.book.feeds.get(feed.name)
        key = list(feed.key if settings is None or settings.key is None else settings.key)
        if key:
            con.execute(f"insert into raw.feed_keys values {key_rows(feed.name, key)}")
    total = sum(map(len, todo.values()))
    done = 0

    def advance(files: int) -> None:
        nonlocal done
        done += files
        context.progress("feeds", total + 2 * done, 3 * total)

    figures: Counter[str] = Counter(files_new=len(landed.new), files_still_written=len(landed.still_written), files_loaded=total)
    for feed in FEEDS.values():
        if todo[feed.name]:
            figures += _load_feed(context, con, feed, todo[feed.name], landed, to_rewrite, scratch, advance)
    if landed.identities:
        con.executemany("insert into raw.landed_files values (?, ?)", list(landed.identities.items()))
    rows = {f"raw.{feed}": con.execute(f"select count(*) from raw.{feed}").fetchall()[0][0] for feed in FEEDS}
    rows["raw.rejects"] = con.execute("select count(*) from raw.rejects").fetchall()[0][0]
    return StepReport(rows, dict(figures))


def _to_load(context: RunContext, con: duckdb.DuckDBPyConnection, feed: Feed, arrivals: list[Arrival]) -> list[Arrival]:
    """The arrivals whose rows are not in raw. Empties the feed first when its settings changed or raw holds what the manifest does not."""
    settings = context.book.feeds.get(feed.name)
    wanted = settings_hash(feed, settings)
    loaded_under = con.execute("select sha256 from raw.feed_settings where feed = ?", [feed.name]).fetchall()
    in_raw = set(con.execute("select arrival_no, sha256 from raw.feed_files where feed = ?", [feed.name]).fetchall())
    if loaded_under != [(wanted,)] or not in_raw <= {(arrival.arrival_no, arrival.sha256) for arrival in arrivals}:
        empty_feed(con, feed)
        con.execute("insert into raw.feed_settings values (?, ?)", [feed.name, wanted])
        in_raw = set()
    return [arrival for arrival in arrivals if settings and (arrival.arrival_no, arrival.sha256) not in in_raw]


def _load_feed(
    context: RunContext,
    con: duckdb.DuckDBPyConnection,
    feed: Feed,
    todo: list[Arrival],
    landed: _Landing,
    to_rewrite: set[str],
    scratch: Path,
    advance: Callable[[int], None],
) -> Counter[str]:
    first = {arrival.sha256: arrival for arrival in reversed(landed.arrivals[feed.name])}
    fresh = [arrival for arrival in todo if first[arrival.sha256] is arrival]
    batches = _batches(context, con, feed, _sources(context, con, feed, fresh, landed, to_rewrite, scratch))
    add_attributes(con, feed, [m.name for batch in batches for m in batch.mapped if m.column is None])
    for batch in batches:
        names = ", ".join(identifier(m.name) for m in batch.mapped)
        rows = select_rows(batch.mapped, batch.defaults, batch.facts, relation(batch.sources))
        con.execute(f"insert into raw.{feed.name} (file_no, {names}) {rows}")
        advance(len(batch.sources))
    rows_read = number_rows(con, feed, [source.file_no for batch in batches for source in batch.sources])
    rejected = _reject(con, feed, batches)
    for batch in batches:
        _check_row_counts(batch.sources, rows_read)
    entries = []
    for arrival in todo:
        original = first[arrival.sha256]
        is_fresh = original is arrival
        reason = None if is_fresh else f"the same bytes as {original.file_name}, which arrived as file {original.arrival_no} of this feed"
        status = "loaded" if is_fresh else "duplicate"
        number = file_number(feed, arrival)
        read = rows_read.get(number, 0)
        entries.append((number, feed.name, arrival.file_name, arrival.sha256, arrival.arrival_no, arrival.arrived_at, status, reason, read))
    con.executemany("insert into raw.feed_files values (?, ?, ?, ?, ?, ?, ?, ?, ?)", entries)
    return Counter(rows_read=sum(rows_read.values()), rows_rejected=rejected, files_duplicate=len(todo) - len(fresh))


def file_number(feed: Feed, arrival: Arrival) -> int:
    """The file's number in this book: rising in order of arrival within its feed."""
    return FILE_NUMBERS_PER_FEED * list(FEEDS).index(feed.name) + arrival.arrival_no


def _sources(
    context: RunContext, con: duckdb.DuckDBPyConnection, feed: Feed, arrivals: list[Arrival], landed: _Landing, to_rewrite: set[str], scratch: Path
) -> list[Source]:
    """The archived files to read, with facts and header; those that the engine would refuse as a whole are rewritten."""

    def facts_of(arrival: Arrival) -> Facts:
        if arrival.sha256 in landed.facts:
            return landed.facts[arrival.sha256]
        path = context.archive / arrival.sha256
        if not path.exists():
            raise refusal(f"archive/{arrival.sha256}", f"is missing; it is {arrival.file_name} of feed {feed.name}: restore it from a backup")
        facts = inspect(path, arrival.suffix, arrival.file_name)
        if facts.sha256 != arrival.sha256:
            raise refusal(f"archive/{arrival.sha256}", f"is damaged: its bytes are not those of {arrival.file_name} any more; restore it from a backup")
        return facts

    with ThreadPoolExecutor(2) as pool:
        facts = list(pool.map(facts_of, arrivals))
    sources = []
    for arrival, fact in zip(arrivals, facts, strict=True):
        source = Source(file_number(feed, arrival), context.archive / arrival.sha256, arrival.file_name, arrival.suffix, fact, fact.header)
        file_format = format_of(arrival.suffix)[0]
        if file_format == "parquet":
            columns = tuple(parquet_columns(source.path, source.name))
            source = replace(source, columns=columns, header=tuple(name for name, _ in columns))
        elif file_format == "csv" and (arrival.sha256 in to_rewrite or looks_ragged(fact)):
            source = rewrite_csv(source, scratch / f"{feed.name}-{arrival.sha256}")
        sources.append(source)
    lines = [source for source in sources if format_of(source.suffix)[0] == "json"]
    headers = dict(zip([s.file_no for s in lines], json_keys_of(con, lines), strict=True))
    return [replace(source, header=headers[source.file_no]) if source.file_no in headers else source for source in sources]


def _batches(context: RunContext, con: duckdb.DuckDBPyConnection, feed: Feed, sources: list[Source]) -> list[_Batch]:
    """Files of one shape together, cut where a statement would take long. Raises InputError with every file that lacks a column."""
    settings = context.book.feeds[feed.name]
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
        batches += [_Batch(feed, part, mapped, defaults) for part in _cut(group)]
    if problems:
        raise InputError(problems)
    return batches


def _cut(sources: list[Source]) -> Iterable[list[Source]]:
    part: list[Source] = []
    size = 0
    for source in sources:
        part.append(source)
        size += source.facts.unpacked or source.facts.size
        if size >= _BATCH_BYTES or len(part) >= _BATCH_FILES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _reject(con: duckdb.DuckDBPyConnection, feed: Feed, batches: list[_Batch]) -> int:
    """Move the refused rows (negative file_no) from the feed's table to raw.rejects. Returns how many.

    Their text is read again, only from the files that have some: the same test finds the same rows in the same order.
    """
    refused = {file_no for (file_no,) in con.execute(f"select distinct -file_no from raw.{feed.name} where file_no < 0").fetchall()}
    if not refused:
        return 0
    count = 0
    for batch in batches:
        sources = [source for source in batch.sources if source.file_no in refused]
        if not sources:
            continue
        rejects = select_rejects(batch.mapped, batch.defaults, batch.facts, relation(sources), sources[0].header)
        con.execute(f"create or replace temp table refused as {rejects}")
        numbers = ", ".join(str(-source.file_no) for source in sources)
        inserted = con.execute(
            f"""insert into raw.rejects
            select {quoted(feed.name)}, numbered.file_no, numbered.row_no, reason, column_name, message, raw
            from (select file_no, reason, column_name, message, raw, row_number() over (partition by file_no order by rowid) as n from refused) as found
            join (select -file_no as file_no, row_no, row_number() over (partition by file_no order by rowid) as n
                  from raw.{feed.name} where file_no in ({numbers})) as numbered using (file_no, n)
            order by 2, 3"""
        ).fetchall()[0][0]
        count += int(inserted)
    con.execute("drop table if exists temp.refused")
    deleted = con.execute(f"delete from raw.{feed.name} where file_no < 0").fetchall()[0][0]
    if deleted != count:
        raise RuntimeError(f"raw.{feed.name}: {deleted} rows were refused but {count} were recorded")
    return count


def _check_row_counts(sources: list[Source], rows_read: dict[int, int]) -> None:
    """Where a file has no quotes, its lines are its rows: the reader must have seen every one."""
    for source in sources:
        facts = source.facts
        if format_of(source.suffix) != ("csv", "none") or facts.has_quote or source.is_rewritten:
            continue
        lines = facts.newlines + (not facts.ends_with_newline)
        if lines - 1 != rows_read.get(source.file_no, 0):
            with source.path.open("rb") as file:
                lines = sum(1 for line in file if line.strip(b"\r\n"))
            if lines - 1 != rows_read.get(source.file_no, 0):
                raise refusal(source.name, f"has {lines - 1} rows but {rows_read.get(source.file_no, 0)} were read; report this")
