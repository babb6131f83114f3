"""Draws: against the reference calculation, and properties of the balance.

Belongs here: what draws pay, carry and accrue, with any other benefit beside them. Does not belong here: refusals (tests/unit/agreements), amounts that a
contract names (tests/golden/draws.yaml).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.money import AmountTooLarge
from tests.support.evaluation import decimals
from tests.support.small_book import Line, Small, by_reference, calculate, smalls

D, DAY = Decimal, dt.timedelta(days=1)
AMOUNTS = st.sampled_from([D(0), D("0.01"), D(20), D("150.505")]) | decimals(0, 600, 2)


@st.composite
def drawn(draw: st.DrawFn) -> Small:
    """An agreement with a benefit of any kind, a draw against it, and perhaps a second agreement that goes on with the balance."""
    small = draw(smalls())
    terms: dict[str, Any] = {"amount": draw(AMOUNTS), "against": ["b"], "recover": draw(st.booleans())}
    if terms["recover"] and draw(st.booleans()):
        terms["ceiling"] = draw(AMOUNTS)
    advance = {"id": "a", "clause": "2", "window": draw(st.sampled_from(["month", "month", "quarter", "year", "term"])), "draw": terms}
    if draw(st.booleans()):
        advance["prorate"] = "days"
    agreement = {**small.agreement, "benefits": [*small.agreement["benefits"], advance]}
    others = []
    if draw(st.booleans()):  # its id comes first, so that the order of ids is not the order of terms
        ends = agreement["term"]["to"]
        simple = {"id": "b", "clause": "1", "window": "month", "tiers": [{"from": D(0), "rate": D("0.5")}], "settle": {"clawback": "pay"}}
        goes_on = {**advance, "draw": {**terms, "from": "A", "amount": draw(AMOUNTS)}}
        term = {"from": ends + DAY, "to": ends + 200 * DAY}
        others = [{**agreement, "agreement": "0", "title": "0", "term": term, "limits": None, "benefits": [goes_on, simple]}]
        del others[0]["limits"]
    return replace(small, agreement=agreement, others=others)


def rows_of(small: Small, table: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows with `agreement` and `benefit`."""
    names = [(a["agreement"], b["id"]) for a in small.agreements for b in a["benefits"]]
    return [{**row, "agreement": names[row["benefit_key"]][0], "benefit": names[row["benefit_key"]][1]} for row in table.iter_rows(named=True)]


@settings(max_examples=60)
@given(drawn())
def test_payouts_balances_and_accruals_are_those_of_the_reference(small: Small) -> None:
    results, reference = calculate(small), by_reference(small)
    for row in rows_of(small, results["payouts"]):
        expected = reference.payouts[row["agreement"], row["benefit"], "P", row["window_start"]]
        assert (row["status"], row["payout"], row["carried"]) == (expected["status"], expected["payout"], expected["carried"]), row
    for row in rows_of(small, results["accruals"]):
        expected_accrual = reference.accruals[row["agreement"], row["benefit"], "P", row["window_start"], row["period"]]
        assert row["accrued_to_date"] == expected_accrual, row


@settings(max_examples=30)
@given(drawn())
def test_the_balance_is_what_was_paid_in_advance_and_not_taken_back(small: Small) -> None:
    results = calculate(small)
    rows = sorted((row for row in rows_of(small, results["payouts"]) if row["benefit"] == "a"), key=lambda row: row["window_end"])
    recovers = small.agreement["benefits"][-1]["draw"]["recover"]
    balance = D(0)
    for row in rows:
        balance += row["payout"] if recovers else min(row["payout"], D(0))
        assert row["carried"] == balance >= 0
    steps = results["calculation_steps"].group_by("payout_key", maintain_order=True).agg(pl.col("result").last(), pl.col("step_no").max(), pl.len())
    found = {key: result for key, result, *_ in steps.iter_rows()}
    assert {row["payout_key"]: row["payout"] for row in rows} == {row["payout_key"]: found[row["payout_key"]] for row in rows}
    assert steps["step_no"].to_list() == steps["len"].to_list()


def advance(amount: str, **terms: Any) -> Small:
    """A month with 2 % of 1,000, and a draw."""
    year = {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 12, 31)}
    benefits = [
        {"id": "b", "clause": "1", "window": "month", "tiers": [{"from": D(0), "rate": D("0.02")}]},
        {"id": "a", "clause": "2", "window": "month", "draw": {"amount": D(amount), "against": ["b"], **terms}},
    ]
    agreement = {"agreement": "A", "title": "A", "currency": "EUR", "term": year, "participants": ["P"], "benefits": benefits}
    return Small(agreement, [Line(dt.date(2025, 1, 10), D(1000))], [], dt.date(2025, 1, 31))


def test_every_number_is_in_the_steps() -> None:
    steps = calculate(advance("50", recover=True, ceiling=D(25)))["calculation_steps"].filter(pl.col("payout_key") == 1)
    assert steps.select("step", "inputs", "result").rows() == [
        ("against", "b = 20", D(20)),
        ("guarantee", "amount = 50", D(50)),
        ("balance", "", D(0)),
        ("draw", "g = 50, E = 20, balance = 0, ceiling = 25, balance_after = 25", D(25)),
    ]
    assert steps["formula"].to_list()[-1] == "E < g: pays g − E, no more than ceiling − balance; the balance grows by it"


def test_an_amount_that_no_column_holds_names_the_payout() -> None:
    small = advance("99999999999999")
    small = replace(small, lines=[Line(dt.date(2025, 1, 10), D(-5_000_000_000_000))])
    small.agreement["benefits"][0] |= {"settle": {"clawback": "pay"}, "tiers": [{"from": D(-(10**13)), "rate": D("0.02")}]}
    with pytest.raises(AmountTooLarge, match="the payout A/a/P/2025-01-01 pays 100,099,999,999,999 EUR"):
        calculate(small)
