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
from pipelines.run import Clock, Progress, RunSummary, run_locked_book

#: The history of runs, which the second run adds to.
_LEFT_OUT = ("audit_run",)


@dataclass(frozen=True)
class Shadow:
    """The full run, which is published, what the run before it computed anew, and the first difference of each table that differs."""

    summary: RunSummary
    differences: dict[str, str]


def run_shadow(folder: Path, as_of: dt.date | None = None, progress: Progress = silent, clock: Clock = read_clock) -> Shadow:
    """Run the book incrementally, then in full, and compare the two published sets byte by byte. The full one stays published.

    Raises what a run raises.
    """
    import duckdb

    from assets.published.reader import read_manifest
    from assets.verification.comparison import first_difference

    open_book(folder)
    with lock_book(folder):
        summary = run_locked_book(folder, as_of, progress, force=True, clock=clock)
        before, manifest = _current(summary), read_manifest(summary.published_in) or {}
        full = run_locked_book(folder, as_of, progress, clock=clock, full=True)
        after, full_manifest = _current(full), read_manifest(full.published_in) or {}
    differences = {}
    with duckdb.connect() as con:
        for table, sha256 in full_manifest["sha256"].items():
            if manifest["sha256"].get(table) != sha256 and table not in _LEFT_OUT:
                found = first_difference(con, before / f"{table}.parquet", after / f"{table}.parquet")
                differences[table] = found or "the rows are the same, in other bytes"
    return Shadow(dataclasses.replace(full, recomputed=summary.recomputed), differences)


def _current(summary: RunSummary) -> Path:
    return (summary.published_in / "current").resolve()
