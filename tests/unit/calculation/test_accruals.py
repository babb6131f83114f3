"""The path of what is owed: period by period it ends at the payout."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import given, settings

from models.calculation.accruals.accruals import accrue_periods
from models.money import MONEY
from tests.support.small_book import Line, Small, calculate, smalls

D = Decimal


@settings(max_examples=25)
@given(small=smalls())
def test_the_path_ends_at_the_payout_and_its_steps_add_up(small: Small) -> None:
    results = calculate(small)
    path = results["accruals"].sort("payout_key", "period_no")
    ends = path.group_by("payout_key", maintain_order=True).agg(pl.col("accrued_to_date").last(), pl.col("accrual").sum(), pl.col("accrued_before").first())
    payouts = results["payouts"].sort("payout_key")["payout"].to_list()
    assert ends["accrued_to_date"].to_list() == payouts
    assert ends["accrual"].to_list() == payouts
    assert set(ends["accrued_before"]) <= {D(0)}
    assert path.filter(pl.col("accrual") != pl.col("accrued_to_date") - pl.col("accrued_before")).is_empty()


def path_of(benefit: dict[str, Any], amounts: list[int], as_of: dt.date = dt.date(2026, 1, 1)) -> list[Decimal]:
    """Accrued to date of every period of 2025's windows, with one line in each month."""
    term = {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 12, 31)}
    agreement = {"agreement": "A", "title": "A", "currency": "EUR", "term": term, "participants": ["P"], "benefits": [{"id": "b", "clause": "1", **benefit}]}
    lines = [Line(dt.date(2025, month, 5), D(amount)) for month, amount in enumerate(amounts, 1)]
    return calculate(Small(agreement, lines, [], as_of))["accruals"].sort("payout_key", "period_no")["accrued_to_date"].to_list()


SCALE = [{"from": 0, "rate": D("0.01")}, {"from": 1000, "rate": D("0.02")}]


def test_reaching_a_tier_is_caught_up_at_once() -> None:
    assert path_of({"window": "half_year", "tiers": SCALE}, [600, 600, -300, 0, 0, 100])[:6] == [6, 24, 9, 9, 9, 20]


def test_an_open_window_accrues_up_to_as_of() -> None:
    assert path_of({"window": "year", "tiers": SCALE}, [600, 600, 600], dt.date(2025, 3, 4)) == [6, 24, 24]
    assert path_of({"window": "year", "tiers": SCALE}, [600, 600, 600], dt.date(2025, 3, 5)) == [6, 24, 36]


def test_a_later_window_of_a_span_accrues_what_earlier_ones_have_not_paid() -> None:
    benefit = {"window": "quarter", "accumulate": "year", "tiers": [{"from": 0, "rate": D("0.1")}]}
    amounts = [200, 0, 0, -150, 200, 150]
    assert path_of(benefit, amounts)[:6] == [20, 20, 20, 0, 5, 20]
    assert path_of({**benefit, "settle": {"clawback": "pay"}}, amounts)[:6] == [20, 20, 20, -15, 5, 20]
    assert path_of({**benefit, "settle": {"clawback": "none"}}, amounts)[:6] == [20, 20, 20, 0, 5, 20]


def test_what_an_earlier_span_left_is_set_off_by_carry_alone() -> None:
    benefit = {"window": "month", "tiers": [{"from": -1000, "rate": D("0.1")}]}
    assert path_of(benefit, [-200, 500])[:2] == [0, 30]
    assert path_of({**benefit, "settle": {"clawback": "pay"}}, [-200, 500])[:2] == [-20, 50]
    assert path_of({**benefit, "settle": {"clawback": "none"}}, [-200, 500])[:2] == [0, 50]


ALONE = dict.fromkeys(("combine_group", "participant_key", "whole_start", "agreement_id", "priority", "window_end", "last_period", "payout"))


def test_blocked_results_accrue_nothing() -> None:
    rows = pl.DataFrame(
        {"payout_key": [0, 0, 1], "period_no": [1, 2, 1], "is_end": [False, True, True], "accrual_earned": pl.Series([D(5), D(7), None], dtype=MONEY)}
    )
    settled = pl.DataFrame(
        {
            "payout_key": [0, 1],
            "prior_paid_and_owed": pl.Series([D(0), D(0)], dtype=MONEY),
            "clawback": ["carry", "carry"],
            "status": ["blocked", "blocked"],
            "combine_rule": ["all", "all"],
            **ALONE,
        }
    )
    assert accrue_periods(rows, settled, pl.DataFrame({"is_period_end": [True]}))["accrued_to_date"].to_list() == [0, 0, 0]
