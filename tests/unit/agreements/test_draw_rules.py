"""What draws refuse, within one agreement and between agreements, with the way out."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal as D

import pytest

from models.agreements.parse import parse_agreements
from models.agreements.rules.draws import balances_begin
from models.agreements.tables.terms import make_terms
from models.book.settings import parse_book
from models.documents import InputError

AGREEMENT = """\
agreement: NAME
title: T
currency: EUR
term: {from: 2025-01-01, to: 2025-12-31}
participants: [P]
benefits:
- {id: b, clause: "1", window: month, tiers: [{from: 0, rate: 0.1}], settle: {lag_days: 3}}
- {id: parts, clause: "2", window: month, tiers: [{from: 0, rate: 0.1}], settle: SETTLE}
- {id: good, clause: "3", window: month, manual: true}
- {id: a, clause: "4", window: month, draw: {amount: 1500, against: [b], recover: true}}
- {id: other, clause: "5", window: month, draw: {amount: 1500, against: [b]}}
"""
DRAW = "draw: {amount: 1500, against: [b], recover: true}"


def text(name: str = "A", *changes: tuple[str, str]) -> str:
    found = AGREEMENT.replace("NAME", name)
    for old, new in (*changes, ("SETTLE", "{clawback: pay}")):
        assert old in found or old == "SETTLE"
        found = found.replace(old, new, 1)
    return found


def refusals(*texts: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse_agreements({"a.yaml": "---\n".join(texts)})
    return [str(problem) for problem in caught.value.problems]


def test_a_draw_takes_what_is_settled_as_a_whole() -> None:
    benefits = {benefit.id: benefit for benefit in parse_agreements({"a.yaml": text()})[0].agreement.benefits}
    draw = benefits["a"].draw
    assert draw
    assert (draw.amount, draw.against, draw.recover, draw.ceiling, draw.from_) == (D(1500), ["b"], True, None, None)
    assert [(tier.from_, tier.amount) for tier in benefits["a"].tiers or []] == [(D(0), D(0))]


@pytest.mark.parametrize("key", ["tiers: [{from: 0, rate: 0.1}]", "measure: quantity", "target: 7", "limits: {at_most: 5}", "accumulate: year", "manual: true"])
def test_a_draw_has_no_curve(key: str) -> None:
    (found,) = refusals(text("A", (DRAW, f"{key}, {DRAW}")))
    if key == "manual: true":
        assert found.endswith("draw: manual: true goes with id, clause, quote, window, settle, accounts alone; remove this key")
    else:
        assert found.endswith(f"{key.split(':')[0]}: draw goes with id, clause, quote, window, prorate, settle, accounts alone; remove this key")


@pytest.mark.parametrize(
    ("change", "where", "message"),
    [
        ((DRAW, "draw: {amount: 1500, against: [bb]}"), "benefits[3].draw.against[0]", "no benefit bb in this version of the agreement; did you mean b?"),
        ((DRAW, "draw: {amount: 1500, against: [b, b]}"), "benefits[3].draw.against[1]", "is named twice"),
        ((DRAW, "draw: {amount: 1500, against: [other]}"), "benefits[3].draw.against[0]", "other is a draw, and a draw is against benefits with tiers"),
        ((DRAW, "draw: {amount: 1500, against: [a]}"), "benefits[3].draw.against[0]", "a is a draw, and a draw is against benefits with tiers"),
        ((DRAW, "draw: {amount: 1500, against: [good]}"), "benefits[3].draw.against[0]", "good is manual, and a draw is against benefits with tiers"),
        ((DRAW, "draw: {amount: 1500, against: []}"), "benefits[3].draw.against", "at least 1 item"),
        ((DRAW, "draw: {against: [b]}"), "benefits[3].draw.amount", "required"),
        ((DRAW, "draw: {amount: -0.01, against: [b]}"), "benefits[3].draw.amount", "greater than or equal to 0"),
        ((DRAW, "draw: {amount: 5, against: [b], recover: true, ceiling: -1}"), "benefits[3].draw.ceiling", "greater than or equal to 0"),
        ((DRAW, "draw: {amount: 1500, against: [b], ceiling: 10}"), "benefits[3].draw.ceiling", "add recover: true, or remove it"),
        ((DRAW, "draw: {amount: 1500, against: [b], from: OLD}"), "benefits[3].draw.from", "there is no agreement OLD in this book"),
        (("title: T", "title: T\ncombine: {rule: best, group: g}"), "benefits[3].draw", "remove rule: best, or put the draw"),
        (("title: T", "title: T\ncombine: {rule: exclusive, group: g}"), "benefits[3].draw", "remove rule: exclusive, or put the draw"),
        (("tiers: [{from: 0, rate: 0.1}]", "by: {benefit: a}, tiers: [{from: 0, rate: 0.1}]"), "benefits[0].by.benefit", "a is a draw and has no figures"),
        (("tiers: [{from: 0, rate: 0.1}]", "by: {benefit: good}, tiers: [{from: 0, rate: 0.1}]"), "benefits[0].by.benefit", "good is manual and has no"),
    ],
)
def test_refusals_say_where_and_what_to_do(change: tuple[str, str], where: str, message: str) -> None:
    found = refusals(text("A", change))
    assert any(where in each and message in each for each in found), found


@pytest.mark.parametrize("settle", ["{release: [{share: 0.5}, {share: 0.5}]}", "{when: collected}", "{minimum: 5}", "{hold_disputed: true}"])
def test_what_is_paid_in_parts_is_refused(settle: str) -> None:
    key = settle.strip("{").split(":")[0]
    (found,) = refusals(text("A", ("against: [b]", "against: [b, parts]"), ("SETTLE", settle)))
    assert f"benefits[3].draw.against[1]: parts has settle: {key}, and a draw is against what is paid as a whole after the window; remove {key} there" in found


LATER = ("{from: 2025-01-01, to: 2025-12-31}", "{from: 2026-01-01, to: 2026-12-31}")
FROM = (DRAW, "draw: {amount: 1500, against: [b], recover: true, from: OLD}")


@pytest.mark.parametrize(
    ("old", "own", "message"),
    [
        ([("id: a,", "id: z,")], [LATER, FROM], "OLD has no draw a; give the draws of both agreements one id"),
        ([], [FROM], "OLD ends on 2025-12-31, and this agreement begins on 2025-01-01; it goes on with the balance of one that ended before"),
        ([("currency: EUR", "currency: USD")], [LATER, FROM], "OLD has currency USD, not EUR; a balance goes on in the same currency only"),
        ([("title: T", "title: T\ndirection: receivable")], [LATER, FROM], "OLD has direction receivable, not payable"),
    ],
)
def test_a_balance_goes_on_from_a_draw_that_ended(old: list[tuple[str, str]], own: list[tuple[str, str]], message: str) -> None:
    (found,) = refusals(text("OLD", *old), text("NEW", *own))
    assert "benefits[3].draw.from" in found
    assert message in found


def test_whose_balance_it_is_cannot_change() -> None:
    amended = text("NEW", LATER, ("title: T", "title: T\nversion: 2\neffective: 2026-07-01"))
    (found,) = refusals(text("OLD"), text("NEW", LATER, FROM), amended)
    assert "draw.from: is OLD in an earlier version and cannot change; make it another agreement" in found


def test_a_chain_of_plans_has_one_balance() -> None:
    third = ("{from: 2025-01-01, to: 2025-12-31}", "{from: 2027-01-01, to: 2027-12-31}")
    sources = parse_agreements({"a.yaml": "---\n".join([text("OLD"), text("NEW", LATER, FROM), text("A-THIRD", third, (DRAW, FROM[1].replace("OLD", "NEW")))])})
    begins = balances_begin([source.agreement for source in sources])
    assert begins == {("OLD", "a"): "OLD", ("NEW", "a"): "OLD", ("A-THIRD", "a"): "OLD"} | {(n, "other"): n for n in ("OLD", "NEW", "A-THIRD")}


def test_limits_of_the_agreement_hold_for_what_curves_pay() -> None:
    book = parse_book('book: t\ncurrency: EUR\nfeeds: {transactions: {files: "*.csv"}}')
    limited = text("A", ("title: T", "title: T\nlimits: {at_least: 5, per: window}"), ("window: month, manual", "window: year, manual"))
    terms = make_terms(book, parse_agreements({"a.yaml": limited}), dt.date(2025, 12, 31))
    limited_until = terms["windows"].join(terms["benefits"].select("benefit_key", "benefit_id"), on="benefit_key")
    assert set(limited_until.drop_nulls("limited_until")["benefit_id"]) == {"b", "parts"}
