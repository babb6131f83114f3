"""Landing: files that arrived are copied into the archive by the hash of their bytes and entered in the manifest.

Belongs here: finding, copying, and the order of arrival. Does not belong here: what the files contain (assets/feeds/load.py).
Archive and manifest decide what is loaded: a file stays loaded after it leaves its landing folder.
"""

from __future__ import annotations

import datetime as dt
import glob
import itertools
import math
import os
import stat
import unicodedata
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from assets.archive.manifest import Arrival, read_manifest
from assets.feeds.checks.control_totals import check_hash, is_side_car, read_side_car, side_car_missing
from assets.feeds.inspection import COMMAS, Dialect, Facts, inspect, suffix_of
from assets.feeds.stored_files import StoredFile, fetch_side_cars, find_stored, place_of
from assets.runtime.context import RunContext
from assets.runtime.disk_space import check_space
from assets.runtime.errors import rejection
from models.documents import InputError, Problem
from models.feeds.columns import FEEDS
from models.feeds.settings import FeedSettings
from models.store_urls import is_url
from models.unicode_form import composed

_COPY_BYTES = 1 << 30
UNKNOWN_SUFFIX = "has an unknown suffix; allowed: .csv .parquet .xlsx .json .jsonl .ndjson; the text formats also with .gz or .zst"
#: At most so many parts of a pattern are looked for in both Unicode forms, each in all combinations with the others.
_MAX_FORMS = 8


@dataclass(frozen=True)
class Landed:
    """A file found in a landing folder. `identity` changes whenever its bytes may have: path, inode, size, times."""

    path: Path
    name: str
    identity: str
    suffix: str
    size: int
    age: float  # seconds since it was last touched
    dialect: Dialect = COMMAS
    stored: StoredFile | None = None  # the object that is to be fetched to `path`

    @property
    def is_settled(self) -> bool:
        """Whether its identity can be relied upon."""
        return self.age > 2


@dataclass
class Landing:
    """What the landing folders and the manifest hold: every arrival by feed, and what is new.

    `facts`: of the files copied now, by hash and dialect. `identities`: hashes to remember. `still_written`: names of files left for the next run.
    `warnings`: what a person should look at. `unreadable`: files that are skipped because of their permissions.
    """

    arrivals: dict[str, list[Arrival]]
    new: list[Arrival] = field(default_factory=list)
    facts: dict[tuple[str, Dialect], Facts] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)
    still_written: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unreadable: list[Problem] = field(default_factory=list)


def land_files(context: RunContext, known: dict[str, str], scratch: Path) -> Landing:
    """Copy new files into the archive. They are not in the manifest yet. `known`: hashes of files seen before, by identity.

    Objects of stores are fetched to `scratch` first.
    Raises InputError with every rejected file.
    """
    archive = context.archive
    archive.mkdir(exist_ok=True)
    for left in archive.glob(".*.tmp"):  # left by a run that was killed
        left.unlink()
    result = Landing({name: [] for name in FEEDS})
    for arrival in read_manifest(archive):
        result.arrivals[arrival.feed].append(arrival)
    if not context.is_rebuild:
        result.warnings.extend(_arrived_after(context, [arrival for arrivals in result.arrivals.values() for arrival in arrivals]))
    feeds = {} if context.is_rebuild else context.book.feeds
    found = {}
    for name, settings in feeds.items():
        taken_in, fresh = _stored_files(context, settings, known, result.arrivals[name], scratch)
        found[name] = _whole_files(find_files(context.landing, name, settings.patterns) + fresh, settings, result) + taken_in
    files = {landed.identity: landed for feed in found.values() for landed in feed}
    archived = {each.sha256 for arrivals in result.arrivals.values() for each in arrivals} if context.book.storage.archive else set()
    seen = {identity: known[identity] for identity in files if identity in known}
    hashes = {identity: sha256 for identity, sha256 in seen.items() if sha256 in archived or (archive / sha256).exists()}
    to_copy = [landed for identity, landed in files.items() if identity not in hashes]
    check_space(context, ((landed.size, landed.suffix.endswith((".gz", ".zst", ".parquet", ".xlsx"))) for landed in to_copy))
    problems = []
    with ThreadPoolExecutor(2) as pool:
        for i, (landed, facts) in enumerate(zip(to_copy, pool.map(lambda each: _copied(each, archive), to_copy), strict=True)):
            if isinstance(facts, InputError):
                problems += facts.problems
            elif isinstance(facts, Problem):
                result.unreadable.append(facts)
            elif facts is None:
                result.still_written.append(landed.name)
            else:
                hashes[landed.identity] = facts.sha256
                result.facts[facts.sha256, landed.dialect] = facts
                if landed.is_settled:
                    result.identities[landed.identity] = facts.sha256
            context.progress("feeds", i + 1, 3 * len(to_copy))
    if problems:
        raise InputError(problems)
    arrived_at = context.started_at.astimezone(dt.UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    for name, arrivals in result.arrivals.items():
        entered = {(composed(arrival.file_name), arrival.sha256) for arrival in arrivals}
        newest = {composed(arrival.file_name): arrival.sha256 for arrival in arrivals}
        times_found = Counter(landed.name for landed in found.get(name, []))
        for landed in found.get(name, []):
            sha256 = hashes.get(landed.identity)
            is_back = newest.get(landed.name) != sha256 and times_found[landed.name] == 1  # A after B after A, under one name
            if sha256 and ((landed.name, sha256) not in entered or is_back):
                form = feeds[name].totals
                totals = read_side_car(landed.path, landed.name, form, FEEDS[name]) if isinstance(form, str) else None
                arrivals.append(Arrival(name, landed.name, sha256, len(arrivals) + 1, arrived_at, landed.size, landed.suffix, totals))
                result.new.append(arrivals[-1])
    return result


def _arrived_after(context: RunContext, arrivals: list[Arrival]) -> list[str]:
    """A sentence about files that arrived after now, by the manifest: the clock was ahead then, or has been set back since."""
    now = context.started_at.astimezone(dt.UTC).replace(tzinfo=None)
    later = [arrival for arrival in arrivals if dt.datetime.fromisoformat(arrival.arrived_at) > now]
    if not later:
        return []
    last = max(later, key=lambda arrival: arrival.arrived_at)
    found = f"{last.file_name} arrived on {last.arrived_at[:19]}" + (f", and {len(later) - 1:,} more files arrived after now" if later[1:] else "")
    waiting = "" if context.book.as_of else f", and as_of, which book.yaml does not set, is {context.as_of}: later lines wait"
    return [f"the clock says {now:%Y-%m-%d %H:%M:%S} UTC, but {found}, by archive/manifest.jsonl. Check the clock. The files count{waiting}"]


def dialect_of(settings: FeedSettings) -> Dialect:
    """How the text files of a feed are written and laid out."""
    return Dialect(
        settings.delimiter,
        settings.encoding,
        settings.header_row,
        settings.footer,
        tuple(settings.preamble.items()),
        tuple(settings.fill_down),
        settings.sheet,
        settings.decimal if settings.decimal or not settings.thousands else ".",
        settings.dates,
    )


def _stored_files(
    context: RunContext, settings: FeedSettings, known: dict[str, str], arrivals: list[Arrival], scratch: Path
) -> tuple[list[Landed], list[Landed]]:
    """The objects that a feed's URLs match: those that are the newest arrival of their name, and the others, whose side-cars have been fetched."""
    newest = {composed(arrival.file_name): arrival.sha256 for arrival in arrivals}
    taken_in: list[Landed] = []
    fresh: list[Landed] = []
    for file in find_stored(settings.patterns, context.book.storage, context.secret):
        landed = replace(as_landed(file, place_of(file, scratch)), dialect=dialect_of(settings))
        is_taken_in = landed.identity in known and newest.get(landed.name) == known[landed.identity]
        (taken_in if is_taken_in else fresh).append(landed)
    fetch_side_cars((each.stored, each.path) for each in fresh if each.stored)
    return taken_in, fresh


def as_landed(file: StoredFile, path: Path) -> Landed:
    """An object as a landed file that is fetched to `path`. It is whole from the moment that it is listed."""
    suffix = suffix_of(file.name)
    if not suffix:
        raise rejection(file.name, UNKNOWN_SUFFIX)
    return Landed(path, composed(file.name), file.identity, suffix, file.entry.size, math.inf, stored=file)


def _whole_files(files: list[Landed], settings: FeedSettings, result: Landing) -> list[Landed]:
    """The files that their sender has finished. The others are listed in `result`."""
    whole = []
    for landed in files:
        missing = side_car_missing(landed.path, settings)
        if missing:
            result.still_written.append(landed.name)
            result.warnings.append(f"{landed.name} waits for {missing}, which its sender has not delivered yet")
        elif landed.age < settings.settle_seconds:
            result.still_written.append(landed.name)
            result.warnings.append(_why_waiting(landed, settings.settle_seconds))
        else:
            whole.append(replace(landed, dialect=dialect_of(settings)))
    return whole


def _why_waiting(landed: Landed, settle_seconds: int) -> str:
    """Until when a file waits that was touched less than `settle_seconds` ago, or whose time lies ahead of the clock."""
    touched = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=landed.age)
    until = f"waits until {touched + dt.timedelta(seconds=settle_seconds):%Y-%m-%d %H:%M:%S} UTC"
    if landed.age < 0:
        return f"{landed.name} {until}: its time, {touched:%Y-%m-%d %H:%M:%S}, lies ahead of the clock. Check the clock; if it is right, `touch` the file"
    return f"{landed.name} {until}: it was touched {landed.age:.0f} seconds ago, and settle_seconds is {settle_seconds}"


def _copied(landed: Landed, archive: Path) -> Facts | InputError | Problem | None:
    try:
        if landed.stored and not landed.stored.fetch(landed.path):
            return None
        facts = archive_file(landed, archive)
        if facts:
            check_hash(landed.path, landed.name, facts.sha256)
        return facts
    except InputError as error:
        return error
    except FileNotFoundError:
        return None
    except PermissionError as error:
        return Problem(landed.name, 0, "", f"cannot be read: {error.strerror}; it was skipped. Give the run permission to read it, then run again")


def find_files(folder: Path, feed: str, patterns: list[str]) -> list[Landed]:
    """The files that match, in order of path; URLs match none. Raises InputError for a pattern that leaves the book, and for what is not a plain file."""
    root = folder.resolve()
    found: dict[str, Landed] = {}
    problems = []
    for pattern in itertools.filterfalse(is_url, patterns):
        is_absolute = os.path.isabs(pattern)
        for match in (match for form in _forms(pattern) for match in glob.glob(os.path.join(glob.escape(str(root)), form), recursive=True)):
            path = Path(match)
            if is_side_car(path.name):
                continue
            inside = path.parent.resolve().is_relative_to(root)
            name = composed(_shown(path.name if is_absolute or not inside else os.path.relpath(path, root)))
            if not is_absolute and not inside:
                problems.append(Problem("book.yaml", 0, f"feeds.{feed}.files", f"{pattern} leaves the book; write the absolute path if this is meant"))
                break
            try:
                status = path.lstat()
            except FileNotFoundError:  # removed meanwhile
                continue
            if not stat.S_ISREG(status.st_mode):
                problems.append(Problem(name, 0, "", "is a link, folder or device, not a file; put a plain copy there"))
                continue
            suffix = suffix_of(path.name)
            if not suffix:
                problems.append(Problem(name, 0, "", UNKNOWN_SUFFIX))
                continue
            changed = max(status.st_mtime_ns, status.st_ctime_ns)
            identity = f"{_shown(match)}|{status.st_ino}|{status.st_size}|{status.st_mtime_ns}|{status.st_ctime_ns}"
            found[match] = Landed(path, name, identity, suffix, status.st_size, dt.datetime.now().timestamp() - changed / 1e9)
    if problems:
        raise InputError(problems)
    return [found[match] for match in sorted(found)]


def _forms(pattern: str) -> list[str]:
    """The pattern with each of its folders, and its last part, in both Unicode forms: a file system keeps names as they were typed."""
    parts = [dict.fromkeys((part, unicodedata.normalize("NFD", part))) for part in pattern.split("/")]
    if sum(len(part) > 1 for part in parts) > _MAX_FORMS:  # far more than a path has, and the combinations would not end
        return [pattern, unicodedata.normalize("NFD", pattern)]
    return list(dict.fromkeys("/".join(chosen) for chosen in itertools.product(*parts)))


def _shown(name: str) -> str:
    """A file name as text; bytes that are not UTF-8 are escaped."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def archive_file(landed: Landed, archive: Path) -> Facts | None:
    """Copy a file into the archive under its hash, and return facts about its bytes. None: it is still being written.

    The copy is hashed and counted, not the original. It may not be on disk yet: see `sync_archive`.
    """
    descriptor = os.open(landed.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    copy = archive / f".{os.getpid()}-{abs(hash(landed.identity))}.tmp"
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise rejection(landed.name, "is a link, folder or device, not a file; put a plain copy there")
        with copy.open("wb") as target:
            offset = 0
            while sent := os.sendfile(target.fileno(), descriptor, offset, _COPY_BYTES):
                offset += sent
        after = os.fstat(descriptor)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            return None
        facts = inspect(copy, landed.suffix, landed.name, landed.dialect)
        os.replace(copy, archive / facts.sha256)
        return facts
    finally:
        os.close(descriptor)
        copy.unlink(missing_ok=True)
