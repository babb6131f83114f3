"""The calculation steps of a payout add up to it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings

from models.calculation.explanation.steps import ORDER
from tests.support.small_book import Line, Small, calculate, smalls

D = Decimal


@settings(max_examples=25)
@given(small=smalls())
def test_steps_re_add_to_the_payout(small: Small) -> None:
    results = calculate(small)
    payouts = {row["payout_key"]: row for row in results["payouts"].iter_rows(named=True)}
    message = results["calculation_steps"].sort("payout_key", "step_no").partition_by("payout_key", as_dict=True)
    assert {key for (key,) in message} == set(payouts)
    for (key,), steps in message.items():
        p, names, result = payouts[key], steps["step"].to_list(), dict(zip(steps["step"], steps["result"], strict=True))
        assert steps["step_no"].to_list() == list(range(1, len(names) + 1))
        assert [*sorted(names, key=[*ORDER, "blocked"].index)] == names
        assert result["measure"] == p["measure"]
        if p["status"] == "blocked":
            assert names[-1] == "blocked"
            assert "curve" not in names
            continue
        assert (result.get("axis"), result["tier"], result["curve"], result["round"]) == (p["axis_value"], p["tier"], p["curve_payout"], p["earned"])
        slices = steps.filter(pl.col("step") == "slice")["result"]
        if len(slices):
            assert len(slices) == p["tier"]
            assert abs(slices.sum() - p["curve_payout"]) <= D("1e-12") * (len(slices) + 1), "figures for people have 12 decimals"
        groups = steps.filter(pl.col("step") == "group")["result"]
        assert abs(groups.sum() - p["curve_payout"]) <= D("1e-11") or groups.is_empty()
        assert "limit" in names or abs(p["earned"] - p["curve_payout"]) <= D("0.5")
        assert result.get("prior", p["earned"] - p["prior_earned"]) == p["earned"] - p["prior_earned"]
        assert result.get("carry", result.get("limit_all", p["earned"] - p["prior_earned"])) == p["payout"]


def steps_of(benefit: dict[str, Any]) -> list[tuple[str, str, Decimal]]:
    """(step, inputs, result) of the year's only payout."""
    term = {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 12, 31)}
    whole = {"id": "b", "clause": "1", "window": "year", **benefit}
    agreement = {"agreement": "A", "title": "A", "currency": "EUR", "term": term, "participants": ["P"], "benefits": [whole]}
    results = calculate(Small(agreement, [Line(dt.date(2025, 5, 1), D(1500), D(30), D(900))], [], dt.date(2026, 1, 1)))
    return [tuple(row) for row in results["calculation_steps"].sort("step_no").select("step", "inputs", "result").iter_rows()]


def test_a_graduated_payout_shows_its_slices() -> None:
    tiers = [{"from": 0, "rate": D("0.01")}, {"from": 1000, "rate": D("0.02"), "amount": 5}, {"from": 2000, "rate": D("0.03")}]
    message = [(step, result) for step, _, result in steps_of({"method": "graduated", "tiers": tiers, "limits": {"at_most": 20}})]
    expected = [("measure", 1500), ("axis", 1500), ("tier", 2), ("slice", 10), ("slice", 15), ("curve", 25), ("limit", 20), ("round", 20)]
    assert message == [(step, D(result)) for step, result in expected]


def test_numbers_have_no_trailing_zeros() -> None:
    message = {step: inputs for step, inputs, _ in steps_of({"base": "margin", "tiers": [{"from": 1000, "rate": D("0.05")}]})}
    assert "rate = 0.05" in message["curve"]
    assert "E = 600" in message["curve"]
    assert "from = 1000" in message["tier"]


@pytest.mark.parametrize(("by", "figure"), [("attainment", {"target": 1000}), ("growth", {"baseline": 1000}), ("growth_amount", {"baseline": 1000})])
def test_the_axis_names_what_it_compares(by: str, figure: dict[str, int]) -> None:
    message = steps_of({"by": by, **figure, "tiers": [{"from": 0, "rate": D("0.01")}]})
    names = [step for step, _, _ in message]
    assert next(iter(figure)) in names
    inputs = next(inputs for step, inputs, _ in message if step == "axis")
    assert inputs == ("M = 1500, T = 1000" if by == "attainment" else "M = 1500, B = 1000")


# -- the rest of the language -----------------------------------------------------------------------------------------


def message(benefit: dict[str, Any], *columns: str, **more: Any) -> list[tuple[Any, ...]]:
    """Columns of the steps of the year's first payout."""
    term = {"from": more.pop("since", dt.date(2025, 1, 1)), "to": more.pop("to", dt.date(2025, 12, 31))}
    whole = {"id": "b", "clause": "1", "window": "year", **benefit}
    agreement = {"agreement": "A", "currency": "EUR", "term": term, "participants": ["P", "R"], "benefits": [whole]}
    sold = more.pop("sold", D(1500))
    lines = [Line(dt.date(2025, 5, 1), sold, D(30), D(900)), Line(dt.date(2025, 5, 1), D(1500), D(30), D(900), "R")]
    steps = calculate(Small(agreement, lines, [], dt.date(2026, 1, 1), **more))["calculation_steps"]
    return list(steps.filter(pl.col("payout_key") == 0).sort("step_no").select(columns).iter_rows())


def test_rolling_and_total_show_every_tier_reached() -> None:
    tiers = [{"from": 0, "rate": D("0.1")}, {"from": 1000, "rate": D("0.2")}, {"from": 2000, "rate": D("0.3")}]
    assert ("slice", "from = 0, to = 1000, slice = 1000, rate = 0.1", 100) in message({"method": "rolling", "tiers": tiers}, "step", "inputs", "result")
    assert [r for s, r in message({"method": "rolling", "tiers": tiers}, "step", "result") if s in ("slice", "curve")] == [100, 300, 400]
    assert [r for s, r in message({"method": "total", "tiers": tiers, "base": "margin"}, "step", "result") if s in ("slice", "curve")] == [60, 120, 180]


def test_slices_of_nothing_pay_their_amounts_alone() -> None:
    tiers = [{"from": -1000, "rate": D("0.1"), "amount": 7}, {"from": 0, "rate": D("0.2"), "amount": 5}]
    slices = message({"method": "graduated", "tiers": tiers}, "step", "inputs", "result", sold=D(0))
    assert [row for row in slices if row[0] in ("slice", "curve")] == [
        ("slice", "from = -1000, to = 0, slice = 0, rate = 0.1, amount = 7", 7),
        ("slice", "from = 0, to = 0, slice = 0, rate = 0.2, amount = 5", 5),
        ("curve", "", 12),
    ]


def test_a_matrix_shows_its_cell_or_its_four_corners() -> None:
    matrix = {
        "rows": {"by": "measure", "from": [1000, 2000]},
        "columns": {"by": "attainment", "from": [1, 2]},
        "amount": [[100, 200], [300, 800]],
        "share": [[0, 0], [0, 1]],
    }
    benefit = {"matrix": matrix, "target": 1200, "incentive": 80}
    whole = [(s, r) for s, r in message(benefit, "step", "result") if s in ("axis", "tier", "cell", "curve")]
    assert whole == [("axis", 1500), ("axis", D("1.25")), ("tier", 1), ("cell", 100), ("curve", 100)]
    linear = message({**benefit, "matrix": {**matrix, "method": "linear"}}, "step", "formula", "inputs", "result")
    corners = [(formula, inputs, result) for step, formula, inputs, result in linear if step == "cell"]
    assert [inputs.split("weight = ")[1] for _, inputs, _ in corners] == ["0.375", "0.125", "0.375", "0.125"]
    assert [result for *_, result in corners] == [D("37.5"), 25, D("112.5"), 110]
    assert corners[3][0] == "row 2, column 2: (amount + share × K) × weight"
    assert ("curve", 285) in [(s, r) for s, _, _, r in linear]
    held = message({**benefit, "target": 100, "matrix": {**matrix, "method": "linear"}}, "step", "result")
    assert [r for s, r in held if s == "cell"] == [100, 440], "beyond the last column there is nothing to go to"


def test_multipliers_and_gates_show_their_numbers() -> None:
    benefit = {
        "tiers": [{"from": 0, "rate": D("0.1")}],
        "target": 1000,
        "multiply": {"by": "attainment", "method": "linear", "tiers": [{"from": 1, "factor": 1}, {"from": 2, "factor": 2}]},
        "requires": [{"by": "measure", "at_least": 1000, "below": 2000}, {"by": "rank", "above": 1, "otherwise": D("0.5")}],
    }
    steps = message(benefit, "step", "formula", "inputs", "result")
    assert [(s, f, r) for s, f, _, r in steps if s == "axis"] == [
        ("axis", "x = M", 1500),
        ("axis", "multiply: x = M / T", D("1.5")),
        ("axis", "gate 1: x = M", 1500),
        ("axis", "gate 2: x = 1 + how many have a larger measure", 1),
    ]
    assert [row for row in steps if row[0] in ("multiply", "require")] == [
        ("multiply", "× the factor at x, on the line between the points", "x = 1.5, from = 1, factor = 1, to = 2, factor_at_to = 2", D("1.5")),
        ("require", "gate 1: × 1 where x ≥ 1000 and x < 2000, else × 0", "x = 1500", 1),
        ("require", "gate 2: × 1 where x > 1, else × 0.5", "x = 1", D("0.5")),
    ]
    assert steps[-1][3] == D("112.5")
    below = {**benefit, "target": 2000}
    assert next(row for row in message(below, "step", "formula", "result") if row[0] == "multiply") == ("multiply", "below the first factor: × 0", 0)


def test_the_cap_is_shown_where_the_contract_applies_it() -> None:
    benefit = {
        "tiers": [{"from": 0, "rate": D("0.1")}],
        "multiply": {"by": "measure", "tiers": [{"from": 0, "factor": 2}]},
        "requires": [{"by": "measure", "above": 1500, "otherwise": D("0.5")}],
        "limits": {"at_most": 120},
    }
    shown = ("curve", "multiply", "require", "limit", "round")
    orders = {
        ("multiply", "requires", "limits"): [("curve", 150), ("multiply", 2), ("require", D("0.5")), ("limit", 120), ("round", 120)],
        ("requires", "limits", "multiply"): [("curve", 150), ("require", D("0.5")), ("limit", 75), ("multiply", 2), ("round", 150)],
        ("limits", "multiply", "requires"): [("curve", 150), ("limit", 120), ("multiply", 2), ("require", D("0.5")), ("round", 120)],
    }
    for order, steps in orders.items():
        found = message({**benefit, "order": [*order]}, "step", "result")
        assert [(s, r) for s, r in found if s in shown] == steps


def test_shared_ranks_metrics_quantities_and_parts_are_shown() -> None:
    shared = message({"by": "rank", "ties": "share", "tiers": [{"from": 1, "amount": 10}, {"from": 2, "amount": 4}]}, "step", "formula", "result")
    assert ("curve", "mean of amount over the 2 ranks that are shared", 7) in shared
    metric = message(
        {"by": {"metric": "nps"}, "tiers": [{"from": 0, "per_unit": 2}]}, "step", "formula", "result", metrics=[("P", "nps", dt.date(2025, 3, 1), D(7))]
    )
    assert ("axis", "x = last value of the metric nps", 7) in metric
    assert ("quantity", "Q = sum of quantity", 30) in metric
    part = message({"prorate": "days", "tiers": [{"from": 0, "amount": 365}]}, "step", "inputs", "result", to=dt.date(2025, 6, 30))
    assert [row for row in part if row[0] in ("prorate", "round")] == [("prorate", "days = 181, of_days = 365", D("0.495890410959")), ("round", "", 181)]
    assert "prorate" not in [s for (s,) in message({"prorate": "days", "tiers": [{"from": 0, "amount": 365}]}, "step")]


def test_terms_of_a_window_that_begins_late_show_their_part() -> None:
    tiers = [{"from": 0, "rate": D("0.01")}, {"from": 1700, "rate": D("0.02"), "amount": 365}]  # 1,700 × 320/365 = 1,490.41, and 1,500 were sold
    part = message({"prorate": "days", "tiers": tiers}, "step", "formula", "inputs", "result", since=dt.date(2025, 2, 15))
    assert [row for row in part if row[0] in ("tier", "curve")] == [
        ("tier", "the last tier with from × f ≤ x", "x = 1500, from = 1700, f = 320/365", 2),
        ("curve", "rate × E + amount × f", "rate = 0.02, amount = 365, E = 1500, f = 320/365", 350),
    ]
    growth = {"prorate": "days", "by": "growth", "baseline": 1000, "tiers": [{"from": D("0.5"), "amount": 365}]}
    assert ("tier", "the last tier with from ≤ x", 1) in message(growth, "step", "formula", "result", since=dt.date(2025, 2, 15))


def test_a_measured_attribute_is_named() -> None:
    assert message({"measure": "points", "tiers": [{"from": 0, "rate": 0}]}, "formula", "result")[0] == ("M = sum of points over 1 lines", None)


@pytest.mark.parametrize(("minor_units", "formula", "earned"), [
    ("{}", "rounded half_up to 2 decimals of EUR", "1.37"), ("{EUR: 0}", "rounded half_up to 0 decimals of EUR", "1"),
    ("{EUR: 0.05}", "rounded half_up to steps of 0.05 EUR", "1.35"), ("{EUR: 5.0}", "rounded half_up to steps of 5 EUR", "0"),
])  # fmt: skip
def test_the_rounding_says_to_what(minor_units: str, formula: str, earned: str) -> None:
    benefit = {"tiers": [{"from": 0, "rate": D("0.000912")}]}  # of 1,500
    assert ("round", formula, D(earned)) in message(benefit, "step", "formula", "result", minor_units=minor_units)
