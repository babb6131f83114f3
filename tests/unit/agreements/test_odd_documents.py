"""Settings and agreements that are legal YAML and make no sense: a message with its place, never a traceback.

Belongs here: absurd values in every key, and documents that hold nothing. Does not belong here: what each key allows (test_agreement_language.py).
"""

from __future__ import annotations

import copy
import datetime as dt
import random
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from models.agreements.lint import lint_agreements
from models.agreements.parse import parse_agreements
from models.agreements.terms import make_terms
from models.book.settings import parse_book
from models.documents import InputError
from tests.support.exact_text import to_yaml

BOOK: dict[str, Any] = {
    "book": "t", "currency": "EUR", "as_of": dt.date(2025, 12, 31), "rounding": "half_up", "require_approval": False,
    "calendar": {"kind": "gregorian", "year_starts": "04-01"},
    "feeds": {"transactions": {"files": "*.csv", "columns": {"amount": "a * 2"}, "defaults": {"currency": "EUR"}, "key": ["transaction_id"],
                               "drop": {"rows": Decimal("0.5")}, "settle_seconds": 3, "nulls": ["x"], "thousands": "'"}},
    "accounts": {"cash": 1000}, "publish": {"parquet": True, "postgres": {"dsn": "env:A", "schema": "s", "reader": "r"}},
    "limits": {"memory": "1GB", "threads": 2, "spill": "x", "disk_free": "1MB"}, "close": {"quarantine_limit": 1, "write_off_limit": Decimal("1.5")},
}  # fmt: skip
AGREEMENT: dict[str, Any] = {
    "agreement": "A", "version": 1, "currency": "EUR", "term": {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 12, 31)}, "participants": {"region": "north"},
    "approved": {"by": "x", "on": dt.date(2025, 1, 1)}, "fx": {"fixed": {"USD": Decimal("0.9")}}, "combine": {"group": "G", "rule": "best", "priority": 1},
    "scope": {"products": {"include": {"brand": ["a"]}}, "types": ["sale"], "where": "a = 'b'"},
    "benefits": [
        {"id": "b", "clause": "1", "window": "quarter", "measure": {"of": "amount"}, "by": "attainment", "target": {"prior": "year", "times": Decimal("1.05")},
         "tiers": [{"from": 0, "rate": Decimal("0.1")}, {"from": 5, "rate": Decimal("0.2"), "amount": 5}], "limits": {"at_most": 500},
         "requires": [{"by": {"metric": "nps"}, "at_least": 5}], "settle": {"lag_days": 30}, "accrue": {"placement": {"tier": 1}},
         "multiply": {"by": "measure", "tiers": [{"from": 0, "factor": 1}]}},
        {"id": "m", "clause": "2", "window": "quarter", "incentive": 5,
         "matrix": {"rows": {"by": "measure", "from": [0]}, "columns": {"by": "measure", "from": [0]}, "share": [[1]]}},
    ],
}  # fmt: skip
ODD: list[Any] = [
    None, True, -1, 0, 10**13, 10**40, 10**59, Decimal("-0.000000000001"), Decimal("1" + "0" * 50 + ".5"), "", " ", "\u200b",
    "select", "env:", "..", "'", "a" * 5_000,
    [], {}, [[]], [None], {"a": None}, {"": ""}, [1, "a"], dt.date(1, 1, 1), dt.date(9999, 12, 31), "0000-00-00", "NaN", "{{ x }}", "a\x07b", "/", "*" * 50,
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(part, (*path, key))


def with_value(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    inner: Any = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


def try_out(book: dict[str, Any], agreement: dict[str, Any]) -> None:
    """What `validate` and the first step of a run do. Anything but InputError is a bug."""
    try:
        settings = parse_book(to_yaml(book))
        sources = parse_agreements({"a.yaml": to_yaml(agreement)}, None, settings.calendar)
        lint_agreements(sources, dt.date(2025, 12, 31))
        make_terms(settings, sources, dt.date(2025, 12, 31))
    except InputError:
        return


def test_the_documents_are_right_before_they_are_changed() -> None:
    settings = parse_book(to_yaml(BOOK))
    assert parse_agreements({"a.yaml": to_yaml(AGREEMENT)}, None, settings.calendar)


@pytest.mark.parametrize("seed", range(4))
def test_an_absurd_value_ends_in_a_message(seed: int) -> None:
    rng = random.Random(seed)
    changes = [(document, path, value) for document in (BOOK, AGREEMENT) for path in places(document) for value in ODD]
    for document, path, value in rng.sample(changes, 500):
        changed = with_value(document, path, value)
        try_out(*((changed, AGREEMENT) if document is BOOK else (BOOK, changed)))


@pytest.mark.parametrize("text", ["", "---\n", "---\n---\n", "# nothing\n", "...\n", "null\n", "[]\n", '""\n', "- a\n", "5\n", "---\n# a\n---\n{}\n"])
def test_a_document_that_holds_nothing_is_none_or_is_named(text: str) -> None:
    settings = parse_book(to_yaml(BOOK))
    for texts in ({"a.yaml": text}, {"a.yaml": text, "b.yaml": to_yaml(AGREEMENT)}):
        with suppress(InputError):
            make_terms(settings, parse_agreements(texts), dt.date(2025, 12, 31))
    with pytest.raises(InputError):
        parse_book(text)


@pytest.mark.parametrize("digits", [61, 5_000])
def test_an_absurd_number_is_named(digits: int) -> None:
    with pytest.raises(InputError, match=rf"a number of {digits:,} characters"):
        parse_book("book: t\ncurrency: " + "9" * digits)


@pytest.mark.parametrize("name", ["user", "select", "table", "information_schema", "public", "pg_x", "current_user"])
def test_a_reserved_name_is_no_schema(name: str) -> None:
    with pytest.raises(InputError, match="name"):
        parse_book(to_yaml(with_value(BOOK, ("publish", "postgres", "schema"), name)))
