"""Running a book as it would be: one state after the other in a scratch copy, while the book itself is only read.

Belongs here: where the copy is, and the order of its runs. Does not belong here: states (assets/differences), what is told of them (their callers).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from assets.differences.scratch import copy_warehouse, make_scratch, place_state
from assets.differences.states import State
from assets.runtime.book_folder import lock_book, open_book, share_book
from assets.runtime.context import RunContext, silent
from pipelines.run import Progress, RunSummary, run_steps
from pipelines.stores import pull_all

#: What the summary of a run is read from.
_OF_SUMMARIES = frozenset({"fct_payout", "audit_feed_file", "dim_agreement", "fct_payment_batch"})


@contextmanager
def scratch_folder(keep: Path | None) -> Iterator[Path]:
    """The folder to work in: `keep`, which must be empty and stays, or one in $TMPDIR that is deleted at the end.

    Of what was refused or failed nothing stays in `keep`, so that the next try may name it again.
    """
    if keep is not None:
        is_new = not keep.exists()
        folder = make_scratch(keep).resolve()
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder)
            if not is_new:
                folder.mkdir()
            raise
        return
    with tempfile.TemporaryDirectory(prefix="tierledger-") as temporary:
        yield Path(temporary).resolve()


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Read the book while no run changes it. A book that is kept in a store is brought up to date first."""
    storage = open_book(folder).storage
    if storage.archive or storage.published:
        with lock_book(folder):
            pull_all(folder)
    with share_book(folder):
        yield


class ScratchBook:
    """A book in `root` that is one state after the other. `sources`: states whose archives have all files; `tables`: those to publish, if not all."""

    def __init__(self, root: Path, sources: Sequence[State], progress: Progress = silent, tables: frozenset[str] | None = None) -> None:
        self.root = root
        self.sources = sources
        self.progress = progress
        self.tables = None if tables is None else tables | _OF_SUMMARIES
        self.context: RunContext | None = None
        root.mkdir()

    def start_from(self, state: State) -> bool:
        """Begin with the book's own warehouse, so that the first run computes little. The caller holds the book."""
        return copy_warehouse(state, self.root)

    def run(self, state: State) -> RunSummary:
        """Run the state, unless it is the one whose tables are there. They stay until two more runs have been made. Raises what a run raises."""
        self.context = place_state(self.root, state, self.sources, self.progress, self.tables)
        return run_steps(self.context)
