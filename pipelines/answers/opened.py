"""The set that a question is asked of: the current one, whose every reader may see.

Belongs here: opening a set for one answer, kept to the participants of the reader. Does not belong here: what is asked (pipelines/answers/questions.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from assets.published.own_rows import show_own_rows
from assets.published.reader import connect_set, open_published, read_manifest_of
from assets.runtime.errors import rejection
from assets.runtime.sql import scan


@contextmanager
def open_answers(book: Path, participants: Sequence[str] | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables as they are published now; of these participants alone where any are named."""
    with open_published(book) as con:
        if participants is not None:
            show_own_rows(con, participants)
        yield con


@contextmanager
def open_compared(book: Path, before: str | None, after: str | None, participants: Sequence[str] | None) -> Iterator[tuple[duckdb.DuckDBPyConnection, Any]]:
    """The tables of the run `after`, with `before_fct_payout` of the run `before`, and the ids of both. Without names: the newest two."""
    sets = list_sets(book)
    last = after or next(iter(sets))
    first = before or next((run for run in sets if run != last), "")
    for run in (first, last):
        if run not in sets:
            found = f"no set of the run {run!r} is there any more" if run else "there is no other set to compare with"
            raise rejection(str(book), f"{found}; those of {', '.join(sets)} are. A run keeps the two sets before it")
    folder, manifest = sets[last]
    with connect_set(folder, manifest) as con:
        con.execute(f"create view before_fct_payout as from {scan(sets[first][0] / 'fct_payout.parquet')}")
        if participants is not None:
            con.execute("alter view before_fct_payout rename to earlier_fct_payout")
            show_own_rows(con, participants)
            con.execute("create view own.before_fct_payout as from main.earlier_fct_payout where participant_id in (from own.participants)")
        yield con, {"before_run_id": first, "after_run_id": last}


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
