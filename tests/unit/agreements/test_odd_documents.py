"""Settings and agreements that are legal YAML and make no sense: a message with its place, never a traceback.

Belongs here: absurd values in every key, and documents that hold nothing. Does not belong here: what each key allows (test_agreement_language.py).
"""

from __future__ import annotations

import datetime as dt
import random
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest

from models.agreements.parse import parse_agreements
from models.agreements.tables.terms import make_terms
from models.book.settings import parse_book
from models.documents import InputError
from tests.support.exact_text import to_yaml
from tests.support.odd_settings import AGREEMENT, BOOK, places, try_out, with_value

ODD: list[Any] = [
    None, True, -1, 0, 10**13, 10**40, 10**59, Decimal("-0.000000000001"), Decimal("1" + "0" * 50 + ".5"), "", " ", "\u200b",
    "select", "env:", "..", "'", "a" * 5_000,
    [], {}, [[]], [None], {"a": None}, {"": ""}, [1, "a"], dt.date(1, 1, 1), dt.date(9999, 12, 31), "0000-00-00", "NaN", "{{ x }}", "a\x07b", "/", "*" * 50,
]  # fmt: skip


def test_the_documents_are_right_before_they_are_changed() -> None:
    settings = parse_book(to_yaml(BOOK))
    assert parse_agreements({"a.yaml": to_yaml(AGREEMENT)}, None, settings.calendar)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 4))])
def test_an_absurd_value_ends_in_a_message(seed: int) -> None:
    rng = random.Random(seed)
    changes = [(document, path, value) for document in (BOOK, AGREEMENT) for path in places(document) for value in ODD]
    for document, path, value in rng.sample(changes, 500):
        changed = with_value(document, path, value)
        try_out(*map(to_yaml, (changed, AGREEMENT) if document is BOOK else (BOOK, changed)))


@pytest.mark.parametrize("text", ["", "---\n", "---\n---\n", "# nothing\n", "...\n", "null\n", "[]\n", '""\n', "- a\n", "5\n", "---\n# a\n---\n{}\n"])
def test_a_document_that_holds_nothing_is_none_or_is_named(text: str) -> None:
    settings = parse_book(to_yaml(BOOK))
    for texts in ({"a.yaml": text}, {"a.yaml": text, "b.yaml": to_yaml(AGREEMENT)}):
        with suppress(InputError):
            make_terms(settings, parse_agreements(texts), dt.date(2025, 12, 31))
    with pytest.raises(InputError):
        parse_book(text)


@pytest.mark.parametrize("text", ["", "---\n", "# nothing\n", "null\n"])
def test_a_file_without_an_agreement_is_refused(text: str) -> None:
    """A file that was cut off would end an agreement in silence."""
    with pytest.raises(InputError, match=r"^a.yaml: holds no agreement; write one, or take the file out of agreements/$"):
        parse_agreements({"a.yaml": text, "b.yaml": to_yaml(AGREEMENT)})


@pytest.mark.parametrize("digits", [61, 5_000])
def test_an_absurd_number_is_named(digits: int) -> None:
    with pytest.raises(InputError, match=rf"a number of {digits:,} characters"):
        parse_book("book: t\ncurrency: " + "9" * digits)


@pytest.mark.parametrize("name", ["user", "select", "table", "information_schema", "public", "pg_x", "current_user"])
def test_a_reserved_name_is_no_schema(name: str) -> None:
    with pytest.raises(InputError, match="name"):
        parse_book(to_yaml(with_value(BOOK, ("publish", "postgres", "schema"), name)))
