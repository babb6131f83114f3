"""Vars that note what is read of them: every way in which a template can read a value.

Belongs here: the notes. Does not belong here: files named by them (test_compiled_models.py).
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from jinja2 import Environment

from assets.transform.read_vars import Path, ReadVars, value_at

VALUES: dict[str, Any] = {"closed": True, "conditions": [[0, "a"]], "feeds": {"payments": {"key": ["id"], "day": None}, "targets": {"key": [], "day": None}}}


@pytest.mark.parametrize(
    ("template", "paths"),
    [
        ("nothing", set()),
        ("{{ book.closed }}", {("closed",)}),
        ("{{ book['closed'] }}", {("closed",)}),
        ("{{ book.get('closed') }}", {("closed",)}),
        ("{% if book.open %}{% endif %}", {("open",)}),
        ("{% if 'open' in book %}{% endif %}", {("open",)}),
        ("{{ dict(book.conditions) }}", {("conditions",)}),
        ("{% set feeds = book.feeds %}{{ feeds['targets'].key }}", {("feeds", "targets", "key")}),
        ("{% for name in book.feeds %}{% endfor %}", {("feeds",)}),
        ("{{ book.feeds | length }}", {("feeds",)}),
        ("{% if book.feeds %}{% endif %}", {("feeds",)}),
        ("{% for _, feed in book.feeds.items() %}{{ feed.key }}{% endfor %}", {("feeds",), ("feeds", "payments", "key"), ("feeds", "targets", "key")}),
        ("{{ dict(book.feeds.targets) }}", {("feeds", "targets"), ("feeds", "targets", "key"), ("feeds", "targets", "day")}),
        ("{{ book.feeds.targets == {} }}", {("feeds", "targets"), ("feeds", "targets", "key"), ("feeds", "targets", "day")}),
    ],
)
@pytest.mark.parametrize("through", [lambda book: book, copy.copy, copy.deepcopy])
def test_what_a_template_reads_is_noted(template: str, paths: set[Path], through: Any) -> None:
    reads: set[Path] = set()
    shown = Environment().from_string(template).render(book=through(ReadVars(VALUES, reads.add)))
    assert reads == paths
    assert shown == Environment().from_string(template).render(book=VALUES)


def test_a_path_leads_to_a_value_to_names_or_nowhere() -> None:
    assert value_at(VALUES, ("feeds", "payments", "key")) == ["id"]
    assert value_at(VALUES, ("feeds",)) == ["payments", "targets"]
    assert value_at(VALUES, ("feeds", "partners", "key")) is None
    assert value_at(VALUES, ("closed", "key")) is None
