"""Multiples that are counted: full and begun ones, where a window stands and where it may end, and how the steps say it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calculation.measures.multiples import count_multiples
from models.curves.pieces import exact
from tests.support.small_book import Line, Small, calculate

D = Decimal
TERM = {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 12, 31)}
PALLETS = {"of": "quantity", "every": 42}


def results_of(measure: dict[str, Any], quantities: list[int], as_of: dt.date = dt.date(2026, 1, 1), **more: Any) -> dict[str, pl.DataFrame]:
    """A year's agreement with a line of each quantity on the first of each month."""
    targets = more.pop("targets", [])
    benefit = {"id": "b", "clause": "1", "window": "year", "measure": measure, "tiers": [{"from": 0, "per_unit": 60}], **more}
    lines = [Line(dt.date(2025, month, 1), D(10 * q), D(q), D(1)) for month, q in enumerate(quantities, 1)]
    return calculate(Small({"agreement": "A", "currency": "EUR", "term": TERM, "participants": ["P"], "benefits": [benefit]}, lines, targets, as_of))


@given(values=st.lists(st.tuples(st.integers(-500, 500), st.integers(1, 60), st.booleans()), min_size=1))
def test_below_0_both_count_towards_0(values: list[tuple[int, int, bool]]) -> None:
    sums, every, is_up = (list(column) for column in zip(*values, strict=True))
    expected = [ceil(Fraction(s, n)) if up or s < 0 else floor(Fraction(s, n)) for s, n, up in values]
    assert count_multiples(exact(sums), exact(every), np.array(is_up)).tolist() == expected


@pytest.mark.parametrize(
    ("more", "targets", "projected", "accrued"),
    [
        # 30 in 59 of 365 days are 185.59 by the year's end: 4 full multiples, of which none is there yet
        ({}, [], 4, 0),
        ({"measure": {**PALLETS, "round": "up"}}, [], 5, 60),
        # the feed says how many multiples are expected
        ({"accrue": {"placement": "forecast", "forecast": "feed"}}, [D("7.5")], 7, 0),
    ],
)
def test_the_sum_is_projected_and_then_counted(more: dict[str, Any], targets: list[Decimal], projected: int, accrued: int) -> None:
    benefit = {"accrue": {"placement": "forecast"}, **more}
    rows = [{"benefit": "b", "window_start": dt.date(2025, 1, 1), "target": target} for target in targets]
    found = results_of(benefit.pop("measure", PALLETS), [10, 20], dt.date(2025, 2, 28), targets=rows, **benefit)
    assert found["achievement"].sort("period_no")["projected_measure"].to_list()[-1] == projected
    assert found["accruals"].sort("period_no")["accrued_to_date"].to_list()[-1] == accrued


def test_the_measure_of_a_period_is_what_its_lines_bring() -> None:
    found = results_of(PALLETS, [41, 2, 42])["achievement"].sort("period_no")
    assert found["measure_period"].to_list()[:4] == [41, 2, 42, 0]
    assert found["measure_to_date"].to_list()[:4] == [0, 1, 2, 2]
    assert found["gap_to_next_tier"].to_list()[0] is None


def test_the_base_of_a_rate_stays_a_sum() -> None:
    payout = results_of(PALLETS, [42, 43], base="amount", tiers=[{"from": 2, "rate": D("0.1")}])["payouts"].row(0, named=True)
    assert (payout["measure"], payout["quantity"], payout["base"], payout["payout"]) == (2, 2, 850, 85)
    counted = results_of(PALLETS, [42, 43], tiers=[{"from": 2, "amount": 5}])["payouts"].row(0, named=True)
    assert counted["base"] == 2


def test_the_steps_say_what_is_counted() -> None:
    steps = results_of({**PALLETS, "round": "up"}, [42, 43])["calculation_steps"].select("formula", "inputs", "result").rows()
    assert steps[0] == ("M = begun multiples of 42 in the sum of quantity over 2 lines", "from 2025-01-01 to 2025-12-31, sum = 85", 3)
    assert steps[1][0] == "Q = M"
    assert ("per_unit × Q", "per_unit = 60, Q = 3", 180) in steps
