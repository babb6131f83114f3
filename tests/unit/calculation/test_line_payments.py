"""Lines that are paid one by one: thresholds that no line can meet exactly, lines that count earlier than they come, and what their pieces add up to.

Belongs here: models/calculation/earnings/line_payments.py. Does not belong here: what a contract says (tests/golden/line_by_line.yaml), refusals
(test_agreement_language.py).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import polars as pl

from tests.support.small_book import Line, Small, calculate

D = Decimal
DAY = dt.date(2024, 3, 5)
SLICED = {
    "id": "b",
    "clause": "1",
    "window": "year",
    "method": "graduated",
    "slices": "by_line",
    "tiers": [{"from": 0, "rate": D("0.1")}, {"from": 1, "rate": 1}],
}


def small(lines: list[Line], **changes: object) -> Small:
    term = {"from": dt.date(2024, 1, 1), "to": dt.date(2024, 12, 31)}
    agreement = {"agreement": "A", "title": "A", "currency": "EUR", "term": term, "participants": ["P"], "benefits": [{**SLICED, **changes}]}
    return Small(agreement, lines, [], dt.date(2025, 1, 1))


def test_a_threshold_between_two_places_is_exact() -> None:
    """A third of 1 has no last decimal: just below it is below, and the line that crosses it is cut there."""
    lines = [Line(DAY, D("0.333333")), Line(DAY + dt.timedelta(1), D("0.333334"))]
    thirds = {"by": "attainment", "target": D("0.666666"), "tiers": [{"from": 0, "rate": 0}, {"from": D("0.5"), "rate": 1}]}
    assert calculate(small(lines, **thirds))["payouts"]["curve_payout"].to_list() == [D("0.333334")]
    third = {"by": "growth", "baseline": D("0.000003"), "tiers": [{"from": 0, "rate": 0}, {"from": D("111110.333333333333"), "rate": 1}]}
    crossing = D("0.666667") - D("0.000003") * D("111111.333333333333")
    assert calculate(small(lines, **third))["payouts"]["curve_payout"].to_list() == [crossing.quantize(D("1e-12"))]


def test_a_running_line_that_reaches_a_threshold_is_paid_whole() -> None:
    tiers = [{"from": 0, "rate": D("0.1")}, {"from": 10, "rate": 1}]
    paid = {}
    for amount in ("8.99", "9", "9.01"):
        lines = [Line(DAY, D(amount)), Line(DAY + dt.timedelta(1), D(1))]
        paid[amount] = calculate(small(lines, method="running", slices=None, tiers=tiers))["payouts"]["curve_payout"][0]
    assert paid == {"8.99": D("0.999"), "9": D("1.9"), "9.01": D("1.901")}


def test_pieces_add_up_to_slices_and_to_the_curve() -> None:
    lines = [Line(DAY, D("0.6"), D(1)), Line(DAY + dt.timedelta(31), D("0.8"), D(1)), Line(DAY + dt.timedelta(60), D("-0.9"), D(1))]
    found = calculate(small(lines))
    pieces = found["payout_pieces"].select("row_no", "tier", "measure", "weight").rows()
    assert pieces == [
        (0, 1, D("0.6"), D("0.06")), (1, 1, D("0.4"), D("0.04")), (1, 2, D("0.4"), D("0.4")), (2, 1, D("-0.5"), D("-0.05")), (2, 2, D("-0.4"), D("-0.4")),
    ]  # fmt: skip
    steps = found["calculation_steps"].filter(pl.col("step").is_in(["slice", "curve"])).select("step", "result").rows()
    assert steps == [("slice", D("0.05")), ("slice", D(0)), ("curve", D("0.05"))]
    assert found["accruals"].sort("period_no")["accrued_to_date"].to_list()[2:6] == [D("0.06"), D("0.5"), D("0.05"), D("0.05")]


def test_nothing_is_listed_where_no_benefit_pays_lines() -> None:
    assert calculate(small([Line(DAY, D(5))], slices=None))["payout_pieces"].is_empty()
