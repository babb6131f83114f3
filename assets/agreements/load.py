"""The step that reads agreements/**/*.yaml and writes the tables `terms.*`.

Belongs here: opening the files and writing the tables. Does not belong here: what the language means (models/agreements).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from assets.runtime.context import RunContext, StepReport
from assets.runtime.warehouse import open_warehouse, transaction, write_table
from models.agreements.parse import Source, parse_agreements
from models.agreements.terms import make_terms
from models.calendars import CalendarSettings
from models.documents import InputError, Problem


def read_agreement_texts(folder: Path) -> dict[str, str]:
    """The text of every agreement file below `folder`/agreements, by its name relative to the book."""
    files = sorted(p for pattern in ("*.yaml", "*.yml") for p in (folder / "agreements").rglob(pattern))
    if not files:
        raise InputError([Problem("agreements", 0, "", f"no *.yaml file in {folder / 'agreements'}; write one agreement there (docs/language.md)")])
    texts = {}
    for path in files:
        name = path.relative_to(folder).as_posix()
        try:
            texts[name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InputError([Problem(name, 0, "", f"not UTF-8 at byte {error.start}; save the file as UTF-8")]) from None
    return texts


def read_agreements(folder: Path, require_approval: bool, calendar: CalendarSettings | None = None) -> list[Source]:
    """Every agreement of the book, checked. Raises InputError with all problems of all files."""
    return parse_agreements(read_agreement_texts(folder), require_approval, calendar)


def agreements_sha256(texts: Mapping[str, str]) -> str:
    """One hash over the names and texts of all agreement files."""
    digest = hashlib.sha256()
    for name, text in texts.items():
        digest.update(f"{name}\0{len(text)}\0{text}".encode())
    return digest.hexdigest()


def load_agreements(context: RunContext) -> StepReport:
    """Write every table of `terms.*` anew from the book's agreements and calendar. terms.loaded says of which texts: they may be edited meanwhile."""
    texts = read_agreement_texts(context.folder)
    sources = parse_agreements(texts, context.book.require_approval, context.book.calendar)
    terms = make_terms(context.book, sources, context.as_of)
    with open_warehouse(context) as con, transaction(con):
        con.execute("create schema if not exists terms")
        for name, frame in terms.items():
            write_table(con, f"terms.{name}", frame)
        con.execute("create or replace table terms.loaded as select ? as agreements_sha256", [agreements_sha256(texts)])
    return StepReport(rows={f"terms.{name}": frame.height for name, frame in terms.items()})
