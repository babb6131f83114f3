"""Placed pools: random ones against the reference, a pool of one, and what the language refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.agreements.parse import parse_agreements
from models.documents import InputError
from tests.support.small_book import Small, by_reference, calculate, smalls

MEMBERS = ["P", "Q", "R"]
FIGURES = ("measure", "base", "quantity", "tier", "earned", "payout", "carried", "status")


@st.composite
def pools(draw: st.DrawFn, size: int = 3) -> Small:
    """A random agreement with one place for its members. Targets are those of P, the payee."""
    small = draw(
        smalls().filter(
            lambda small: small.agreement["benefits"][0]["method"] != "rolling" and not {"every", "distinct"} & set(small.agreement["benefits"][0]["measure"])
        )
    )
    members = MEMBERS[:size]
    lines = [replace(line, partner_id=draw(st.sampled_from(members))) for line in small.lines]
    return replace(small, agreement={**small.agreement, "participants": members, "pool": "placed", "payee": "P"}, lines=lines)


@settings(max_examples=settings().max_examples // 2)
@given(small=pools())
def test_members_are_paid_what_the_reference_pays(small: Small) -> None:
    results, expected = calculate(small), by_reference(small)
    found = {(row["participant_id"], row["window_start"]): row for row in results["payouts"].iter_rows(named=True)}
    assert {key[2:] for key in expected.payouts} == set(found)
    for key, row in expected.payouts.items():
        is_blocked = row["status"] == "blocked"
        names = ("status", "payout") if is_blocked else (*FIGURES, "pool_measure")
        assert {name: found[key[2:]][name] for name in names} == {name: _rounded(row[name]) for name in names}, key
    accruals = {(row["participant_id"], row["window_start"], row["period"]): row["accrued_to_date"] for row in results["accruals"].iter_rows(named=True)}
    assert accruals == {key[2:]: value for key, value in expected.accruals.items()}


def _rounded(value: object) -> object:
    return value if value is None or isinstance(value, str | int) else round(value, 12)  # type: ignore[call-overload]


@settings(max_examples=settings().max_examples // 4)
@given(small=pools(size=1))
def test_a_pool_of_one_is_that_one(small: Small) -> None:
    alone = {key: value for key, value in small.agreement.items() if key not in ("pool", "payee")}
    placed, each = calculate(small), calculate(replace(small, agreement=alone))
    for table, unlike in (("payouts", ("exact_numerator", "exact_divisor", "pool_measure")), ("achievement", ()), ("accruals", ())):
        assert placed[table].drop(unlike).equals(each[table].drop(unlike)), table


AGREEMENT = """\
agreement: A
currency: EUR
term: {from: 2025-01-01, to: 2025-12-31}
participants: [P, Q]
pool: placed
benefits:
- {id: b, clause: "1", window: quarter, BENEFIT}
"""
TIERS = "tiers: [{from: 0, rate: 0.1}]"


@pytest.mark.parametrize(
    ("benefit", "where", "message"),
    [
        (f"by: rank, {TIERS}", "benefits[0].by", "pool: placed gives all members one place, so rank cannot compare them"),
        (f"{TIERS}, requires: [{{by: percentile, at_least: 1}}]", "benefits[0].by", "so percentile cannot compare them"),
        (f"method: rolling, {TIERS}", "benefits[0].method", "which method: rolling does not part among them; use whole"),
        ("measure: {of: quantity, every: 42}, tiers: [{from: 0, amount: 1}]", "benefits[0].measure.every", "use pool: together or each"),
        ("measure: {distinct: product_id}, tiers: [{from: 0, amount: 1}]", "benefits[0].measure.distinct", "use pool: together or each"),
        (f"by: attainment, target: feed, {TIERS}", "benefits[0].target", "target: feed needs payee of the agreement"),
        (f"by: growth, baseline: feed, {TIERS}", "benefits[0].baseline", "baseline: feed needs payee"),
        ("incentive: feed, tiers: [{from: 0, share: 1}]", "benefits[0].incentive", "incentive: feed needs payee"),
        (f"accrue: {{forecast: feed}}, {TIERS}", "benefits[0].accrue.forecast", "forecast: feed needs payee"),
        (f"by: {{metric: nps}}, {TIERS}", "benefits[0].by", "a metric needs payee of the agreement"),
        (f"by: {{score: [{{metric: nps, weight: 1}}]}}, {TIERS}", "benefits[0].by", "a metric needs payee of the agreement"),
    ],
)
def test_refusals(benefit: str, where: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_agreements({"agreements/a.yaml": AGREEMENT.replace("BENEFIT", benefit)})
    assert any(where in str(problem) and message in str(problem) for problem in caught.value.problems), caught.value.problems


def test_a_payee_makes_feeds_and_metrics_known() -> None:
    text = AGREEMENT.replace("pool: placed", "pool: placed\npayee: O").replace("BENEFIT", f"by: attainment, target: feed, {TIERS}")
    assert parse_agreements({"agreements/a.yaml": text})
