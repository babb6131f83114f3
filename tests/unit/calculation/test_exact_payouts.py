"""Exact payouts: the fraction before rounding, where it is given, and how a long one is shortened."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calculation.earnings.exact_payouts import MOST, exact_payouts, forget_changed
from models.curves.pieces import Exact, exact
from models.money import EXACT, round_ratio
from tests.support.evaluation import Row, benefits, by_formula, evaluate, limited, rows_near_thresholds

D = Decimal
RATE = {"tiers": [{"from": D(0), "rate": D("0.0125")}]}


def integer(number: int) -> Exact:
    return exact([number])


def exact_of(benefit: dict[str, Any], row: Row, minor_units: int = 2) -> Fraction | None:
    found = evaluate(benefit, [row], minor_units).row(0, named=True)
    return found["exact_numerator"] and Fraction(int(found["exact_numerator"]), int(found["exact_divisor"]))


@given(data=st.data(), minor_units=st.sampled_from([0, 2, 3]), rounding=st.sampled_from(["half_up", "half_even"]))
def test_it_is_what_the_formulas_say_or_so_near_that_it_is_rounded_alike(data: st.DataObject, minor_units: int, rounding: Any) -> None:
    benefit = data.draw(benefits())
    rows = data.draw(rows_near_thresholds(benefit))
    for row, found in zip(rows, evaluate(benefit, rows, minor_units, rounding).iter_rows(named=True), strict=True):
        paid = by_formula(benefit, row)[0]
        has_lines_and_pays = row.m > 0 and paid != 0 and limited(benefit, row, paid) == paid
        assert (found["exact_numerator"] is not None) == has_lines_and_pays, row
        if has_lines_and_pays:
            numerator, divisor = int(found["exact_numerator"]), int(found["exact_divisor"])
            assert abs(Fraction(numerator, divisor) - paid * 10**minor_units) < Fraction(1, 2**50)
            assert max(abs(numerator), divisor) * row.m * 10**12 <= MOST
            assert round_ratio(numerator, divisor, rounding) == found["earned"] * 10**minor_units


def test_a_short_fraction_is_not_changed() -> None:
    assert exact_of(RATE, Row(D("100.10"))) == Fraction("125.125")
    assert exact_of(RATE, Row(D("100.10")), minor_units=0) == Fraction("1.25125")


@pytest.mark.parametrize("rounding", ["half_up", "half_even"])
@pytest.mark.parametrize("cents", [Fraction(247, 2), Fraction(245, 2), Fraction(-247, 2)])
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_a_long_fraction_just_beside_a_half_stays_on_its_side(rounding: Any, cents: Fraction, beyond: int) -> None:
    """What is beyond the half is far below the bits that are left."""
    rows = pl.DataFrame({"measure_to_date": [D(10**12)], "payout_unit": [100]}, schema_overrides={"measure_to_date": EXACT})
    long = cents + Fraction(beyond, 10**40)
    found = exact_payouts(rows, (integer(long.numerator), integer(100 * long.denominator)), np.array([True]))
    numerator, divisor = (int(found[name][0]) for name in ("exact_numerator", "exact_divisor"))
    assert round_ratio(numerator, divisor, rounding) == round_ratio(long.numerator, long.denominator, rounding)
    assert max(abs(numerator), divisor) * 10**24 <= MOST


@pytest.mark.parametrize(("measure", "earned"), [(10**25, (10**9, 7)), (154_742_504_910_672, (10**9, 7)), (10**13, (10**13, 1))])
def test_a_fraction_for_which_fewer_than_two_bits_are_left_is_not_given(measure: int, earned: tuple[int, int]) -> None:
    rows = pl.DataFrame({"measure_to_date": [D(measure)], "payout_unit": [100]}, schema_overrides={"measure_to_date": EXACT})
    assert exact_payouts(rows, (integer(earned[0]), integer(earned[1])), np.array([True]))["exact_numerator"].to_list() == [None]


@pytest.mark.parametrize("limits", [{"at_most": D(1)}, {"rate_at_most": D("0.0124")}, {"pays_from": D(2)}, {"at_least": D(2)}])
def test_a_limit_that_holds_ends_it(limits: dict[str, Decimal]) -> None:
    assert exact_of({**RATE, "limits": limits}, Row(D("100.10"))) is None
    loose = {"at_most": D(9), "rate_at_most": D("0.0125"), "pays_from": D(1), "at_least": D(1)}
    assert exact_of({**RATE, "limits": loose}, Row(D("100.10"))) == Fraction("125.125")


def test_factors_belong_to_it() -> None:
    multiply = {"by": "measure", "tiers": [{"from": D(0), "factor": D("1.5")}]}
    gate = {"by": "measure", "at_least": D(999), "otherwise": D("0.1")}
    assert exact_of({**RATE, "multiply": multiply, "requires": [gate]}, Row(D("100.10"))) == Fraction("125.125") * Fraction("0.15")


def test_a_blocked_row_and_one_with_nothing_to_share_by_have_none() -> None:
    row = Row(D("100.10"))
    assert [exact_of(RATE, other) for other in (replace(row, reason="fx"), replace(row, m=D(0)), replace(row, m=D(-5), e=D(5)))] == [None] * 3


def test_what_changes_a_payout_after_it_was_rounded_ends_it() -> None:
    frame = pl.DataFrame(
        {
            "payout": [D("1.25"), D("1.24"), D("1.25")], "earned": [D("1.25")] * 3, "window_start": [2, 2, 2], "span_start": [2, 2, 1],
            "exact_numerator": [D(125)] * 3, "exact_divisor": [D(1)] * 3,
        }
    ).with_columns(pl.col("exact_numerator", "exact_divisor").cast(EXACT))  # fmt: skip
    assert forget_changed(frame)["exact_divisor"].is_not_null().to_list() == [True, False, False]
