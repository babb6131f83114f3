"""docs/language-reference.md says what the types of the language say today, and the editors' schema takes what the program takes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import examples.demo
from models.agreements.reference import agreement_json_schema
from models.documents import parse_documents
from pipelines.pages.language import PAGE, render_language_page

DEMO = Path(examples.demo.__file__).parent / "agreements"
VALIDATOR = jsonschema.Draft202012Validator(agreement_json_schema())


def as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_json(each) for each in value]
    return float(value) if isinstance(value, Decimal) else value.isoformat() if isinstance(value, dt.date) else value


def test_the_reference_page_is_the_one_made_from_the_types() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_language_page(), "run `make language-page`"


@pytest.mark.parametrize("file", sorted(DEMO.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_editors_schema_takes_the_agreements_of_the_demo_book(file: Path) -> None:
    for document in parse_documents(file.read_text(encoding="utf-8"), file.name):
        VALIDATOR.validate(as_json(document.value))


@pytest.mark.parametrize(
    "change",
    [
        {"currencyy": "EUR"},
        {"version": "two"},
        {"benefits": []},
        {"benefits": [{"id": "b", "clause": 1, "window": "decade", "tiers": [{"from": 0, "rate": 0}]}]},
        {"benefits": [{"id": "b", "clause": 1, "window": "year", "tiers": [{"from": "0", "rate": 0}]}]},
        {"benefits": [{"id": "b", "clause": 1, "window": "year", "by": {"metrik": "nps"}, "tiers": [{"from": 0, "rate": 0}]}]},
    ],
)
def test_the_editors_schema_refuses_what_the_program_refuses(change: dict[str, Any]) -> None:
    plain = {
        "agreement": "A", "currency": "EUR", "term": {"from": "2025-01-01", "to": "2025-12-31"}, "participants": ["P"],
        "benefits": [{"id": "b", "clause": 4.1, "window": "year", "tiers": [{"from": 0, "rate": 0.1}]}],
    }  # fmt: skip
    VALIDATOR.validate(plain)
    assert not VALIDATOR.is_valid({**plain, **change})
