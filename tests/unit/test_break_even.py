"""Break-even put back into the curve gives nothing left and nothing missing; before it, more volume does not pay.

Belongs here: the solver on random pieces. Does not belong here: figures of a book (tests/integration/simulation).
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.agreements.lint.break_even import constant, curve_of_volume, paid_at, solve_break_even
from models.agreements.lint.payments import CurveInputs, payment_along_axis
from models.agreements.schema import Benefit

F, D = Fraction, Decimal
CENT = F(1, 100)


def benefit(method: str, tiers: list[dict[str, Any]], **more: Any) -> Benefit:
    return Benefit.model_validate({"id": "b", "clause": "1", "window": "year", "method": method, "tiers": tiers, **more})


def curve(of: Benefit, measure: int, target: int | None = None, at_most: int | None = None) -> Any:
    figures = CurveInputs(F(measure), F(measure), F(measure), None if target is None else F(target))
    payment = payment_along_axis("EUR", of, figures)
    assert payment is not None
    return curve_of_volume(payment, F(0), F(measure), F(1), None if at_most is None else F(at_most))


def test_by_hand() -> None:
    """1,000 at 2 % instead of 1 %: 10 more. At a margin of 12 % each euro more brings 0.10 net: 100 more, a tenth."""
    proposed = curve(benefit("whole", [{"from": 0, "rate": D("0.02")}]), 1000)
    assert solve_break_even([proposed], F(120), F(10)) == F(11, 10)
    assert solve_break_even([proposed], F(20), F(10)) is None, "the margin is what it costs"
    assert solve_break_even([proposed], F(0), F(20)) == 1, "it costs no more"


def test_a_step_up_moves_it_past_the_step() -> None:
    """Up to 1,050 the margin covers 5 of the 10 more; there 30 more are paid."""
    proposed = curve(benefit("whole", [{"from": 0, "amount": 20}, {"from": 1050, "amount": 50}]), 1000)
    assert solve_break_even([proposed], F(100), F(10)) == F(14, 10)
    assert solve_break_even([proposed], F(400), F(10)) == F(1025, 1000)


def test_a_step_down_is_the_place_itself() -> None:
    proposed = curve(benefit("linear", [{"from": 0, "amount": 90}, {"from": 1500, "amount": 90}], above="zero"), 1000)
    assert solve_break_even([proposed], F(100), F(10)) == F(3, 2)


def test_a_limit_ends_the_cost() -> None:
    proposed = curve(benefit("whole", [{"from": 0, "rate": D("0.1")}]), 1000, at_most=110)
    assert [paid_at(proposed, F(s, 100)) for s in (50, 100, 110, 200)] == [50, 100, 110, 110]
    assert solve_break_even([proposed], F(50), F(50)) == F(22, 10)


numbers = st.integers(0, 400)
rates = st.integers(0, 30).map(lambda n: Decimal(n) / 100)


@st.composite
def random_curve(draw: st.DrawFn) -> Any:
    method = draw(st.sampled_from(("whole", "graduated", "linear")))
    starts = sorted(draw(st.sets(st.integers(0, 3000), min_size=1, max_size=4)))
    form = draw(st.sampled_from(("rate", "amount"))) if method != "graduated" else "rate"
    tiers = [{"from": start, form: draw(rates if form == "rate" else numbers)} for start in starts]
    more = {} if method == "linear" else {"boundary": draw(st.sampled_from(("lower_inclusive", "upper_inclusive")))}
    return curve(benefit(method, tiers, **more), draw(st.integers(1, 2000)), at_most=draw(st.none() | st.integers(1, 300)))


@settings(max_examples=150, deadline=None)
@given(st.lists(random_curve(), min_size=1, max_size=4), st.integers(0, 1500), st.integers(0, 800))
def test_put_back_it_gives_nothing(curves: list[Any], gain: int, today: int) -> None:
    curves = [*curves, constant(F(7))]
    found = solve_break_even(curves, F(gain), F(today))

    def surplus(s: Fraction) -> Fraction:
        return gain * (s - 1) - (sum(paid_at(each, s) for each in curves) - today)

    starts = {step.start for each in curves for step in each}
    if found is None:
        assert all(surplus(s) < CENT for s in [F(1), F(5), F(10_000), *starts] if s >= 1)
        return
    just_after = found + F(1, 10**12)
    if found == 1:
        assert surplus(F(1)) >= 0 or surplus(just_after) > -CENT
    elif abs(surplus(found)) > CENT:
        assert found in starts, "only a step has more on one side"
        assert max(surplus(found), surplus(just_after)) > -CENT
    for n in range(1, 20):
        before = 1 + (found - 1) * F(n, 20)
        assert before == found or surplus(before) < CENT


@pytest.mark.parametrize("boundary", ["lower_inclusive", "upper_inclusive"])
def test_which_side_a_threshold_belongs_to(boundary: str) -> None:
    proposed = curve(benefit("whole", [{"from": 0, "amount": 1}, {"from": 1000, "amount": 5}], boundary=boundary), 1000)
    assert paid_at(proposed, F(1)) == (5 if boundary == "lower_inclusive" else 1)
    assert solve_break_even([proposed], F(40), F(0)) == 1 + F(5, 40), "beyond the threshold 5 are paid on either side"
