"""Rounding: the one place where a ratio becomes an amount, against Python's own decimal arithmetic."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.currencies import MINOR_UNITS, describe_payout_unit, payout_unit
from models.money import as_exact, as_money, round_ratio

D = Decimal
#: Room for any number drawn here without rounding of its own.
WIDE = Context(prec=200)
RULES = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN}

ANY = st.integers(-(10**40), 10**40)
TIES = st.integers(-(10**20), 10**20).map(lambda n: 2 * n + 1)


@given(numerator=ANY, places=st.integers(0, 30), rounding=st.sampled_from(sorted(RULES)))
@example(numerator=5, places=1, rounding="half_up")
@example(numerator=-5, places=1, rounding="half_up")
@example(numerator=15, places=1, rounding="half_even")
@example(numerator=-25, places=1, rounding="half_even")
def test_decimal_fractions_round_as_decimal_does(numerator: int, places: int, rounding: Any) -> None:
    expected = D(numerator).scaleb(-places, WIDE).quantize(D(1), RULES[rounding], WIDE)
    assert round_ratio(numerator, 10**places, rounding) == int(expected)


@given(numerator=TIES, factor=st.integers(1, 10**20), rounding=st.sampled_from(sorted(RULES)))
def test_ties_go_where_the_rule_says(numerator: int, factor: int, rounding: Any) -> None:
    """numerator / 2 lies half way, however the fraction is written."""
    got = round_ratio(numerator * factor, 2 * factor, rounding)
    if rounding == "half_up":
        assert got == (abs(numerator) + 1) // 2 * (1 if numerator > 0 else -1)
    else:
        assert got % 2 == 0
        assert abs(2 * got - numerator) == 1


@given(numerator=ANY, denominator=st.integers(1, 10**40), rounding=st.sampled_from(sorted(RULES)))
def test_no_integer_is_nearer(numerator: int, denominator: int, rounding: Any) -> None:
    got = round_ratio(numerator, denominator, rounding)
    distance = abs(Fraction(numerator, denominator) - got)
    assert distance <= Fraction(1, 2)
    assert round_ratio(-numerator, denominator, rounding) == -got, "both rules are symmetric"


@given(pairs=st.lists(st.tuples(ANY, st.integers(1, 10**40)), min_size=1, max_size=20), rounding=st.sampled_from(sorted(RULES)))
def test_arrays_round_like_their_numbers(pairs: list[tuple[int, int]], rounding: Any) -> None:
    numerators, denominators = (np.array(side, dtype=object) for side in zip(*pairs, strict=True))
    assert list(round_ratio(numerators, denominators, rounding)) == [round_ratio(n, d, rounding) for n, d in pairs]


def test_money_and_figures_are_decimals_with_their_scale() -> None:
    money = as_money([1, -12345, None, 0])
    assert money.dtype == pl.Decimal(18, 4)
    assert money.to_list() == [D("0.0001"), D("-1.2345"), None, D(0)]
    figure = as_exact(np.array([1, -2, 5, 10**25], dtype=object), np.array([3, 3, 0, 10], dtype=object))
    assert figure.dtype == pl.Decimal(38, 12)
    assert figure.to_list() == [D("0.333333333333"), D("-0.666666666667"), None, D(10**24)]


@pytest.mark.parametrize(("currency", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("ISK", 0), ("USD", 2), ("TND", 3), ("UYW", 4)])
def test_minor_units_of_iso_4217(currency: str, digits: int) -> None:
    assert MINOR_UNITS[currency] == digits


def test_every_minor_unit_fits_into_money() -> None:
    assert all(0 <= digits <= 4 for digits in MINOR_UNITS.values())
    assert all(len(code) == 3 and code.isupper() for code in MINOR_UNITS)


@pytest.mark.parametrize(
    ("currency", "unit", "words"),
    [
        ("EUR", 100, "2 decimals of"), ("JPY", 10_000, "0 decimals of"), ("KWD", 10, "3 decimals of"), ("CLF", 1, "4 decimals of"),
        ("HUF", 10_000, "0 decimals of"), ("USD", 1, "4 decimals of"), ("CHF", 500, "steps of 0.05"), ("DKK", 5000, "steps of 0.5"),
        ("NOK", 50_000, "steps of 5"), ("SEK", 100_000, "steps of 10"),
    ],
)  # fmt: skip
def test_a_book_rounds_payouts_to_decimals_or_to_steps(currency: str, unit: int, words: str) -> None:
    others: dict[str, int | Decimal] = {"HUF": 0, "USD": 4, "CHF": D("0.05"), "DKK": D("0.5"), "NOK": D("5.0"), "SEK": D("10.0")}
    assert payout_unit(currency, others) == unit
    assert describe_payout_unit(unit) == words
