"""Figures and results window by window: everything against the reference, and what blocks a result, one by one."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings

from tests.support.small_book import Line, Small, by_reference, calculate, smalls

D = Decimal
TIERS = [{"from": 0, "rate": D("0.1")}]
SOLD = [Line(dt.date(2024, 5, 1), D(80), D(8), D(50)), Line(dt.date(2025, 5, 1), D(100), D(10), D(60))]


def of(benefit: dict[str, Any], lines: list[Line] = SOLD, **more: Any) -> dict[str, Any]:
    """The only payout of a year's agreement with this benefit."""
    term = {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 12, 31)}
    whole = {"id": "b", "clause": "1", "window": "year", "tiers": TIERS, **benefit}
    agreement = {"agreement": "A", "title": "A", "currency": "EUR", "term": term, "participants": ["P"], "benefits": [whole]}
    return calculate(Small(agreement, lines, more.pop("targets", []), more.pop("as_of", dt.date(2026, 1, 1)), **more))["payouts"].row(0, named=True)


def figure(value: Fraction | None) -> Decimal | None:
    if value is None:
        return None
    size = (2 * abs(value.numerator) * 10**12 + value.denominator) // (2 * value.denominator)
    return D(size if value >= 0 else -size).scaleb(-12)


@given(small=smalls())
def test_payouts_and_accruals_are_those_of_the_reference(small: Small) -> None:
    results, expected = calculate(small), by_reference(small)
    payouts = {row["window_start"]: row for row in results["payouts"].iter_rows(named=True)}
    assert {key[3] for key in expected.payouts} == set(payouts)
    for (*_, start), row in expected.payouts.items():
        got = payouts[start]
        assert (got["status"], got["payout"], got["window_end"]) == (row["status"], row["payout"], row["window_end"]), start
        if row["status"] != "blocked":
            assert (got["earned"], got["prior_earned"], got["tier"]) == (row["earned"], row["prior_earned"], row["tier"]), start
            for ours, theirs in {"axis_value": "axis_value", "curve_payout": "curve_payout", "base": "base", "measure": "measure", "target": "target"}.items():
                assert got[ours] == figure(row[theirs]), (start, ours)
    accruals = {(row["window_start"], row["period"]): row["accrued_to_date"] for row in results["accruals"].iter_rows(named=True)}
    assert accruals == {(start, period): value for (*_, start, period), value in expected.accruals.items()}


@settings(max_examples=10)
@given(small=smalls())
def test_the_order_of_lines_does_not_matter(small: Small) -> None:
    one, two = calculate(small), calculate(replace(small, lines=small.lines[::-1], targets=small.targets[::-1]))
    assert all(one[name].equals(two[name]) for name in one)


@pytest.mark.parametrize(
    ("benefit", "reason"),
    [
        ({"by": "attainment", "target": "feed"}, "target_missing"),
        ({"by": "attainment", "target": 0}, "target_not_positive"),
        ({"by": "attainment", "target": -1}, "target_not_positive"),
        ({"by": "growth", "baseline": "feed"}, "baseline_missing"),
        ({"by": "growth", "baseline": 0}, "baseline_not_positive"),
        ({"by": "growth_amount", "baseline": "feed"}, "baseline_missing"),
        ({"by": "growth_amount", "baseline": 0}, None),
        ({"by": "growth_amount", "baseline": -5}, None),
        ({"base": "increment", "baseline": "feed"}, "baseline_missing"),
        ({"base": "increment", "baseline": -5}, None),
        ({"incentive": "feed", "tiers": [{"from": 0, "share": 1}]}, "incentive_missing"),
        ({"incentive": "feed"}, None),
        ({"target": "feed", "baseline": "feed"}, None),
    ],
)
def test_what_a_missing_figure_blocks(benefit: dict[str, Any], reason: str | None) -> None:
    got = of(benefit)
    assert (got["status"], got["status_reason"]) == (("blocked", reason) if reason else ("final", None))


@pytest.mark.parametrize(
    ("benefit", "missing", "reason"),
    [
        ({"measure": "margin"}, "cost", "cost"),
        ({"base": "margin"}, "cost", "cost"),
        ({"measure": "quantity", "base": "amount"}, "quantity", "quantity"),
        ({"tiers": [{"from": 0, "per_unit": 1}]}, "quantity", "quantity"),
        ({}, "cost", None),
        ({}, "quantity", None),
        ({"measure": "count"}, "quantity", None),
    ],
)
def test_a_missing_value_that_is_measured_blocks(benefit: dict[str, Any], missing: str, reason: str | None) -> None:
    change: dict[str, Any] = {missing: None}
    lines = [*SOLD, replace(SOLD[1], date=dt.date(2025, 6, 1), **change)]
    assert of(benefit, lines)["status_reason"] == reason


@pytest.mark.parametrize(
    ("benefit", "missing", "reason"),
    [
        ({"measure": "quantity", "by": "growth", "baseline": {"prior": "year"}}, "quantity", "quantity"),
        ({"measure": "margin", "by": "attainment", "target": {"prior": "year"}}, "cost", "cost"),
        ({"measure": "margin", "base": "increment", "baseline": {"prior": "year"}}, "cost", "cost"),
        ({"measure": "margin", "baseline": {"prior": "year"}}, "cost", None),
        ({"base": "quantity", "by": "growth", "baseline": {"prior": "year"}}, "quantity", None),
    ],
)
def test_a_line_of_the_prior_year_blocks_only_what_needs_it(benefit: dict[str, Any], missing: str, reason: str | None) -> None:
    change: dict[str, Any] = {missing: None}
    lines = [replace(SOLD[0], **change), SOLD[1]]
    assert of(benefit, lines)["status_reason"] == reason


def test_a_rate_missing_in_the_prior_year_blocks_a_baseline_in_money() -> None:
    from models.calculation.measures.achievement import find_targets

    payouts = pl.DataFrame(
        {"payout_key": [0, 1], "measure_line_set_key": [0, 0], "prior_line_set_key": [None, None],
         "participant_key": [0, 0], "measure": ["amount", "count"], "span_first_period": [1, 1],
         "last_period": [2, 2], "agreement_id": ["A"] * 2, "benefit_id": ["b"] * 2, "participant_id": ["P"] * 2, "figures_of": ["P"] * 2,
         "window_start": [dt.date(2025, 1, 1)] * 2,
         **{f"{name}_source": ["prior" if name == "baseline" else "none"] * 2 for name in ("target", "baseline", "incentive")},
         **{f"{name}_value": pl.Series([None, None], dtype=pl.Decimal(38, 12)) for name in ("target", "baseline", "incentive")}},
        schema_overrides=dict.fromkeys(
            ("payout_key", "measure_line_set_key", "prior_line_set_key", "participant_key", "span_first_period", "last_period"), pl.Int32
        ),
    )  # fmt: skip
    measures = pl.DataFrame(
        {"line_set_key": [0, 0], "participant_key": [0, 0], "period_no": [1, 2], "is_prior": [True, True], "is_after_as_of": [False, True],
         "amount": [D(5), D(7)], "cost": [D(1), D(1)],
         "quantity": [D(1), D(1)], "line_count": [1, 2], "missing_rates": [0, 1], "missing_costs": [0, 0], "missing_quantities": [0, 0],
         "attribute_value": [D(0), D(0)], "missing_attributes": [0, 0]},
        schema_overrides={**dict.fromkeys(("line_set_key", "participant_key", "period_no"), pl.Int32),
                          **dict.fromkeys(("amount", "cost", "quantity", "attribute_value"), pl.Decimal(38, 6))},
    )  # fmt: skip
    targets = pl.DataFrame(
        schema={"agreement_id": pl.String, "benefit_id": pl.String, "participant_id": pl.String, "window_start": pl.Date,
                **dict.fromkeys(("target", "incentive", "baseline"), pl.Decimal(18, 6))}
    )  # fmt: skip
    found = find_targets(payouts, measures, targets)
    assert found["baseline"].to_list() == [D(12), D(3)]
    assert found["prior_missing"].to_list() == ["fx", None]


def test_achievement_follows_the_periods() -> None:
    term = {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 3, 31)}
    tiers = [{"from": D("0.5"), "rate": D("0.1")}, {"from": 1, "rate": D("0.2")}]
    benefit = {"id": "b", "clause": "1", "window": "quarter", "by": "attainment", "target": 200, "tiers": tiers}
    agreement = {"agreement": "A", "title": "A", "currency": "EUR", "term": term, "participants": ["P"], "benefits": [benefit]}
    lines = [Line(dt.date(2025, 1, 31), D(80)), Line(dt.date(2025, 2, 1), D(70)), Line(dt.date(2025, 3, 31), D(50))]
    got = calculate(Small(agreement, lines, [], dt.date(2025, 4, 1)))["achievement"].sort("period_no")
    assert got["period"].to_list() == ["2025-01", "2025-02", "2025-03"]
    assert got["measure_period"].to_list() == [80, 70, 50]
    assert got["measure_to_date"].to_list() == [80, 150, 200]
    assert got["attainment"].to_list() == [D("0.4"), D("0.75"), 1]
    assert got["tier_actual"].to_list() == [0, 1, 2]
    assert got["next_tier_from"].to_list() == [D("0.5"), 1, None]
    assert got["gap_to_next_tier"].to_list() == [20, 50, None]
