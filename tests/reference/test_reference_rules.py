"""The reference against figures worked by hand: methods, axes, gates, multipliers, proration, scopes. Every comment is the sum behind the figure."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction as F

import pytest

from tests.reference.small import agreement, lines, one, payouts, results, rows

FOUR = lines("2025-02-01 P1 10\n2025-02-01 P2 30\n2025-02-01 P3 30\n2025-02-01 P4 50")
ALL = {"participants": ["P1", "P2", "P3", "P4"]}
TIERS = "tiers: [{from: 0, rate: 0.1}, {from: 100, rate: 0.2}, {from: 300, rate: 0.5}]"


@pytest.mark.parametrize(
    ("method", "amount", "paid", "tier"),
    [
        ("whole", "250", "50", 2),  # 250 × 0.2
        ("whole", "100", "20", 2),  # at the threshold: in
        ("whole", "99.99", "10", 1),  # 9.999, to the cent
        ("graduated", "250", "40", 2),  # 100 × 0.1 + 150 × 0.2
        ("graduated", "400", "100", 3),  # 10 + 200 × 0.2 + 100 × 0.5
        ("rolling", "250", "60", 2),  # 0.1 × min(250, 100) + 0.2 × min(250, 300)
        ("rolling", "400", "270", 3),  # 0.1 × 100 + 0.2 × 300 + 0.5 × 400
        ("total", "250", "75", 2),  # (0.1 + 0.2) × 250
        ("total", "400", "320", 3),  # 0.8 × 400
        ("linear", "250", "106.25", 2),  # 0.2 + 150/200 × 0.3 = 0.425; × 250
        ("linear", "50", "7.5", 1),  # 0.15 × 50
        ("total", "-1", "0", 0),
    ],
)  # fmt: skip
def test_methods_on_the_measure(method: str, amount: str, paid: str, tier: int) -> None:
    found = results(agreement(f"method: {method}, {TIERS}"), lines(f"2025-03-01 P {amount}"))
    assert (one(found)["payout"], one(found)["tier"]) == (F(paid), tier)


@pytest.mark.parametrize(("above", "amount", "paid"), [("hold", "900", "50"), ("extend", "900", "130"), ("zero", "900", "0"), ("zero", "500", "50")])
def test_past_the_last_point(above: str, amount: str, paid: str) -> None:
    # 10 at 300, 50 at 500: 20 more for every 100
    terms = agreement(f"method: linear, above: {above}, tiers: [{{from: 300, amount: 10}}, {{from: 500, amount: 50}}]")
    found = results(terms, lines(f"2025-03-01 P {amount}"))
    assert one(found)["payout"] == F(paid)


def test_a_curve_that_ends_in_a_jump_holds() -> None:
    terms = agreement("method: linear, above: extend, tiers: [{from: 0, amount: 0}, {from: 10, amount: 1}, {from: 10, amount: 7}]")
    assert one(results(terms, lines("2025-03-01 P 20")))["payout"] == 7


def test_rolling_by_attainment_turns_thresholds_into_measure() -> None:
    # T 200: attainment 250/200 = 1.25, tier 2; 0.1 × min(250, 1 × 200) + 0.2 × 250 = 20 + 50
    terms = agreement("by: attainment, target: 200, method: rolling, tiers: [{from: 0, rate: 0.1}, {from: 1, rate: 0.2}]")
    found = results(terms, lines("2025-03-01 P 250"))
    assert (one(found)["payout"], one(found)["axis_value"]) == (70, F("1.25"))


def test_total_on_another_base() -> None:
    # M 250: tiers 1 and 2; E = the 5 pieces × (0.1 + 0.2)
    found = results(agreement(f"method: total, base: quantity, {TIERS}"), lines("2025-03-01 P 250 5", "date partner_id amount quantity"))
    assert one(found)["payout"] == F("1.5")


def test_rank_counts_the_larger_ones() -> None:
    # 50, 30, 30, 10: ranks 1, 2, 2, 4; 100 to rank 1, 60 to rank 2 and 3, 20 from 4 on
    bonus = "by: rank, boundary: upper_inclusive, tiers: [{from: 1, amount: 100}, {from: 2, amount: 60}, {from: 4, amount: 20}]"
    shared = "by: rank, ties: share, tiers: [{from: 1, amount: 100}, {from: 2, amount: 60}, {from: 3, amount: 30}, {from: 4, amount: 20}]"
    found = results(agreement(f"{bonus}\n{shared}", **ALL), FOUR)
    assert payouts(found) == {"P1": 20, "P2": 60, "P3": 60, "P4": 100}
    assert payouts(found, "b2") == {"P1": 20, "P2": 45, "P3": 45, "P4": 100}  # (60 + 30) / 2
    assert [one(found, "b2", p)["tier"] for p in ("P1", "P2", "P3", "P4")] == [4, 2, 2, 1]


def test_tied_ranks_share_with_their_own_base() -> None:
    # ranks 2 and 3 pay 0.2 and 0.1 of each one's own pieces: P2 10 × 0.15, P3 4 × 0.15
    text = "2025-02-01 P1 10 1\n2025-02-01 P2 30 10\n2025-02-01 P3 30 4\n2025-02-01 P4 50 1"
    terms = agreement("by: rank, ties: share, base: quantity, tiers: [{from: 2, rate: 0.2}, {from: 3, rate: 0.1}]", **ALL)
    assert payouts(results(terms, lines(text, "date partner_id amount quantity"))) == {"P1": F("0.1"), "P2": F("1.5"), "P3": F("0.6"), "P4": 0}


def test_who_is_blocked_is_not_ranked() -> None:
    # rank by attainment: P1 10/5 = 2, P2 30/60 = 0.5, P3 without a target, P4 50/50 = 1
    targets = rows("A b1 P1 2025-01-01 5\nA b1 P2 2025-01-01 60\nA b1 P4 2025-01-01 50", "agreement benefit participant_id window_start target")
    terms = agreement("by: {rank: attainment}, target: feed, tiers: [{from: 1, amount: 9}, {from: 3, amount: 1}]", **ALL)
    found = results(terms, FOUR, targets=targets)
    assert payouts(found) == {"P1": 9, "P2": 1, "P3": 0, "P4": 9}
    assert {p: (one(found, participant=p)["status_reason"], one(found, participant=p)["axis_value"]) for p in ALL["participants"]} == {
        "P1": ("", 1), "P2": ("", 3), "P3": ("target_missing", None), "P4": ("", 2)
    }  # fmt: skip


def test_percentile_is_the_share_of_others_below() -> None:
    # of 3 others 0, 1, 1, 3 are smaller; alone: 1
    found = results(agreement("by: percentile, tiers: [{from: 0, amount: 1}, {from: 0.5, amount: 2}]", **ALL), FOUR)
    assert [one(found, participant=p)["axis_value"] for p in ("P1", "P2", "P3", "P4")] == [0, F(1, 3), F(1, 3), 1]
    assert payouts(found) == {"P1": 1, "P2": 1, "P3": 1, "P4": 2}
    assert one(results(agreement("by: percentile, tiers: [{from: 1, amount: 3}]"), lines("2025-02-01 P 0")))["payout"] == 3


def test_the_last_metric_of_the_span_counts() -> None:
    metrics = rows("P nps 2025-01-31 40\nP nps 2025-02-28 70\nP nps 2025-05-01 99\nP csat 2025-03-31 1", "participant_id metric date value")
    terms = agreement("window: quarter, by: {metric: nps}, tiers: [{from: 50, amount: 7}, {from: 80, amount: 9}]")
    found = results(terms, lines("2025-02-01 P 1"), metrics=metrics)
    assert one(found)["payout"] == 7  # 70 of 28 February
    assert one(found, start="2025-04-01")["payout"] == 9
    assert one(found, start="2025-07-01")["status_reason"] == "metric_missing"


GRID = "rows: {by: attainment, from: [0.8, 1.0]}, columns: {by: {metric: nps}, from: [0, 50]}"


@pytest.mark.parametrize(
    ("method", "nps", "amount", "paid", "tier"),
    [
        ("whole", "25", "90", "200", 1),  # row 1, column 1: 0.2 × 1,000
        ("whole", "50", "100", "1000", 2),
        ("whole", "99", "500", "1000", 2),  # beyond the grid: held
        ("whole", "25", "79", "0", 0),  # below the first row
        ("whole", "-1", "90", "0", 0),  # below the first column
        ("linear", "25", "90", "550", 1),  # the middle of 0.2, 0.4, 0.6, 1.0
        ("linear", "50", "90", "700", 1),  # between 0.4 and 1.0
        ("linear", "10", "100", "680", 2),  # 0.6 + 10/50 × 0.4
        ("linear", "-1", "90", "0", 0),
    ],
)
def test_matrix(method: str, nps: str, amount: str, paid: str, tier: int) -> None:
    terms = agreement(f"target: 100, incentive: 1000, matrix: {{{GRID}, method: {method}, share: [[0.2, 0.4], [0.6, 1.0]]}}")
    found = results(terms, lines(f"2025-02-01 P {amount}"), metrics=rows(f"P nps 2025-06-01 {nps}", "participant_id metric date value"))
    assert (one(found)["payout"], one(found)["tier"]) == (F(paid), tier)


def test_grids_add_up() -> None:
    # M 90 in row 1, column 1: 0.1 × 90 + 5
    terms = agreement(f"target: 100, matrix: {{{GRID}, rate: [[0.1, 0], [0, 0]], amount: [[5, 0], [0, 0]]}}")
    found = results(terms, lines("2025-02-01 P 90"), metrics=rows("P nps 2025-06-01 0", "participant_id metric date value"))
    assert one(found)["payout"] == 14


@pytest.mark.parametrize(
    ("gates", "factor"),
    [
        ("{by: measure, at_least: 100}", 1),
        ("{by: measure, above: 100}", 0),
        ("{by: measure, at_most: 100, otherwise: 0.3}", 1),
        ("{by: measure, below: 100, otherwise: 0.3}", F("0.3")),
        ("{by: measure, at_least: 50, below: 100, otherwise: 0.5}, {by: attainment, at_least: 0.51, otherwise: 0.5}", F("0.25")),
        ("{by: rank, at_most: 1}", 1),
    ],
)
def test_gates(gates: str, factor: F) -> None:
    found = results(agreement(f"target: 200, requires: [{gates}], tiers: [{{from: 0, rate: 0.1}}]"), lines("2025-02-01 P 100"))
    assert (one(found)["gate_factor"], one(found)["payout"], one(found)["curve_payout"]) == (factor, 10 * factor, 10)


@pytest.mark.parametrize(
    ("multiply", "factor"),
    [
        ("method: linear, tiers: [{from: 0, factor: 0.8}, {from: 50, factor: 1.2}]", "1.0"),
        ("tiers: [{from: 0, factor: 0.8}, {from: 25, factor: 1.2}]", "1.2"),
        ("boundary: upper_inclusive, tiers: [{from: 0, factor: 0.8}, {from: 25, factor: 1.2}]", "0.8"),
        ("tiers: [{from: 26, factor: 3}]", "0"),
        ("method: linear, above: extend, tiers: [{from: 5, factor: 1}, {from: 15, factor: 2}]", "3"),
    ],
)
def test_multiply_scales_what_the_curve_pays_before_the_limits(multiply: str, factor: str) -> None:
    terms = agreement(f"multiply: {{by: {{metric: nps}}, {multiply}}}, limits: {{at_most: 11}}, tiers: [{{from: 0, rate: 0.1}}]")
    found = results(terms, lines("2025-02-01 P 100"), metrics=rows("P nps 2025-06-01 25", "participant_id metric date value"))
    assert (one(found)["multiplier"], one(found)["curve_payout"], one(found)["payout"]) == (F(factor), 10, min(F(11), 10 * F(factor)))


def test_prorate_by_days() -> None:
    # 15 February to 31 March: 45 of the quarter's 90 days. Threshold 100 → 50, amount 60 → 30; at_least stays 1
    from_february = {"term": {"from": dt.date(2025, 2, 15), "to": dt.date(2025, 3, 31)}}
    terms = agreement(
        "window: quarter, prorate: days, limits: {at_least: 1}, tiers: [{from: 100, amount: 60}]\n"
        "window: quarter, prorate: days, by: attainment, target: 100, incentive: 40, tiers: [{from: 1, share: 1}]\n"
        "window: quarter, prorate: days, by: growth_amount, baseline: 20, tiers: [{from: 80, per_unit: 1, amount: 2}]\n"
        "window: quarter, prorate: days, tiers: [{from: 0, rate: 0.1}],"
        " multiply: {by: measure, tiers: [{from: 0, factor: 1}, {from: 102, factor: 2}]}\n"
        "window: term, prorate: days, tiers: [{from: 51, amount: 60}]",
        **from_february,
    )
    found = results(terms, lines("2025-03-01 P 51 3", "date partner_id amount quantity"))
    paid = {b: one(found, b, start="2025-02-15")["payout"] for b in ("b1", "b2", "b3", "b4", "b5")}
    # b2: 51 against T 50, K 20. b3: 51 − 20 = 31 is below 40. b4: 51 is at 51: 5.1 × 2. b5: a term is its own
    assert paid == {"b1": 30, "b2": 20, "b3": 0, "b4": F("10.2"), "b5": 60}


SCOPED = lines(
    "2025-01-05 P 100 2 80 sale retail 1.5\n2025-02-05 P 40 1 30 sale online 2\n2025-03-05 P -10 -1 -8 return retail 0.25",
    "date partner_id amount quantity cost type channel points",
)


@pytest.mark.parametrize(
    ("benefit", "measure", "base"),
    [
        ("measure: points", "3.75", "3.75"),
        ("measure: {of: margin, scope: {types: [sale]}}", "30", "30"),  # 20 + 10
        ("measure: {of: count, scope: {where: \"channel = 'retail'\"}}, base: amount", "2", "130"),
        ("measure: quantity, base: {of: amount, scope: {where: \"channel <> 'retail'\"}}", "2", "40"),
        ("scope: {types: [sale]}, measure: {of: amount, scope: {where: amount < 100}}, base: quantity", "40", "3"),
        ("base: increment, baseline: 100", "130", "30"),
    ],
)
def test_measure_and_base_with_scopes_of_their_own(benefit: str, measure: str, base: str) -> None:
    row = one(results(agreement(f"{benefit}, tiers: [{{from: 0, rate: 1}}]"), SCOPED))
    assert (row["measure"], row["base"], row["payout"]) == (F(measure), F(base), F(base))


def test_a_line_without_a_number_in_the_attribute_blocks() -> None:
    text = "2025-01-05 P 100 1.5\n2025-02-05 P 40 many"
    found = results(agreement("measure: points, tiers: [{from: 0, rate: 1}]"), lines(text, "date partner_id amount points"))
    assert (one(found)["status"], one(found)["status_reason"]) == ("blocked", "attribute")


@pytest.mark.parametrize(
    ("condition", "measure"),
    [
        ("channel = 'retail' and amount > 0", 100), ("not channel = 'retail'", 40), ("lower(channel) in ('online', 'x')", 40),
        ("date between '2025-02-01' and '2025-03-05'", 30), ("channel like '%ail'", 90), ("cost is not null or amount is null", 130),
        ("try_cast(points as decimal) >= 1.5", 140), ("type = 'return' or (quantity <= 1 and channel = 'online')", 30),
        ("product_id <> 'x'", 0), ("not (product_id = 'x')", 0), ("product_id is null", 130), ("channel not in ('online')", 90),
    ],
)  # fmt: skip
def test_conditions(condition: str, measure: int) -> None:
    terms = agreement("tiers: [{from: 0, rate: 1}]", scope={"where": condition})
    assert one(results(terms, SCOPED))["measure"] == measure


def test_reasons_in_their_order() -> None:
    # the line has no rate, cost or quantity; the target is missing too
    text = lines("2025-01-05 P 100 USD", "date partner_id amount currency")
    both = "by: attainment, target: feed, tiers: [{from: 0, per_unit: 1, share: 1}]"
    found = results(agreement(f"measure: margin, {both}\nmeasure: count, {both}\nmeasure: count, {both.replace('per_unit: 1, ', '')}"), text)
    assert [one(found, b)["status_reason"] for b in ("b1", "b2", "b3")] == ["fx", "quantity", "target_missing"]
