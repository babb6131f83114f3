"""Approving an agreement: the name, the day and the hash of its terms, written into its file.

Belongs here: who may approve, and changing the file. Does not belong here: what an approval covers (models/agreements/approval.py).
"""

from __future__ import annotations

import datetime as dt
import difflib
import json
from dataclasses import dataclass
from pathlib import Path

from assets.agreements.authors import authors_since_approval
from assets.agreements.load import read_agreements
from assets.runtime.book_folder import book_day, lock_book, open_book
from assets.runtime.durable_files import write_atomically
from models.agreements.approval import is_same_person, terms_sha256
from models.agreements.parse import Source
from models.documents import Document, InputError, Problem, parse_documents
from models.records.closing import clean_text
from models.unicode_form import composed


@dataclass(frozen=True)
class Approved:
    """An approval. `is_new`: it was written now; otherwise the same terms were approved before."""

    source: Source
    by: str
    on: dt.date
    terms_sha256: str
    is_new: bool


def approve_agreement(folder: Path, agreement: str, by: str, version: int | None = None) -> Approved:
    """Write the approval of the terms as they are now: of `version`, by default the highest. The day is the book's. A text with a table is approved whole.

    Raises InputError for mistakes in the book, an unknown agreement, a blank name, and for the author of the terms.
    """
    name, agreement = clean_text("--by", by), composed(agreement)
    book = open_book(folder)
    with lock_book(folder):
        source = _find(read_agreements(folder, None, book.calendar), agreement, version)
        day, sha256, given = book_day(book), terms_sha256(source.document.approved_terms), source.agreement.approved
        if given and given.terms_sha256 == sha256 and given.on <= day:
            return Approved(source, given.by, given.on, sha256, False)
        _check_author(folder, source, name)
        _write(folder, source.document.written, name, day, sha256)
    return Approved(source, name, day, sha256, True)


def _find(sources: list[Source], agreement: str, version: int | None) -> Source:
    named = [source for source in sources if source.agreement.agreement == agreement]
    if not named:
        close = difflib.get_close_matches(agreement, [source.agreement.agreement for source in sources], 1)
        raise InputError([Problem("agreements", 0, "", f"there is no agreement {agreement}" + (f"; did you mean {close[0]}?" if close else ""))])
    found = [source for source in named if version in (None, source.agreement.version)]
    if not found:
        versions = ", ".join(str(source.agreement.version) for source in named)
        raise InputError([Problem("--version", 0, "", f"{agreement} has no version {version}; it has {versions}")])
    return found[-1]


def _check_author(folder: Path, source: Source, by: str) -> None:
    """Raises InputError where changed_by or git says that this person has changed the terms."""
    agreement, document = source.agreement, source.document
    authors = {"changed_by": [agreement.changed_by or ""]}
    authors["git"] = authors_since_approval(folder, document, agreement.agreement, agreement.version)
    for origin, names in authors.items():
        if any(is_same_person(by, name) or is_same_person(by, name.partition("@")[0]) for name in names):
            message = f"{by} has changed the terms of {agreement.agreement} ({origin}) and cannot approve them; another person must"
            raise InputError([Problem("--by", 0, "", message)])


def _write(folder: Path, document: Document, by: str, on: dt.date, sha256: str) -> None:
    """Replace or add the line `approved`. Everything else in the file stays as it is."""
    path = (folder / document.file).resolve()
    text = path.read_bytes().decode("utf-8")
    line = f"approved: {{by: {json.dumps(by, ensure_ascii=False)}, on: {on}, terms_sha256: {sha256}}}"
    changed = _with_line(text, document, line)
    wanted = [each.value for each in parse_documents(text, document.file)]
    place = [each.index for each in parse_documents(text, document.file)].index(document.index)
    wanted[place] = {**wanted[place], "approved": {"by": by, "on": on, "terms_sha256": sha256}}
    try:
        is_right = [each.value for each in parse_documents(changed, document.file)] == wanted
    except InputError:
        is_right = False
    if not is_right:
        message = f"the approval cannot be written into this layout. Write the key yourself, on a line of its own: {line}"
        raise InputError([document.problem(("approved",), message)])
    mode = path.stat().st_mode
    write_atomically(path, changed.encode())
    path.chmod(mode)


def _with_line(text: str, document: Document, line: str) -> str:
    """The text with the line in place of `approved` and what is indented below it, or after the agreement's id."""
    lines = text.split("\n")
    has_approval = "approved" in document.value
    above = "agreement" if "agreement" in document.value else "for_each"
    at = document.line_of(("approved",) if has_approval else (above,)) - (1 if has_approval else 0)
    end = at + 1 if has_approval else at
    while has_approval and end < len(lines) and lines[end][:1] in (" ", "\t"):
        end += 1
    ending = "\r" if text.partition("\n")[0].endswith("\r") else ""
    return "\n".join([*lines[:at], line + ending, *lines[end:]])
