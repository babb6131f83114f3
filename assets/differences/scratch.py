"""One book in a temporary folder that is made to be one state after the other.

Belongs here: placing a state. Does not belong here: running it (pipelines/scratch_runs.py), reading a state (states.py).

Archived files and closes are links, so nothing large is copied but the warehouse, with which the first run computes only what differs from the last one of
the book. The runs are rebuilds: they take in no files, and publish to no store and no database.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from assets.archive.manifest import MANIFEST, append_manifest
from assets.archive.receipts import warehouse_is_whole
from assets.differences.states import State
from assets.published.reader import MANIFEST as SET
from assets.published.reader import hashes_of, read_manifest_of
from assets.runtime.book_folder import open_run
from assets.runtime.context import RunContext
from assets.runtime.errors import rejection
from assets.verification.rebuild import link_files, link_ledger, write_texts

WAREHOUSE = "warehouse.duckdb"


def make_scratch(root: Path) -> Path:
    """The empty folder, made if there is none. Raises InputError where something is in it."""
    root.mkdir(parents=True, exist_ok=True)
    if any(root.iterdir()):
        raise rejection(str(root), "is not empty, and what is in it would be mixed with what is computed; name a new folder, or empty this one")
    return root


def copy_warehouse(source: State, root: Path) -> bool:
    """Start from the warehouse of the book, whose lock the caller holds. False: there is none that is whole, or it is kept in files for Spark."""
    warehouse = source.folder / WAREHOUSE
    if source.book.engine.kind == "spark" or not warehouse.is_file() or warehouse.with_name(f"{WAREHOUSE}.wal").exists():
        return False
    shutil.copyfile(warehouse, root / WAREHOUSE)
    context = open_run(source.folder, source.as_of, dt.datetime.now(dt.UTC))
    if warehouse_is_whole(replace(context, folder=root), source.folder / "archive"):
        _link_published(source.folder / "published", root / "published")
        return True
    (root / WAREHOUSE).unlink()
    return False


def _link_published(source: Path, target: Path) -> None:
    """Have the scratch book show the set that the book shows: a run of the same inputs finds it, and has nothing to do."""
    current = (source / "current").resolve()
    manifest = read_manifest_of(current)
    if manifest is not None:
        folder = target / "runs" / current.name
        folder.mkdir(parents=True)
        for path in (current / SET, *hashes_of(current, manifest)):
            (folder / path.name).symlink_to(path)
        (target / "current").symlink_to(folder.relative_to(target))


def place_state(
    root: Path, state: State, sources: Sequence[State], progress: Callable[[str, int, int], None], tables: frozenset[str] | None = None
) -> RunContext:
    """Make the scratch book this state, ready to run. `sources`: states whose archives have its files; `tables`: those to publish, if not all."""
    shutil.rmtree(root / "agreements", ignore_errors=True)
    write_texts(root, state.texts)
    archive = root / "archive"
    archive.mkdir(exist_ok=True)
    (archive / MANIFEST).unlink(missing_ok=True)
    link_files(archive, {each.sha256 for each in state.arrivals}, [source.archive for source in sources])
    append_manifest(archive, list(state.arrivals))
    shutil.rmtree(root / "ledger", ignore_errors=True)
    link_ledger(root / "ledger", state.ledger, state.folder / "ledger")
    engine, limits = state.book.engine.model_copy(update={"kind": "duckdb"}), state.book.limits.model_copy(update={"spill": None})
    made_from = tuple(folder.resolve() for source in sources for folder in (source.folder, source.archive.parent))
    now = dt.datetime.now(dt.UTC)
    context = open_run(root, state.as_of, now, progress=progress, is_rebuild=True, only_tables=True, made_from=made_from)
    book = state.book.model_copy(update={"engine": engine, "limits": limits})
    return replace(context, book=book, tables=tables, proposal=state.proposal)
