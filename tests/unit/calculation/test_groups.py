"""Groups of lines with places of their own: their sum, exact or so fine that it makes no difference, and the lines of a participant whose groups are many.

Belongs here: models/calculation/earnings/groups.py. Does not belong here: what an order pays (tests/golden/each.yaml), what each refuses
(test_agreement_language.py).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest

from models.calculation.earnings import groups
from models.calculation.measures import added_fractions
from tests.support.small_book import Line, Small, calculate

DAY = dt.date(2024, 3, 5)
BENEFIT = {
    "id": "b", "clause": "1", "window": "year", "each": "product_id", "measure": "quantity", "base": "amount", "method": "graduated",
    "tiers": [{"from": 0, "rate": Decimal("0.1")}, {"from": 2, "rate": Decimal("0.5")}],
}  # fmt: skip


def small(lines: list[Line], **changes: object) -> Small:
    term = {"from": dt.date(2024, 1, 1), "to": dt.date(2024, 12, 31)}
    agreement = {"agreement": "A", "title": "A", "currency": "EUR", "term": term, "participants": ["P"], "benefits": [{**BENEFIT, **changes}]}
    return Small(agreement, lines, [], dt.date(2025, 1, 1))


def test_a_sum_of_many_thirds_and_sevenths_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of each fraction, so that the sum is a half of a cent again: it has to be rounded up, with a common denominator or without one."""
    odd = [3, 7, 11, 13]
    lines = [Line(DAY, Decimal(1), Decimal(n), product_id=f"{n}-{i}") for n in odd for i in range(n)] + [Line(DAY, Decimal("0.05"), Decimal(1), product_id="x")]
    expected = sum((n * (2 * Fraction(1, 10) + (n - 2) * Fraction(1, 2)) / n for n in odd), Fraction(0)) + Fraction(1, 200)
    found = calculate(small(lines))["payouts"]
    assert found["curve_payout"].to_list() == [Decimal(expected.numerator) / expected.denominator]
    assert found["payout"].to_list() == [Decimal("13.8100")]
    monkeypatch.setattr(added_fractions, "MOST_BITS", 1)
    monkeypatch.setattr(groups, "CHUNK", 5)
    assert calculate(small(lines))["payouts"].equals(found)


def test_groups_without_a_value_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [Line(DAY, Decimal(10), Decimal(1)), Line(DAY + dt.timedelta(40), Decimal(10), Decimal(2)), Line(DAY, Decimal(5), Decimal(1), product_id="a")]
    found = calculate(small(lines))
    shown = found["payout_groups"].select("group_value", "line_count", "measure", "tier", "pays").rows()
    assert shown == [("a", 1, 1, 1, Decimal("0.5")), (None, 2, 3, 2, Decimal("4.666666666667"))]


def test_the_three_largest_groups_are_shown_and_the_sum_of_the_others() -> None:
    lines = [Line(DAY, Decimal(n), Decimal(1), product_id=str(n)) for n in (1, 5, 4, 3, 2)]
    steps = calculate(small(lines))["calculation_steps"].filter(pl.col("step") == "group")
    assert steps["result"].to_list() == [Decimal("0.5"), Decimal("0.4"), Decimal("0.3"), Decimal("0.3")]
    assert steps["formula"].to_list()[-1] == "all other groups together: 2"
    assert [text.split(":")[0] for text in steps["formula"][:3]] == ["product_id 5", "product_id 4", "product_id 3"]


def test_a_group_that_falls_takes_back_what_it_had_earned_and_its_tier() -> None:
    lines = [Line(DAY, Decimal(30), Decimal(3), product_id="a"), Line(DAY + dt.timedelta(40), Decimal(-20), Decimal(-2), product_id="a")]
    accruals = calculate(small(lines, method="whole"))["accruals"].sort("period_no")
    assert accruals["accrued_to_date"].to_list()[2:5] == [15, 1, 1]
    achieved = calculate(small(lines, method="whole"))["achievement"].sort("period_no")
    assert achieved["tier_actual"].to_list()[2:5] == [2, 1, 1]
