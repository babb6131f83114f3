"""Texts of agreement files to checked agreements, with every mistake at once.

Belongs here: putting the reading, the types and the rules together. Does not belong here: opening files (assets/agreements.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from models.agreements.rules import problems_between, problems_within
from models.agreements.schema import NOT_YET_VALUES, Agreement
from models.documents import Document, InputError, Problem, parse_documents
from models.validation import problems_of


@dataclass(frozen=True)
class Source:
    """An agreement and the document it was written in."""

    agreement: Agreement
    document: Document


def parse_agreements(texts: Mapping[str, str], require_approval: bool = False) -> list[Source]:
    """Every agreement in `texts` (file name → text), sorted by id and version.

    Raises InputError with all problems of all files.
    """
    problems: list[Problem] = []
    sources: list[Source] = []
    for file, text in sorted(texts.items()):
        try:
            documents = parse_documents(text, file)
        except InputError as error:
            problems += error.problems
            continue
        for document in documents:
            try:
                sources.append(Source(Agreement.model_validate(document.value), document))
            except ValidationError as error:
                problems += [_not_yet(problem, document) for problem in problems_of(error, document, Agreement)]
    for source in sources:
        problems += problems_within(source.agreement, source.document, require_approval)
    problems += problems_between([(s.agreement, s.document) for s in sources])
    errors = [p for p in problems if p.severity == "error"]
    if errors:
        raise InputError(errors)
    return sorted(sources, key=lambda s: (s.agreement.agreement, s.agreement.version))


def _not_yet(problem: Problem, document: Document) -> Problem:
    """Say "not yet" where the language knows the value but this version does not compute it."""
    key = problem.key.split("[")[0].rsplit(".", 1)[-1] if problem.key.endswith("]") else problem.key.rsplit(".", 1)[-1]
    value = _value_at(document.value, problem.key)
    known = isinstance(value, str) and value in NOT_YET_VALUES.get(key, ())
    is_amendment = key == "version" and isinstance(value, int) and value > 1
    is_mapping = key in ("by", "measure", "base", "fx", "placement") and isinstance(value, dict)
    attribute = key == "measure" and isinstance(value, str)
    if not (known or is_amendment or is_mapping or attribute):
        return problem
    shown = "an attribute as measure" if attribute else f"{key}: {value}"
    return Problem(problem.file, problem.line, problem.key, f"{shown} is not computed yet; {problem.message}", problem.severity)


def _value_at(value: Any, key: str) -> Any:
    for part in key.replace("[", ".[").split("."):
        if part.startswith("[") and isinstance(value, list):
            index = int(part[1:-1])
            value = value[index] if index < len(value) else None
        elif isinstance(value, dict):
            value = value.get(part)
        else:
            return None
    return value
