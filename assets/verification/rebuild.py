"""A scratch book made from what a book keeps: archive, archived terms and ledger, each up to some moment.

Belongs here: which files, terms and closes were known at a moment, and materializing them as a book. Does not belong here: running it
(pipelines/rebuild.py), comparing (assets/verification/verify.py).

Nothing large is copied, and nothing is written into the book: archived files and closes are links, and a rebuild takes in no files.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from assets.agreements.texts import read_agreement_texts
from assets.archive.manifest import Arrival, append_manifest, count_withdrawals, read_manifest, without_later_withdrawals
from assets.archive.run_history import RUNS, read_runs, read_terms
from assets.ledger.folder import Ledger, read_ledger
from assets.runtime.book_folder import open_run
from assets.runtime.context import RunContext, silent
from assets.runtime.versions import code_version, engine_versions
from models.book.settings import parse_book
from models.calendars import end_of_day
from models.documents import InputError, Problem
from models.records import payment_batches, write_offs
from models.records.chain import NO_HASH, head
from models.records.run_history import EndedRun, as_line, last_published_before
from models.records.write_offs import as_line as write_off_line
from models.records.write_offs import last_sha256

_T = TypeVar("_T")


@dataclass(frozen=True)
class Snapshot:
    """What a book knew at a moment. `run`: the run published last by then, or None.

    `is_same`: terms, files, ledger, as_of and code are those of `run`, so that the rebuild repeats it with its times and its run_id.
    """

    as_of: dt.date
    arrivals: list[Arrival]
    texts: dict[str, str]
    ledger: Ledger
    history: list[EndedRun]
    run: EndedRun | None
    is_same: bool


def snapshot_of_run(folder: Path, ledger: Ledger, run: EndedRun) -> Snapshot:
    """What the run knew, according to its line. Raises InputError when its terms are missing in the archive or its head in the ledger."""
    archive = folder / "archive"
    known = [each for each in read_manifest(archive) if each.arrival_no <= run.arrivals.get(each.feed, 0)]
    arrivals = without_later_withdrawals(known, run.withdrawals)
    records = _up_to(ledger.records, run.ledger_sha256, lambda each: each.chain_sha256)
    lines = _up_to(ledger.write_offs, run.write_offs_sha256, lambda each: each.sha256)
    payments = _up_to(ledger.payments, run.payments_sha256, lambda each: each.chain_sha256)
    runs = read_runs(archive, folder / "published")
    texts, history = read_terms(archive, run.terms_sha256), runs[: runs.index(run)]
    return Snapshot(run.as_of, arrivals, texts, Ledger(records, lines, payments), history, run, has_same_code_and_engines(run))


def snapshot_of_day(folder: Path, day: dt.date, as_of: dt.date | None, time_zone: str = "UTC") -> Snapshot:
    """What the book knew at the end of `day` in the time zone: arrived files, closes and write-offs, and the terms of the last run published by then.

    `as_of` defaults to that run's. If no run was published by then, the earliest known terms apply, and `as_of` defaults to book.yaml's, else the day.
    Order wins over timestamps: a clock that jumped back does not hide an earlier arrival.
    Raises InputError when nothing had arrived.
    """
    archive = folder / "archive"
    end = end_of_day(time_zone, day)
    arrivals = _arrived(read_manifest(archive), end, day)
    ledger = _ledger_by(read_ledger(folder / "ledger"), end)
    runs = read_runs(archive, folder / "published")
    place = last_published_before(runs, end)
    if place is None:
        texts = read_terms(archive, runs[0].terms_sha256) if runs else _texts_now(folder)
        asked = as_of or parse_book(texts["book.yaml"], "book.yaml").as_of or day
        return Snapshot(asked, arrivals, texts, ledger, [], None, False)
    run = runs[place]
    texts = read_terms(archive, run.terms_sha256)
    feeds = parse_book(texts["book.yaml"], "book.yaml").feeds
    known = {feed: no for feed, no in _highest(arrivals).items() if feed in feeds}
    heads = (head(ledger.records), last_sha256(ledger.write_offs), payment_batches.payments_head(ledger.payments))
    found = (as_of or run.as_of, known, count_withdrawals(arrivals), *heads)
    known_then = (run.as_of, run.arrivals, run.withdrawals, run.ledger_sha256, run.write_offs_sha256, run.payments_sha256)
    is_same = found == known_then and has_same_code_and_engines(run)
    last = max(i for i, each in enumerate(runs) if each.started_at < end)
    return Snapshot(as_of or run.as_of, arrivals, texts, ledger, runs[: place if is_same else last + 1], run, is_same)


def has_same_code_and_engines(run: EndedRun) -> bool:
    """Whether the run was made by this version of the program and its engines."""
    return (run.code_version, run.engine_versions) == (code_version(), engine_versions())


def materialize_snapshot(
    source: Path, snapshot: Snapshot, folder: Path, publish_to: Path | None = None, progress: Callable[[str, int, int], None] = silent
) -> RunContext:
    """Make the empty `folder` a book that holds what the snapshot knew of the book in `source`, ready to run. `source` is only read."""
    root = folder.resolve()
    write_texts(root, snapshot.texts)
    archive = root / "archive"
    archive.mkdir()
    link_files(archive, {arrival.sha256 for arrival in snapshot.arrivals}, [source / "archive"])
    append_manifest(archive, snapshot.arrivals)
    (archive / RUNS).write_bytes(b"".join(map(as_line, snapshot.history)))
    link_ledger(root / "ledger", snapshot.ledger, source / "ledger")
    context = open_run(root, snapshot.as_of, dt.datetime.now(dt.UTC), progress=progress, is_rebuild=True, publish_to=publish_to)
    context = dataclasses.replace(context, made_from=(source,))
    if snapshot.run and snapshot.is_same:
        return dataclasses.replace(context, started_at=snapshot.run.started_at, finished_at=snapshot.run.finished_at)
    return context


def write_texts(root: Path, texts: Mapping[str, str]) -> None:
    """The texts of a book below `root`."""
    for name, text in texts.items():
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise InputError([Problem("archive/terms", 0, name, "is outside the book; restore the archive from a backup")])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def link_files(archive: Path, hashes: Iterable[str], sources: Sequence[Path]) -> None:
    """Links to archived files in the first of the archives that has them. Those that are there already stay."""
    for sha256 in hashes:
        if not (archive / sha256).is_symlink():
            (archive / sha256).symlink_to(next((each for source in sources if (each := source / sha256).exists()), sources[0] / sha256).resolve())


def link_ledger(target: Path, ledger: Ledger, source: Path) -> None:
    """A ledger at `target` with links to the folders of another. Without anything in it, none is made."""
    folders = [record.folder for record in ledger.records]
    folders += [f"{payment_batches.FOLDER}/{record.folder}" for record in ledger.payments]
    if folders or ledger.write_offs:
        (target / payment_batches.FOLDER).mkdir(parents=True)
        for name in folders:
            (target / name).symlink_to((source / name).resolve(), target_is_directory=True)
        (target / write_offs.FILE).write_bytes(b"".join(map(write_off_line, ledger.write_offs)))


def _arrived(arrivals: list[Arrival], end: dt.datetime, day: dt.date) -> list[Arrival]:
    """Everything that had arrived before `end`: per feed, all arrivals up to the last such one, withdrawn as they were by then."""
    moments = {id(each): _moment(each.arrived_at) for each in arrivals}
    highest = _highest([each for each in arrivals if moments[id(each)] < end])
    if not highest:
        first = min(moments.values(), default=None)
        message = f"the first file arrived on {first.date()}; name that day or a later one" if first else "no file has arrived yet; run the book first"
        raise InputError([Problem("--known-at", 0, "", f"nothing was known on {day}: {message}")])
    withdrawn = max((each.withdrawal.number for each in arrivals if each.withdrawal and _moment(each.withdrawal.withdrawn_at) < end), default=0)
    return without_later_withdrawals((each for each in arrivals if each.arrival_no <= highest.get(each.feed, 0)), withdrawn)


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def _highest(arrivals: list[Arrival]) -> dict[str, int]:
    """Feed to its highest arrival_no."""
    highest: dict[str, int] = {}
    for each in arrivals:
        highest[each.feed] = max(each.arrival_no, highest.get(each.feed, 0))
    return highest


def _ledger_by(ledger: Ledger, end: dt.datetime) -> Ledger:
    """The folders, write-offs and payment batches written before `end`, and every write-off that one of these folders knew."""
    closed = max((i for i, each in enumerate(ledger.records, 1) if each.closed_at < end), default=0)
    known = {each.write_offs_sha256 for each in ledger.records[:closed]}
    written = max((i for i, each in enumerate(ledger.write_offs, 1) if each.written_at < end or each.sha256 in known), default=0)
    paid = max((i for i, each in enumerate(ledger.payments, 1) if each.at < end), default=0)
    return Ledger(ledger.records[:closed], ledger.write_offs[:written], ledger.payments[:paid])


def _up_to(items: list[_T], sha256: str, hash_of: Callable[[_T], str]) -> list[_T]:
    """The items up to the one with this hash."""
    if sha256 == NO_HASH:
        return []
    places = [i for i, each in enumerate(items, 1) if hash_of(each) == sha256]
    if not places:
        raise InputError([Problem("ledger", 0, "", f"does not hold {sha256}, which the published run knew; restore the ledger from a backup")])
    return items[: places[0]]


def _texts_now(folder: Path) -> dict[str, str]:
    """The current terms, for a book whose runs have archived none."""
    return {name: (folder / name).read_bytes().decode() for name in ("book.yaml", *read_agreement_texts(folder))}
