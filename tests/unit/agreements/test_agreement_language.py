"""The agreement language: what it takes, and what it refuses with file, line, key and a way out."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from models.agreements.parse import Source, parse_agreements
from models.agreements.tables.terms import content_sha256, make_terms
from models.book.settings import parse_book
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


def parse(*changes: tuple[str, str], approval_day: dt.date | None = None) -> list[Source]:
    """The plain agreement with some of its text changed."""
    text = PLAIN
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return parse_agreements({"agreements/a.yaml": text}, approval_day)


def refusals(*changes: tuple[str, str], approval_day: dt.date | None = None) -> list[str]:
    with pytest.raises(InputError) as caught:
        parse(*changes, approval_day=approval_day)
    return [str(problem) for problem in caught.value.problems]


BENEFIT, HEAD = "  window: year", "title: T"


def test_defaults_are_those_of_the_language_page() -> None:
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
    assert benefit.tiers
    assert benefit.tiers[0].rate == D("0.1")


def test_a_day_may_be_quoted_or_not() -> None:
    more = "version: 2\neffective: 2025-02-01\nreview_by: 2025-11-30\napproved: {by: A, on: 2025-01-02}\nparticipants: {since: 2024-12-31}"
    plain = parse(("participants: [P]", more))[0].agreement
    quoted = [(day, f"'{day}'") for day in ("2025-01-01", "2025-12-31", "2025-02-01", "2025-11-30", "2025-01-02", "2024-12-31")]
    assert parse(("participants: [P]", more), *quoted)[0].agreement == plain


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        ("  clause: 4.1\n", "", "7: benefits[0].clause", "required"),
        ("participants: [P]\n", "", "1: participants", "required"),
        (BENEFIT, "  windw: year", "9: benefits[0].windw", "did you mean window?"),
        ("rate: 0.1", "rat: 0.1", "11: benefits[0].tiers[0].rat", "did you mean rate?"),
        (HEAD, "titel: T", "2: titel", "did you mean title?"),
        (HEAD, HEAD + "\ncolour: red", "3: colour", "Allowed: agreement, version"),
        ("rate: 0.1", "rate: 0.1, rate: 0.2", "11: benefits[0].tiers[0].rate", "keep one"),
        ("rate: 0.1", "rate: 15", "11: benefits[0].tiers[0].rate", "write 0.15 for 15 %; more than all of a target or incentive is share: 1.25"),
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
        ("2025-12-31", "9999-12-31", "4: term.to", "write the last day that is planned for"),
        ("2025-01-01", "0001-01-01", "4: term.from", "outside 1900 to 2199"),
        ("2025-12-31", "31.12.2025", "4: term.to", "a day is needed here, such as 2026-01-31"),
        ("2025-12-31", "'2025-02-30'", "4: term.to", "2025-02-30 is not a day of the calendar"),
        ("[P]", "[P, Q, P]", "5: participants", "named twice: P"),
        ("[P]", "[]", "5: participants", "at least 1 item"),
        ("[P]", "{}", "5: participants", "at least 1 item"),
        ("[P]", "{region: []}", "5: participants.region", "at least 1 item"),
        ("[P]", "P", "5: participants", "allowed: a 'list' or a 'mapping' (found 'P')"),
        ("[P]", "[12_000]", "5: participants[0]", "12_000 is read as the number 12000: write '12_000' in quotes"),
        ("[P]", "[P, +5]", "5: participants[1]", "write '+5' in quotes"),
        ("[P]", "{region: [-0]}", "5: participants.region[0]", "write '-0' in quotes"),
        ("[P]", "[1_000.50]", "5: participants[0]", "write '1_000.50' in quotes"),
        ("[P]", "[' P']", "5: participants[0]", "without spaces at its ends"),
        ("currency: EUR", "currency: EURO", "3: currency", "ISO 4217"),
        (HEAD, HEAD + "\npool: together", "3: pool", "needs payee, which says who is paid"),
        (HEAD, HEAD + "\npayee: X", "3: payee", "is allowed with pool: together or placed only"),
        (HEAD, HEAD + "\npool: all", "3: pool", "allowed: 'each', 'together' or 'placed'"),
        (HEAD, HEAD + "\nscope: {types: [sail]}", "3: scope.types[0]", "allowed: 'sale', 'return'"),
        (HEAD, HEAD + "\nscope: {types: []}", "3: scope.types", "at least 1 item"),
        (HEAD, HEAD + "\nscope: {products: {include: {category: []}}}", "3: scope.products.include.category", "at least 1 item"),
        (BENEFIT, BENEFIT + "\n  by: attainment", "7: benefits[0].target", "needs target: a number, feed or {prior: year}"),
        (BENEFIT, BENEFIT + "\n  by: growth", "7: benefits[0].baseline", "needs baseline"),
        (BENEFIT, BENEFIT + "\n  by: growth_amount", "7: benefits[0].baseline", "needs baseline"),
        (BENEFIT, BENEFIT + "\n  base: increment", "7: benefits[0].baseline", "base: increment needs baseline"),
        (BENEFIT, BENEFIT + "\n  base: increment\n  baseline: 5\n  method: graduated", "10: benefits[0].base", "use by: growth_amount or method: whole"),
        ("rate: 0.1", "share: 0.1", "7: benefits[0].incentive", "a tier with share needs incentive"),
        (BENEFIT, BENEFIT + "\n  order: [multiply, limits]", "10: benefits[0].order", "each once; found multiply, limits"),
        (BENEFIT, BENEFIT + "\n  order: [multiply, limits, gates]", "10: benefits[0].order[2]", "'requires'"),
        (BENEFIT, BENEFIT + "\n  target: fed", "10: benefits[0].target", "allowed: 'feed'"),
        (BENEFIT, BENEFIT + "\n  target: {prior: month}", "10: benefits[0].target.prior", "allowed: 'year'"),
        (BENEFIT, BENEFIT + "\n  target: {prior: year, times: 0}", "10: benefits[0].target.times", "1.05 for 5 % more"),
        (BENEFIT, BENEFIT + "\n  target: {prior: year, times: 1.0000001}", "10: benefits[0].target.times", "up to 6 decimals"),
        (BENEFIT, BENEFIT + "\n  target: {year: 100, weights: [1, 2]}", "10: benefits[0].target.weights", "a fiscal year has 1 with window: year; found 2"),
        (BENEFIT, BENEFIT + "\n  measure: quantity\n  limits: {rate_at_most: 0.1}", "11: benefits[0].limits.rate_at_most", "must be money"),
        (BENEFIT, BENEFIT + "\n  limits: {rate_at_most: 15}", "10: benefits[0].limits.rate_at_most", "write 0.15 for 15 %"),
        (HEAD, HEAD + "\nlimits: {at_most: 5000}", "3: limits.per", "required"),
        (HEAD, HEAD + "\nlimits: {per: year}", "3: limits", "give at_most or at_least"),
        (HEAD, HEAD + "\nlimits: {at_most: 5, per: month}", "3: limits.per", "'window', 'year' or 'term'"),
        (HEAD, HEAD + "\nlimits: {at_most: 5, per: year}\ncombine: {rule: best, group: g}", "3: limits", "cannot be combined"),
        (BENEFIT, BENEFIT + "\n  target: {year: 100}", "10: benefits[0].target.weights", "required"),
        (BENEFIT, BENEFIT + "\n  target: {year: 100, weights: [0]}", "10: benefits[0].target.weights", "must be above 0"),
        (BENEFIT, BENEFIT + "\n  target: {year: 100, weights: [-1]}", "10: benefits[0].target.weights[0]", "0 or more"),
        (BENEFIT, BENEFIT + "\n  target: {year: 100, weights: [1000000]}", "10: benefits[0].target.weights[0]", "below 1,000,000"),
        ("window: year", "window: term\n  target: {year: 100, weights: [1]}", "10: benefits[0].target.weights", "whole term has no part of a year"),
        (BENEFIT, BENEFIT + "\n  baseline: {prior: year, times: 2}", "10: benefits[0].baseline.times", "not known"),
        ("window: year", "window: term\n  accumulate: year", "10: benefits[0].accumulate", "use accumulate: term or window"),
        ("window: year", "window: year\n  accumulate: quarter", "10: benefits[0].accumulate", "the span (quarter) is shorter than the window (year)"),
        ("window: year", "window: quarter\n  accumulate: month", "10: benefits[0].accumulate", "'half_year'"),
        (BENEFIT, BENEFIT + "\n  settle: {lag_days: -1}", "10: benefits[0].settle.lag_days", "greater than or equal to 0"),
        (BENEFIT, BENEFIT + "\n  settle: {clawback: later}", "10: benefits[0].settle.clawback", "allowed: 'pay', 'carry' or 'none'"),
    ],
)  # fmt: skip
def test_refusals_say_where_and_what_to_do(old: str, new: str, where: str, message: str) -> None:
    problems = refusals((old, new))
    match = [problem for problem in problems if problem.startswith(f"agreements/a.yaml:{where}: ")]
    assert match, problems
    assert message in match[0]


MATRIX = "  matrix: {rows: {by: measure, from: [0, 5]}, columns: {by: {metric: nps}, from: [0]}, amount: [[1], [2]]}"
TIERS = "  tiers:\n  - {from: 0, rate: 0.1}"


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        (TIERS, "  quote: q", "7: benefits[0].tiers", "tiers, or a matrix instead"),
        (TIERS, TIERS + "\n" + MATRIX, "10: benefits[0].tiers", "either tiers or a matrix"),
        (TIERS, MATRIX + "\n  by: measure", "11: benefits[0].by", "axes of their own"),
        (TIERS, MATRIX + "\n  method: linear", "11: benefits[0].method", "the matrix has method: whole"),
        (TIERS, MATRIX.replace("[0, 5]", "[5, 5]"), "10: benefits[0].matrix.rows.from[1]", "rising order"),
        (TIERS, MATRIX.replace("[[1], [2]]", "[[1]]"), "10: benefits[0].matrix.amount", "has 1 rows, but rows.from has 2"),
        (TIERS, MATRIX.replace("[2]]", "[2, 3]]"), "10: benefits[0].matrix.amount[1]", "has 2 cells, but columns.from has 1"),
        (TIERS, MATRIX.replace(", amount: [[1], [2]]", ""), "10: benefits[0].matrix", "pays nothing"),
        (TIERS, MATRIX.replace("amount", "share"), "7: benefits[0].incentive", "needs incentive"),
        (BENEFIT, BENEFIT + "\n  method: graduated\n  by: rank", "11: benefits[0].by", "a rank has no thresholds on the measure"),
        (BENEFIT, BENEFIT + "\n  method: rolling\n  by: {metric: nps}", "11: benefits[0].by", "a metric has no thresholds on the measure"),
        (TIERS, "  method: total\n" + TIERS.replace("rate", "amount"), "11: benefits[0].tiers", "takes only rate"),
        (BENEFIT, BENEFIT + "\n  method: rolling\n  base: quantity", "11: benefits[0].base", "rolling pays on the measure"),
        (BENEFIT, BENEFIT + "\n  ties: share", "10: benefits[0].ties", "is allowed with by: rank only"),
        (BENEFIT, BENEFIT + "\n  ties: {then: [quantity]}", "10: benefits[0].ties", "is allowed with by: rank only"),
        (BENEFIT, BENEFIT + "\n  by: rank\n  ties: {then: []}", "11: benefits[0].ties.then", "at least 1 item"),
        (BENEFIT, BENEFIT + "\n  by: rank\n  ties: {first: [quantity]}", "11: benefits[0].ties.first", "Allowed: then"),
        (TIERS, MATRIX + "\n  ties: {then: [quantity]}", "11: benefits[0].ties", "axes of their own"),
        (BENEFIT, BENEFIT + "\n  by: {rank: growth}", "7: benefits[0].baseline", "needs baseline"),
        (BENEFIT, BENEFIT + "\n  by: {rank: percentile}", "10: benefits[0].by.rank", "allowed: 'measure'"),
        (BENEFIT, BENEFIT + "\n  requires: [{by: attainment, at_least: 1}]", "7: benefits[0].target", "needs target"),
        (BENEFIT, BENEFIT + "\n  requires: [{by: measure}]", "10: benefits[0].requires[0]", "needs a bound"),
        (BENEFIT, BENEFIT + "\n  requires: [{by: measure, above: 1, otherwise: 1.1}]", "10: benefits[0].requires[0].otherwise", "from 0 to 1"),
        (BENEFIT, BENEFIT + "\n  multiply: {by: measure, tiers: [{from: 1, factor: -1}]}", "10: benefits[0].multiply.tiers[0].factor", "0 or more"),
        (BENEFIT, BENEFIT + "\n  multiply: {by: growth, tiers: [{from: 1, factor: 1}]}", "7: benefits[0].baseline", "needs baseline"),
        (
            BENEFIT,
            BENEFIT + "\n  multiply: {by: measure, tiers: [{from: 1, factor: 1}, {from: 1, factor: 2}]}",
            "10: benefits[0].multiply.tiers[1].from",
            "two tiers begin at 1",
        ),
        (BENEFIT, BENEFIT + "\n  prorate: days\n  accumulate: year", "10: benefits[0].prorate", "accumulate: window"),
        (BENEFIT, BENEFIT + "\n  accrue: {placement: {tier: 2}}", "10: benefits[0].accrue.placement.tier", "the last is 1"),
        (BENEFIT, BENEFIT + "\n  method: linear\n  accrue: {placement: {tier: 1}}", "11: benefits[0].accrue.placement", "is allowed with method: whole only"),
        (BENEFIT, BENEFIT + '\n  scope: {where: "channel"}', "10: benefits[0].scope.where", "compare it with something"),
        (BENEFIT, BENEFIT + '\n  scope: {where: "channel = (select 1)"}', "10: benefits[0].scope.where", "not allowed"),
        (BENEFIT, BENEFIT + "\n  measure: {of: amount, scope: {types: [sold]}}", "10: benefits[0].measure.scope.types[0]", "allowed: 'sale'"),
        (BENEFIT, BENEFIT + "\n  measure: {of: quantity, every: 0}", "10: benefits[0].measure.every", "above 0"),
        (BENEFIT, BENEFIT + "\n  measure: {of: quantity, every: 0.0000001}", "10: benefits[0].measure.every", "up to 6 decimals"),
        (BENEFIT, BENEFIT + "\n  measure: {of: quantity, every: 5, round: half}", "10: benefits[0].measure.round", "allowed: 'down' or 'up'"),
        (BENEFIT, BENEFIT + "\n  measure: {of: quantity, round: up}", "10: benefits[0].measure.round", "is allowed with every only"),
        (BENEFIT, BENEFIT + "\n  measure: {of: quantity, every: 42}", "10: benefits[0].measure.every", "a rate needs a base that is money"),
        (BENEFIT, BENEFIT + "\n  measure: {of: amount, every: 5}\n  base: quantity", "10: benefits[0].measure.every", "add base: amount or margin"),
        (BENEFIT, BENEFIT + "\n  measure: {of: amount, every: 5}\n  target: 9", "11: benefits[0].target", "remove target, or every"),
        (BENEFIT, BENEFIT + "\n  measure: {of: amount, every: 5}\n  baseline: 9", "11: benefits[0].baseline", "remove baseline, or every"),
        (BENEFIT, BENEFIT + "\n  measure: {of: amount, every: 5}\n  base: increment", "11: benefits[0].base", "cannot be combined with every"),
        (BENEFIT, BENEFIT + "\n  measure: {of: amount, every: 5}\n  limits: {rate_at_most: 0.1}", "11: benefits[0].limits.rate_at_most", "must be money"),
        (BENEFIT, BENEFIT + "\n  measure: {distinct: product_id}", "10: benefits[0].measure.distinct", "a rate needs a base that is money"),
        (BENEFIT, BENEFIT + "\n  measure: {distinct: product_id}\n  base: quantity", "10: benefits[0].measure.distinct", "add base: amount or margin"),
        (BENEFIT, BENEFIT + "\n  measure: {distinct: product_id}\n  target: 9", "11: benefits[0].target", "remove target, or distinct"),
        (BENEFIT, BENEFIT + "\n  measure: {distinct: product_id}\n  baseline: 9", "11: benefits[0].baseline", "remove baseline, or distinct"),
        (BENEFIT, BENEFIT + "\n  measure: {distinct: product_id}\n  base: increment", "11: benefits[0].base", "cannot be combined with distinct"),
        (BENEFIT, BENEFIT + "\n  measure: {distinct: x}\n  accrue: {placement: forecast}", "11: benefits[0].accrue.placement", "cannot take placement"),
        (BENEFIT, BENEFIT + "\n  measure: {distinct: x}\n  accrue: {forecast: feed}", "11: benefits[0].accrue.forecast", "has no effect; remove it"),
        (BENEFIT, BENEFIT + "\n  measure: {distinct: x, every: 2}", "10: benefits[0].measure.every", "Allowed: distinct, scope"),
        (BENEFIT, BENEFIT + "\n  measure: {of: amount, over: next_year}", "10: benefits[0].measure.over", "allowed: 'prior_year'"),
        (BENEFIT, BENEFIT + "\n  measure: {of: amount, over: {trailing: 0}}", "10: benefits[0].measure.over.trailing", "or equal to 1"),
        (BENEFIT, BENEFIT + "\n  measure: {of: amount, over: prior_year}", "7: benefits[0].base", "needs a base of its own days"),
        (BENEFIT, BENEFIT + "\n  measure: {of: amount, over: prior_year}\n  base: increment", "11: benefits[0].base", "give base: amount, quantity or margin"),
        *((BENEFIT, BENEFIT + f"\n  measure: {{of: amount, over: prior_year}}\n  base: amount\n  {key}: {value}", f"12: benefits[0].{at or key}", message)
          for key, value, at, message in (
              ("baseline", 5, "", "compared with no baseline"), ("target", "{prior: year}", "", "compared with no target"),
              ("method", "graduated", "", "cannot cut it into slices"), ("method", "rolling", "", "cannot cut it into slices"),
              ("accumulate", "term", "", "cannot accumulate"), ("prorate", "days", "", "do not prorate it"),
              ("accrue", "{forecast: seasonal}", "accrue.forecast", "not projected by forecast: seasonal"))),
        (BENEFIT, BENEFIT + "\n  baseline: {prior: year, hierarchy: then}", "10: benefits[0].baseline.hierarchy", "allowed: 'today'"),
        (BENEFIT, BENEFIT + "\n  target: {prior: year}\n  baseline: {prior: year, hierarchy: today}", "11: benefits[0].baseline.hierarchy", "or neither"),
        *((BENEFIT, f"{BENEFIT}\n  each: transaction_id\n  {text}", f"11: benefits[0].{place}", f"each applies the curve to groups of lines{message}")
          for text, place, message in (
              ("target: 1", "target", ", and target is"), ("baseline: 1", "baseline", ", and baseline is"), ("incentive: 1", "incentive", ", and incentive is"),
              ("by: rank", "by", ", and a rank compares"), ("requires: [{by: percentile, above: 0}]", "requires[0].by", ", and a percentile compares"),
              ("accumulate: term", "accumulate", " of one window"), ("prorate: days", "prorate", ", which the days"),
              ("measure: {distinct: product_id}\n  base: amount", "measure.distinct", ""), ("measure: {of: amount, over: prior_year}", "measure.over", ""),
              ("order: [multiply, limits, requires]", "order", ", with limits on each group"))),
        (BENEFIT, BENEFIT + "\n  slices: by_line", "10: benefits[0].slices", "slices: by_line is allowed with method: graduated only"),
        *((BENEFIT, f"{BENEFIT}\n  {method}\n  {text}", f"{11 + method.count(chr(10))}: benefits[0].{place}", f"{says} pays each line by itself{message}")
          for method, says in (("method: running", "method: running"), ("method: graduated\n  slices: by_line", "slices: by_line"))
          for text, place, message in (
              ("measure: {of: amount, every: 2}\n  base: margin", "measure.every", ", which every"),
              ("measure: {distinct: product_id}\n  base: amount", "measure.distinct", ", which distinct"),
              ("each: transaction_id", "each", " in the order"), ("accrue: {placement: forecast}", "accrue.placement", ", and lines to come"),
              ("accrue: {forecast: seasonal}", "accrue.forecast", ", and lines to come"))),
        *((BENEFIT, f"{BENEFIT}\n  method: running\n  {text}", f"{line}: benefits[0].{place}", f"method: running pays each line by itself{message}")
          for line, text, place, message in (
              (11, "by: rank", "by", ", at the place of the measure"), (11, "by: {metric: x}", "by", ", at the place of the measure"),
              (11, "base: increment\n  baseline: 1", "base", ", and an increment"))),
        (BENEFIT, BENEFIT + "\n  measure: {of: points, times: product.weight}", "10: benefits[0].measure.of", "times multiplies amount"),
        (BENEFIT, BENEFIT + "\n  measure: {of: amount, times: w}\n  limits: {rate_at_most: 0.1}", "11: benefits[0].limits.rate_at_most", "must be money"),
        (BENEFIT, BENEFIT + "\n  base: {of: count}", "10: benefits[0].base.of", "allowed: 'amount'"),
        (HEAD, HEAD + "\nfx: {fixed: {USD: 0}}", "3: fx.fixed.USD", "above 0"),
        (HEAD, HEAD + "\nfx: {fixed: {XXX: 1}}", "3: fx.fixed.XXX", "ISO 4217"),
        (HEAD, HEAD + "\neffective: 2026-01-01", "3: effective", "after the term has ended"),
        (HEAD, HEAD + "\ncombine: {rule: best}", "3: combine", "needs group"),
        (HEAD, HEAD + "\ncombine: {rule: net_of}", "3: combine", "needs agreements"),
        (HEAD, HEAD + "\ncombine: {rule: all, agreements: [B]}", "3: combine.agreements", "is allowed with rule: net_of only"),
        (HEAD, HEAD + "\ncombine: {rule: net_of, agreements: [A]}", "3: combine.agreements[0]", "a cycle: A is net of A"),
        (HEAD, HEAD + "\ncombine: {rule: net_of, agreements: [B]}", "3: combine.agreements[0]", "there is no agreement B"),
    ],
)  # fmt: skip
def test_refusals_of_what_does_not_fit_together(old: str, new: str, where: str, message: str) -> None:
    problems = refusals((old, new))
    match = [problem for problem in problems if problem.startswith(f"agreements/a.yaml:{where}: ")]
    assert match, problems
    assert message in match[0]


def test_all_mistakes_are_reported_at_once_in_order() -> None:
    problems = refusals(("currency: EUR", "currency: XXX"), ("rate: 0.1", "rate: 2"), ("year", "decade"))
    assert [problem.split(": ")[1] for problem in problems] == ["currency", "benefits[0].window", "benefits[0].tiers[0].rate"]


def test_ids_are_unique() -> None:
    twice = "- id: b\n  clause: 1\n  window: year\n  tiers: [{from: 0, rate: 0}]\n"
    assert refusals(("benefits:\n", "benefits:\n" + twice)) == ["agreements/a.yaml:11: benefits[1].id: the id b appears twice in this agreement"]
    with pytest.raises(InputError) as caught:
        parse_agreements({"a.yaml": PLAIN, "b.yaml": "\n" + PLAIN})
    assert str(caught.value) == "b.yaml:2: agreement: A version 1 appears twice; the other is in a.yaml:1"


def test_scopes_that_leave_nothing_are_refused() -> None:
    outer = (HEAD, HEAD + "\nscope: {types: [sale], products: {include: {brand: [A]}}}")
    assert "nothing is left" in refusals(outer, (BENEFIT, BENEFIT + "\n  scope: {types: [return]}"))[0]
    assert "nothing is left" in refusals(outer, (BENEFIT, BENEFIT + "\n  scope: {products: {include: {brand: B}}}"))[0]
    assert parse(outer, (BENEFIT, BENEFIT + "\n  scope: {products: {include: {brand: [A, B]}}}"))


def test_a_jump_has_two_points() -> None:
    points = "  method: linear\n  tiers:\n  - {from: 0, rate: 0}\n  - {from: 5, rate: 0.1}\n  - {from: 5, rate: 0.2}\n"
    plain = "  tiers:\n  - {from: 0, rate: 0.1}\n"
    assert parse((plain, points))
    assert "a jump has only two" in refusals((plain, points + "  - {from: 5, rate: 0.3}\n"))[0]


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
    assert terms["line_sets"]["scope_key"].to_list() == [0, 1, 0]
    assert terms["line_sets"]["needs_prior_year"].to_list() == [False, True, False]
    assert terms["windows"].is_empty(), "no window has begun by 2020"
    days = terms["days"]["day"].to_list()
    assert min(days) <= dt.date(2020, 5, 5), "also a day long before the terms is a day of the calendar"
    assert max(days) >= dt.date(2025, 12, 31)


def test_scopes_without_a_common_value_leave_no_product() -> None:
    book = parse_book('book: t\ncurrency: EUR\nfeeds: {transactions: {files: "*.csv"}}')
    outer = (HEAD, HEAD + "\nscope: {products: {include: {brand: [A]}}}")
    inner = (BENEFIT, BENEFIT + "\n  measure: {of: amount, scope: {products: {include: {brand: [B]}}}}")
    terms = make_terms(book, parse(outer, inner), dt.date(2025, 12, 31))
    measured = terms["benefits"].join(terms["line_sets"], left_on="measure_line_set_key", right_on="line_set_key")["scope_key"].item()
    assert terms["scope_rules"].filter(scope_key=measured).rows() == [(measured, "include", "brand", None)]


def test_a_manual_benefit_has_nothing_that_pays() -> None:
    manual = ("  tiers:\n  - {from: 0, rate: 0.1}\n", "  manual: true\n")
    (benefit,) = parse(manual)[0].agreement.benefits
    assert [(tier.from_, tier.amount) for tier in benefit.tiers or []] == [(D(0), D(0))]
    for key in ("measure: quantity", "tiers: [{from: 0, rate: 0.1}]", "limits: {at_most: 5}", "target: 7"):
        (found,) = refusals((manual[0], f"  manual: true\n  {key}\n"))
        assert found.endswith(f"{key.split(':')[0]}: manual: true goes with id, clause, quote, window, settle, accounts alone; remove this key")


@pytest.mark.parametrize(
    ("settle", "where", "message"),
    [
        ("{release: [{share: 1/3}, {share: 0.666667, after: term}]}", "release", "add up to 3000001/3000000, not to exactly 1; a third is written 1/3"),
        ("{release: [{share: 0.5}, {share: 0.499999}]}", "release", "not to exactly 1"),
        ("{release: [{share: 0.5}, {share: 0.5}], lag_days: 0}", "lag_days", "without release only"),
        ("{release: [{share: 1}], minimum: 10}", "minimum", "cannot be combined with release or when"),
        ("{when: collected, minimum: 10}", "minimum", "cannot be combined with release or when"),
        ("{release: [{share: 0}, {share: 1}]}", "release[0].share", "above 0 and at most 1"),
        ("{release: [{share: 1.000001}]}", "release[0].share", "above 0 and at most 1"),
        ("{release: [{share: 1/0}]}", "release[0].share", "a number is needed"),
        ("{release: [{share: 1/1001}]}", "release[0].share", "a number is needed"),
        ("{release: [{share: 1/997}, {share: 1/991}, {share: 1/983}, {share: 1/977}, {share: 1/971}]}", "release", "no common denominator up to 1,000,"),
        ("{release: [{share: 1, after: month}]}", "release[0].after", "allowed: 'window', 'year' or 'term'"),
        ("{minimum: 0}", "minimum", "greater than 0"),
        ("{hold_disputed: held}", "hold_disputed", "allowed: true or false (found 'held')"),
    ],
)
def test_when_a_payout_falls_due_is_said_whole(settle: str, where: str, message: str) -> None:
    problems = refusals((BENEFIT, f"{BENEFIT}\n  settle: {settle}"))
    assert any(f"benefits[0].settle.{where}: " in problem and message in problem for problem in problems), problems


def test_shares_may_be_fractions_or_decimals() -> None:
    for shares in ("[{share: 1/3}, {share: 2 / 3}]", "[{share: 0.333333}, {share: 0.666667}]", "[{share: 1}]"):
        assert parse((BENEFIT, f"{BENEFIT}\n  settle: {{release: {shares}}}"))
