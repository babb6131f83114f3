"""The agreement language: what it takes, and what it refuses with file, line, key and a way out."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from models.agreements.parse import Source, parse_agreements
from models.agreements.terms import content_sha256, make_terms
from models.book import parse_book
from models.documents import InputError

D = Decimal
PLAIN = """\
agreement: A
title: T
currency: EUR
term: {from: 2025-01-01, to: 2025-12-31}
participants: [P]
benefits:
- id: b
  clause: 4.1
  window: year
  tiers:
  - {from: 0, rate: 0.1}
"""


def parse(*changes: tuple[str, str], require_approval: bool = False) -> list[Source]:
    """The plain agreement with some of its text changed."""
    text = PLAIN
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return parse_agreements({"agreements/a.yaml": text}, require_approval)


def refusals(*changes: tuple[str, str], require_approval: bool = False) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse(*changes, require_approval=require_approval)
    return [str(problem) for problem in caught.value.problems]


BENEFIT, HEAD = "  window: year", "title: T"


def test_defaults_are_those_of_the_specification() -> None:
    agreement = parse()[0].agreement
    benefit = agreement.benefits[0]
    assert (agreement.version, agreement.direction, agreement.pool, agreement.include_children) == (1, "payable", "each", True)
    assert (agreement.returns, agreement.fx) == ("posted", "transaction_date")
    assert (benefit.clause, benefit.accumulate, benefit.measure, benefit.base, benefit.by, benefit.method) == (
        "4.1",
        "window",
        "amount",
        "measure",
        "measure",
        "whole",
    )
    assert (benefit.boundary, benefit.above, benefit.prorate) == ("lower_inclusive", "hold", "none")
    assert (benefit.settle.lag_days, benefit.settle.clawback, benefit.accrue.placement, benefit.accrue.forecast) == (0, "carry", "actual", "linear")
    assert benefit.tiers[0].rate == D("0.1")


@pytest.mark.parametrize(
    ("old", "new", "where", "told"),
    [
        ("  clause: 4.1\n", "", "7: benefits[0].clause", "required"),
        ("participants: [P]\n", "", "1: participants", "required"),
        (BENEFIT, "  windw: year", "9: benefits[0].windw", "did you mean window?"),
        ("rate: 0.1", "rat: 0.1", "11: benefits[0].tiers[0].rat", "did you mean rate?"),
        (HEAD, "titel: T", "2: titel", "did you mean title?"),
        (HEAD, HEAD + "\ncolour: red", "3: colour", "Allowed: agreement, version"),
        ("rate: 0.1", "rate: 0.1, rate: 0.2", "11: benefits[0].tiers[0].rate", "keep one"),
        ("rate: 0.1", "rate: 15", "11: benefits[0].tiers[0].rate", "write 0.15 for 15 %"),
        ("rate: 0.1", "rate: -0.1", "11: benefits[0].tiers[0].rate", "fraction from 0 to 1"),
        ("rate: 0.1", "rate: 10%", "11: benefits[0].tiers[0].rate", "a number is needed here, such as"),
        ("rate: 0.1", "rate: true", "11: benefits[0].tiers[0].rate", "a number is needed here, such as"),
        ("rate: 0.1", "rate: 0.0000000000001", "11: benefits[0].tiers[0].rate", "more than 12 decimals"),
        ("rate: 0.1", "amount: 100000000000000", "11: benefits[0].tiers[0].amount", "larger than this program computes with"),
        ("from: 0, rate: 0.1", "from: 0", "11: benefits[0].tiers[0]", "give rate, per_unit, amount or share"),
        ("  - {from: 0, rate: 0.1}\n", "  - {from: 0, rate: 0.1}\n  - {from: 0, rate: 0.2}\n", "12: benefits[0].tiers[1].from", "two tiers begin at 0"),
        ("  - {from: 0, rate: 0.1}\n", "  - {from: 9, rate: 0.1}\n  - {from: 0, rate: 0.2}\n", "12: benefits[0].tiers[1].from", "rising order; 0 follows 9"),
        ("  tiers:\n  - {from: 0, rate: 0.1}\n", "  tiers: []\n", "10: benefits[0].tiers", "at least 1 item"),
        ("2025-12-31", "2025-02-30", "4: term.to", "not a day of the calendar"),
        ("2025-12-31", "2024-12-31", "4: term.to", "before it begins on 2025-01-01"),
        ("2025-12-31", "9999-12-31", "4: term.to", "write the last day it is planned for"),
        ("2025-01-01", "0001-01-01", "4: term.from", "outside 1900 to 2199"),
        ("2025-12-31", "'2025-12-31'", "4: term.to", "without quotes: 2026-01-31"),
        ("[P]", "[P, Q, P]", "5: participants", "named twice: P"),
        ("[P]", "[]", "5: participants", "at least 1 item"),
        ("[P]", "{}", "5: participants", "at least 1 item"),
        ("[P]", "{region: []}", "5: participants.region", "at least 1 item"),
        ("[P]", "P", "5: participants", "allowed: a 'list' or a 'mapping' (found 'P')"),
        ("[P]", "[' P']", "5: participants[0]", "without spaces at its ends"),
        ("currency: EUR", "currency: EURO", "3: currency", "ISO 4217"),
        (HEAD, HEAD + "\npool: together", "3: pool", "payee says who is paid"),
        (HEAD, HEAD + "\npayee: X", "3: payee", "goes with pool: together"),
        (HEAD, HEAD + "\nscope: {types: [sail]}", "3: scope.types[0]", "allowed: 'sale', 'return'"),
        (HEAD, HEAD + "\nscope: {types: []}", "3: scope.types", "at least 1 item"),
        (HEAD, HEAD + "\nscope: {products: {include: {category: []}}}", "3: scope.products.include.category", "at least 1 item"),
        (BENEFIT, BENEFIT + "\n  by: attainment", "7: benefits[0].target", "needs target: a number, feed or {prior: year}"),
        (BENEFIT, BENEFIT + "\n  by: growth", "7: benefits[0].baseline", "needs baseline"),
        (BENEFIT, BENEFIT + "\n  by: growth_amount", "7: benefits[0].baseline", "needs baseline"),
        (BENEFIT, BENEFIT + "\n  base: increment", "7: benefits[0].baseline", "base: increment needs baseline"),
        (BENEFIT, BENEFIT + "\n  base: increment\n  baseline: 5\n  method: graduated", "10: benefits[0].base", "use by: growth_amount or method: whole"),
        ("rate: 0.1", "share: 0.1", "7: benefits[0].incentive", "a tier with share needs incentive"),
        (BENEFIT, BENEFIT + "\n  target: fed", "10: benefits[0].target", "allowed: 'feed'"),
        (BENEFIT, BENEFIT + "\n  target: {prior: month}", "10: benefits[0].target.prior", "allowed: 'year'"),
        (BENEFIT, BENEFIT + "\n  target: {prior: year, times: 0}", "10: benefits[0].target.times", "1.05 for 5 % more"),
        (BENEFIT, BENEFIT + "\n  target: {prior: year, times: 1.0000001}", "10: benefits[0].target.times", "up to 6 decimals"),
        (BENEFIT, BENEFIT + "\n  baseline: {prior: year, times: 2}", "10: benefits[0].baseline.times", "not known"),
        ("window: year", "window: term\n  accumulate: year", "10: benefits[0].accumulate", "use accumulate: term or window"),
        (BENEFIT, BENEFIT + "\n  settle: {lag_days: -1}", "10: benefits[0].settle.lag_days", "greater than or equal to 0"),
        (BENEFIT, BENEFIT + "\n  settle: {clawback: later}", "10: benefits[0].settle.clawback", "allowed: 'pay', 'carry' or 'none'"),
    ],
)  # fmt: skip
def test_refusals_say_where_and_what_to_do(old: str, new: str, where: str, told: str) -> None:
    problems = refusals((old, new))
    match = [problem for problem in problems if problem.startswith(f"agreements/a.yaml:{where}: ")]
    assert match, problems
    assert told in match[0]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        (BENEFIT, BENEFIT + "\n  method: rolling", "benefits[0].method"),
        (BENEFIT, BENEFIT + "\n  method: total", "benefits[0].method"),
        (BENEFIT, BENEFIT + "\n  by: rank", "benefits[0].by"),
        (BENEFIT, BENEFIT + "\n  by: percentile", "benefits[0].by"),
        (BENEFIT, BENEFIT + "\n  by: {rank: attainment}", "benefits[0].by"),
        (BENEFIT, BENEFIT + "\n  by: {metric: nps}", "benefits[0].by"),
        (BENEFIT, BENEFIT + "\n  measure: litres", "benefits[0].measure"),
        (BENEFIT, BENEFIT + "\n  measure: {of: amount, scope: {types: [sale]}}", "benefits[0].measure"),
        (BENEFIT, BENEFIT + "\n  base: {of: amount}", "benefits[0].base"),
        (BENEFIT, BENEFIT + "\n  ties: share", "benefits[0].ties"),
        (BENEFIT, BENEFIT + "\n  matrix: {}", "benefits[0].matrix"),
        (BENEFIT, BENEFIT + "\n  requires: [{by: growth, at_least: 0}]", "benefits[0].requires"),
        (BENEFIT, BENEFIT + "\n  multiply: {by: {metric: nps}}", "benefits[0].multiply"),
        (BENEFIT, BENEFIT + "\n  prorate: days", "benefits[0].prorate"),
        (BENEFIT, BENEFIT + "\n  accrue: {placement: forecast}", "benefits[0].accrue.placement"),
        (BENEFIT, BENEFIT + "\n  accrue: {placement: {tier: 2}}", "benefits[0].accrue.placement"),
        (BENEFIT, BENEFIT + "\n  accrue: {forecast: seasonal}", "benefits[0].accrue.forecast"),
        (BENEFIT, BENEFIT + '\n  scope: {where: "channel = 1"}', "benefits[0].scope.where"),
        (HEAD, HEAD + "\nversion: 2", "version"),
        (HEAD, HEAD + "\namendment: restate", "amendment"),
        (HEAD, HEAD + "\neffective: 2025-06-01", "effective"),
        (HEAD, HEAD + "\ncombine: {group: G}", "combine"),
        (HEAD, HEAD + "\nfx: period_end", "fx"),
        (HEAD, HEAD + "\nfx: {fixed: {USD: 0.92}}", "fx"),
        (HEAD, HEAD + "\nreturns: original", "returns"),
    ],
)
def test_what_is_not_computed_yet_is_refused_by_name(old: str, new: str, key: str) -> None:
    problems = refusals((old, new))
    assert any(f": {key}: " in problem and "not computed yet" in problem for problem in problems), problems


def test_all_mistakes_are_told_at_once_in_order() -> None:
    problems = refusals(("currency: EUR", "currency: XXX"), ("rate: 0.1", "rate: 2"), ("year", "decade"))
    assert [problem.split(": ")[1] for problem in problems] == ["currency", "benefits[0].window", "benefits[0].tiers[0].rate"]


def test_ids_stand_once() -> None:
    twice = "- id: b\n  clause: 1\n  window: year\n  tiers: [{from: 0, rate: 0}]\n"
    assert refusals(("benefits:\n", "benefits:\n" + twice)) == ["agreements/a.yaml:11: benefits[1].id: the id b stands twice in this agreement"]
    with pytest.raises(InputError) as caught:
        parse_agreements({"a.yaml": PLAIN, "b.yaml": "\n" + PLAIN})
    assert str(caught.value) == "b.yaml:2: agreement: A version 1 stands twice; the other is in a.yaml:1"


def test_scopes_that_leave_nothing_are_refused() -> None:
    outer = (HEAD, HEAD + "\nscope: {types: [sale], products: {include: {brand: [A]}}}")
    assert "nothing is left" in refusals(outer, (BENEFIT, BENEFIT + "\n  scope: {types: [return]}"))[0]
    assert "nothing is left" in refusals(outer, (BENEFIT, BENEFIT + "\n  scope: {products: {include: {brand: B}}}"))[0]
    assert parse(outer, (BENEFIT, BENEFIT + "\n  scope: {products: {include: {brand: [A, B]}}}"))


def test_a_jump_has_two_points() -> None:
    points = "  method: linear\n  tiers:\n  - {from: 0, rate: 0}\n  - {from: 5, rate: 0.1}\n  - {from: 5, rate: 0.2}\n"
    plain = "  tiers:\n  - {from: 0, rate: 0.1}\n"
    assert parse((plain, points))
    assert "a jump has two" in refusals((plain, points + "  - {from: 5, rate: 0.3}\n"))[0]


def test_approval_is_asked_for_where_the_book_says_so() -> None:
    assert "add approved" in refusals(require_approval=True)[0]
    assert parse((HEAD, HEAD + '\napproved: {by: "j.doe", on: 2024-12-11}'), require_approval=True)


def test_the_layout_of_a_file_does_not_change_what_it_says() -> None:
    plain = parse()[0]
    other = parse(("term: {from: 2025-01-01, to: 2025-12-31}", "term:\n  to: 2025-12-31\n  from: 2025-01-01  # a comment"))[0]
    assert content_sha256(plain) == content_sha256(other)
    assert content_sha256(plain) != content_sha256(parse(("rate: 0.1", "rate: 0.2"))[0])


def test_terms_share_scopes_and_cover_the_days_needed() -> None:
    book = parse_book('book: t\ncurrency: EUR\nfeeds: {transactions: {files: "*.csv"}}')
    second = PLAIN.replace("agreement: A", "agreement: B").replace("window: year", "window: year\n  scope: {types: [sale]}\n  baseline: {prior: year}")
    terms = make_terms(
        book, parse_agreements({"a.yaml": PLAIN, "b.yaml": second, "c.yaml": PLAIN.replace("agreement: A", "agreement: C")}), dt.date(2020, 5, 5)
    )
    assert terms["scopes"].height == 2
    assert terms["bases"]["scope_key"].to_list() == [0, 1, 0]
    assert terms["bases"]["looks_back"].to_list() == [False, True, False]
    assert terms["windows"].is_empty(), "no window has begun by 2020"
    assert terms["days"]["day"].min() <= dt.date(2020, 5, 5), "also a day long before the terms is a day of the calendar"
    assert terms["days"]["day"].max() >= dt.date(2025, 12, 31)
