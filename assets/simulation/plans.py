"""Proposed agreements: reading them, putting them in the place of those that a book has, and moving their terms to another year.

Belongs here: texts. Does not belong here: running them (pipelines/simulation.py), what they cost (costs.py).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from assets.runtime.errors import rejection
from models.agreements.for_each import TableRow, read_documents
from models.agreements.schema import Agreement
from models.documents import Document, InputError
from models.validation import problems_of

_SUFFIXES = (".yaml", ".yml")
#: Where the texts of a plan stand in the scratch book.
_PLACE = "agreements/proposed"


@dataclass(frozen=True)
class Plan:
    """Proposed agreements. `texts`: their files by name; `ids`: the agreements that they are."""

    name: str
    texts: Mapping[str, str]
    ids: frozenset[str]


def read_plan(path: Path) -> Plan:
    """An agreement file, or a folder with agreement files and their tables. Raises InputError with the way out."""
    if path.is_dir():
        found = sorted(each for each in path.rglob("*") if each.suffix in (*_SUFFIXES, ".csv"))
        texts = {f"{_PLACE}/{each.relative_to(path).as_posix()}": _read(each) for each in found}
    else:
        texts = {f"{_PLACE}/{path.name}": _read(path)}
    if not any(name.endswith(_SUFFIXES) for name in texts):
        raise rejection(str(path), "no agreement here; name a *.yaml file with proposed agreements, or a folder that holds some")
    documents, problems = read_documents(texts)
    for document in documents:
        try:
            Agreement.model_validate(document.value)
        except ValidationError as error:
            problems += problems_of(error, document, Agreement)
    if problems:
        raise InputError(problems)
    return Plan(path.stem, texts, frozenset(_id(document) for document in documents))


def place_plan(texts: Mapping[str, str], plan: Plan, instead_of: Sequence[str] = ()) -> dict[str, str]:
    """The texts of the book with the plan in it: without the agreements of the same id and version, and without those that it is instead of.

    A proposed agreement that the book has already, equal in every value, is left where it is.
    """
    present, _ = read_documents({name: text for name, text in texts.items() if name != "book.yaml"})
    proposed, _ = read_documents(plan.texts)
    unknown = sorted(set(instead_of) - {_id(document) for document in present})
    if unknown:
        raise rejection("--instead-of", f"{unknown[0]} is no agreement of the book; it has {', '.join(sorted({_id(each) for each in present})[:20])}")
    values = {_key(document): document.value for document in present}
    if not instead_of and all(values.get(_key(document)) == document.value for document in proposed):
        return dict(texts)
    gone = {_key(document) for document in proposed}
    out = [document for document in present if _key(document) in gone or _id(document) in instead_of]
    rows = {document.written.file for document in out if isinstance(document, TableRow)}
    for document in present:
        if isinstance(document, TableRow) and document.written.file in rows and document not in out:
            message = "is a row of a table whose other rows would go too; propose the whole file, or write the agreement out"
            raise rejection(next(_id(each) for each in out if isinstance(each, TableRow)), message)
    return {**_without(texts, [document.written for document in out]), **plan.texts}


def only_in(texts: Mapping[str, str], ids: frozenset[str]) -> dict[str, str]:
    """The documents of these agreements, each in a file of its own."""
    documents, _ = read_documents({name: text for name, text in texts.items() if name != "book.yaml"})
    return {f"{_PLACE}/{n}.yaml": to_flow(each.value) for n, each in enumerate(documents) if _id(each) in ids}


def first_day(texts: Mapping[str, str]) -> dt.date:
    """The first day of the earliest term."""
    return min(Agreement.model_validate(each.value).term.from_ for each in read_documents(texts)[0])


def last_day(texts: Mapping[str, str]) -> dt.date:
    return max(Agreement.model_validate(each.value).term.to for each in read_documents(texts)[0])


def moved(plan: Plan, year: int | None) -> Plan:
    """The plan with all of its days so many years later that its first term begins in `year`; None: as it is."""
    years = 0 if year is None else year - first_day(plan.texts).year
    if not years:
        return plan
    documents, _ = read_documents(plan.texts)
    texts = {f"{_PLACE}/{n}.yaml": to_flow(_moved(document.value, years)) for n, document in enumerate(documents)}
    return Plan(plan.name, texts, plan.ids)


def to_flow(value: Any) -> str:
    """A value as YAML on one line, with every digit."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {to_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(to_flow, value)) + "]"
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return f"{value:f}" if isinstance(value, Decimal) else str(int(value)) if isinstance(value, int) else f'"{value}"'


def _moved(value: Any, years: int) -> Any:
    if isinstance(value, dict):
        return {key: _moved(each, years) for key, each in value.items() if key not in ("approved", "for_each")}
    if isinstance(value, list):
        return [_moved(each, years) for each in value]
    if isinstance(value, str):
        try:
            value = dt.date.fromisoformat(value) if len(value) == len("2026-01-01") else value
        except ValueError:
            return value
    if not isinstance(value, dt.date):
        return value
    try:
        return value.replace(year=value.year + years)
    except ValueError:  # 29 February
        return value.replace(year=value.year + years, day=28)


def _without(texts: Mapping[str, str], out: Sequence[Document]) -> dict[str, str]:
    """The texts without these documents; a file of which nothing is left goes."""
    left = dict(texts)
    for file in {document.file for document in out}:
        documents, _ = read_documents({name: text for name, text in texts.items() if name == file or name.endswith(".csv")})
        written = {document.written.index: document.written for document in documents if document.written.file == file}
        kept = [document for index, document in sorted(written.items()) if index not in {each.index for each in out if each.file == file}]
        if kept:
            left[file] = "\n---\n".join(to_flow(document.value) for document in kept)
        else:
            del left[file]
    return left


def _id(document: Document) -> str:
    return str(document.value.get("agreement") if isinstance(document.value, dict) else None)


def _key(document: Document) -> tuple[str, Any]:
    return _id(document), document.value.get("version", 1) if isinstance(document.value, dict) else None


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise rejection(str(path), "there is no such file; name a *.yaml file with proposed agreements, or a folder that holds some") from None
    except UnicodeDecodeError as error:
        raise rejection(str(path), f"not UTF-8 at byte {error.start}; save the file as UTF-8") from None
    except OSError as error:
        raise rejection(str(path), f"cannot be read: {error.strerror}") from None
