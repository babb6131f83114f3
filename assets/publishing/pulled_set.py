"""The set that readers of the store see, brought to published/ of the book's folder, where commands read it.

Belongs here: fetching, checking and switching to it. Does not belong here: publishing to the store (stored_set.py), reading the set
(assets/published/reader.py).
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from assets.incremental.payout_runs import FILE as PAYOUT_RUNS
from assets.published.reader import DATABASE, MANIFEST, files_of, hashes_of, read_manifest, seal_of, sealed
from assets.publishing.duckdb_file import COPIED_UP_TO_ROWS, copy_tables
from assets.publishing.kept_sets import remove_older
from assets.publishing.line_parts import take_over
from assets.publishing.parquet_set import clear_unfinished, complete_database, free_name, replace_database, staged_database, switch
from assets.publishing.stored_set import StoredSet, commit_set, published_store, read_stored_set, remember_version
from assets.runtime.context import RunContext
from assets.runtime.durable_files import flush, write_atomically
from assets.runtime.errors import rejection
from assets.runtime.events import log_event
from assets.runtime.file_hashes import file_sha256
from assets.runtime.stores import Store, in_parallel


def pull_published(context: RunContext, only_read: bool = False) -> None:
    """Make the store's set the current one of the book's folder, and note its version. Does nothing without a store. The caller holds the book's lock.

    Gives the store the folder's set where the store has none, and objects that the store has lost, unless it should `only_read`.
    """
    store = published_store(context)
    if store is None:
        return
    published = context.published
    found = read_stored_set(store)
    if not only_read:
        remember_version(published, found[1] if found else None)
    local = read_manifest(published)
    if found is None:
        if local is not None and not only_read:
            database = published / DATABASE
            commit_set(context, (published / "current").resolve(), local, database if database.is_file() else None)
            found = read_stored_set(store)
            remember_version(published, found[1] if found else None)
        return
    stored = found[0]
    missing = set(stored.keys) - {entry.key for entry in store.entries("runs")}
    if local is not None and seal_of(local) == stored.seal:
        _give_back(store, published, stored, set() if only_read else missing)
    elif missing:
        message = (
            f"{store.url} has lost {len(missing)} objects of the set that it shows, such as {sorted(missing)[0]}: `tierledger run --force` sends all of them"
        )
        log_event("warning", message, logging.WARNING)
    else:
        _fetch_set(context, store, stored, local)


def is_up_to_date(context: RunContext) -> bool:
    """Whether the folder's current set is the store's."""
    store = published_store(context)
    found = read_stored_set(store) if store else None
    local = read_manifest(context.published)
    return found is None or (local is not None and seal_of(local) == found[0].seal)


def first_difference_in_store(context: RunContext, manifest: Mapping[str, Any]) -> str | None:
    """What is wrong with the set in the store: it is another one, or an object is missing or has other bytes. Reads every object of it."""
    store = published_store(context)
    if store is None:
        return None
    found = read_stored_set(store)
    if found is None or found[0].seal != seal_of(manifest):
        return f"{store.url} shows another set than published/"
    stored = found[0]
    hashes = {key: manifest["sha256"][name] for name, key in stored.objects.items()} | (
        {stored.database["object"]: stored.database["sha256"]} if stored.database else {}
    )
    scratch = context.published / ".stored-object.tmp"
    try:
        for key, sha256 in hashes.items():
            if not store.fetch(key, scratch):
                return f"{store.url}/{key} is missing"
            if file_sha256(scratch) != sha256:
                return f"{store.url}/{key} has other bytes than were published"
    finally:
        scratch.unlink(missing_ok=True)
    return None


def _give_back(store: Store, published: Path, stored: StoredSet, missing: set[str]) -> None:
    """Send the objects that the store has lost, from the same set in the folder. Only bytes that the set names are sent."""
    current = (published / "current").resolve()
    for name, key in stored.objects.items():
        path = current / f"{name}.parquet"
        if key in missing and file_sha256(path) == stored.manifest["sha256"][name]:
            store.create(key, path)
            log_event("warning", f"{store.url} had lost {key}; it was sent again", logging.WARNING)


def _fetch_set(context: RunContext, store: Store, stored: StoredSet, local: dict[str, Any] | None) -> None:
    published, manifest = context.published, stored.manifest
    (published / "runs").mkdir(parents=True, exist_ok=True)
    clear_unfinished(published)
    staged = published / "runs" / f"{manifest['run_id']}.tmp"
    staged.mkdir()
    has = {sha256: path for path, sha256 in hashes_of((published / "current").resolve(), local).items()} if local else {}
    try:
        in_parallel(lambda each: _fetch_file(store, stored, *each, has.get(each[1])), hashes_of(staged, manifest).items())
        write_atomically(staged / MANIFEST, json.dumps(sealed(manifest), indent=1).encode())
        target = free_name(published / "runs" / str(manifest["run_id"]))
        os.rename(staged, target)
        flush(target.parent)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    files = files_of(target, manifest)
    if context.book.publish.duckdb:
        with duckdb.connect(config={"threads": 2}) as con:
            copy_tables(con, staged_database(published), {table: files[table] for table, rows in manifest["rows"].items() if rows <= COPIED_UP_TO_ROWS})
            complete_database(con, published, files, manifest["rows"])
        replace_database(published)
    (published / PAYOUT_RUNS).unlink(missing_ok=True)  # it is about the set before
    switch(published, target)
    remove_older(published)


def _fetch_file(store: Store, stored: StoredSet, path: Path, sha256: str, same: Path | None) -> None:
    """A file of the set, linked from the set before where that has it, else fetched. It has the bytes that the set names."""
    if same and take_over(same, sha256, path):
        return
    key = stored.objects[path.name.removesuffix(".parquet")]
    if not store.fetch(key, path) or file_sha256(path) != sha256:
        way_out = "`tierledger run --force` in a folder with the book publishes it again; remove current.json there first"
        raise rejection(f"{store.url}/{key}", f"is missing, or has other bytes than were published; {way_out}")
