"""The steps told for a payout re-add to it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings

from models.steps import ORDER
from tests.unit.small_book import Line, Small, calculate, smalls

D = Decimal


@settings(max_examples=25)
@given(small=smalls())
def test_steps_re_add_to_the_payout(small: Small) -> None:
    results = calculate(small)
    payouts = {row["payout_key"]: row for row in results["payouts"].iter_rows(named=True)}
    told = results["calculation_steps"].sort("payout_key", "step_no").partition_by("payout_key", as_dict=True)
    assert {key for (key,) in told} == set(payouts)
    for (key,), steps in told.items():
        p, names, result = payouts[key], steps["step"].to_list(), dict(zip(steps["step"], steps["result"], strict=True))
        assert steps["step_no"].to_list() == list(range(1, len(names) + 1))
        assert [*sorted(names, key=[*ORDER, "blocked"].index)] == names
        assert result["measure"] == p["measure"]
        if p["status"] == "blocked":
            assert names[-1] == "blocked"
            assert "curve" not in names
            continue
        assert (result["axis"], result["tier"], result["curve"], result["round"]) == (p["axis_value"], p["tier"], p["curve_payout"], p["earned"])
        slices = steps.filter(pl.col("step") == "slice")["result"]
        if len(slices):
            assert len(slices) == p["tier"]
            assert abs(slices.sum() - p["curve_payout"]) <= D("1e-12") * (len(slices) + 1), "figures for people have 12 decimals"
        assert "limit" in names or abs(p["earned"] - p["curve_payout"]) <= D("0.5")
        assert result.get("prior", p["earned"] - p["prior_earned"]) == p["earned"] - p["prior_earned"]
        assert result.get("carry", p["earned"] - p["prior_earned"]) == p["payout"]


def steps_of(benefit: dict[str, Any]) -> list[tuple[str, str, Decimal]]:
    """(step, inputs, result) of the year's only payout."""
    term = {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 12, 31)}
    whole = {"id": "b", "clause": "1", "window": "year", **benefit}
    agreement = {"agreement": "A", "title": "A", "currency": "EUR", "term": term, "participants": ["P"], "benefits": [whole]}
    results = calculate(Small(agreement, [Line(dt.date(2025, 5, 1), D(1500), D(30), D(900))], [], dt.date(2026, 1, 1)))
    return [tuple(row) for row in results["calculation_steps"].sort("step_no").select("step", "inputs", "result").iter_rows()]


def test_a_graduated_payout_tells_its_slices() -> None:
    tiers = [{"from": 0, "rate": D("0.01")}, {"from": 1000, "rate": D("0.02"), "amount": 5}, {"from": 2000, "rate": D("0.03")}]
    told = [(step, result) for step, _, result in steps_of({"method": "graduated", "tiers": tiers, "limits": {"at_most": 20}})]
    assert told == [("measure", 1500), ("axis", 1500), ("tier", 2), ("slice", 10), ("slice", 15), ("curve", 25), ("limit", 20), ("round", 20)]


def test_numbers_stand_without_the_zeros_at_their_end() -> None:
    told = {step: inputs for step, inputs, _ in steps_of({"base": "margin", "tiers": [{"from": 1000, "rate": D("0.05")}]})}
    assert "rate = 0.05" in told["curve"]
    assert "E = 600" in told["curve"]
    assert "from = 1000" in told["tier"]


@pytest.mark.parametrize(("by", "figure"), [("attainment", {"target": 1000}), ("growth", {"baseline": 1000}), ("growth_amount", {"baseline": 1000})])
def test_the_axis_names_what_it_compares(by: str, figure: dict[str, int]) -> None:
    told = steps_of({"by": by, **figure, "tiers": [{"from": 0, "rate": D("0.01")}]})
    names = [step for step, _, _ in told]
    assert next(iter(figure)) in names
    inputs = next(inputs for step, inputs, _ in told if step == "axis")
    assert inputs == ("M = 1500, T = 1000" if by == "attainment" else "M = 1500, B = 1000")
