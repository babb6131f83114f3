"""Published sets of a book that keeps them in a store: `storage.published` of book.yaml.

Belongs here: the layout of the store, and the one write that publishes. Does not belong here: making a set (parquet_set.py), bringing the store's set to
the book's folder (pulled_set.py), reading a store (assets/runtime/stores.py).

    runs/<run_id>.<token>/<name>     files of a set, under names that are new each time; a file with the bytes of the set before is not sent again
    current.json                     the set that readers see: its manifest, the object of each file, and those of the sets before. Written last, and only
                                     where it is still what it was when the run began. Of two runs at the same time one publishes

A run works in published/ of the book's folder as it does without a store, and switches there once the store has the set.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from assets.published.reader import DATABASE, files_of, hashes_of, seal_of, sealed
from assets.publishing.duckdb_file import FOLDER_VARIABLE, describe_tables
from assets.publishing.empty_database import attached
from assets.publishing.kept_sets import KEPT_SETS
from assets.runtime.book_folder import Overtaken
from assets.runtime.context import RunContext
from assets.runtime.durable_files import write_atomically
from assets.runtime.errors import StoreFailed, rejection
from assets.runtime.file_hashes import file_sha256
from assets.runtime.stores import Store, Version, in_parallel, open_store
from models.sql_text import literal

CURRENT = "current.json"
#: In published/ of the book's folder: the version of current.json that the run found when it began.
_FOUND = ".stored.json"
#: What no kept set names is removed after so many hours: until then another run may be about to publish it.
_LEFT_FOR_HOURS = 24


@dataclass(frozen=True)
class StoredSet:
    """current.json. `objects`: the key of each file, by its name in the set. `database`: key and sha256 of tierledger.duckdb. `before`: the keys of the sets
    before, the newest first."""

    manifest: dict[str, Any]
    objects: dict[str, str]
    database: dict[str, str] | None
    before: list[list[str]]

    @property
    def seal(self) -> str:
        """The hash of its manifest, which no other set has."""
        return seal_of(self.manifest)

    @property
    def keys(self) -> list[str]:
        return [*self.objects.values(), *([self.database["object"]] if self.database else [])]


def published_store(context: RunContext) -> Store | None:
    """Where readers find the book's sets; None: in its folder. What a rebuild publishes goes to a folder."""
    url = context.book.storage.published
    return open_store(url, context.book.storage, context.secret) if url and not context.is_rebuild else None


def read_stored_set(store: Store) -> tuple[StoredSet, Version] | None:
    """The set that readers see. None: there is none yet. Raises InputError when current.json is damaged."""
    found = store.read(CURRENT)
    if found is None:
        return None
    try:
        content = json.loads(found[0])
        seal = content["manifest"].pop("manifest_sha256")
        stored = StoredSet(content["manifest"], content["objects"], content["database"], content["before"])
        is_whole = seal == stored.seal and set(stored.objects) == set(stored.manifest["sha256"])
    except (ValueError, KeyError, TypeError):
        is_whole = False
    if not is_whole:
        way_out = "restore an earlier version of it, or remove it: the next run publishes again"
        raise rejection(f"{store.url}/{CURRENT}", f"is damaged, or was written by another program; {way_out}")
    return stored, found[1]


def remember_version(published: Path, version: Version | None) -> None:
    """Note what the run found when it began."""
    published.mkdir(exist_ok=True)
    write_atomically(published / _FOUND, json.dumps(None if version is None else [version.tag, version.number]).encode())


def commit_set(context: RunContext, folder: Path, manifest: Mapping[str, Any], database: Path | None) -> None:
    """Publish the set in `folder`, and its database, to the store. Does nothing without a store. When it returns, readers of the store see the set.

    Raises Overtaken when another run has published since this one began. Then they see that one's set.
    """
    store = published_store(context)
    if store is None:
        return
    version = _remembered(context.published)
    found = read_stored_set(store)
    if (found and found[1]) != version:
        raise _overtaken(store, found and found[0])
    before = found[0] if found else None
    run = f"runs/{manifest['run_id']}.{secrets.token_hex(4)}"
    objects, new = _objects(store, folder, manifest, before, run)
    in_parallel(lambda each: store.create(*each), new.items())
    stored_database = _send_database(store, context.published, folder, manifest, objects, database, run) if database else None
    kept = [before.keys, *before.before][:KEPT_SETS] if before else []
    stored = StoredSet(dict(manifest), objects, stored_database, kept)
    content = {**vars(stored), "manifest": sealed(stored.manifest)}
    if not store.replace_if(CURRENT, json.dumps(content, indent=1).encode(), version):
        now = read_stored_set(store)
        raise _overtaken(store, now and now[0])  # what was sent stays for a day: if an answer was lost, the set of the other may use it
    _remove_unnamed(store, stored)


def _objects(store: Store, folder: Path, manifest: Mapping[str, Any], before: StoredSet | None, run: str) -> tuple[dict[str, str], dict[str, Path]]:
    """The key of each file, and the files to send by key.

    What the set before has with the same bytes keeps its key, unless it is lost, or the same run publishes again (`--force`): then all are sent.
    """
    sent: dict[str, str] = {}
    if before and before.manifest["run_id"] != manifest["run_id"]:
        there = {entry.key for entry in store.entries("runs")}
        sent = {before.manifest["sha256"][name]: key for name, key in before.objects.items() if key in there}
    paths = {_name(path): path for path in hashes_of(folder, manifest)}
    objects = {name: sent.get(sha256, f"{run}/{name}.parquet") for name, sha256 in manifest["sha256"].items()}
    return objects, {key: paths[name] for name, key in objects.items() if key == f"{run}/{name}.parquet"}


def _send_database(
    store: Store, published: Path, folder: Path, manifest: Mapping[str, Any], objects: Mapping[str, str], database: Path, run: str
) -> dict[str, str]:
    """Send tierledger.duckdb. Its views read the objects of the store, so that it works wherever it is downloaded to."""
    scratch = published / "runs" / "stored.tmp"  # the next run removes it if this one is killed
    scratch.mkdir()
    try:
        copy = scratch / DATABASE
        shutil.copyfile(database, copy)
        inside = {table: [objects[_name(path)] for path in files] for table, files in files_of(folder, manifest).items()}
        # for the engine to see the columns, the objects by their names; files with equal bytes are one object
        for key, path in {objects[_name(path)]: path for path in hashes_of(folder, manifest)}.items():
            target = scratch / key
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path.resolve())
        with duckdb.connect(config={"threads": 1}) as con, attached(con, copy):
            views = [name for (name,) in con.execute("select view_name from duckdb_views() where database_name = 'published' and not internal").fetchall()]
            con.execute("".join(f"drop view published.{view};" for view in views) or "select 1")
            con.execute(f"set variable {FOLDER_VARIABLE} = {literal(scratch)}")
            describe_tables(con, store.url, inside)
        key = f"{run}/{DATABASE}"
        store.create(key, copy)
        return {"object": key, "sha256": file_sha256(copy)}
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _remove_unnamed(store: Store, stored: StoredSet) -> None:
    """Remove the objects that no kept set names, once no run can be about to publish them. The set is published, whether this works or not."""
    kept = {*stored.keys, *(key for keys in stored.before for key in keys)}
    old = dt.datetime.now(dt.UTC) - dt.timedelta(hours=_LEFT_FOR_HOURS)
    with suppress(StoreFailed):
        store.delete([entry.key for entry in store.entries("runs") if entry.key not in kept and entry.modified < old])


def _overtaken(store: Store, by: StoredSet | None) -> Overtaken:
    what = f"run {by.manifest['run_id']} was published" if by else f"{CURRENT} was removed"
    return Overtaken(f"{store.url}: {what} there since this run began. Readers see that; nothing of this run was published. Run again.")


def _remembered(published: Path) -> Version | None:
    found = json.loads((published / _FOUND).read_bytes())
    return Version(*found) if found else None


def _name(path: Path) -> str:
    """A file's name in the manifest."""
    return path.name.removesuffix(".parquet")
