"""Which benefits pay a constant rate of their measure within a tier."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from models.agreements.lint.payments import has_constant_rate
from models.agreements.schema import Benefit

RATES = [{"from": 0, "rate": D("0.01")}, {"from": 100, "rate": D("0.02")}]
UNITS = [{"from": 0, "per_unit": D("0.5")}]
SHARES = [{"from": 0, "share": D("0.5")}]
POINTS = [{"from": 0, "factor": 1}, {"from": 1, "factor": 2}]
GRID = {"rows": {"by": "measure", "from": [0]}, "columns": {"by": "growth", "from": [0]}}


def is_constant(**keys: Any) -> bool:
    return has_constant_rate(Benefit.model_validate({"id": "b", "clause": "1", "window": "year", **keys}))


@pytest.mark.parametrize(
    "keys",
    [
        {"tiers": RATES},
        {"tiers": RATES, "method": "total"},
        {"tiers": RATES, "method": "graduated"},
        {"tiers": RATES, "by": "attainment", "target": 100},
        {"tiers": RATES, "by": "rank"},
        {"tiers": RATES, "base": "amount"},
        {"tiers": RATES, "prorate": "days"},
        {"tiers": RATES, "requires": [{"by": "growth", "at_least": 0, "otherwise": D("0.5")}]},
        {"tiers": RATES, "multiply": {"by": "measure", "tiers": POINTS}},
        {"tiers": RATES, "multiply": {"by": {"metric": "nps"}, "method": "linear", "tiers": POINTS}},
        {"tiers": UNITS, "measure": "quantity"},
        {"tiers": SHARES, "method": "graduated", "by": "attainment", "target": 100, "incentive": 1000},
        {"matrix": {**GRID, "rate": [[D("0.01")]]}},
    ],
)  # fmt: skip
def test_it_is_constant(keys: dict[str, Any]) -> None:
    assert is_constant(**keys)


@pytest.mark.parametrize(
    "keys",
    [
        {"tiers": [{"from": 0, "rate": D("0.01"), "amount": 5}]},
        {"tiers": [{"from": 0, "amount": 5}]},
        {"tiers": SHARES, "incentive": 1000},
        {"tiers": RATES, "method": "linear"},
        {"tiers": RATES, "method": "rolling"},
        {"tiers": RATES, "base": "quantity"},
        {"tiers": RATES, "base": "increment", "baseline": 100},
        {"tiers": RATES, "measure": {"of": "amount", "scope": {"types": ["sale"]}}, "base": "amount"},
        {"tiers": UNITS},
        {"tiers": UNITS, "measure": {"of": "quantity", "scope": {"types": ["sale"]}}},
        {"tiers": RATES, "method": "graduated", "prorate": "days"},
        {"tiers": RATES, "multiply": {"by": "measure", "method": "linear", "tiers": POINTS}},
        {"matrix": {**GRID, "rate": [[D("0.01")]], "method": "linear"}},
        {"matrix": {**GRID, "amount": [[5]]}},
    ],
)  # fmt: skip
def test_it_is_not_constant(keys: dict[str, Any]) -> None:
    assert not is_constant(**keys)
