"""Writing statements: a folder with the files of every participant, made in several processes.

Belongs here: which statements, which files, how the work is split. Does not belong here: what is in them.

A process opens the set itself and reads a batch of participants at a time, so memory does not grow with the number of statements.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from assets.published.reader import connect_set, fetch, open_set, read_manifest_of
from assets.report.tables import slug
from assets.runtime.errors import rejection
from assets.runtime.sql import scan
from assets.statements.document.tell import LINES_ON_PAPER, tell
from assets.statements.html import write_html
from assets.statements.pdf import write_pdf
from assets.statements.read import list_participants, read_period, read_statements
from assets.statements.reasons import write_reasons
from assets.statements.statement import Period, Statement
from assets.statements.words import languages, words_of
from assets.statements.workbook.sheets import write_workbook
from models.book.settings import Book
from models.book.statement_settings import StatementSettings
from models.documents import InputError, Problem

FORMATS = ("html", "pdf", "xlsx")
#: Statements that are read at a time, and fewer than which one process makes.
BATCH, ALONE = 100, 24


@dataclass(frozen=True)
class Request:
    """What is asked for. `period`: None for the one that holds as_of. `participants`: none for all. `language`: instead of everyone's own."""

    period: str | None
    participants: tuple[str, ...] = ()
    formats: tuple[str, ...] = FORMATS
    language: str | None = None


@dataclass(frozen=True)
class Written:
    """What a statement became: a row of statements.csv."""

    participant_id: str
    name: str
    number: str
    state: str
    language: str
    payable: str
    sha256: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class _Work:
    """What a process needs."""

    current: Path
    reasons: Path
    period: Period
    settings: StatementSettings
    logo: tuple[str, bytes] | None
    language: str | None
    formats: tuple[str, ...]
    target: Path


def write_statements(folder: Path, book: Book, published: Path, request: Request, target: Path | None, processes: int) -> tuple[Period, Path, list[Written]]:
    """Write the statements, and statements.csv, which lists them. `target`: the folder, by default statements-PERIOD.

    Raises InputError where nothing is published or the request names what is not there.
    """
    _check(request)
    logo = _read_logo(folder, book.statements)
    with tempfile.TemporaryDirectory() as scratch, open_set(published) as con:
        current = (published / "current").resolve()
        manifest = _manifest(current)
        period = read_period(con, request.period, manifest["run"], book.book, manifest.get("proposal", ""))
        participants = list_participants(con, period, request.participants)
        reasons = Path(scratch) / "reasons.parquet"
        write_reasons(con, period, reasons)
        target = target or Path(f"statements-{period.period}")
        target.mkdir(parents=True, exist_ok=True)
        work = _Work(current, reasons, period, book.statements, logo, request.language, request.formats, target)
        written = list(_in_batches(work, participants, processes))
    _write_list(target / "statements.csv", written)
    return period, target, written


def _check(request: Request) -> None:
    if unknown := [name for name in request.formats if name not in FORMATS]:
        raise InputError([Problem("--format", 0, "", f"{unknown[0]!r} is not known; allowed: {', '.join(FORMATS)}")])
    if request.language and request.language not in languages():
        raise InputError([Problem("--language", 0, "", f"there are no words for {request.language!r}; there are: {', '.join(languages())}")])


def _read_logo(folder: Path, settings: StatementSettings) -> tuple[str, bytes] | None:
    if settings.logo is None:
        return None
    path = (folder / settings.logo).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise rejection("book.yaml", f"statements.logo: there is no file {settings.logo} in the book's folder")
    return path.name, path.read_bytes()


def _in_batches(work: _Work, participants: Sequence[str], processes: int) -> Iterator[Written]:
    if len(participants) < ALONE or processes < 2:
        yield from _write_batches(work, participants)
        return
    size = min(BATCH, -(-len(participants) // processes))
    batches = [participants[n : n + size] for n in range(0, len(participants), size)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        for written in pool.map(_write_batch, [work] * len(batches), batches):
            yield from written


def _write_batches(work: _Work, participants: Sequence[str]) -> Iterator[Written]:
    for n in range(0, len(participants), BATCH):
        yield from _write_batch(work, participants[n : n + BATCH])


def _write_batch(work: _Work, participants: Sequence[str]) -> list[Written]:
    manifest = _manifest(work.current)
    with connect_set(work.current, manifest) as con:
        con.execute("set threads = 1")
        con.execute(f"create view reasons as from {scan(work.reasons)}")
        attributes = {row["partner_id"]: row for row in fetch(con, _LANGUAGES, {"name": f"$.{work.settings.language_from}", "ids": list(participants)})}
        return [_write(work, each, attributes.get(str(each.participant["partner_id"]), {})) for each in read_statements(con, work.period, participants)]


@cache
def _manifest(current: Path) -> dict[str, Any]:
    return read_manifest_of(current) or {}


def _write(work: _Work, statement: Statement, chosen: dict[str, Any]) -> Written:
    own = str(chosen.get("language") or "").strip().lower()[:2]
    language = work.language or (own if own in languages() else work.settings.language)
    document = tell(statement, words_of(language), work.settings)
    name = slug(str(statement.participant["partner_id"]))
    content = {}
    if "html" in work.formats:
        content[f"{name}.html"] = write_html(statement, document, work.settings, work.logo)
    if "pdf" in work.formats:
        paper = tell(statement, words_of(language), work.settings, LINES_ON_PAPER)
        content[f"{name}.pdf"] = write_pdf(statement, paper, work.settings, work.logo)
    if "xlsx" in work.formats:
        content[f"{name}.xlsx"] = write_workbook(statement, document, words_of(language), work.settings.colour)
    for file, data in content.items():
        (work.target / file).write_bytes(data)
    return Written(
        participant_id=str(statement.participant["partner_id"]),
        name=str(statement.participant["name"] or ""),
        number=statement.number,
        state=document.state,
        language=language,
        payable="; ".join(f"{position.direction} {position.now['payable']} {position.currency}" for position in statement.positions),
        sha256=statement.sha256,
        files=tuple(content),
    )


def _write_list(path: Path, written: Sequence[Written]) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["participant_id", "name", "number", "state", "language", "payable_now", "data_sha256", "files"])
        writer.writerows([w.participant_id, w.name, w.number, w.state, w.language, w.payable, w.sha256, " ".join(w.files)] for w in written)


_LANGUAGES = "select partner_id, json_extract_string(attributes, $name) as language from dim_partner where partner_id in (select unnest($ids))"
