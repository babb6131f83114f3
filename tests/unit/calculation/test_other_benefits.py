"""Axes that look at other benefits, scores and ratios: random ones against the reference, what is missing, what is said, and which views accruals take."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.small_book import SPANS, Line, Small, by_reference, calculate, forecasts_of, smalls

D, DAY = Decimal, dt.date
#: Places where tiers begin: thresholds of attainment, growth, tiers and money, which random figures meet.
PLACES = [D(-1), D(0), D("0.333333333333"), D("0.5"), D(1), D("1.5"), D(2), D(100), D(1000)]
SUMS = ["amount", "quantity", "margin", "count"]
LATE = DAY(2026, 1, 1)
TERM = {"from": DAY(2025, 1, 1), "to": DAY(2025, 12, 31)}


@st.composite
def axes(draw: st.DrawFn, figures: list[str]) -> dict[str, Any]:
    """An axis that looks at benefit b."""
    kind = draw(st.sampled_from(["benefit", "benefit", "score", "ratio"]))
    if kind == "ratio":
        return {"ratio": draw(st.lists(st.sampled_from(SUMS), min_size=2, max_size=2))}
    if kind == "benefit":
        return {"benefit": "b", "of": draw(st.sampled_from(figures))}
    seen = st.fixed_dictionaries({"benefit": st.just("b"), "of": st.sampled_from(figures)})
    metric = st.fixed_dictionaries({"metric": st.sampled_from(["nps", "csat"])})
    parts = []
    for part in draw(st.lists(seen | seen | metric, min_size=1, max_size=3)):
        capped = {"at_most": draw(st.sampled_from(PLACES))} if draw(st.booleans()) else {}
        parts.append({**part, **capped, "weight": draw(st.sampled_from([D(1), D("0.7"), D(3)]))})
    return {"score": parts}


@st.composite
def looking(draw: st.DrawFn) -> Small:
    """A random agreement whose first benefit b a second one looks at, and a third at that."""
    small = draw(smalls())
    seen = small.agreement["benefits"][0]
    figures = ["measure", "tier", "earned"] + ["attainment"] * ("target" in seen) + ["growth"] * ("baseline" in seen)
    window = draw(st.sampled_from(SPANS[SPANS.index(seen["window"]) :]))
    tiers = [{"from": place, "amount": D(10 * n)} for n, place in enumerate(sorted(draw(st.sets(st.sampled_from(PLACES), min_size=1, max_size=4))), 1)]
    looks: dict[str, Any] = {
        "id": "c", "clause": "2", "window": window, "accumulate": draw(st.sampled_from(["window", *SPANS[max(SPANS.index(window), 1) :]])),
        "by": draw(axes(figures)), "tiers": tiers, "method": draw(st.sampled_from(["whole", "linear"])), "settle": {"clawback": "pay"},
        "accrue": {"placement": draw(st.sampled_from(["actual", "forecast"])), "forecast": draw(st.sampled_from(["linear", "seasonal"]))},
    }  # fmt: skip
    if draw(st.booleans()):
        looks["requires"] = [{"by": draw(axes(figures)), "at_least": draw(st.sampled_from(PLACES)), "otherwise": D("0.5")}]
    if draw(st.booleans()):
        looks["multiply"] = {"by": draw(axes(figures)), "method": "linear", "tiers": [{"from": 0, "factor": D("0.5")}, {"from": 3, "factor": D(2)}]}
    last = {"id": "d", "clause": "3", "window": window, "by": {"benefit": "c", "of": "earned"}, "tiers": tiers, "accrue": looks["accrue"]}
    seen["accrue"] = {"placement": draw(st.sampled_from(["actual", *(["forecast"] * bool(forecasts_of(seen)))]))}
    agreement = {name: value for name, value in small.agreement.items() if name != "limits"}
    metrics = [("P", name, day, value) for name, day, value in draw(st.lists(
        st.tuples(st.sampled_from(["nps", "csat"]), st.dates(DAY(2024, 1, 1), DAY(2025, 12, 31)), st.sampled_from(PLACES)),
        max_size=8, unique_by=lambda row: row[:2],
    ))]  # fmt: skip
    if draw(st.booleans()):  # so that fewer are blocked
        seen |= {name: D(1000) for name in ("target", "baseline", "incentive") if seen.get(name) == "feed"}
    order = draw(st.permutations([seen, looks, last]))
    term = small.agreement["term"]
    as_of = draw(st.just(small.as_of) | st.dates(term["from"], term["to"]))
    return replace(small, agreement={**agreement, "benefits": order}, metrics=metrics, as_of=as_of)


@settings(max_examples=settings().max_examples // 3)
@given(small=looking())
def test_payouts_and_accruals_are_those_of_the_reference(small: Small) -> None:
    results, expected = calculate(small), by_reference(small)
    names = {key: benefit["id"] for key, benefit in enumerate(small.agreement["benefits"])}
    payouts = {(names[row["benefit_key"]], row["window_start"]): row for row in results["payouts"].iter_rows(named=True)}
    assert {(key[1], key[3]) for key in expected.payouts} == set(payouts)
    for (_, benefit, _, start), row in expected.payouts.items():
        got = payouts[benefit, start]
        assert (got["status"], got["status_reason"] or "", got["payout"]) == (row["status"], row["status_reason"], row["payout"]), (benefit, start)
        if row["status"] != "blocked":
            assert (got["tier"], got["earned"]) == (row["tier"], row["earned"]), (benefit, start)
    accruals = {(names[row["benefit_key"]], row["window_start"], row["period"]): row["accrued_to_date"] for row in results["accruals"].iter_rows(named=True)}
    assert accruals == {(benefit, start, period): value for (_, benefit, _, start, period), value in expected.accruals.items()}


def outcomes(*benefits: dict[str, Any], lines: list[Line] | None = None, as_of: dt.date = LATE, **more: Any) -> dict[str, pl.DataFrame]:
    whole = [{"id": "seen", "clause": "1", "window": "year", "by": "attainment", "target": 300, "tiers": [{"from": 0, "amount": 1}]}, *benefits]
    agreement = {"agreement": "A", "currency": "EUR", "term": TERM, "participants": ["P"], "benefits": whole}
    return calculate(Small(agreement, lines or [Line(DAY(2025, 1, 5), D(100), D(10), D(70))], more.pop("targets", []), as_of, **more))


def looks(by: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "looks", "clause": "2", "window": "year", "by": by, "tiers": [{"from": 0, "amount": 1}], **more}


@pytest.mark.parametrize(
    ("by", "x", "words"),
    [
        ({"benefit": "seen"}, "0.333333333333", "attainment of seen = 0.333333333333"),
        ({"benefit": "seen", "of": "tier"}, "1", "tier of seen = 1"),
        ({"benefit": "seen", "of": "earned"}, "1", "earned of seen = 1"),
        ({"ratio": ["margin", "quantity"]}, "3", "margin 30 / quantity 10"),
        (
            {"score": [{"benefit": "seen", "of": "measure", "weight": D("0.7"), "at_most": D("1.5")}, {"metric": "nps", "weight": D("0.3")}]},
            "1.2",
            "0.7 × 1.5 (measure of seen 100, at most 1.5) + 0.3 × 0.5 (metric nps 0.5)",
        ),
        ({"score": [{"metric": "nps", "weight": 4, "at_most": 1}]}, "0.5", "(4 × 0.5 (metric nps 0.5, at most 1)) / 4"),
    ],
)
def test_a_step_says_what_the_place_is_made_of(by: dict[str, Any], x: str, words: str) -> None:
    found = outcomes(looks(by), metrics=[("P", "nps", DAY(2025, 2, 1), D("0.5"))])
    key = found["payouts"].filter(pl.col("benefit_key") == 1)["payout_key"].item()
    axis = found["calculation_steps"].filter((pl.col("payout_key") == key) & (pl.col("step") == "axis"))
    assert axis.select("inputs", "result").row(0) == (words, D(x))


@pytest.mark.parametrize(
    ("benefit", "reason", "missing"),
    [
        (looks({"score": [{"metric": "nps", "weight": 1}]}), "metric_missing", "no value of nps for P from 2025-01-01 to 2025-12-31"),
        (looks({"benefit": "seen"}, window="term"), None, ""),
        (looks({"ratio": ["amount", "margin"]}), None, ""),
        ({**looks({"benefit": "seen"}), "requires": [{"by": {"ratio": ["amount", "count"]}, "at_least": 1}]}, None, ""),
    ],
)
def test_a_blocked_result_says_what_it_lacks(benefit: dict[str, Any], reason: str | None, missing: str) -> None:
    found = outcomes(benefit)
    row = found["payouts"].filter(pl.col("benefit_key") == 1).row(0, named=True)
    assert row["status_reason"] == reason
    is_blocked = (pl.col("payout_key") == row["payout_key"]) & (pl.col("step") == "blocked")
    blocked = found["calculation_steps"].filter(is_blocked)["inputs"].to_list()
    assert blocked == ([missing] if reason else [])


def test_a_divisor_of_nothing_or_less_blocks() -> None:
    sold = [Line(DAY(2025, 1, 5), D(100), D(10), D(100))]
    found = outcomes(looks({"ratio": ["amount", "margin"]}), looks({"benefit": "looks", "of": "tier"}, id="after"), lines=sold)
    reasons = dict(found["payouts"].select("benefit_key", "status_reason").iter_rows())
    assert reasons == {0: None, 1: "divisor_not_positive", 2: "benefit_blocked"}
    texts = found["calculation_steps"].filter(pl.col("step") == "blocked")["inputs"].to_list()
    assert texts == ["margin is 0", "no tier of looks, whose own steps say why"]


def test_a_quarter_waits_for_the_month_that_ends_with_it() -> None:
    month = {"id": "month", "clause": "3", "window": "month", "tiers": [{"from": 0, "amount": 1}]}
    quarter = looks({"benefit": "month", "of": "measure"}, window="quarter")
    found = outcomes(month, quarter, as_of=DAY(2025, 2, 28))
    steps = found["calculation_steps"].filter(pl.col("step") == "blocked")["inputs"].to_list()
    assert steps == ["no window of month that ends on 2025-03-31 has begun"]
    assert outcomes(month, quarter, as_of=DAY(2025, 3, 1))["payouts"].filter(pl.col("status") == "blocked").is_empty()


def accrued(found: dict[str, pl.DataFrame], benefit: int) -> list[Decimal]:
    """Accrued to date, of every period of a benefit."""
    own = found["accruals"].filter(pl.col("benefit_key") == benefit).sort("window_start", "period_no")
    return own["accrued_to_date"].to_list()


def test_an_accrual_sees_the_other_benefit_in_its_own_placement() -> None:
    """100 on the 120th of 365 days are projected to 304.17 of 300; so far they are a third."""
    tiers = [{"from": 0, "amount": 1}, {"from": 1, "amount": 365}]
    forecast = looks({"benefit": "seen"}, tiers=tiers, accrue={"placement": "forecast"})
    actual = looks({"benefit": "seen"}, tiers=tiers, id="actual")
    found = outcomes(forecast, actual, as_of=DAY(2025, 4, 30))
    assert accrued(found, 1)[-1] == D("120.00")
    assert accrued(found, 2)[-1] == 1
    tiers_reached = found["achievement"].filter(pl.col("period") == "2025-04").sort("benefit_key").select("tier_actual", "tier_forecast")
    assert list(tiers_reached.iter_rows()) == [(1, 1), (1, 2), (1, 2)]


def test_an_accrual_sees_a_target_to_date() -> None:
    """On 15 June 76 of 91 days of the second quarter have gone: its target to date is 100 + 200 × 76 / 91, and 270 is more."""
    targets = [{"benefit": "other", "window_start": DAY(2025, month, 1), "target": D(target)} for month, target in ((1, 100), (4, 300))]
    other = {"id": "other", "clause": "4", "window": "quarter", "accumulate": "year", "by": "attainment", "target": "feed", "tiers": [{"from": 1, "amount": 7}]}
    by = looks({"benefit": "other"}, window="quarter", tiers=[{"from": 1, "amount": 5}])
    found = outcomes(other, by, lines=[Line(DAY(2025, 2, 5), D(270))], targets=targets, as_of=DAY(2025, 6, 15))
    assert accrued(found, 2)[-1] == 5
    assert found["payouts"].filter(pl.col("benefit_key") == 2).sort("window_start")["payout"].to_list() == [5, 0]


def test_growth_of_another_benefit_is_the_part_above_its_baseline() -> None:
    grown = {"id": "grown", "clause": "5", "window": "year", "baseline": 80, "tiers": [{"from": 0, "amount": 1}]}
    found = outcomes(grown, looks({"benefit": "grown", "of": "growth"}, tiers=[{"from": D("0.25"), "amount": 1}, {"from": D("0.250001"), "amount": 2}]))
    assert found["payouts"].filter(pl.col("benefit_key") == 2).select("axis_value", "payout").row(0) == (D("0.25"), 1)


@pytest.mark.parametrize("target", [0, -1])
def test_a_figure_that_the_other_benefit_does_not_have_blocks_the_one_that_looks(target: int) -> None:
    other = {"id": "other", "clause": "6", "window": "year", "target": target, "tiers": [{"from": 0, "amount": 1}]}
    found = outcomes(other, looks({"benefit": "other"}))
    assert dict(found["payouts"].select("benefit_key", "status_reason").iter_rows()) == {0: None, 1: None, 2: "benefit_blocked"}
