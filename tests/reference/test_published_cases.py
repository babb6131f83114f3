"""The reference against worked examples that others published: vendors' documentation, tax tables, filings.

They live beside the project, not in it: `TIERLEDGER_SHARED` names the folder, or ../shared beside the checkout.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.reference.compute import compute
from tests.reference.read import ExactLoader, book_of_rows

SHARED = Path(os.environ.get("TIERLEDGER_SHARED") or Path(__file__).parents[2].parent / "shared")
CASES = SHARED / "cases" / "published.yaml"
FEEDS = ("transactions", "partners", "products", "targets", "metrics", "fx_rates", "assignments")


def _cases() -> Iterator[Any]:
    if not CASES.is_file():
        yield pytest.param(None, marks=pytest.mark.skip(reason=f"no published cases at {CASES}; set TIERLEDGER_SHARED to their folder"))
        return
    with CASES.open(encoding="utf-8") as file:
        for case in yaml.load_all(file, ExactLoader):
            yield pytest.param(case, id=case["case"])


@pytest.mark.parametrize("case", _cases())
def test_reference_agrees_with_what_was_published(case: dict[str, Any]) -> None:
    settings = {"currency": "EUR", "calendar": {"kind": "gregorian", "year_starts": "01-01"}}
    book = book_of_rows(settings, case["agreements"], {feed: case.get(feed, []) for feed in FEEDS}, case.get("as_of") or dt.date(2099, 12, 31))
    results = compute(book)
    for expected in case["expect"]:
        row = results.payouts[expected["agreement"], expected["benefit"], expected["participant"], expected["window_start"]]
        found = {key: row[key] for key in ("payout", "tier", "measure") if key in expected}
        assert found == {key: expected[key] for key in found}
        if "attainment" in expected:
            assert round(row["axis_value"], 6) == round(Fraction(expected["attainment"]), 6)
    for expected in case.get("expect_accrual", []):
        key = (expected["agreement"], expected["benefit"], expected["participant"], expected["window_start"], expected["period"])
        assert results.accruals[key] == expected["accrued_to_date"]
