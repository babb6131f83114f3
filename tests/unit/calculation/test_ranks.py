"""Ranks, percentiles and metrics among participants: the places themselves, who is left out, ties, and what they are paid."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.evaluation import decimals
from tests.support.small_book import Line, Small, calculate

D = Decimal
TERM = {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 12, 31)}
PRIZES = [{"from": 1, "amount": 100}, {"from": 2, "amount": 60}, {"from": 3, "amount": 20}, {"from": 4, "amount": 0}]


def small_of(benefit: dict[str, Any], volumes: Sequence[Decimal | int], **more: Any) -> Small:
    """A year's agreement with participants P0, P1 … and a line of each volume in May 2025."""
    names = [f"P{n}" for n in range(len(volumes))]
    lines = [Line(dt.date(2025, 5, 1), D(v), D(1), D(1), name) for name, v in zip(names, volumes, strict=True) if v]
    whole = {"id": "b", "clause": "1", "window": "year", **benefit}
    agreement = {"agreement": "A", "currency": "EUR", "term": TERM, "participants": names, "benefits": [whole]}
    return Small(agreement, [*lines, *more.pop("lines", [])], more.pop("targets", []), more.pop("as_of", dt.date(2026, 1, 1)), **more)


def of(benefit: dict[str, Any], volumes: Sequence[Decimal | int], *columns: str, **more: Any) -> list[Any]:
    """Columns of the payouts by participant; one column alone as plain values."""
    payouts = calculate(small_of(benefit, volumes, **more))["payouts"].sort("participant_id")
    return payouts[columns[0]].to_list() if len(columns) == 1 else list(payouts.select(columns).iter_rows())


@settings(max_examples=settings().max_examples // 3)
@given(volumes=st.lists(st.sampled_from([D(0), D(100), D("99.99"), D("100.01"), D(-5)]) | decimals(-100, 1000, 2), min_size=1, max_size=8))
def test_rank_and_percentile_count_the_others(volumes: list[Decimal]) -> None:
    others = [[o for j, o in enumerate(volumes) if j != i] for i in range(len(volumes))]
    ranks = [1 + sum(o > v for o in rest) for v, rest in zip(volumes, others, strict=True)]
    assert of({"by": "rank", "tiers": PRIZES}, volumes, "axis_value") == ranks
    shares = [Fraction(sum(o < v for o in rest), len(rest)) if rest else Fraction(1) for v, rest in zip(volumes, others, strict=True)]
    got = of({"by": "percentile", "tiers": [{"from": 0, "amount": 1}]}, volumes, "axis_value")
    assert all(abs(Fraction(x) - share) <= Fraction(1, 2 * 10**12) for x, share in zip(got, shares, strict=True))


@given(
    rows=st.lists(st.tuples(decimals(-10, 1000, 2), st.sampled_from([D(3), D(7), D("0.01"), D("333.333333")]) | decimals(1, 500, 6)), min_size=1, max_size=8),
    of_what=st.sampled_from(["attainment", "growth", "growth_amount"]),
)
def test_ratios_are_ranked_exactly(rows: list[tuple[Decimal, Decimal]], of_what: str) -> None:
    """Equal ratios of different numbers tie; ratios that differ in the last place do not."""
    rows = [*rows, (rows[0][0] * 3, rows[0][1] * 3)]  # the same ratio once more
    column = "target" if of_what == "attainment" else "baseline"
    targets = [{"benefit": "b", "participant_id": f"P{n}", "window_start": dt.date(2025, 1, 1), column: t} for n, (_, t) in enumerate(rows)]
    values = [Fraction(m) - Fraction(t) if of_what == "growth_amount" else Fraction(m) / Fraction(t) for m, t in rows]
    got = of({"by": {"rank": of_what}, column: "feed", "tiers": PRIZES}, [m for m, _ in rows], "axis_value", targets=targets)
    assert got == [1 + sum(o > v for o in values) for v in values]


def test_a_cent_of_a_thousand_million_makes_a_rank() -> None:
    benefit = {"by": {"rank": "attainment"}, "target": 10**9 + 7, "tiers": PRIZES}
    assert of(benefit, [D("500000000.00"), D("500000000.01"), D("500000000.00")], "axis_value") == [2, 1, 2]


@given(
    volumes=st.lists(st.sampled_from([D(0), D(100), D(200), D(300)]), min_size=1, max_size=7),
    method=st.sampled_from(["whole", "linear", "total"]),
    data=st.data(),
)
def test_ties_share_the_mean_of_the_ranks_they_occupy(volumes: list[Decimal], method: str, data: Any) -> None:
    starts = sorted(data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=4, unique=True)))
    rates = [data.draw(decimals(0, 1, 3)) for _ in starts]
    benefit = {"by": "rank", "ties": "share", "method": method, "tiers": [{"from": s, "rate": r} for s, r in zip(starts, rates, strict=True)]}

    def rate_at(rank: int) -> Fraction:
        tier = sum(s <= rank for s in starts)
        if tier == 0:
            return Fraction(0)
        if method == "total":
            return sum(map(Fraction, rates[:tier]), Fraction(0))
        here = Fraction(rates[tier - 1])
        if method == "whole" or tier == len(starts):
            return here
        return here + Fraction(rank - starts[tier - 1], starts[tier] - starts[tier - 1]) * (Fraction(rates[tier]) - here)

    for volume, (paid, tier) in zip(volumes, of(benefit, volumes, "curve_payout", "tier"), strict=True):
        rank, tied = 1 + sum(o > volume for o in volumes), volumes.count(volume)
        mean = sum((rate_at(r) for r in range(rank, rank + tied)), Fraction(0)) / tied
        assert abs(Fraction(paid) - mean * Fraction(volume)) <= Fraction(1, 2 * 10**12)
        assert tier == sum(s <= rank for s in starts)


@pytest.mark.parametrize(
    ("volumes", "least", "shared"),
    [
        ([300, 200, 100], [100, 60, 20], [100, 60, 20]),
        ([300, 300, 100], [100, 100, 20], [80, 80, 20]),
        ([300, 200, 200], [100, 60, 60], [100, 40, 40]),
        ([0, 0, 0], [100, 100, 100], [60, 60, 60]),
        ([0, 0, -1], [100, 100, 20], [80, 80, 20]),
        ([5], [100], [100]),
    ],
)
def test_prizes_by_hand(volumes: list[int], least: list[int], shared: list[int]) -> None:
    assert of({"by": "rank", "tiers": PRIZES}, volumes, "payout") == least
    assert of({"by": "rank", "ties": "share", "tiers": PRIZES}, volumes, "payout") == shared


def test_rank_has_no_upper_boundary_and_percentile_has() -> None:
    assert of({"by": "rank", "boundary": "upper_inclusive", "tiers": PRIZES}, [300, 200], "payout") == [100, 60]
    half = {"by": "percentile", "tiers": [{"from": D("0.5"), "amount": 10}]}
    assert of(half, [3, 2, 1], "payout") == [10, 10, 0]
    assert of({**half, "boundary": "upper_inclusive"}, [3, 2, 1], "payout") == [10, 0, 0]


def test_figures_decide_among_equals_and_the_steps_name_them() -> None:
    """By the quantity to date, then by the metric; one that is missing is less than any. Who is still tied is paid alike."""
    metrics = [("P1", "nps", dt.date(2025, 6, 1), D("-5.5")), ("P3", "nps", dt.date(2025, 6, 1), D(9)), ("P4", "nps", dt.date(2025, 6, 1), D(9))]
    more = [Line(dt.date(2025, 6, 1), D(0), D(2), D(1), name) for name in ("P3", "P4")]
    small = small_of({"by": "rank", "ties": {"then": ["quantity", {"metric": "nps"}]}, "tiers": PRIZES}, [50, 50, 70, 50, 50], lines=more, metrics=metrics)
    found = calculate(small)
    assert found["payouts"].sort("participant_id")["axis_value"].to_list() == [5, 4, 1, 2, 2]
    assert found["payouts"].sort("participant_id")["payout"].to_list() == [0, 0, 100, 60, 60]
    steps = found["calculation_steps"].filter(pl.col("step") == "axis").sort("payout_key").select("formula", "inputs").rows()
    assert steps[1] == ("x = 1 + how many have a larger measure; among equals the larger quantity, then nps", "M = 50, among equals 1, then -5.5")
    assert steps[0][1] == "M = 50, among equals 1, then none"
    without = small_of({"by": "percentile", "requires": [{"by": "rank", "at_most": 1}], "tiers": [{"from": 0, "amount": 1}]}, [50, 50], metrics=metrics)
    assert "tie_break_1" not in calculate(without)["payouts"].columns


def test_ties_are_decided_as_things_stand_in_each_period() -> None:
    """In May P1 has the larger quantity; from June on P0 has. A line of another participant's month does not count before its day."""
    more = [Line(dt.date(2025, 5, 9), D(0), D(1), D(1), "P1"), Line(dt.date(2025, 6, 1), D(0), D(5), D(1), "P0")]
    more.append(Line(dt.date(2024, 5, 1), D(0), D(9), D(1), "P0"))  # of the year before
    small = small_of({"by": "rank", "ties": {"then": ["quantity"]}, "tiers": PRIZES}, [50, 50], lines=more)
    found = calculate(small)["achievement"].filter(pl.col("participant_id") == "P0").sort("period_no")
    assert found["tier_actual"].to_list() == [1, 1, 1, 1, 2, *[1] * 7]


def test_a_sum_that_a_line_lacks_is_less_than_any() -> None:
    more = [Line(dt.date(2025, 5, 9), D(0), None, D(1), "P0"), Line(dt.date(2025, 5, 9), D(0), D(-5), D(1), "P1")]
    assert of({"by": "rank", "ties": {"then": ["quantity"]}, "tiers": PRIZES}, [50, 50], "axis_value", lines=more) == [2, 1]


def test_who_has_no_value_is_blocked_and_left_out() -> None:
    benefit = {"by": {"rank": "attainment"}, "target": "feed", "tiers": PRIZES}
    targets = [{"benefit": "b", "participant_id": f"P{n}", "window_start": dt.date(2025, 1, 1), "target": t} for n, t in ((0, D(100)), (2, D(50)), (3, D(0)))]
    got = of(benefit, [90, 500, 40, 70], "status_reason", "axis_value", targets=targets)
    assert got == [(None, 1), ("target_missing", None), (None, 2), ("target_not_positive", None)]
    half = {"by": "percentile", "measure": "margin", "tiers": [{"from": 0, "amount": 10}]}
    without_cost = [Line(dt.date(2025, 6, 1), D(5), partner_id="P1")]
    assert of(half, [90, 500, 40], "status_reason", "axis_value", lines=without_cost) == [(None, 1), ("cost", None), (None, 0)]


def test_what_blocks_a_payout_but_not_its_value_stays_in_the_ranking() -> None:
    benefit = {"by": "rank", "incentive": "feed", "tiers": [{"from": 1, "share": 1}]}
    targets = [{"benefit": "b", "participant_id": "P1", "window_start": dt.date(2025, 1, 1), "incentive": D(10)}]
    assert of(benefit, [90, 50], "status_reason", "axis_value", targets=targets) == [("incentive_missing", None), (None, 2)]


def test_each_window_and_period_has_its_own_ranking() -> None:
    lines = [Line(dt.date(2025, m, 5), D(v), D(1), D(1), p) for m, p, v in ((1, "P0", 10), (2, "P1", 20), (4, "P0", 5))]
    small = small_of({"window": "quarter", "by": "rank", "tiers": PRIZES}, [0, 0], lines=lines)
    results = calculate(small)
    path = results["achievement"].sort("window_start", "period_no", "participant_id").select("period", "participant_id", "tier_actual")
    assert [tier for *_, tier in path.iter_rows()][:10] == [1, 2, 2, 1, 2, 1, 1, 2, 1, 2]


# -- metrics ----------------------------------------------------------------------------------------------------------

BY_NPS = {"by": {"metric": "nps"}, "tiers": [{"from": 0, "amount": 1}, {"from": 50, "amount": 2}]}


@pytest.mark.parametrize(
    ("day", "value", "expected"),
    [
        (dt.date(2025, 6, 1), "50", (2, None)),
        (dt.date(2025, 6, 1), "49.999999999999", (1, None)),
        (dt.date(2025, 6, 1), "-0.000000000001", (0, None)),
        (dt.date(2025, 1, 1), "0", (1, None)),
        (dt.date(2024, 12, 31), "50", (0, "metric_missing")),
        (dt.date(2025, 12, 31), "50", (2, None)),
        (dt.date(2026, 1, 1), "50", (0, "metric_missing")),
    ],
)
def test_the_last_metric_of_the_window_counts(day: dt.date, value: str, expected: tuple[int, str | None]) -> None:
    assert of(BY_NPS, [5], "payout", "status_reason", metrics=[("P0", "nps", day, D(value)), ("P0", "other", day, D(9))]) == [expected]


def test_a_later_metric_replaces_an_earlier_one_up_to_as_of() -> None:
    metrics = [("P0", "nps", dt.date(2025, 3, 1), D(60)), ("P0", "nps", dt.date(2025, 5, 1), D(10)), ("P1", "nps", dt.date(2025, 7, 1), D(99))]
    assert of(BY_NPS, [5, 5], "payout", metrics=metrics) == [1, 2]
    assert of(BY_NPS, [5, 5], "payout", metrics=metrics, as_of=dt.date(2025, 4, 30)) == [2, 0]
    path = calculate(small_of(BY_NPS, [5], metrics=metrics))["achievement"].sort("period_no")
    assert path["tier_actual"].to_list() == [0, 0, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1]


def test_an_accumulated_window_looks_at_its_whole_span() -> None:
    metrics = [("P0", "nps", dt.date(2025, 2, 1), D(60))]
    benefit = {**BY_NPS, "window": "quarter"}
    assert of(benefit, [5], "status", metrics=metrics) == ["final", "blocked", "blocked", "blocked"]
    assert of({**benefit, "accumulate": "year"}, [5], "status", metrics=metrics) == ["final"] * 4


def test_a_slot_may_rank_in_one_benefit_and_look_at_a_metric_in_another() -> None:
    small = small_of(BY_NPS, [5, 7], metrics=[("P0", "nps", dt.date(2025, 2, 1), D(60)), ("P1", "nps", dt.date(2025, 2, 1), D(0))])
    other = {"id": "c", "clause": "2", "window": "year", "by": "rank", "tiers": PRIZES}
    small.agreement["benefits"].append(other)
    payouts = calculate(small)["payouts"].sort("benefit_key", "participant_id")
    assert payouts["axis_value"].to_list() == [60, 0, 2, 1]


def test_gates_and_multipliers_take_any_axis() -> None:
    metrics = [("P0", "nps", dt.date(2025, 2, 1), D(40)), ("P1", "nps", dt.date(2025, 2, 1), D(25))]
    benefit = {
        "tiers": [{"from": 0, "amount": 100}],
        "requires": [{"by": "rank", "at_most": 1, "otherwise": D("0.5")}],
        "multiply": {"by": {"metric": "nps"}, "method": "linear", "tiers": [{"from": 0, "factor": D("0.8")}, {"from": 50, "factor": D("1.2")}]},
    }
    assert of(benefit, [9, 8, 7], "multiplier", "gate_factor", "payout", "status_reason", metrics=metrics) == [
        (D("1.12"), 1, 112, None),
        (D(1), D("0.5"), 50, None),
        (1, 1, 0, "metric_missing"),
    ]
