"""Rebuilding published tables from what the book keeps, under the book's lock: as known on a day, or to compare them with what readers see.

Belongs here: the order of these. Does not belong here: what was known at a moment (assets/verification/rebuild.py), what is compared
(assets/verification/verify.py).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assets.runtime.book_folder import lock_book, open_book
from assets.runtime.context import RunContext, on_engine, read_clock, silent
from models.book.engine_settings import EngineKind
from models.calendars import day_in
from models.documents import InputError, Problem
from pipelines.run import Clock, Progress, RunSummary, run_steps
from pipelines.stores import pull_all

if TYPE_CHECKING:
    from assets.verification.rebuild import Snapshot
    from assets.verification.verify import Finding

#: Below the book: one folder per day, with the same parts as published/.
KNOWN_AT = "published-known-at"


@dataclass(frozen=True)
class KnownAt:
    """The result of a run as known on a day. `snapshot`: what was known, and whether it is the run that was published then."""

    day: dt.date
    snapshot: Snapshot
    summary: RunSummary


def run_known_at(
    folder: Path,
    day: dt.date,
    as_of: dt.date | None = None,
    progress: Progress = silent,
    force: bool = False,
    clock: Clock = read_clock,
    engine: EngineKind | None = None,
) -> KnownAt:
    """Publish what the book knew at the end of `day`, in its time zone, into published-known-at/<day>. The book itself does not change.

    Raises InputError for a day in the future or before the first arrival, and what a run raises.
    """
    from assets.verification.rebuild import snapshot_of_day

    zone = open_book(folder).time_zone
    if day > day_in(zone, clock()):
        raise InputError([Problem("--known-at", 0, "", f"{day} is in the future; name a day up to today ({zone})")])
    with lock_book(folder):
        pull_all(folder)
        snapshot = snapshot_of_day(folder, day, as_of, zone)
        with _scratch_book(folder, snapshot, folder.resolve() / KNOWN_AT / day.isoformat(), progress) as context:
            summary = run_steps(on_engine(context, engine), force)
    return KnownAt(day, snapshot, dataclasses.replace(summary, folder=folder.resolve()))


def verify_book(folder: Path, head: str | None = None, progress: Progress = silent) -> Iterator[Finding]:
    """Every statement about the book in turn, up to the first that does not hold. Raises InputError when nothing is published.

    `head`: what `close` printed, kept elsewhere.
    """
    from assets.verification import verify as verifying

    open_book(folder)
    with lock_book(folder):
        book = verifying.open_evidence(folder, head, progress, pull_all(folder))
        findings = verifying.check_kept(book)
        for finding in findings:
            yield finding
            if finding.is_failed:
                return
        with _scratch_book(folder, verifying.snapshot_published(book), None, progress) as context:
            error = verifying.catch(lambda: run_steps(context, force=True))
            if error:
                yield verifying.report_rebuild_failure(error)
                return
            for finding in verifying.check_rebuilt(book, context):
                yield finding
                if finding.is_failed:
                    return


@contextmanager
def _scratch_book(folder: Path, snapshot: Snapshot, publish_to: Path | None, progress: Progress) -> Iterator[RunContext]:
    """A book in a temporary folder ($TMPDIR) that is deleted when the block ends."""
    from assets.verification.rebuild import materialize_snapshot

    with tempfile.TemporaryDirectory(prefix="tierledger-") as scratch:
        yield materialize_snapshot(folder, snapshot, Path(scratch), publish_to, progress)
