"""The reference against figures worked by hand: agreements of a group, agreements net of others, and the lines of payouts."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction as F
from typing import Any

import pytest

from tests.reference.compute import Refused
from tests.reference.small import accrued, agreement, lines, one, payouts, results, rows, shares

D = dt.date
QUARTERS = lines("2025-01-15 P 100\n2025-04-15 P 300\n2024-01-15 P 80")


def member(name: str, benefits: str, rule: str, **more: Any) -> dict[str, Any]:
    combine = {"group": "G", "rule": rule, **more.pop("combine", {})}
    return agreement(benefits, **{"agreement": name, "combine": combine, **more})


# -- best -------------------------------------------------------------------------------------------------------------


def test_only_the_best_of_a_group_is_paid() -> None:
    # A pays 10 and 30 in two clauses of 6 and 4 %, B 15 from 0, but nothing extra: Q1 15 beats 10, Q2 30 beats 15
    first = member("A", "window: quarter, tiers: [{from: 0, rate: 0.06}]\nwindow: quarter, tiers: [{from: 0, rate: 0.04}]", "best")
    second = member("B", "window: quarter, tiers: [{from: 1, amount: 15}]", "best")
    found = results([first, second], QUARTERS)
    assert [list(payouts(found, b, a).values())[:2] for a, b in (("A", "b1"), ("A", "b2"), ("B", "b1"))] == [[0, 18], [0, 12], [15, 0]]
    assert [one(found, agreement_id=a)["status_reason"] for a in ("A", "B")] == ["combined", ""]
    assert one(found)["earned"] == 6
    # after March 15 against 10; after April 15 against 30
    assert [accrued(found, "b1", a)[p] for p in ("2025-03", "2025-04") for a in ("A", "B")] == [0, 15, 18, 0]


@pytest.mark.parametrize(("priority", "winner"), [({}, "A"), ({"priority": 0}, "B")])
def test_equal_ones_go_by_priority_then_id(priority: dict[str, int], winner: str) -> None:
    pair = [member("A", "tiers: [{from: 0, amount: 5}]", "best"), member("B", "tiers: [{from: 0, amount: 5}]", "best", combine=priority)]
    found = results(pair, QUARTERS)
    assert {a: one(found, agreement_id=a)["payout"] for a in "AB"} == {"A": 5 * (winner == "A"), "B": 5 * (winner == "B")}


def test_a_blocked_agreement_does_not_compete() -> None:
    blocked = member("A", "by: attainment, target: feed, tiers: [{from: 0, amount: 99}]", "best")
    charged = member("B", "settle: {clawback: pay}, tiers: [{from: 0, amount: -1}]", "best")
    found = results([blocked, charged], QUARTERS)
    assert [one(found, agreement_id=a)["payout"] for a in "AB"] == [0, -1]
    assert [one(found, agreement_id=a)["status_reason"] for a in "AB"] == ["target_missing", ""]


# -- exclusive --------------------------------------------------------------------------------------------------------


def test_a_line_counts_for_the_first_of_an_exclusive_group_that_holds_it() -> None:
    # A holds large lines only, from April on. B gets the rest: 100 and 80 of April; last year's 80 stay in A's baseline
    first = member("A", "by: growth_amount, baseline: {prior: year}, tiers: [{from: 0, rate: 0.1}]", "exclusive", scope={"where": "amount >= 90"})
    first["term"] = {"from": D(2025, 4, 1), "to": D(2025, 12, 31)}
    second = member("B", "tiers: [{from: 0, rate: 0.1}]", "exclusive", combine={"priority": 2})
    text = lines("2025-01-15 P 100\n2025-04-15 P 300\n2025-04-16 P 80\n2024-05-15 P 90")
    found = results([first, second], text)
    assert (one(found, start="2025-04-01")["measure"], one(found, start="2025-04-01")["baseline"]) == (300, 90)
    assert one(found, agreement_id="B")["measure"] == 180
    second["combine"]["priority"] = 0  # now B comes first and keeps all of 2025; A's baseline is left alone
    found = results([first, second], text)
    assert [one(found, start="2025-04-01")[k] for k in ("measure", "baseline")] == [0, 90]
    assert one(found, agreement_id="B")["measure"] == 480


# -- net of -----------------------------------------------------------------------------------------------------------


def test_net_of_what_others_pay_on_the_same_lines() -> None:
    # A pays 10 % of this year's lines: 10 and 30. B counts 90 + 270, its baseline is 80 as A paid nothing then; C is net of both
    base = agreement("window: quarter, tiers: [{from: 0, rate: 0.1}]")
    growth = "by: growth, baseline: {prior: year}, tiers: [{from: 0, rate: 0.05}]"
    net = agreement(growth, agreement="B", combine={"rule": "net_of", "agreements": ["A"]})
    last = agreement("tiers: [{from: 0, rate: 1}]", agreement="C", combine={"rule": "net_of", "agreements": ["A", "B"]})
    found = results([last, net, base], QUARTERS)
    assert [one(found, agreement_id="B")[k] for k in ("measure", "baseline", "payout")] == [360, 80, 18]
    assert one(found, agreement_id="C")["measure"] == 342
    with pytest.raises(Refused):
        results([{**base, "combine": {"rule": "net_of", "agreements": ["C"]}}, last], QUARTERS)
    with pytest.raises(Refused):  # A's year ends later than B's quarters
        results([agreement("tiers: [{from: 0, rate: 0.1}]"), {**net, "benefits": base["benefits"]}], QUARTERS)


def test_net_amounts_are_shared_by_assignments() -> None:
    # 100.01 less the customer's own 10.00 = 90.01; halves: 45.01 (from 45.005) and 45.00. Cost stays whole: 30.01 → 15.01, 15.00
    base = agreement("tiers: [{from: 0, rate: 0.1}]", participants=["K"])
    net = agreement("measure: margin, tiers: [{from: 0, rate: 1}]", agreement="B", participants=["X", "Y"])
    net["combine"] = {"rule": "net_of", "agreements": ["A"]}
    halves = rows("K X 0.5\nK Y 0.5", "partner_id participant_id share")
    found = results([base, net], lines("2025-01-15 K 100.01 30.01", "date partner_id amount cost"), assignments=halves)
    assert payouts(found, "b1", "B") == {"X": 30, "Y": 30}
    net["benefits"][0]["measure"] = "amount"
    found = results([base, net], lines("2025-01-15 K 100.01 30.01", "date partner_id amount cost"), assignments=halves)
    assert payouts(found, "b1", "B") == {"X": F("45.01"), "Y": 45}


# -- lines ------------------------------------------------------------------------------------------------------------


def test_lines_share_a_payout_by_running_sums() -> None:
    # 0.10 over three equal lines: 0.0333, 0.0667, 0.10
    found = results(agreement("tiers: [{from: 0, amount: 0.1}]"), lines("2025-01-03 P 1\n2025-01-01 P 1\n2025-01-02 P 1"))
    assert shares(found) == [("t02", 1, 1, F("0.03")), ("t03", 1, 1, F("0.04")), ("t01", 1, 1, F("0.03"))]


def test_graduated_lines_take_their_own_slices() -> None:
    # running 80, 130, 70; 10 % to 100, 20 % beyond; 70 × 0.1 = 7, doubled
    doubled = "multiply: {by: measure, tiers: [{from: 0, factor: 2}]}"
    terms = agreement(f"method: graduated, tiers: [{{from: 0, rate: 0.1}}, {{from: 100, rate: 0.2}}], {doubled}")
    found = results(terms, lines("2025-01-01 P 80\n2025-01-02 P 50\n2025-01-03 P -60"))
    assert shares(found) == [
        ("t01", 1, 80, 16), ("t02", 1, 20, 4), ("t02", 2, 30, 12), ("t03", 1, -30, -6), ("t03", 2, -30, -12),
    ]  # fmt: skip


def test_lump_sums_of_a_graduated_scale_follow_the_slices_or_the_measure() -> None:
    # 10 % from 50 on, 12 at 50: the slice of 70 pays 7, and the 12 go where the 7 go
    found = results(agreement("method: graduated, tiers: [{from: 50, rate: 0.1, amount: 12}]"), lines("2025-01-01 P 30\n2025-01-02 P 90"))
    assert shares(found) == [("t01", 0, 30, 0), ("t02", 0, 20, 0), ("t02", 1, 70, 19)]
    # nothing is paid by the slice: 24 on a measure of 120
    found = results(agreement("method: graduated, tiers: [{from: 50, amount: 24}]"), lines("2025-01-01 P 30\n2025-01-02 P 90"))
    assert shares(found) == [("t01", 0, 30, 6), ("t02", 0, 20, 4), ("t02", 1, 70, 14)]


def test_graduated_shares_of_an_incentive_are_paid_by_the_slice() -> None:
    # T 100, K 50: 1 × 50 for attainment 0 to 1, 2 × 50 × 0.2 beyond
    terms = agreement("method: graduated, by: attainment, target: 100, incentive: 50, tiers: [{from: 0, share: 1}, {from: 1, share: 2}]")
    assert shares(results(terms, lines("2025-01-01 P 60\n2025-01-02 P 60"))) == [("t01", 1, 60, 30), ("t02", 1, 40, 20), ("t02", 2, 20, 20)]


def test_a_window_of_a_span_shares_among_its_own_lines() -> None:
    # February begins at 100: 50 at 10 %, 50 at 20 %
    terms = agreement("window: month, accumulate: year, method: graduated, tiers: [{from: 0, rate: 0.1}, {from: 150, rate: 0.2}]")
    found = results(terms, lines("2025-01-15 P 100\n2025-02-15 P 100"))
    assert shares(found, start="2025-02-01") == [("t02", 1, 50, 5), ("t02", 2, 50, 10)]


def test_a_payout_without_measure_has_a_row_of_its_own_and_lines_that_carry_nothing() -> None:
    found = results(agreement("limits: {at_least: 7}, tiers: [{from: 0, rate: 1}]"), lines("2025-01-15 P -10"))
    assert shares(found) == [("t01", 0, -10, 0), (None, 0, 0, 7)]
    found = results(agreement("incentive: feed, tiers: [{from: 0, share: 1}]"), lines("2025-01-15 P 10"))
    assert shares(found) == [("t01", 0, None, 0)]


def test_a_pool_counts_a_line_once_also_in_its_shares() -> None:
    pool = agreement("tiers: [{from: 0, rate: 0.5}]", participants=["P", "Q"], pool="together", payee="O")
    partners = rows("P -\nQ P\nO -", "partner_id parent_id")
    found = results(pool, lines("2025-01-15 P 10\n2025-01-16 Q 20"), partners=partners)
    assert shares(found, participant="O") == [("t01", 1, 10, 5), ("t02", 1, 20, 10)]
