"""The set that a question is asked of: the current one, whose every reader may see.

Belongs here: opening a set for one answer, kept to the participants of the reader. Does not belong here: what is asked (pipelines/answers/questions.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from assets.differences.states import find_run, state_of_run
from assets.published.own_rows import show_own_rows
from assets.published.reader import connect_set, open_published, read_manifest_of
from assets.runtime.errors import rejection
from assets.runtime.sql import scan
from models.records.run_history import EndedRun
from pipelines.scratch_runs import ScratchBook, reading, scratch_folder


@contextmanager
def open_answers(book: Path, participants: Sequence[str] | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables as they are published now; of these participants alone where any are named."""
    with open_published(book) as con:
        if participants is not None:
            show_own_rows(con, participants)
        yield con


@contextmanager
def open_compared(book: Path, before: str | None, after: str | None, participants: Sequence[str] | None) -> Iterator[tuple[duckdb.DuckDBPyConnection, Any]]:
    """The tables of the run `after`, with `before_fct_payout` of the run `before`, and the ids of both. Without names: the newest two sets that are there.

    A run whose set is gone is computed again from the archive, in a temporary folder; `recomputed` names it.
    """
    sets = list_sets(book)
    last = _in_full(after, sets) or next(iter(sets))
    first = _in_full(before, sets) or next((run for run in sets if run != last), "")
    if not first:
        raise rejection(str(book), "there is no other set to compare with: compare_runs compares any two runs of the archive")
    gone = {name: _archived(book, name, list(sets)) for name in (first, last) if name not in sets}
    with ExitStack() as opened:
        found = {name: opened.enter_context(_computed_again(book, gone[name])) if name in gone else sets[name] for name in (first, last)}
        con = opened.enter_context(connect_set(*found[last]))
        con.execute(f"create view before_fct_payout as from {scan(found[first][0] / 'fct_payout.parquet')}")
        if participants is not None:
            con.execute("alter view before_fct_payout rename to earlier_fct_payout")
            show_own_rows(con, participants)
            con.execute("create view own.before_fct_payout as from main.earlier_fct_payout where participant_id in (from own.participants)")
        ids = {name: gone[name].run_id if name in gone else name for name in found}
        yield con, {"before_run_id": ids[first], "after_run_id": ids[last]} | ({"recomputed": [ids[name] for name in gone]} if gone else {})


def _in_full(name: str | None, sets: Collection[str]) -> str | None:
    """The run of a set whose id begins with the name, where only one does."""
    found = [run for run in sets if name and run.startswith(name)]
    return found[0] if len(found) == 1 else name


def _archived(book: Path, name: str, kept: Sequence[str]) -> EndedRun:
    run = find_run(book, name)
    if run is None:
        message = f"{name!r} is no run of the archive; the sets of {', '.join(kept)} are there, and archive/runs.jsonl lists every run"
        raise rejection(str(book), message)
    return run


@contextmanager
def _computed_again(book: Path, run: EndedRun) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The set of the run, as the program of today computes it."""
    with scratch_folder(None) as scratch:
        with reading(book):
            state = state_of_run(book, run)
            scratch_book = ScratchBook(scratch / "book", [state])
            scratch_book.start_from(state)
        folder = (scratch_book.run(state).published_in / "current").resolve()
        manifest = read_manifest_of(folder)
        assert manifest is not None, "a run has just written it"
        yield folder, manifest


def list_sets(book: Path) -> dict[str, tuple[Path, dict[str, Any]]]:
    """The complete sets of the published folder by the run that wrote them, the newest first."""
    folders = sorted((book / "published" / "runs").glob("*/"), key=lambda folder: folder.stat().st_mtime_ns, reverse=True)
    current = (book / "published" / "current").resolve()
    found: dict[str, tuple[Path, dict[str, Any]]] = {}
    with open_published(book):  # says what is wrong where nothing is published
        pass
    for folder in sorted(folders, key=lambda folder: folder != current):
        if manifest := read_manifest_of(folder):
            found.setdefault(manifest["run"]["run_id"], (folder, manifest))
    return found
