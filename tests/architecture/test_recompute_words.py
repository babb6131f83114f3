"""The auditor's recompute.py knows the whole language: every key of an agreement and every choice is named in it, or is one that no payout depends on.

Belongs here: words. Does not belong here: what it makes of them (tests/integration/evidence).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from assets.evidence.recomputed import PROGRAM
from models.agreements.schema import Agreement

#: Keys and choices that decide which lines count, when something is due, how it is accrued, booked or shown, or which version
#: values a window: the pack has the outcome.
_OF_NO_PAYOUT = """
    accounts accrue actual adjustment after agreement all amendment approved by_partner cash changed_by clause collected columns cost_centre
    credit direction document each effective exchange_difference exclude exclusive for_each forecast fully_collected hierarchy hold_disputed id include
    include_children lag_days minimum net_of next_window of on payable payable_expense payable_liability payee placement products quote receivable
    receivable_asset receivable_income release restate return returns review_by sale scope seasonal terms_sha256 tier title today types version when where
    write_off
"""
OF_NO_PAYOUT = set(_OF_NO_PAYOUT.split())
#: Of `slices`, and of `over`: the pack has the lines of these days.
OF_LINES = {"by_line", "prior_year", "trailing"}
#: Choices that are what remains when the others of their key are taken.
OTHERWISE = {"hold", "carry", "whole", "forecast", "prior", "feed", "none", "days", "lower_inclusive", "original", "period_end", "min", "posted", "down"}


def _words(annotation: Any, seen: set[Any]) -> Iterator[str]:
    """Every key and literal value below a type."""
    for part in get_args(annotation):
        if isinstance(part, str):
            yield part
        else:
            yield from _words(part, seen)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in seen:
        seen.add(annotation)
        for name, field in annotation.model_fields.items():
            yield field.alias or name
            yield from _words(field.annotation, seen)


def test_every_word_of_the_language_is_known() -> None:
    text = "".join(program.read_text() for program in PROGRAM)
    known = set(re.findall(r'"([a-z_]+)"', text)) | set(re.findall(r"'([a-z_]+)'", text))
    unknown = {word for word in _words(Agreement, set()) if re.fullmatch(r"[a-z_]+", word)} - known - OF_NO_PAYOUT - OTHERWISE - OF_LINES
    assert unknown == set(), "teach recompute.py these words, or list them here if no payout depends on them"


def test_no_word_is_listed_that_the_language_does_not_have() -> None:
    words = set(_words(Agreement, set()))
    assert (OF_NO_PAYOUT | OTHERWISE) - words == set()
