"""Running a book both ways, to see that computing what has changed gives what computing everything gives.

Belongs here: the two runs and what is compared. Does not belong here: how two files are compared (assets/verification/comparison.py).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from assets.runtime.book_folder import lock_book, open_book
from assets.runtime.context import read_clock, silent
from models.book.engine_settings import EngineKind
from pipelines.run import Clock, Progress, RunSummary, run_locked_book

#: The history of runs, which the second run adds to.
_LEFT_OUT = ("audit_run",)


@dataclass(frozen=True)
class Shadow:
    """The full run, which is published, what the run before it computed anew, and the first difference of each table that differs."""

    summary: RunSummary
    differences: dict[str, str]


def run_shadow(folder: Path, as_of: dt.date | None = None, progress: Progress = silent, clock: Clock = read_clock, engine: EngineKind | None = None) -> Shadow:
    """Run the book incrementally, then in full, and compare the two published sets byte by byte. The full one stays published.

    Raises what a run raises.
    """
    import duckdb

    from assets.verification.comparison import first_difference

    open_book(folder)
    with lock_book(folder):
        summary = run_locked_book(folder, as_of, progress, force=True, clock=clock, engine=engine)
        incremental = _files(summary)
        full = run_locked_book(folder, as_of, progress, clock=clock, full=True, engine=engine)
        differences = {}
        with duckdb.connect() as con:
            for table, files in _files(full).items():
                before = incremental.get(table, {})
                if table not in _LEFT_OUT and sorted(before.values()) != sorted(files.values()):
                    found = first_difference(con, list(before), list(files))
                    differences[table] = found or "the rows are the same, in other bytes"
    return Shadow(dataclasses.replace(full, recomputed=summary.recomputed), differences)


def _files(summary: RunSummary) -> dict[str, dict[Path, str]]:
    """The files of each table of the set that was published, with their hashes."""
    from assets.published.reader import files_of, hashes_of, read_manifest

    folder, manifest = (summary.published_in / "current").resolve(), read_manifest(summary.published_in)
    if manifest is None:
        return {}
    hashes = hashes_of(folder, manifest)
    return {table: {path: hashes[path] for path in paths} for table, paths in files_of(folder, manifest).items()}
