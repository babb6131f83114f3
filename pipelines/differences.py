"""What differs between a book and another state of it, by cause: one run per cause in a scratch copy.

Belongs here: what OTHER names, and the order of the runs. Does not belong here: how a run is made (scratch_runs.py), what is told (assets/differences).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from assets.differences.findings import Findings, all_changes, collect
from assets.differences.ladder import CODE, INPUTS, rungs_between
from assets.differences.revisions import changed_since, texts_at
from assets.differences.rung_tables import TABLES, add_rung, list_attributes, open_rungs, subtract
from assets.differences.states import State, find_run, published_set, run_of_set, state_of_folder, state_of_run, with_texts
from assets.published.reader import Row
from assets.runtime.context import CheckFailed, read_clock, silent
from assets.runtime.errors import rejection
from assets.runtime.versions import code_version
from models.agreements.lint.lint import lint_agreements
from models.agreements.parse import parse_agreements
from models.documents import InputError
from pipelines.run import Clock, Progress
from pipelines.scratch_runs import ScratchBook, reading, scratch_folder

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_RUN = re.compile(r"r[0-9a-f]{3,16}")


@dataclass(frozen=True)
class Asked:
    """How a difference is told: `count` of the largest, attributes of partners, whether every changed payout is listed."""

    count: int = 10
    attributes: Sequence[str] = ()
    lists_all: bool = False


@dataclass(frozen=True)
class Ends:
    """The two ends of a ladder. `base` is None where `tables` is all there is of it."""

    base: State | None
    new: State
    tables: Path | None
    notes: list[str]


def diff_book(
    folder: Path,
    other: str,
    as_of: dt.date | None = None,
    progress: Progress = silent,
    keep: Path | None = None,
    asked: Asked = Asked(),
    clock: Clock = read_clock,
) -> tuple[Findings, list[Row]]:
    """What is different from OTHER to the book, and every payout that is, if it was asked for. The book is only read.

    `keep`: an empty folder for the scratch copy, which is deleted otherwise.
    Raises InputError for what OTHER is not, and where the first or the last state cannot be run.
    """
    now = clock()
    with scratch_folder(keep) as scratch:
        with reading(folder):
            ends = _read_ends(folder, other, as_of, now, scratch)
        book = ScratchBook(scratch / "book", [each for each in (ends.base, ends.new) if each], progress, None if keep else TABLES)
        start = ends.base or ends.new
        with reading(start.folder):
            book.start_from(start)
        con = open_rungs(scratch / "differences.duckdb")
        try:
            _climb(con, ends, book)
            subtract(con)
            found = collect(con, _describe(ends), _describe_new(ends), list_attributes(con), asked.attributes, asked.count)
            found.notes = ends.notes
            found.lint_new, found.lint_gone = _lint(ends)
            return found, all_changes(con) if asked.lists_all else []
        finally:
            con.close()


def _read_ends(folder: Path, other: str, as_of: dt.date | None, now: dt.datetime, scratch: Path) -> Ends:
    (scratch / "new").mkdir()
    new, notes = state_of_folder(folder, now, scratch / "new", as_of, "this book")
    path = Path(other)
    if (path / "book.yaml").is_file():
        (scratch / "base").mkdir()
        with reading(path):
            base, warnings = state_of_folder(path, now, scratch / "base", as_of, other)
        found = published_set(path / "published")
        return Ends(replace(base, published=found), new, None, [*notes, *warnings])
    if (tables := published_set(path)) is not None:
        return _ends_of_set(folder, tables, new, notes)
    if path.is_dir():
        raise rejection(other, "this folder is no book (no book.yaml) and no published set (no tables.json); name one of these, a run id or a git revision")
    if _RUN.fullmatch(other) and (run := find_run(folder, other)):
        return Ends(state_of_run(folder, run), new, None, notes)
    texts = texts_at(folder, other)
    if changed := changed_since(folder, other):
        more = f" and {len(changed) - 1} more" if changed[1:] else ""
        notes.append(f"{changed[0]}{more} differ from {other} too, but a revision means its agreements: check it out and name its folder to compare the files")
    base = with_texts(new, texts, other, now, as_of)
    return Ends(replace(base, published=published_set(folder / "published")), new, None, notes)


def _ends_of_set(folder: Path, tables: Path, new: State, notes: list[str]) -> Ends:
    """Of a published set: the run that it is of, where the book or the one that it lies in knows it, and its tables alone elsewhere."""
    run = run_of_set(tables)
    for place in (folder, tables.parents[2] if len(tables.parents) > 2 else folder):
        if (place / "book.yaml").is_file() and (known := find_run(place, run.run_id)):
            return Ends(replace(state_of_run(place, known), published=tables), new, None, notes)
    alone = f"{tables} is of run {run.run_id}, whose inputs are in no archive here: causes cannot be told apart"
    return Ends(None, new, tables, [*notes, alone])


def _climb(con: DuckDBPyConnection, ends: Ends, book: ScratchBook) -> None:
    """Run every rung and add its tables. The first is what was published, where another version of the program published it."""
    if ends.base is None:
        assert ends.tables is not None, "a ladder has a first state or its tables"
        add_rung(con, ends.tables, None)
        add_rung(con, _set_after(book, ends.new), INPUTS)
        return
    try:
        first = _set_after(book, ends.base)
    except (InputError, CheckFailed) as error:
        raise rejection(ends.base.name, f"cannot be run as the program is today, so nothing can be compared with it: {error}") from None
    before = _published_otherwise(ends.base, first, ends.notes)
    if before is not None:
        add_rung(con, before, None)
    add_rung(con, first, CODE if before is not None else None)
    rungs, failed = rungs_between(ends.base, ends.new), ""
    for rung in rungs:
        cause = f"{failed} and {rung.cause}" if failed else rung.cause
        try:
            folder = _set_after(book, rung.state)
        except (InputError, CheckFailed) as error:
            if rung is rungs[-1]:
                raise
            failed = cause
            ends.notes.append(f"{cause} alone cannot be run with the rest as it was ({error}), so it is told together with what follows")
            continue
        add_rung(con, folder, cause)
        failed = ""


def _set_after(book: ScratchBook, state: State) -> Path:
    summary = book.run(state)
    return (summary.published_in / "current").resolve()


def _published_otherwise(base: State, recomputed: Path, notes: list[str]) -> Path | None:
    """The set that was published from the same inputs by another version of the program; None where this one published it, or nobody did."""
    now = run_of_set(recomputed)
    run = base.run or (run_of_set(base.published) if base.published else None)
    if run is None or run.code_version == code_version():
        return None
    same = ("agreements_sha256", "inputs_sha256", "settings_sha256", "as_of", "ledger_sha256", "write_offs_sha256", "payments_sha256")
    if base.run is None and any(getattr(run, name) != getattr(now, name) for name in same):
        return None
    if base.published is None:
        notes.append(f"the tables of {base.name} are not kept any more, so what another version of the program ({run.code_version}) changed is not told")
    return base.published


def _describe(ends: Ends) -> Row:
    if ends.base is None:
        assert ends.tables is not None, "a ladder has a first state or its tables"
        run = run_of_set(ends.tables)
        return {"name": str(ends.tables), "as_of": run.as_of, "run_id": run.run_id}
    return {"name": ends.base.name, "as_of": ends.base.as_of, "run_id": ends.base.run.run_id if ends.base.run else None}


def _describe_new(ends: Ends) -> Row:
    return {"name": ends.new.book.book, "as_of": ends.new.as_of, "run_id": None, "currency": ends.new.book.currency}


def _lint(ends: Ends) -> tuple[list[str], list[str]]:
    """What lint finds in the agreements now and did not before, and what it found before."""
    if ends.base is None:
        return [], []
    found = []
    for state in (ends.base, ends.new):
        texts = {name: text for name, text in state.texts.items() if name != "book.yaml"}
        sources = parse_agreements(texts, None, state.book.calendar)
        found.append({(each.file, each.key, each.message): str(each) for each in lint_agreements(sources, ends.new.as_of) if each.severity == "warning"})
    before, now = found
    return [text for key, text in now.items() if key not in before], [text for key, text in before.items() if key not in now]
