"""Texts of agreement files to validated agreements, with every mistake at once.

Belongs here: parsing, types and rules in order. Does not belong here: opening files (assets/agreements/load.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from models.agreements.for_each import read_documents
from models.agreements.rules.groups import problems_between
from models.agreements.rules.rules import problems_within
from models.agreements.schema import Agreement
from models.calendars import CalendarSettings
from models.documents import Document, InputError, Problem
from models.validation import problems_of


@dataclass(frozen=True)
class Source:
    """An agreement and the document that it was read from."""

    agreement: Agreement
    document: Document


def parse_agreements(texts: Mapping[str, str], approval_day: dt.date | None = None, calendar: CalendarSettings | None = None) -> list[Source]:
    """Every agreement in `texts` (file name → text), sorted by id and version.

    `approval_day`: the day by which each must be approved; None: the book requires no approval. Raises InputError with all problems of all files.
    """
    documents, unread = read_documents(texts)
    sources, problems = check_documents(documents, approval_day, calendar)
    if problems := unread + problems:
        raise InputError(problems)
    return sources


def check_documents(
    documents: Sequence[Document], approval_day: dt.date | None = None, calendar: CalendarSettings | None = None
) -> tuple[list[Source], list[Problem]]:
    """The agreements of the documents that are right, sorted by id and version, and every mistake in and between them."""
    problems: list[Problem] = []
    sources: list[Source] = []
    rejected_ids: set[str] = set()
    for document in documents:
        source, found = _parse(document, approval_day)
        problems += found
        if source:
            sources.append(source)
        elif isinstance(document.value, dict):
            rejected_ids.add(str(document.value.get("agreement")))
    sources.sort(key=lambda s: (s.agreement.agreement, s.agreement.version))
    return sources, problems + problems_between([(s.agreement, s.document) for s in sources], calendar or CalendarSettings(), rejected_ids)


def _parse(document: Document, approval_day: dt.date | None) -> tuple[Source | None, list[Problem]]:
    try:
        agreement = Agreement.model_validate(document.value)
    except ValidationError as error:
        return None, problems_of(error, document, Agreement)
    problems = problems_within(agreement, document, approval_day)
    return (None if problems else Source(agreement, document)), problems
