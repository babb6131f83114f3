"""Curves: every method, axis and boundary against the table of formulas, evaluated one by one in fractions.

Volumes are drawn where mistakes live: exactly at each threshold, one unit below, one unit above.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.curves.pieces import Tier, compile_curve
from tests.support.evaluation import Row, benefits, by_formula, decimals, earned, evaluate, evaluate_many, in_measure, limited, rows_near_thresholds

D = Decimal
CENT = D("0.01")
SLAB = {"tiers": [{"from": D(100), "rate": D("0.01")}, {"from": D(200), "rate": D("0.02")}, {"from": D(300), "rate": D("0.05")}]}


def figure(value: Fraction) -> Decimal:
    """As the published figure: 12 decimals, half away from zero."""
    size = (2 * abs(value.numerator) * 10**12 + value.denominator) // (2 * value.denominator)
    return D(size if value >= 0 else -size).scaleb(-12)


@st.composite
def cases(draw: st.DrawFn, /, **kinds: Any) -> tuple[dict[str, Any], list[Row]]:
    benefit = draw(benefits(**kinds))
    return benefit, draw(rows_near_thresholds(benefit))


@settings(max_examples=200)
@given(case=cases(), minor_units=st.sampled_from([0, 2, 3]), rounding=st.sampled_from(["half_up", "half_even"]))
def test_every_curve_pays_what_the_formulas_say(case: Any, minor_units: int, rounding: Any) -> None:
    benefit, rows = case
    result = evaluate(benefit, rows, minor_units, rounding)
    for row, got in zip(rows, result.iter_rows(named=True), strict=True):
        paid, tier = by_formula(benefit, row)
        assert got["tier"] == tier, row
        assert got["curve_payout"] == figure(paid), row
        assert got["limited_payout"] == figure(limited(benefit, row, paid)), row
        assert got["earned"] == earned(benefit, row, minor_units, rounding), row


@given(case=cases())
def test_the_axis_and_the_way_to_the_next_tier(case: Any) -> None:
    benefit, rows = case
    for row, got in zip(rows, evaluate(benefit, rows).iter_rows(named=True), strict=True):
        m, t, b = Fraction(row.m), Fraction(row.target or 0), Fraction(row.baseline or 0)
        x = {"measure": lambda: m, "attainment": lambda: m / t, "growth": lambda: m / b - 1, "growth_amount": lambda: m - b}[benefit["by"]]()  # noqa: B023
        assert got["axis_value"] == figure(x)
        assert got["attainment"] == (figure(m / t) if t > 0 else None)
        assert got["growth"] == (figure(m / b - 1) if b > 0 else None)
        following = benefit["tiers"][got["tier"] :][:1]
        assert got["next_tier_from"] == (following[0]["from"] if following else None)
        assert got["gap_to_next_tier"] == (in_measure(benefit, row, following[0]["from"]) - row.m if following else None)


@given(case=cases(methods=("whole", "graduated")))
def test_the_boundary_matters_only_at_the_exact_threshold(case: Any) -> None:
    benefit, rows = case
    lower = evaluate({**benefit, "boundary": "lower_inclusive"}, rows)
    upper = evaluate({**benefit, "boundary": "upper_inclusive"}, rows)
    at = {in_measure(benefit, row, tier["from"]) for row in rows for tier in benefit["tiers"]}
    for row, a, b in zip(rows, lower.iter_rows(named=True), upper.iter_rows(named=True), strict=True):
        assert a["tier"] == b["tier"] + (row.m in at), row
        if row.m not in at:
            assert a == b


@given(case=cases(methods=("linear",)))
def test_linear_ignores_the_boundary(case: Any) -> None:
    benefit, rows = case
    assert evaluate({**benefit, "boundary": "lower_inclusive"}, rows).equals(evaluate({**benefit, "boundary": "upper_inclusive"}, rows))


@given(case=cases(methods=("graduated",)))
def test_graduated_rates_are_continuous_and_never_fall(case: Any) -> None:
    benefit, rows = case
    tiers = [{"from": abs(t["from"]) if benefit["by"] == "measure" else t["from"], "rate": t.get("rate", D("0.02"))} for t in benefit["tiers"]]
    places = sorted({t["from"] for t in tiers})
    benefit = {"method": "graduated", "by": benefit["by"], "tiers": [{**t, "from": p} for t, p in zip(tiers, places, strict=False)]}
    rows = sorted((replace(r, e=None, q=D(0)) for r in rows), key=lambda r: r.m)
    steps = [replace(r, m=r.m + D("1e-9")) for r in rows]
    paid = list(evaluate(benefit, rows)["curve_payout"])
    after = list(evaluate(benefit, steps)["curve_payout"])
    positive = [p for r, p in zip(rows, paid, strict=True) if r.m > 0]
    assert positive == sorted(positive)
    for row, a, b in zip(rows, paid, after, strict=True):
        if row.m > 0:
            assert 0 <= b - a <= D("1.001e-9"), "a rate is at most 1, so a billionth more pays at most a billionth"


@given(case=cases(methods=("whole", "graduated"), axes=("measure", "attainment")), gap=st.integers(1, 9))
def test_a_threshold_that_changes_no_rate_changes_no_payout(case: Any, gap: int) -> None:
    benefit, rows = case
    tiers = [{k: v for k, v in t.items() if k != "amount"} | {"rate": t.get("rate", D(0))} for t in benefit["tiers"]]
    last = tiers[-1]["from"]
    split = {**benefit, "tiers": [*tiers, {**tiers[-1], "from": last + gap}]}
    rows = [*rows, replace(rows[0], m=in_measure(benefit, rows[0], last + gap)), replace(rows[0], m=in_measure(benefit, rows[0], last + gap + 1))]
    one, two = evaluate({**benefit, "tiers": tiers}, rows), evaluate(split, rows)
    assert one["curve_payout"].equals(two["curve_payout"])


@given(case=cases(axes=("measure", "attainment", "growth", "growth_amount")), factor=st.sampled_from([D(2), D(10), D("0.5")]))
def test_scaling_every_unit_scales_the_payout(case: Any, factor: Decimal) -> None:
    """Counting in pence instead of pounds changes nothing but the unit."""
    benefit, rows = case
    rows = [replace(r, m=round(r.m, 6)) for r in rows]
    in_units = benefit["by"] in ("measure", "growth_amount")

    def scale(form: str, value: Decimal) -> Decimal:
        if form == "amount" or (form == "from" and in_units):
            return value * factor
        # the length of x that a share multiplies is itself in units
        return value / factor if form == "share" and benefit["method"] == "graduated" and in_units else value

    tiers = [{form: scale(form, value) for form, value in tier.items()} for tier in benefit["tiers"]]

    def times(value: Decimal | None) -> Decimal | None:
        return None if value is None else value * factor

    scaled = [Row(r.m * factor, times(r.e), r.q * factor, times(r.target), times(r.baseline), times(r.incentive)) for r in rows]
    one = evaluate({k: v for k, v in benefit.items() if k != "limits"}, rows)
    two = evaluate({**{k: v for k, v in benefit.items() if k != "limits"}, "tiers": tiers}, scaled)
    assert one["tier"].equals(two["tier"])
    for a, b in zip(one["curve_payout"], two["curve_payout"], strict=True):
        assert abs(a * factor - b) <= D("1e-11"), "published figures have 12 decimals"


@settings(max_examples=20)
@given(case=cases(), other=cases(), seed=st.randoms(use_true_random=False))
def test_rows_at_once_equal_rows_one_by_one_in_any_order(case: Any, other: Any, seed: Any) -> None:
    both = [case[0], other[0]]
    rows = [(0, r) for r in case[1]] + [(1, r) for r in other[1]] + [(0, Row(m=D(1), reason="fx"))]
    rows = [*rows, rows[0], rows[-1]]
    seed.shuffle(rows)
    at_once = evaluate_many(both, rows).drop("payout_key")
    one_by_one = pl.concat([evaluate_many(both, [row]).drop("payout_key") for row in rows[:4]])
    assert at_once[:4].equals(one_by_one)
    backwards = evaluate_many(both, rows[::-1]).drop("payout_key")
    assert at_once.equals(backwards.reverse())


@given(case=cases(axes=("attainment",)), times=decimals(1, 2, 6))
def test_a_target_with_a_factor_is_exact(case: Any, times: Decimal) -> None:
    """The factor has six decimals and the target twelve: nothing is rounded before the tier is found."""
    benefit, rows = case
    rows = [replace(r, times=times, m=r.m * times) for r in rows if r.m * times == (r.m * times).quantize(D("1e-12"))]
    for row, got in zip(rows, evaluate(benefit, rows).iter_rows(named=True), strict=True):
        assert (got["earned"], got["tier"]) == (earned(benefit, row), by_formula(benefit, row)[1])


@given(case=cases(axes=("attainment",)), weight=st.integers(1, 100), others=st.integers(0, 999_983))
def test_a_part_of_a_target_is_exact(case: Any, weight: int, others: int) -> None:
    """A part of weight / weights has no last decimal, and a measure of the same part of a threshold is in its tier."""
    benefit, rows = case
    rows = [replace(r, weight=weight, of_weights=weight + others, target=r.target and r.target * (weight + others), m=r.m * weight) for r in rows] + [
        replace(r, weight=weight, of_weights=weight + others) for r in rows
    ]
    for row, got in zip(rows, evaluate(benefit, rows).iter_rows(named=True), strict=True):
        assert (got["earned"], got["tier"]) == (earned(benefit, row), by_formula(benefit, row)[1])


@pytest.mark.parametrize(
    ("volume", "boundary", "tier", "paid"),
    [
        ("99.99", "lower_inclusive", 0, "0"),
        ("100", "lower_inclusive", 1, "1"),
        ("100", "upper_inclusive", 0, "0"),
        ("100.01", "upper_inclusive", 1, "1.0001"),
        ("199.99", "lower_inclusive", 1, "1.9999"),
        ("200", "lower_inclusive", 2, "4"),
        ("200", "upper_inclusive", 1, "2"),
        ("300", "lower_inclusive", 3, "15"),
        ("1000000", "lower_inclusive", 3, "50000"),
        ("-5", "lower_inclusive", 0, "0"),
    ],
)
def test_whole_by_hand(volume: str, boundary: str, tier: int, paid: str) -> None:
    got = evaluate({**SLAB, "boundary": boundary}, [Row(D(volume))]).row(0, named=True)
    assert (got["tier"], got["curve_payout"]) == (tier, D(paid))


@pytest.mark.parametrize(("volume", "paid"), [("100", "0"), ("150", "0.5"), ("200", "1"), ("250", "2"), ("300", "3"), ("400", "8")])
def test_graduated_by_hand(volume: str, paid: str) -> None:
    """1 % of the part from 100 to 200, 2 % of the next hundred, 5 % beyond; nothing on the first hundred."""
    assert evaluate({**SLAB, "method": "graduated"}, [Row(D(volume))])["curve_payout"].to_list() == [D(paid)]


@pytest.mark.parametrize(
    ("volume", "above", "paid"),
    [("100", "hold", "1"), ("150", "hold", "2.25"), ("200", "hold", "4"), ("300", "hold", "15"), ("400", "hold", "20"), ("300", "zero", "15"),
     ("300.01", "zero", "0"), ("400", "extend", "32"), ("99", "extend", "0")],
)  # fmt: skip
def test_linear_by_hand(volume: str, above: str, paid: str) -> None:
    """At 150 the rate is half way from 1 % to 2 %; beyond 300 it holds 5 %, or goes on rising 3 points per hundred, or pays nothing."""
    assert evaluate({**SLAB, "method": "linear", "above": above}, [Row(D(volume))])["curve_payout"].to_list() == [D(paid)]


def test_a_jump_holds_its_second_point() -> None:
    jump = {"method": "linear", "tiers": [{"from": D(0), "amount": D(0)}, {"from": D(100), "amount": D(10)}, {"from": D(100), "amount": D(50)}]}
    got = evaluate(jump, [Row(D("99.99")), Row(D(100)), Row(D("100.01"))])
    assert got["curve_payout"].to_list() == [D("9.999"), D(50), D(50)]
    assert got["tier"].to_list() == [1, 3, 3]


def test_a_curve_that_ends_in_a_jump_has_no_slope_to_extend_and_holds() -> None:
    jump = {
        "method": "linear",
        "above": "extend",
        "tiers": [{"from": D(0), "amount": D(0)}, {"from": D(100), "amount": D(10)}, {"from": D(100), "amount": D(50)}],
    }
    assert evaluate(jump, [Row(D(500))])["curve_payout"].to_list() == [D(50)]


def test_one_point_holds() -> None:
    for above, paid in (("hold", "7"), ("extend", "7"), ("zero", "0")):
        one = {"method": "linear", "above": above, "tiers": [{"from": D(10), "amount": D(7)}]}
        assert evaluate(one, [Row(D(9)), Row(D(10)), Row(D(11))])["curve_payout"].to_list() == [D(0), D(7), D(paid)]


@pytest.mark.parametrize("changed", ["m", "e", "q", "target", "times", "baseline", "incentive", "reason"])
def test_neighbours_that_differ_in_one_figure_are_computed_apart(changed: str) -> None:
    """Rows with the same figures as the one before them are computed once; each figure must count as a difference."""
    by = {"target": "attainment", "times": "attainment", "baseline": "growth"}.get(changed, "measure")
    tier = {"rate": D("0.1"), "per_unit": D(1), "amount": D(1), "share": D(1)}
    benefit = {"by": by, "tiers": [{"from": D(-9), **tier}, {"from": D("0.6"), **tier, "amount": D(2)}]}
    one = Row(D(100), D(100), D(5), target=D(200), baseline=D(100), incentive=D(7))
    change: dict[str, Any] = {changed: "fx" if changed == "reason" else D("0.5") if changed == "times" else D(3)}
    other = replace(one, **change)
    got = evaluate(benefit, [one, other]).drop("payout_key")
    alone = [evaluate(benefit, [row]).drop("payout_key") for row in (one, other)]
    assert got.equals(pl.concat(alone))
    assert not alone[0].select("axis_value", "earned").equals(alone[1].select("axis_value", "earned"))


def test_amounts_beyond_64_bits_stay_exact() -> None:
    big = D(10) ** 14 + CENT
    benefit = {"method": "graduated", "by": "attainment", "tiers": [{"from": D(0), "rate": D("0.333333333333"), "share": D("0.1")}]}
    rows = [Row(big, target=D("99999999999.999999"), times=D("1.000001"), incentive=D(1000))]
    assert evaluate(benefit, rows)["earned"].to_list() == [earned(benefit, rows[0])]


def test_a_blocked_row_pays_nothing_and_has_no_place() -> None:
    got = evaluate({**SLAB, "by": "attainment", "limits": {"at_least": D(100)}}, [Row(D(500), reason="target_missing")]).row(0, named=True)
    assert (got["earned"], got["tier"], got["axis_value"], got["curve_payout"], got["next_tier_from"]) == (None, 0, None, None, None)


def test_pieces_are_half_open_and_in_order() -> None:
    tiers = [Tier(Fraction(p), {"rate": Fraction(p, 100)}) for p in (0, 10, 20)]
    pieces = compile_curve("linear", "lower_inclusive", "extend", tiers)
    assert [(p.tier, p.start, p.includes_start) for p in pieces] == [
        (tier, Fraction(start), is_included) for tier, start, is_included in ((1, 0, True), (2, 10, True), (3, 20, True), (3, 20, False))
    ]
    assert [p.includes_start for p in compile_curve("whole", "upper_inclusive", "hold", tiers)] == [False] * 3
