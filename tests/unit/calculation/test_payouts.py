"""What each window pays: limits and their order, and the three clawback rules over spans."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from itertools import accumulate
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calculation.earnings.clawbacks import apply_clawback, find_differences
from models.money import MONEY, AmountTooLarge
from tests.support.evaluation import Row, decimals, evaluate
from tests.support.small_book import Line, Small, calculate

D = Decimal
Span = list[Decimal | None]
SPANS = st.lists(st.lists(st.none() | st.sampled_from([D(0), D(10), D(-10)]) | decimals(-100, 300, 2), min_size=1, max_size=6), min_size=1, max_size=4)


def settle(spans: list[Span], clawback: str, cut: int = 0, participant: int = 0) -> pl.DataFrame:
    return apply_clawback(find_differences(rows_of(spans, clawback, cut, participant)))


def rows_of(spans: list[Span], clawback: str, cut: int = 0, participant: int = 0) -> pl.DataFrame:
    """One row per window; what each span has earned by the end of each of its windows. The last `cut` windows have not begun."""
    day, rows = dt.date(2025, 1, 1), []
    for span in spans:
        start, end = day, day + dt.timedelta(days=len(span) - 1)
        for earned in span:
            rows.append((0, 0, participant, earned, clawback, start, end, day))
            day += dt.timedelta(days=1)
    names: dict[str, pl.DataType | type[pl.DataType]] = {
        "series_key": pl.Int32,
        "benefit_key": pl.Int32,
        "participant_key": pl.Int32,
        "earned": MONEY,
        "clawback": pl.String,
        "span_start": pl.Date,
        "span_end": pl.Date,
        "window_end": pl.Date,
    }
    return pl.DataFrame(rows[: len(rows) - cut or None] if cut < len(rows) else rows[:1], schema=names, orient="row")


def pay_by_hand(spans: list[tuple[Span, str]]) -> list[tuple[Decimal, Decimal]]:
    """(payout, carried) window by window, as a clerk with a running account would write it. Each span with its own rule."""
    owed, result = D(0), []
    for span, clawback in spans:
        before = D(0)
        for i, earned in enumerate(span):
            payout = D(0)
            if earned is not None:
                difference, before = earned - before, earned
                if clawback == "pay":
                    payout, owed = difference - owed, D(0)
                else:
                    payout, owed = max(difference - owed, D(0)), max(owed - difference, D(0))
            if clawback == "none" and i == len(span) - 1:
                owed = D(0)
            result.append((payout, owed))
    return result


@given(spans=SPANS, clawback=st.sampled_from(["carry", "pay", "none"]))
def test_windows_pay_what_a_running_account_says(spans: list[Span], clawback: str) -> None:
    got = settle(spans, clawback)
    assert list(zip(got["payout"], got["carried"], strict=True)) == pay_by_hand([(span, clawback) for span in spans])


@given(spans=SPANS, data=st.data())
def test_each_version_goes_by_its_own_rule_and_finds_what_the_one_before_left(spans: list[Span], data: st.DataObject) -> None:
    rules = data.draw(st.lists(st.sampled_from(["carry", "pay", "none"]), min_size=len(spans), max_size=len(spans)))
    versions = [rule for span, rule in zip(spans, rules, strict=True) for _ in span]
    got = apply_clawback(find_differences(rows_of(spans, "carry").with_columns(pl.Series("clawback", versions))))
    assert list(zip(got["payout"], got["carried"], strict=True)) == pay_by_hand(list(zip(spans, rules, strict=True)))


@given(spans=SPANS)
def test_carry_has_paid_the_highest_sum_ever_earned(spans: list[Span]) -> None:
    sums, closed = [], D(0)
    for span in spans:
        earned = D(0)
        for value in span:
            earned = earned if value is None else value
            sums.append(closed + earned)
        closed += earned
    got = settle(spans, "carry")
    assert list(got["payout"].cum_sum()) == [max(D(0), highest) for highest in accumulate(sums, max)]
    assert min(got["payout"]) >= 0


@given(spans=SPANS, clawback=st.sampled_from(["pay", "none"]))
def test_a_span_pays_what_it_earned_or_at_most_its_highest(spans: list[Span], clawback: str) -> None:
    got = settle(spans, clawback)
    paid = got.group_by("span_start", maintain_order=True).agg(pl.col("payout").sum())["payout"].to_list()
    for total, span in zip(paid, spans, strict=True):
        known = [value for value in span if value is not None]
        assert total == (known[-1] if clawback == "pay" and known else max([D(0), *known]) if clawback == "none" else D(0))


@given(spans=SPANS, clawback=st.sampled_from(["carry", "pay", "none"]), cut=st.integers(1, 5))
def test_windows_to_come_change_nothing_before_them(spans: list[Span], clawback: str, cut: int) -> None:
    early = settle(spans, clawback, cut)
    assert early.equals(settle(spans, clawback)[: early.height])


@given(first=SPANS, second=SPANS, clawback=st.sampled_from(["carry", "none"]))
def test_participants_do_not_pay_for_each_other(first: list[Span], second: list[Span], clawback: str) -> None:
    together = apply_clawback(find_differences(pl.concat([rows_of(first, clawback), rows_of(second, clawback, participant=1)])))
    assert together.equals(pl.concat([settle(first, clawback), settle(second, clawback, participant=1)]))


def test_a_blocked_window_pays_nothing_and_the_next_catches_up() -> None:
    got = settle([[D(10), None, D(30)]], "carry")
    assert got["payout"].to_list() == [10, 0, 20]
    assert got["prior_earned"].to_list() == [0, 10, 10]


def test_a_blocked_window_pays_nothing_back_and_leaves_what_is_owed() -> None:
    """Version 1 leaves 6 to be set off. The first window of version 2, which pays back at once, is blocked: the 6 wait for the next one."""
    rows = rows_of([[D(10), D(4)], [None, D(3)]], "carry").with_columns(pl.Series("clawback", ["carry", "carry", "pay", "pay"]))
    got = apply_clawback(find_differences(rows))
    assert got["payout"].to_list() == [10, 0, 0, -3]
    assert got["carried"].to_list() == [0, 6, 6, 0]


@pytest.mark.parametrize(
    ("limits", "volume", "paid"),
    [
        ({"at_most": 80}, "800.01", "80"),
        ({"at_most": 80}, "800", "80"),
        ({"at_most": 80}, "799.90", "79.99"),
        ({"pays_from": 50}, "500", "50"),
        ({"pays_from": 50}, "499.99", "0"),
        ({"at_least": 25}, "250.10", "25.01"),
        ({"at_least": 25}, "249.90", "25"),
        ({"at_least": 25}, "-1", "25"),
        ({"at_most": 80, "pays_from": 90}, "1000", "0"),
        ({"at_most": 80, "pays_from": 80}, "1000", "80"),
        ({"at_most": 80, "at_least": 120}, "1000", "120"),
        ({"pays_from": 50, "at_least": 10}, "499.99", "10"),
        ({"pays_from": 0}, "-1", "0"),
        ({"at_most": D("10.005")}, "1000", "10.01"),
        ({"at_most": D("-5")}, "1000", "-5"),
    ],
)
def test_limits_by_hand(limits: dict[str, Any], volume: str, paid: str) -> None:
    benefit = {"tiers": [{"from": D(0), "rate": D("0.1")}], "limits": {k: D(v) for k, v in limits.items()}}
    assert evaluate(benefit, [Row(D(volume))])["earned"].to_list() == [D(paid)]


@pytest.mark.parametrize(("minor_units", "up", "even"), [(0, "3", "2"), (1, "2.5", "2.5"), (2, "2.5", "2.5")])
def test_money_is_rounded_to_the_currency_s_smallest_unit(minor_units: int, up: str, even: str) -> None:
    benefit = {"tiers": [{"from": D(0), "rate": D("0.5")}]}
    assert evaluate(benefit, [Row(D(5))], minor_units, "half_up")["earned"].to_list() == [D(up)]
    assert evaluate(benefit, [Row(D(5))], minor_units, "half_even")["earned"].to_list() == [D(even)]


def test_a_payout_that_does_not_fit_its_column_is_named() -> None:
    term = {"from": dt.date(2025, 1, 1), "to": dt.date(2025, 12, 31)}
    benefit = {"id": "b", "clause": "1", "window": "year", "tiers": [{"from": 0, "rate": 1}]}
    agreement = {"agreement": "A", "currency": "EUR", "term": term, "participants": ["P"], "benefits": [benefit]}
    fits, too_large = ([Line(dt.date(2025, 5, 1), D("999999999999.99"), D(1), D(1))] * n for n in (100, 101))
    assert calculate(Small(agreement, fits, [], dt.date(2026, 1, 1)))["payouts"]["payout"].to_list() == [D("99999999999999.00")]
    with pytest.raises(AmountTooLarge, match=r"A/b/P/2025-01-01 earns 100,999,999,999,998 EUR, and a payout has at most 14 digits .*limits.at_most"):
        calculate(Small(agreement, too_large, [], dt.date(2026, 1, 1)))


def test_a_clawback_that_adds_up_beyond_its_column_is_named() -> None:
    """Eleven windows that each lose 9 × 10^13 are 9.9 × 10^14, and in ten-thousandths more than 64 bits hold."""
    names = {"agreement_id": "A", "benefit_id": "b", "participant_id": "P", "currency": "EUR"}
    rows = rows_of([[D("-90000000000000")]] * 11, "carry").with_columns(pl.lit(name).alias(key) for key, name in names.items())
    with pytest.raises(AmountTooLarge, match=r"A/b/P/2025-01-02 carries a clawback of 180,000,000,000,000 EUR"):
        apply_clawback(find_differences(rows.with_columns(pl.col("window_end").alias("window_start"))))
