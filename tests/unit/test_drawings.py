"""Drawings: the value of a curve at a place, limits and gates as stretches, on numbers worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest

from assets.drawings.benefits import limit, passes
from assets.drawings.chart import Stretch, value_along
from assets.drawings.svg import percent, plain, round_steps
from models.agreements.lint.payments import CurveInputs, payment_along_axis
from models.agreements.schema import Benefit, Gate, Limits


def benefit(**keys: object) -> Benefit:
    return Benefit.model_validate({"id": "b", "clause": "1", "window": "year", **keys})


def tiers(*pairs: tuple[object, object], form: str = "rate") -> list[dict[str, object]]:
    return [{"from": Decimal(str(start)), form: Decimal(str(value))} for start, value in pairs]


def paid(b: Benefit, x: object, figures: CurveInputs | None = None) -> Fraction:
    payment = payment_along_axis("EUR", b, figures)
    assert payment is not None
    return value_along([Stretch(p.start, p.includes_start, y) for p, y in zip(payment.pieces, payment.paid, strict=True)], Fraction(str(x)))


@pytest.mark.parametrize(("method", "pays"), [("whole", 4500), ("graduated", 2500), ("rolling", 5500), ("total", 6000)])
def test_the_four_numbers_that_the_page_names(method: str, pays: int) -> None:
    assert paid(benefit(method=method, tiers=tiers((0, 0.01), (100000, 0.03))), 150000) == pays


def test_base_and_quantity_move_with_the_measure() -> None:
    b = benefit(base="margin", tiers=[{"from": 0, "rate": Decimal("0.1"), "per_unit": 2}])
    figures = CurveInputs(Fraction(1000), base=Fraction(300), quantity=Fraction(50))
    assert paid(b, 1000, figures) == 30 + 100
    assert paid(b, 2000, figures) == 60 + 200
    assert payment_along_axis("EUR", b) is None


def test_where_the_axis_does_not_depend_on_the_measure_the_base_is_constant() -> None:
    b = benefit(by={"metric": "fill_rate"}, tiers=tiers((0, 0.03), (0.97, 0)))
    assert paid(b, 0.5, CurveInputs(Fraction(1000), base=Fraction(1000))) == 30
    assert paid(b, 0.97, CurveInputs(Fraction(1000), base=Fraction(1000))) == 0


def test_limits_cut_a_straight_line_where_it_crosses_them() -> None:
    line = [Stretch(Fraction(0), True, (Fraction(0), Fraction(1, 10)))]
    limited = limit(line, Limits(at_most=Decimal(50), pays_from=Decimal(10), at_least=Decimal(5)), Fraction(1000))
    expected: list[tuple[int, tuple[int | Fraction, ...]]] = [(0, (5,)), (50, (5,)), (100, (0, Fraction(1, 10))), (500, (50,))]
    assert [(s.start, s.value) for s in limited] == [(Fraction(start), tuple(map(Fraction, value))) for start, value in expected]
    assert value_along(limited, Fraction(100)) == 10


def test_a_part_of_the_base_cuts_a_lump_until_the_base_is_large_enough() -> None:
    lump, base = [Stretch(Fraction(0), True, (Fraction(15),))], (Fraction(-100), Fraction(1))
    limited = limit(lump, Limits(rate_at_most=Decimal("0.1"), pays_from=Decimal(5)), Fraction(1000), base)
    assert [value_along(limited, Fraction(x)) for x in (50, 100, 149, 150, 200, 250, 900)] == [0, 0, 0, 5, 10, 15, 15]


def test_a_floor_lifts_what_lies_below_the_first_tier() -> None:
    limited = limit([Stretch(Fraction(100), True, (Fraction(20),))], Limits(at_least=Decimal(5)), Fraction(200))
    assert [value_along(limited, Fraction(x)) for x in (0, 99, 100)] == [5, 5, 20]


@pytest.mark.parametrize(
    ("bounds", "passing"),
    [({"at_least": 2}, (2, 3)), ({"above": 2}, (3,)), ({"at_most": 2}, (1, 2)), ({"below": 2}, (1,)), ({"above": 1, "below": 3}, (2,))],
)
def test_a_gate_lets_through_what_all_its_bounds_do(bounds: dict[str, int], passing: tuple[int, ...]) -> None:
    gate = Gate.model_validate({"by": "measure", **bounds})
    assert tuple(x for x in (1, 2, 3) if passes(gate, Fraction(x))) == passing


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 97), (-3, 12), (0.4, 0.7), (0, 123_456_789), (0, 0.002)])
def test_labels_are_at_round_places(low: float, high: float) -> None:
    steps = round_steps(low, high)
    assert 2 <= len(steps) <= 7
    assert low - 1e-9 <= steps[0]
    assert steps[-1] <= high * 1.001
    assert all(b > a for a, b in pairwise(steps))


def test_numbers_are_written_as_a_person_does() -> None:
    assert [plain(0), plain(-0.00001), plain(1234567.5), percent(0.125)] == ["0", "0", "1,234,567.5", "12.5 %"]
