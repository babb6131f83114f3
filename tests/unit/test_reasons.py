"""Why a payout is another one, and what the paper says of a difference, in words.

Belongs here: sentences. Does not belong here: figures (test_rungs.py), how a paper is shown (test_papers.py).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from assets.differences.findings import Findings
from assets.differences.reasons import reason_of
from assets.differences.sections import write_paper
from assets.report.markdown import to_markdown

D = Decimal
DAY = dt.date(2026, 1, 1)
SAME: dict[str, Any] = {
    "payout": D(10), "status": "open", "status_reason": None, "agreement_version": 1, "measure": D(100), "target": None, "baseline": None, "incentive": None,
    "axis_value": D(100), "tier": 1, "curve_payout": D(10), "multiplier": D(1), "gate_factor": D(1), "earned": D(10), "prior_earned": D(0),
    "carried": D(0), "rate": D("0.1"),
}  # fmt: skip
TIER = {"from_value": D(0), "rate": D("0.1"), "per_unit": None, "amount": None, "share": None}


def row(before: dict[str, Any] | None = None, now: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    sides = {f"{side}_{name}": value for side, changed in (("before", before), ("now", now)) for name, value in {**SAME, **(changed or {})}.items()}
    return sides | {"is_new": False, "is_gone": False, "had_agreement": True, "has_agreement": True, "other_tiers": None} | more


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (row(is_new=True), "this payout is new"),
        (row(is_new=True, had_agreement=False), "the agreement is new"),
        (row(is_gone=True), "this payout is gone"),
        (row(is_gone=True, has_agreement=False), "the agreement is gone"),
        (
            row(now={"status": "blocked", "status_reason": "target_missing", "earned": None, "curve_payout": None}),
            "blocked: target missing; the curve pays otherwise",
        ),
        (
            row({"status": "blocked", "status_reason": "target_missing"}, {"carried": D(1)}),
            "no longer blocked (target missing); what earlier windows earned or what is set off",
        ),
        (row(now={"status_reason": "has_credits", "earned": D(9)}), "has credits; limits"),
        (row({"status_reason": "has_credits"}, {"earned": D(9)}), "no longer has credits; limits"),
        (row(now={"agreement_version": 2, "earned": D(9)}), "version 1 → 2; limits"),
        (row(now={"measure": D("100.50"), "axis_value": D(101), "earned": D(11), "curve_payout": D(11)}), "measure 100 → 100.5; the curve pays otherwise"),
        (row(now={"target": D(5), "earned": D(9), "curve_payout": D(9)}), "target none → 5; the curve pays otherwise"),
        (row(now={"axis_value": D(2), "earned": D(9), "curve_payout": D(9)}), "place 100 → 2; the curve pays otherwise"),
        (row(now={"tier": 2, "rate": D("0.2"), "earned": D(20), "curve_payout": D(20)}), "tier 1 (10 %) → 2 (20 %); the curve pays otherwise"),
        (row(now={"tier": None, "rate": None, "earned": D(0), "curve_payout": D(0)}), "tier 1 (10 %) → –; the curve pays otherwise"),
        (row(now={"multiplier": D("1.5"), "earned": D(15)}), "multiplier 1 → 1.5"),
        (row(now={"gate_factor": D("0.5"), "earned": D(5)}), "what requirements leave 1 → 0.5"),
        (row(now={"earned": D(8)}), "limits"),
        (row(now={"payout": D(9)}), "what earlier windows earned or what is set off"),
        (row(now={"carried": D(3), "earned": D(9), "curve_payout": D(9)}), "what earlier windows earned or what is set off"),
        (
            row(now={"earned": D(20), "curve_payout": D(20)}, other_tiers=[{"tier": 1, "before": TIER, "now": TIER | {"rate": D("0.2"), "from_value": D(5)}}]),
            "tier 1 pays 10 % → 20 % and begins at 0 → 5",
        ),
        (
            row(now={"earned": D(20), "curve_payout": D(20)}, other_tiers=[{"tier": 3, "before": TIER, "now": TIER | {"per_unit": D(2)}}]),
            "tier 3 pays – → 2 per unit",
        ),
    ],
)
def test_a_reason_is_what_differs(given: dict[str, Any], words: str) -> None:
    assert reason_of(given) == words


def test_four_reasons_are_enough() -> None:
    many = {"agreement_version": 2, "measure": D(1), "target": D(2), "baseline": D(3), "incentive": D(4)}
    assert reason_of(row(now=many)) == "version 1 → 2; measure 100 → 1; target none → 2; baseline none → 3"


def total(direction: str, before: int, now: int, changed: int, **causes: int) -> dict[str, Any]:
    figures = {"before": D(before), "now": D(now), "change": D(now - before), "changed": changed, "participants_changed": 1}
    return {"direction": direction, "currency": "EUR", **figures, "causes": {name.replace("_", " "): D(value) for name, value in causes.items()}}


def told(**more: Any) -> str:
    """What is said of the findings, as Markdown."""
    empty: dict[str, Any] = {name: [] for name in ("totals", "bands", "largest", "by_agreement", "by_tier", "accruals", "journal", "restated")}
    ends = {
        "base": {"name": "main", "as_of": "2026-06-30"},
        "new": {"name": "demo", "as_of": "2026-06-30"},
        "causes": [],
        "by_attribute": {},
        "closed_periods": 0,
    }
    return to_markdown(write_paper(Findings(**{**empty, **ends, **more}), over=more.pop("over", ())))


def test_the_head_says_how_much_and_how_many() -> None:
    text = told(totals=[total("payable", 200, 210, 3, terms=10)], causes=["terms"])
    assert "We pay 10.00 EUR more (+5.0 %): 3 payouts of 1 participant changed." in text
    assert "We receive 10.00 EUR less (-5.0 %): 1 payout of 1 participant changed." in told(totals=[total("receivable", 200, 190, 1, data=-10)])
    assert "We pay as much in EUR as before: 2 payouts of 1 participant changed." in told(totals=[total("payable", 200, 200, 2)])
    assert "We pay 5.00 EUR more: 1 payout" in told(totals=[total("payable", 0, 5, 1)])
    assert "No payout changes." in told(totals=[total("payable", 200, 200, 0)])


def test_causes_stand_in_their_order_also_where_two_were_told_together() -> None:
    text = told(totals=[total("payable", 0, 6, 1, code=1, terms=2, data_and_reference=3)], causes=["code", "data and reference", "terms"])
    assert "| Payouts | Before | Data and Reference | Terms | Program | Now | Change | In % |" in text
    assert "| +3.00 EUR | +2.00 EUR | +1.00 EUR |" in text


ACCRUAL = {"period": "2026-02", "direction": "payable", "currency": "EUR", "before": D(1), "now": D(2), "change": D(1), "is_closed": False}


def test_closed_periods_are_untouched_or_booked_later() -> None:
    assert "No period is closed." in told(accruals=[ACCRUAL])
    assert "The 2 closed periods stay as they are." in told(accruals=[ACCRUAL], closed_periods=2)
    late = {**ACCRUAL, "origin_period": "2026-01"}
    text = told(accruals=[ACCRUAL], closed_periods=2, restated=[late])
    assert "Differences of closed periods (2026-01) are booked in the first open one" in text
    assert "| 2026-01 | 2026-02 | we pay | 1.00 EUR | 2.00 EUR |" in text


def test_lint_says_what_is_new_and_what_is_gone() -> None:
    text = told(lint_new=["a gap"], lint_gone=["an overlap"])
    assert text.index("| new | a gap |") < text.index("| gone | an overlap |")


def test_concentration_is_the_fewest_agreements_of_four_fifths() -> None:
    def of(*changes: int) -> str:
        rows = [
            {
                "agreement_id": f"A{n}",
                "agreement_title": "",
                "direction": "payable",
                "currency": "EUR",
                "before": D(1),
                "changed": 1,
                "change": D(change),
                "causes": {},
            }
            for n, change in enumerate(changes)
        ]
        largest = row() | {"participant_id": "P", "participant_name": "P", "agreement_id": "A", "agreement_title": "", "benefit_id": "b", "change": D(1)}
        largest |= {"direction": "payable", "currency": "EUR", "window_start": DAY, "window_end": DAY, "causes": {"terms": D(1)}}
        return told(totals=[total("payable", 0, sum(changes), 1)], by_agreement=rows, largest=[largest])

    assert "1 agreement of 3 makes up +80.0 %".replace("+", "") in of(10, -80, 10)
    assert "2 agreements of 3 make up 89.0 %" in of(10, -79, 11) or "2 agreements of 3 make up 90.0 %" in of(10, -79, 11)
