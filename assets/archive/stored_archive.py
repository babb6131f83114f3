"""The archive of a book that keeps it in a store: `storage.archive` of book.yaml.

Belongs here: what the store holds, bringing it and the book's folder together, and appending where several runs may. Does not belong here: what the files of
an archive are (manifest.py, run_history.py), reading a store (assets/runtime/stores.py).

    <sha256>                      an archived file; terms/<sha256>.json as in the folder
    manifest.jsonl/<offset>       lines of the manifest, from this byte of it on; runs.jsonl/<offset> likewise

Every object is created, and none is ever replaced. So of two runs that append at the same place, one does, and the other starts again. archive/ in the
book's folder has the beginning of both files, the receipt, and copies of archived files, which can be deleted: they are checked by their hash, and fetched
where they are missing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from assets.archive.manifest import MANIFEST, Arrival, read_manifest
from assets.archive.run_history import RUNS, TERMS
from assets.runtime.book_folder import Overtaken
from assets.runtime.context import RunContext
from assets.runtime.durable_files import flush
from assets.runtime.errors import rejection
from assets.runtime.file_hashes import file_sha256
from assets.runtime.stores import Entry, Store, in_parallel, open_store
from models.documents import InputError, Problem

#: Enters lines at an offset of the log. False: another run was first, and the local file now has its lines.
Enter = Callable[[int, bytes], bool]


def archive_store(context: RunContext) -> Store | None:
    """Where the book keeps its archive; None: in its folder. A rebuild reads the folder of the book it is made from."""
    url = context.book.storage.archive
    return open_store(url, context.book.storage, context.secret) if url and not context.is_rebuild else None


def pull_archive(context: RunContext) -> None:
    """Bring the folder up to date with the store, and give the store what only the folder has: that of a book that had no store before.

    Raises InputError when an archived file is missing in the store, or the folder is that of another book.
    """
    store = archive_store(context)
    if store is None:
        return
    archive = context.archive
    (archive / TERMS).mkdir(parents=True, exist_ok=True)
    kept = {entry.key: entry for entry in store.entries()}
    ahead = {name: _pull_log(store, archive, name, kept) for name in (MANIFEST, RUNS)}
    _share_files(store, archive, read_manifest(archive), kept)
    for path in (archive / TERMS).glob("*.json"):
        if f"{TERMS}/{path.name}" not in kept:
            store.create(f"{TERMS}/{path.name}", path)
    in_parallel(lambda key: _fetch(store, archive, key), [key for key in kept if key.startswith(f"{TERMS}/") and not (archive / key).exists()])
    for name, offset in ahead.items():
        lines = _complete_lines(archive / name)[offset:]
        if lines and not store.create(_piece(name, offset), lines):
            raise overtaken_by_arrivals(context)


def drop_bad_copies(context: RunContext, hashes: Iterable[str]) -> None:
    """Delete the folder's copies that have other bytes than their names say. Does nothing without a store, where they are no copies."""
    if archive_store(context) is not None:
        for path in [context.archive / sha256 for sha256 in set(hashes)]:
            if path.exists() and file_sha256(path) != path.name:
                path.unlink()


def fetch_archived(context: RunContext, hashes: Iterable[str]) -> None:
    """Fetch the archived files that the folder has no copy of. Does nothing without a store."""
    store = archive_store(context)
    if store is not None:
        in_parallel(lambda sha256: _fetch(store, context.archive, sha256), [each for each in set(hashes) if not (context.archive / each).exists()])


def share_archived(context: RunContext, hashes: Iterable[str]) -> None:
    """Return when the store has these files of the folder. Does nothing without a store."""
    store = archive_store(context)
    if store is not None:
        in_parallel(lambda sha256: store.create(sha256, context.archive / sha256), sorted(hashes))


def share_terms(context: RunContext, name: str) -> None:
    """Return when the store has the texts of that name. Does nothing without a store."""
    store = archive_store(context)
    if store is not None:
        store.create(f"{TERMS}/{name}.json", context.archive / TERMS / f"{name}.json")


def shared_log(context: RunContext, name: str) -> Enter | None:
    """How lines are entered in the store before they are appended to the folder's file. None: there is no store."""
    store = archive_store(context)
    if store is None:
        return None

    def enter(offset: int, lines: bytes) -> bool:
        if store.create(_piece(name, offset), lines):
            return True
        found = store.read(_piece(name, offset))
        if found and found[0] == lines:  # by a first request whose answer was lost
            return True
        _pull_log(store, context.archive, name, {entry.key: entry for entry in store.entries(name)})
        return False

    return enter


def overtaken_by_arrivals(context: RunContext) -> Overtaken:
    """The error where another run has appended to the manifest first."""
    url = context.book.storage.archive
    return Overtaken(f"{url}: another run has taken in or withdrawn files since this one began. Nothing of this run was kept. Run again.")


def differing_object(context: RunContext, arrivals: Iterable[Arrival]) -> str | None:
    """The first archived file that the store does not have with the bytes that arrived, and what it is. Reads every one of them."""
    store = archive_store(context)
    if store is None:
        return None
    scratch = context.archive / ".object.tmp"
    try:
        for arrival in {each.sha256: each for each in arrivals}.values():
            what = f"it is {arrival.file_name} of feed {arrival.feed}"
            if not store.fetch(arrival.sha256, scratch):
                return f"{store.url}/{arrival.sha256} is missing; {what}"
            if file_sha256(scratch) != arrival.sha256:
                return f"{store.url}/{arrival.sha256} has other bytes than arrived; {what}"
    finally:
        scratch.unlink(missing_ok=True)
    return None


def _pull_log(store: Store, archive: Path, name: str, kept: Mapping[str, Entry]) -> int:
    """Append to the folder's file what the store has more of it. Returns up to which byte the store has it; the folder may have more.

    Reads the piece in which the folder's file ends and those after it, and compares. Raises InputError when both have different lines.
    """
    pieces = sorted((entry for key, entry in kept.items() if re.fullmatch(rf"{re.escape(name)}/\d{{15}}", key)), key=lambda entry: entry.key)
    path = archive / name
    local = path.read_bytes() if path.exists() else b""
    if not pieces:
        return 0
    starts = [int(entry.key.rpartition("/")[2]) for entry in pieces]
    if starts != [0, *(start + entry.size for start, entry in zip(starts, pieces, strict=True))][:-1]:
        raise rejection(f"{store.url}/{name}", "has a gap: an object of it is missing or was changed; restore it from a backup or an earlier version")
    first = max((i for i, start in enumerate(starts) if start < len(local)), default=0)
    found = b"".join(in_parallel(lambda entry: (store.read(entry.key) or (b"",))[0], pieces[first:]))
    known = local[starts[first] :]
    if not found.startswith(known) and not known.startswith(found):
        way_out = "is storage.archive of book.yaml that of another book? Otherwise restore the archive of one of the two from a backup"
        raise rejection(f"archive/{name}", f"has other lines than {store.url}/{name}: {way_out}")
    if len(found) > len(known):
        with path.open("ab") as file:
            file.write(found[len(known) :])
            file.flush()
            os.fsync(file.fileno())
        flush(archive)
    return starts[first] + len(found)


def _share_files(store: Store, archive: Path, arrivals: list[Arrival], kept: Mapping[str, Entry]) -> None:
    problems = []
    for arrival in {each.sha256: each for each in reversed(arrivals)}.values():
        entry, path = kept.get(arrival.sha256), archive / arrival.sha256
        if entry and entry.size == arrival.bytes:
            continue
        if entry is None and path.exists() and file_sha256(path) == arrival.sha256:
            store.create(arrival.sha256, path)
            continue
        reason = "is missing" if entry is None else f"has {entry.size:,} bytes instead of {arrival.bytes:,}"
        lost = f"it is {arrival.file_name} of feed {arrival.feed}: restore it from a backup or an earlier version"
        problems.append(Problem(f"{store.url}/{arrival.sha256}", 0, "", f"{reason}; {lost}"))
    if problems:
        raise InputError(problems)


def _fetch(store: Store, archive: Path, key: str) -> None:
    """Fetch an object that is named by its hash. It is in the folder only if it has that hash."""
    target = archive / key
    staged = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        if not store.fetch(key, staged):
            raise rejection(f"{store.url}/{key}", "is missing; restore it from a backup or an earlier version")
        if file_sha256(staged) != target.name.removesuffix(".json"):
            raise rejection(f"{store.url}/{key}", "is damaged: its bytes do not have the hash in its name; restore it from a backup or an earlier version")
        os.replace(staged, target)
    finally:
        staged.unlink(missing_ok=True)


def _piece(name: str, offset: int) -> str:
    return f"{name}/{offset:015}"


def _complete_lines(path: Path) -> bytes:
    data = path.read_bytes() if path.exists() else b""
    return data[: data.rfind(b"\n") + 1]
