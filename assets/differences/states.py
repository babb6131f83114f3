"""What decides a run, of a book as it would run now, of a run in its archive, and of a revision of its agreements.

Belongs here: reading a state; nothing is written into the book. Does not belong here: git (revisions.py), what lies between two states (ladder.py), running
one (scratch.py).
"""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from assets.agreements.texts import read_agreement_texts
from assets.archive.manifest import Arrival, append_manifest, read_manifest
from assets.archive.run_history import read_runs
from assets.feeds.landing import find_files, land_files
from assets.ledger.folder import Ledger, read_ledger
from assets.published.reader import MANIFEST, read_manifest_of
from assets.runtime.book_folder import book_day, open_book
from assets.runtime.context import RunContext, no_secret
from assets.runtime.errors import rejection
from assets.runtime.file_hashes import file_sha256
from assets.verification.rebuild import link_files, snapshot_of_run
from models.book.settings import Book, parse_book
from models.documents import InputError
from models.records.run_history import EndedRun
from models.store_urls import is_url
from models.unicode_form import composed

BOOK = "book.yaml"


@dataclass(frozen=True)
class State:
    """What decides a run. `name`: how people call it; `folder`: the book that it was read from.

    `archive` has its files; `run`: the run that had this state, and `published` its tables, where they are known. `proposal`: what is proposed in it.
    """

    name: str
    folder: Path
    book: Book
    texts: Mapping[str, str]
    arrivals: Sequence[Arrival]
    archive: Path
    ledger: Ledger
    as_of: dt.date
    run: EndedRun | None = None
    published: Path | None = None
    proposal: str = ""


def state_of_folder(folder: Path, now: dt.datetime, scratch: Path, as_of: dt.date | None = None, name: str = "") -> tuple[State, list[str]]:
    """The book as it would run now, and warnings. Files that have arrived since its last run are copied into the empty folder `scratch`."""
    book = open_book(folder)
    texts = {BOOK: _read(folder / BOOK), **read_agreement_texts(folder)}
    day = as_of or book_day(book, now)
    arrivals, warnings = _take_in(folder, book, day, now, scratch)
    ledger = read_ledger(folder / "ledger")
    return State(name or str(folder), folder, book, texts, arrivals, scratch / "archive", ledger, day), warnings


def state_of_run(folder: Path, run: EndedRun, name: str = "") -> State:
    """What a run of the book knew."""
    snapshot = snapshot_of_run(folder, read_ledger(folder / "ledger"), run)
    book = parse_book(snapshot.texts[BOOK], BOOK)
    return State(
        name or f"run {run.run_id}", folder, book, snapshot.texts, snapshot.arrivals, folder / "archive", snapshot.ledger, run.as_of, run, set_of(folder, run)
    )


def with_texts(state: State, texts: Mapping[str, str], name: str, now: dt.datetime, as_of: dt.date | None) -> State:
    """The same with other agreements, and with another book.yaml where the texts have one."""
    if BOOK not in texts:
        return replace(state, name=name, texts={BOOK: state.texts[BOOK], **texts})
    book = parse_book(texts[BOOK], f"{name}:{BOOK}")
    return replace(state, name=name, texts=texts, book=book, as_of=as_of or book_day(book, now))


def find_run(folder: Path, name: str) -> EndedRun | None:
    """The last published run of the book whose id is the name, or begins with it where only one does."""
    runs = {run.run_id: run for run in read_runs(folder / "archive", folder / "published") if run.status == "published"}
    found = [run for run_id, run in runs.items() if run_id.startswith(name)]
    return runs.get(name) or (found[0] if len(found) == 1 else None)


def set_of(folder: Path, run: EndedRun) -> Path | None:
    """The published set of the run, if the book still keeps it."""
    sets = sorted((folder / "published" / "runs").glob(f"{run.run_id}*"), reverse=True)
    return next((path for path in sets if (found := read_manifest_of(path)) and found["run_id"] == run.run_id), None)


def published_set(path: Path) -> Path | None:
    """The folder of a set: the path itself, or what its `current` points to."""
    return next((each.resolve() for each in (path, path / "current") if (each / MANIFEST).is_file()), None)


def run_of_set(folder: Path) -> EndedRun:
    """The line of the run that published the set. Raises InputError for a damaged set."""
    manifest = read_manifest_of(folder)
    if manifest is None or "run" not in manifest:
        raise rejection(str(folder), f"{MANIFEST} is damaged, or a file that it names is missing; name a complete set, a book or a run id")
    return EndedRun.model_validate_json(json.dumps(manifest["run"]))


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8-sig")


def _take_in(folder: Path, book: Book, as_of: dt.date, now: dt.datetime, scratch: Path) -> tuple[list[Arrival], list[str]]:
    """Every file that a run would know now, in `scratch`/archive: links to archived ones, copies of new ones. And warnings.

    Objects of stores that have not been taken in are left out: listing them needs secrets, and the next run takes them in.
    """
    arrivals = read_manifest(folder / "archive")
    archive = scratch / "archive"
    archive.mkdir(parents=True)
    link_files(archive, {each.sha256 for each in arrivals}, [folder / "archive"])
    append_manifest(archive, arrivals)
    local = {name: [pattern for pattern in feed.patterns if not is_url(pattern)] for name, feed in book.feeds.items()}
    feeds = {name: feed.model_copy(update={"files": local[name]}) for name, feed in book.feeds.items() if local[name]}
    storage = book.storage.model_copy(update={"archive": None})
    context = RunContext(scratch, book.model_copy(update={"feeds": feeds, "storage": storage}), as_of, now, secret=no_secret, lands_from=folder.resolve())
    known = _known_files(context, arrivals)
    with tempfile.TemporaryDirectory(dir=scratch) as fetched:
        landing = land_files(context, known, Path(fetched))
    if landing.unreadable:
        raise InputError(landing.unreadable)
    if missing := [each for each in arrivals if not (archive / each.sha256).exists()]:
        lost = f"is missing; it is {missing[0].file_name} of feed {missing[0].feed}: restore it from a backup"
        raise rejection(f"archive/{missing[0].sha256}", lost)
    return [*arrivals, *landing.new], landing.warnings


def _known_files(context: RunContext, arrivals: Sequence[Arrival]) -> dict[str, str]:
    """The hashes of landed files that are in the archive already, by identity, so that they are not copied."""
    archived = {(composed(each.file_name), each.bytes): each.sha256 for each in arrivals}
    found = {}
    for name, settings in context.book.feeds.items():
        for landed in find_files(context.landing, name, settings.patterns):
            sha256 = archived.get((landed.name, landed.size))
            if sha256 and file_sha256(landed.path) == sha256:
                found[landed.identity] = sha256
    return found
