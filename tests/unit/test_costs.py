"""What a plan costs, from rows of payouts and terms: break-even put back, cliffs, the most that it can cost, tiers and participants.

Belongs here: figures of payouts that no run made, against a second reading of the tiers. Does not belong here: the solver (test_break_even.py), runs
(tests/integration/simulation).
"""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.simulation.costs import Paid, by_participant, by_tier, find_break_even, largest_liability, near_cliffs
from assets.simulation.sales import Sales
from models.agreements.schema import Agreement

D, F = Decimal, Fraction
Tiers = list[dict[str, Any]]
DAY = dt.date(2026, 1, 1)


def agreement(method: str, tiers: Tiers, **more: Any) -> Agreement:
    benefit = {"id": "b", "clause": "1", "window": "year", "method": method, "tiers": tiers, **more}
    head = {"agreement": "A", "title": "A", "currency": "EUR", "term": {"from": DAY, "to": dt.date(2026, 12, 31)}, "participants": ["P"]}
    return Agreement.model_validate({**head, "benefits": [benefit]})


def row(participant: str, measure: Any, earned: Any, **more: Any) -> dict[str, Any]:
    names = {"agreement_id": "A", "agreement_version": 1, "benefit_id": "b", "participant_id": participant, "participant_name": participant}
    place = {"direction": "payable", "currency": "EUR", "window_start": DAY, "span_start": DAY, "status": "open", "tier": 1, "is_last": True}
    figures = dict.fromkeys(("target", "baseline", "incentive")) | {"multiplier": D(1), "gate_factor": D(1)}
    measures = dict.fromkeys(("measure", "base", "quantity"), measure)
    return {**names, **place, **figures, **measures, "earned": D(earned), "payout": D(earned), **more}


def paid(terms: Agreement, rows: list[dict[str, Any]]) -> Paid:
    of = {("EUR", each["participant_id"]): D(each["measure"] or 0) for each in rows}
    return Paid(rows, {("A", 1, "b"): (terms, terms.benefits[0])}, Path(), Sales({"EUR": sum(of.values(), D(0))}, of))


def reached(method: str, tiers: Tiers, measure: Fraction) -> Fraction:
    """What the tiers pay on a measure, read from the agreement's text."""
    total = F(0)
    for n, tier in enumerate(tiers):
        start = F(tier["from"])
        end = F(tiers[n + 1]["from"]) if n + 1 < len(tiers) else None
        if measure < start:
            break
        if method == "whole":
            total = F(tier["amount"]) if "amount" in tier else F(tier["rate"]) * measure
        else:
            total += F(tier["rate"]) * ((measure if end is None else min(measure, end)) - start)
    return total


def cents(amount: Fraction) -> Decimal:
    return (D(amount.numerator) / D(amount.denominator)).quantize(D("0.01"), ROUND_HALF_UP)


@st.composite
def plans(draw: st.DrawFn) -> tuple[str, Tiers, list[int]]:
    method = draw(st.sampled_from(("whole", "graduated")))
    starts = sorted(draw(st.sets(st.integers(0, 2000), min_size=1, max_size=4)))
    form = "rate" if method == "graduated" else draw(st.sampled_from(("rate", "amount")))
    values = st.integers(0, 40).map(lambda n: D(n) / 100) if form == "rate" else st.integers(0, 300).map(D)
    return method, [{"from": start, form: draw(values)} for start in starts], draw(st.lists(st.integers(1, 3000), min_size=1, max_size=4))


@settings(max_examples=60, deadline=None)
@given(plans(), st.integers(0, 50), st.integers(0, 400))
def test_break_even_put_back_gives_nothing(plan: tuple[str, Tiers, list[int]], margin: int, today: int) -> None:
    """On curves read a second time: the margin of more sales is what is paid more, to a minor unit of each payout, or the volume is that of a step."""
    method, tiers, measures = plan
    rows = [row(f"P{n}", D(measure), cents(reached(method, tiers, F(measure)))) for n, measure in enumerate(measures)]
    proposed = paid(agreement(method, tiers), rows)
    before = paid(agreement(method, tiers), [row("P0", D(measures[0]), D(today))])
    whole, people, fixed = find_break_even(before, proposed, D(margin) / 100)
    assert fixed == 0

    def surplus(of: list[int], s: Fraction, base: int) -> Fraction:
        return F(margin, 100) * sum(of) * (s - 1) - (sum((reached(method, tiers, s * each) for each in of), F(0)) - base)

    _holds(whole["EUR"], lambda s: surplus(measures, s, today), tiers, measures)
    for n, measure in enumerate(measures):
        base = today if n == 0 else 0
        costs_more = rows[n]["payout"] > base
        assert (("EUR", f"P{n}") in people) is costs_more
        if costs_more:
            _holds(people["EUR", f"P{n}"], lambda s, measure=measure, base=base: surplus([measure], s, base), tiers, [measure])


def _holds(found: Fraction | None, surplus: Any, tiers: Tiers, measures: list[int]) -> None:
    unit = F(len(measures), 100)
    steps = {F(tier["from"], measure) for tier in tiers for measure in measures}
    if found is None:
        assert all(surplus(s) < unit for s in [F(1), F(3), F(10_000), *steps] if s >= 1)
    elif found == 1:
        assert surplus(F(1)) >= -unit
    else:
        assert abs(surplus(found)) <= unit or found in steps
        assert all(surplus(1 + (found - 1) * F(n, 12)) < unit for n in range(12))


def test_what_we_receive_needs_no_volume_to_pay_for_it() -> None:
    terms = agreement("whole", [{"from": 0, "rate": D("0.5")}])
    found = find_break_even(paid(terms, []), paid(terms, [row("S", D(100), 50, direction="receivable")]), D("0.1"))
    assert found == ({}, {}, 0)


def test_what_does_not_follow_the_volume_stays_as_it_is() -> None:
    """10 earned where the curve pays 5, and a payout that a window before it took back from: both stay; a payout of 0 is not told."""
    terms = agreement("whole", [{"from": 0, "rate": D("0.05")}])
    rows = [row("P1", D(100), 10), row("P2", D(100), 5, payout=D(3)), row("P3", D(100), 7, payout=D(0)), row("P4", D(100), 5)]
    whole, _, fixed = find_break_even(paid(terms, []), paid(terms, rows), D("0.10"))
    assert fixed == 2
    assert whole["EUR"] == F(40 + 13, 40 - 5), "40 (s − 1) = 5 s + 13"


STEP = [{"from": 0, "amount": D(0)}, {"from": 1000, "amount": D(50)}]


@pytest.mark.parametrize(
    ("measure", "missing"),
    [("949.99", None), ("950", 50), ("999.99", F(1, 100)), ("1000", 0), ("1000.01", F(-1, 100)), ("1050", -50), ("1050.01", None)],
)
def test_near_is_a_twentieth_of_the_step(measure: str, missing: Any) -> None:
    terms = agreement("whole", STEP)
    found = near_cliffs(paid(terms, []), paid(terms, [row("P", D(measure), 50 if D(measure) >= 1000 else 0)]))
    assert [(each["missing"], each["before"], each["now"]) for each in found] == ([] if missing is None else [(missing, None, 50)])


def test_a_step_of_less_than_a_cent_is_none_and_both_sides_share_a_row() -> None:
    rows = [row("P", D(990), 0)]
    small = agreement("whole", [{"from": 0, "amount": D(0)}, {"from": 1000, "amount": D("0.009")}])
    assert near_cliffs(paid(small, rows), paid(small, rows)) == []
    cent = agreement("whole", [{"from": 0, "amount": D(0)}, {"from": 1000, "amount": D("0.01")}])
    (both,) = near_cliffs(paid(cent, rows), paid(agreement("whole", STEP), rows))
    assert (both["before"], both["now"], both["missing"]) == (F(1, 100), 50, 10)
    moved = near_cliffs(paid(agreement("whole", [STEP[0], {"from": 1001, "amount": D(70)}]), rows), paid(agreement("whole", STEP), rows))
    assert [(each["before"], each["now"]) for each in moved] == [(70, None), (None, 50)]


def test_the_most_that_windows_can_cost() -> None:
    capped = agreement("whole", [{"from": 0, "rate": D("0.1")}], limits={"at_most": 40})
    rows = [row("P1", D(100), 10), row("P2", D(100), 10, is_last=False), row("P3", D(100), 10, status="blocked"), row("P4", None, 0)]
    assert largest_liability(paid(capped, rows)) == {"EUR": D(80)}
    flat = agreement("whole", STEP)
    assert largest_liability(paid(flat, [row("P1", D(1), 0, multiplier=D("1.5"), gate_factor=D("0.5"))])) == {"EUR": D("37.50")}
    assert largest_liability(paid(agreement("whole", [{"from": 0, "rate": D("0.1")}]), rows[:1])) == {"EUR": None}
    assert largest_liability(paid(agreement("whole", STEP, limits={"at_most": 20}), rows[:1])) == {"EUR": D(20)}


def test_tiers_and_participants_are_told_by_benefit_and_direction() -> None:
    terms = agreement("whole", STEP)
    today = paid(terms, [row("P1", D(10), 3), row("P2", D(10), 9, tier=2)])
    now = paid(terms, [row("P1", D(10), 8, tier=2), row("P2", D(10), 9, tier=2), row("P2", D(10), 4, direction="receivable", benefit_id="c", tier=None)])
    assert [tuple(each.values()) for each in by_tier(today, now)] == [
        ("EUR", "b", 1, 1, 3, 0, 0),
        ("EUR", "b", 2, 1, 9, 2, 17),
        ("EUR", "c", 0, 0, 0, 1, 4),
    ]
    sales = Sales({}, {("EUR", "P1"): D(11)})
    found = by_participant(today, now, sales, {("EUR", "P1"): F(3, 2)})
    told = [(each["participant_id"], each["direction"], each["before"], each["now"], each["change"], each["sales"], each.get("at")) for each in found]
    assert told == [("P1", "payable", 3, 8, 5, 11, F(3, 2)), ("P2", "receivable", 0, 4, 4, 0, None), ("P2", "payable", 9, 9, 0, 0, None)]
