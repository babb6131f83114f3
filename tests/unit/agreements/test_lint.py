"""Lint: what is legal and may not be meant, with its size, on curves worked out by hand."""

from __future__ import annotations

import datetime as dt

import pytest

from models.agreements.lint.lint import lint_agreements
from models.agreements.needed_feeds import warn_of_missing_feeds
from models.agreements.parse import parse_agreements

TODAY = dt.date(2025, 6, 30)
HEAD = "agreement: A\ncurrency: EUR\nterm: {from: 2025-01-01, to: 2025-12-31}\nparticipants: [P, Q]\n"


def lint(benefit: str, head: str = HEAD) -> list[str]:
    text = f"{head}benefits:\n- {{id: b, clause: 1, window: year, {benefit}}}\n"
    return [f"{p.severity} {p.key.removeprefix('benefits[0].')}: {p.message}" for p in lint_agreements(parse_agreements({"a.yaml": text}), TODAY)]


LARGEST = "note tiers: largest payout of a span: "
ORDER = (
    "apply to what multiply and requires have left; if the contract limits first, write order: [limits, multiply, requires], "
    "and if it does not, order: [multiply, requires, limits]"
)
FLOOR = "note limits.at_least: accrued whole from the window's first day on; accrue: {placement: forecast} builds it up with the measure"
SWINGS = "a later period may take back what is accrued by the place reached so far; accrue: {placement: forecast} swings less"
CLIFF_AT_1 = "note tiers[0]: cliff: at 1 the payout goes from EUR 0.00 to EUR 9.00"
UNBOUND = LARGEST + "without bound; limits.at_most would cap it"


@pytest.mark.parametrize(
    ("benefit", "message"),
    [
        # 2 % on everything from 1,000: 20.00 at once; 3 % from 5,000: 100.00 becomes 150.00
        (
            "tiers: [{from: 1000, rate: 0.02}, {from: 5000, rate: 0.03}]",
            [
                UNBOUND,
                "note tiers[0]: cliff: at 1,000 the payout goes from EUR 0.00 to EUR 20.00",
                "note tiers[1]: cliff: at 5,000 the payout goes from EUR 100.00 to EUR 150.00",
            ],
        ),
        ("method: graduated, tiers: [{from: 0, rate: 0.02}, {from: 5000, rate: 0.03}]", [UNBOUND]),
        (
            "tiers: [{from: 0, rate: 0.03}, {from: 5000, rate: 0.02}]",
            [
                UNBOUND,
                "note tiers[1]: the rate falls from 0.03 to 0.02",
                "warning tiers[1]: cliff: at 5,000 the payout goes from EUR 150.00 to EUR 100.00, so that better pays less",
            ],
        ),
        # from 0 to 1,000 the rate climbs from 0 to 100 %: at its end one more pays 2
        (
            "method: linear, tiers: [{from: 0, rate: 0}, {from: 1000, rate: 1}], limits: {at_most: 5000}",
            [
                "note limits.at_most: largest payout of a span: 5,000",
                "warning tiers[0]: effective marginal rate 200 %: one more of the measure pays more than it is worth",
            ],
        ),
        (
            "method: linear, above: zero, tiers: [{from: 0, amount: 0}, {from: 10, amount: 100}]",
            [
                LARGEST + "EUR 100.00",
                "warning tiers[0]: effective marginal rate 1,000 %: one more of the measure pays more than it is worth",
                "warning above: nothing is paid above 10, after EUR 100.00 at it",
            ],
        ),
        (
            "tiers: [{from: 0, rate: 0.1}, {from: 1000, rate: 0.1}], limits: {at_most: 50}",
            [
                "note limits.at_most: largest payout of a span: 50",
                "warning tiers[1]: changes nothing: limits.at_most (50) is reached before 1,000",
            ],
        ),
        (
            "tiers: [{from: 0, amount: 200}, {from: 1000, amount: 50}], limits: {at_most: 100}",
            [
                "note limits.at_most: largest payout of a span: 100",
                "note tiers[0]: cliff: at 0 the payout goes from EUR 0.00 to EUR 200.00",
                "note tiers[1]: the amount falls from 200 to 50",
                "warning tiers[1]: cliff: at 1,000 the payout goes from EUR 200.00 to EUR 50.00, so that better pays less",
            ],
        ),
        (
            "by: attainment, target: 1000, incentive: 200, tiers: [{from: 1, share: 1}], multiply: {by: {metric: nps}, tiers: [{from: 0, factor: 1.5}]}",
            [LARGEST + "EUR 300.00", "note tiers[0]: cliff: at 1 the payout goes from EUR 0.00 to EUR 200.00"],
        ),
        (
            "by: attainment, target: feed, incentive: feed, method: linear, tiers: [{from: 0, share: 0}, {from: 1, share: 1}]",
            [LARGEST + "1 of the incentive"],
        ),
        (
            "by: rank, tiers: [{from: 0, amount: 9}, {from: 1, amount: 5}, {from: 3, amount: 1}]",
            [
                LARGEST + "EUR 9.00",
                "note tiers[0]: cliff: at 0 the payout goes from EUR 0.00 to EUR 9.00",
                "warning tiers[0]: cannot be reached: rank begins at 1, where the next tier holds",
                "note tiers[1]: cliff: at 1 the payout goes from EUR 9.00 to EUR 5.00",
                "warning tiers[2]: cannot be reached: rank goes up to 2",
                "note tiers[2]: cliff: at 3 the payout goes from EUR 5.00 to EUR 1.00",
            ],
        ),
        (
            "by: percentile, boundary: upper_inclusive, tiers: [{from: 0.5, amount: 9}, {from: 1, amount: 10}]",
            ["warning tiers[1]: cannot be reached: percentile goes up to 1"],
        ),
        (
            "tiers: [{from: 0, amount: 9}, {from: 500, amount: 10}], requires: [{by: measure, below: 500}, {by: measure, above: 3, at_most: 3}]",
            [
                "warning requires[1]: no value passes this gate: its bounds exclude each other",
                "warning tiers[1]: cannot be reached: requires[0] lets nothing through from 500 on",
            ],
        ),
        # at most 50 times 1.5 is 75; the order says so, and lint asks for it only where it is not given
        (
            "tiers: [{from: 1, amount: 80}], multiply: {by: {metric: nps}, tiers: [{from: 0, factor: 1.5}]}, limits: {at_most: 50}, "
            "order: [limits, multiply, requires]",
            [LARGEST + "EUR 75.00", "note tiers[0]: cliff: at 1 the payout goes from EUR 0.00 to EUR 80.00"],
        ),
        (
            "tiers: [{from: 1, amount: 80}], requires: [{by: measure, below: 5, otherwise: 0.5}], limits: {at_most: 50}",
            [
                "note limits: " + ORDER,
                "note limits.at_most: largest payout of a span: 50",
                "note tiers[0]: cliff: at 1 the payout goes from EUR 0.00 to EUR 80.00",
            ],
        ),
        # accruals that go by the place reached so far
        ("accumulate: year, by: rank, tiers: [{from: 1, amount: 9}]", [LARGEST + "EUR 9.00", CLIFF_AT_1, "note by: " + SWINGS]),
        ("by: rank, tiers: [{from: 1, amount: 9}]", [LARGEST + "EUR 9.00", CLIFF_AT_1]),
        ("accumulate: year, by: rank, tiers: [{from: 1, amount: 9}], accrue: {placement: forecast}", [LARGEST + "EUR 9.00", CLIFF_AT_1]),
        (
            "accumulate: term, tiers: [{from: 1, amount: 9}], requires: [{by: measure, at_most: 5}, {by: measure, at_least: 1}]",
            [LARGEST + "EUR 9.00", CLIFF_AT_1, "note requires: " + SWINGS],
        ),
        (
            "tiers: [{from: 1, amount: 80}], requires: [{by: measure, below: 5}], limits: {at_most: 90}",  # all or nothing: the order does not matter
            ["note limits.at_most: largest payout of a span: 90", "note tiers[0]: cliff: at 1 the payout goes from EUR 0.00 to EUR 80.00"],
        ),
        (
            "tiers: [{from: 0, amount: 80}], requires: [{by: measure, below: 5}], limits: {at_least: 9}",
            ["note limits: " + ORDER, LARGEST + "EUR 80.00", "note tiers[0]: cliff: at 0 the payout goes from EUR 0.00 to EUR 80.00", FLOOR],
        ),
        (
            "tiers: [{from: 0, rate: 0.01}, {from: 1000, rate: 0.02}], limits: {pays_from: 15}",
            ["warning tiers[0]: pays nothing: it earns less than limits.pays_from (15)"],
        ),
        ("tiers: [{from: 1, amount: 5}, {from: 2, amount: 0}, {from: 3, amount: 9}]", ["warning tiers[1]: gap: nothing is paid from 2 to 3"]),
    ],
)
def test_lint_says_what_is_odd_and_how_much_it_is(benefit: str, message: list[str]) -> None:
    found = lint(benefit)
    missing = [line for line in message if line not in found]
    assert not missing, found
    if message[0].startswith("note"):
        assert sorted(found) == sorted(message)


def test_an_agreement_past_its_review_is_named_while_it_runs() -> None:
    head = HEAD + "review_by: 2025-06-29\n"
    (found, *_) = [line for line in lint("tiers: [{from: 0, rate: 0.1}]", head) if "reviewed" in line]
    assert found == "warning review_by: was to be reviewed by 2025-06-29 and runs until 2025-12-31"
    assert not [line for line in lint("tiers: [{from: 0, rate: 0.1}]", head.replace("06-29", "06-30")) if "reviewed" in line]


def test_what_depends_on_a_feed_is_not_guessed() -> None:
    assert lint("base: quantity, tiers: [{from: 5, rate: 0.1}]") == []
    assert lint("by: growth, baseline: {prior: year}, tiers: [{from: 0.1, rate: 0.1}]") == []


def test_feeds_that_book_yaml_lacks_are_a_warning_at_their_place() -> None:
    text = """
agreement: A
currency: EUR
term: {from: 2026-01-01, to: 2026-12-31}
participants: {region: north}
scope: {products: {include: {product_id: [X], category: [wine]}}}
benefits:
  - {id: m, clause: "1", window: year, by: {metric: nps}, tiers: [{from: 0, rate: 0.1}]}
  - {id: t, clause: "2", window: year, by: attainment, target: feed, accrue: {placement: forecast, forecast: feed}, tiers: [{from: 0, rate: 0.1}]}
"""
    sources = parse_agreements({"a.yaml": text})
    found = [(p.line, p.key, p.message) for p in warn_of_missing_feeds(sources, ["transactions"])]
    assert found == [
        (5, "participants", "book.yaml has no partners feed, so no partner has these attributes and nobody takes part"),
        (6, "scope.products.include", "book.yaml has no products feed, so no product has these attributes"),
        (8, "benefits[0]", "book.yaml has no metrics feed, so the metric is missing and every result is blocked"),
        (9, "benefits[1].accrue.forecast", "book.yaml has no targets feed, so the forecast is linear"),
        (9, "benefits[1].target", "book.yaml has no targets feed, so the target is missing and every result is blocked"),
    ]
    assert warn_of_missing_feeds(sources, ["transactions", "partners", "products", "metrics", "targets"]) == []
