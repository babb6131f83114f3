"""Rules between the keys of one agreement: each is a small function that yields what is wrong.

Belongs here: what types cannot express. Does not belong here: rules between agreements (groups.py), curves that are legal but odd (lint.py).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from models.agreements.approval import missing_approval
from models.agreements.rules.benefit_axes import score_problems
from models.agreements.rules.draws import OF_DRAW, draw_problems
from models.agreements.rules.group_rules import group_problems
from models.agreements.rules.line_rules import line_problems
from models.agreements.rules.pools import placed_problems
from models.agreements.schema import (
    Agreement,
    Benefit,
    Gate,
    Matrix,
    Measured,
    PriorBaseline,
    PriorYear,
    Scope,
    Settle,
    WeightedTarget,
    axes_of,
    axis_name,
    base_of,
    compared_axis,
    counts_multiples,
    distinct_of,
    factor_of,
    measure_of,
    over_of,
)
from models.book.accounts import OF_DIRECTION, AccountMapping, AccountNames, named
from models.calendars import FIRST_YEAR, LAST_YEAR, PERIODS_IN, SPAN_ORDER
from models.curves.vocabulary import GRID_FORMS, PAY_FORMS, SCALING_STEPS
from models.documents import Document, Path, Problem

Finding = tuple[Path, str]
#: The common denominator of the shares of a release, so that any amount times a share fits 128 bits.
MOST_PARTS_IN_ALL = 10**12

#: What a manual benefit has besides `manual`.
OF_MANUAL = ("id", "clause", "quote", "window", "settle", "accounts")
#: Measures that are columns of every transaction; any other name is an attribute.
MEASURES = ("amount", "quantity", "margin", "count")
#: Axes whose thresholds are values of the measure, so that it can be cut into slices.
MEASURE_AXES = ("measure", "attainment", "growth", "growth_amount")


def problems_within(agreement: Agreement, document: Document, approval_day: dt.date | None) -> list[Problem]:
    """Everything wrong inside one agreement. `approval_day`: the day by which it must be approved; None: it needs no approval."""
    findings = [*_agreement(agreement)]
    if approval_day and (message := missing_approval(agreement, document.approved_terms, approval_day)):
        findings.append((("approved",), message))
    ids: set[str] = set()
    for i, benefit in enumerate(agreement.benefits):
        if benefit.id in ids:
            findings.append((("benefits", i, "id"), f"the id {benefit.id} appears twice in this agreement"))
        ids.add(benefit.id)
        findings += [(("benefits", i, *path), message) for path, message in _benefit(benefit)]
        if agreement.pool == "placed":
            findings += [(("benefits", i, *path), message) for path, message in placed_problems(benefit, agreement.payee)]
        findings += [(("benefits", i, *path), message) for path, message in _scopes(agreement, benefit)]
    findings += [*draw_problems(agreement), *_accounts(agreement)]
    return [document.problem(path, message) for path, message in findings]


def _agreement(agreement: Agreement) -> Iterator[Finding]:
    if agreement.term.to < agreement.term.from_:
        yield ("term", "to"), f"the term ends on {agreement.term.to}, before it begins on {agreement.term.from_}"
    for key, day in (("from", agreement.term.from_), ("to", agreement.term.to)):
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            yield ("term", key), f"{day} lies outside {FIRST_YEAR} to {LAST_YEAR}; for an open-ended term write the last day that is planned for"
    if agreement.effective and agreement.effective > agreement.term.to:
        yield ("effective",), f"takes effect on {agreement.effective}, after the term has ended on {agreement.term.to}"
    if agreement.pool == "together" and not agreement.payee:
        yield ("pool",), "pool: together needs payee, which says who is paid"
    if agreement.pool == "each" and agreement.payee:
        yield ("payee",), "payee is allowed with pool: together or placed only"
    if isinstance(agreement.participants, list) and len(set(agreement.participants)) < len(agreement.participants):
        twice = sorted({p for p in agreement.participants if agreement.participants.count(p) > 1})
        yield ("participants",), f"named twice: {', '.join(twice[:5])}"
    combine = agreement.combine
    if combine.rule in ("best", "exclusive") and not combine.group:
        yield ("combine",), f"rule: {combine.rule} needs group: the agreements that are compared have the same one"
    if combine.rule == "net_of" and not combine.agreements:
        yield ("combine",), "rule: net_of needs agreements: the ids whose payouts on the same lines are taken off"
    if combine.rule != "net_of" and combine.agreements:
        yield ("combine", "agreements"), "is allowed with rule: net_of only"


def _accounts(agreement: Agreement) -> Iterator[Finding]:
    """Accounts of the other direction, which no entry of the agreement would use."""
    other = OF_DIRECTION["receivable" if agreement.direction == "payable" else "payable"]
    mappings: list[tuple[Path, AccountMapping | None]] = [((), agreement.accounts), *((("benefits", i), b.accounts) for i, b in enumerate(agreement.benefits))]
    for path, mapping in mappings:
        rules: list[tuple[Path, AccountNames]] = [((), mapping)] if mapping else []
        rules += [(("by_partner", i), rule) for i, rule in enumerate(mapping.by_partner)] if mapping else []
        for place, names in rules:
            uses = " and ".join(OF_DIRECTION[agreement.direction])
            message = f"the agreement is {agreement.direction}, and its entries use {uses}; remove this key, or name one of these"
            yield from (((*path, "accounts", *place, role), message) for role in other if role in named(names))


def _benefit(benefit: Benefit) -> Iterator[Finding]:
    if benefit.manual:
        for key in sorted(benefit.model_fields_set - {*OF_MANUAL, "manual"}):
            yield (key,), f"manual: true goes with {', '.join(OF_MANUAL)} alone; remove this key"
    elif benefit.draw:
        for key in sorted(benefit.model_fields_set - {*OF_DRAW, "draw"}):
            yield (key,), f"draw goes with {', '.join(OF_DRAW)} alone; remove this key"
    yield from _tiers_or_matrix(benefit)
    yield from _needed_figures(benefit)
    yield from score_problems(benefit)
    yield from _method(benefit)
    yield from _multiples(benefit)
    yield from _over(benefit)
    yield from _hierarchies(benefit)
    yield from group_problems(benefit)
    yield from line_problems(benefit, pay_forms(benefit))
    if factor_of(benefit) and measure_of(benefit)[0] not in MEASURES:
        yield ("measure", "of"), f"times multiplies {', '.join(MEASURES[:-1])} or {MEASURES[-1]}, not another attribute; name one of these"
    if benefit.accumulate != "window" and SPAN_ORDER[benefit.accumulate] < SPAN_ORDER[benefit.window]:
        yield ("accumulate",), f"the span ({benefit.accumulate}) is shorter than the window ({benefit.window}); use accumulate: term or window"
    if benefit.prorate == "days" and benefit.accumulate != "window":
        yield ("prorate",), "prorate: days is allowed with accumulate: window only, whose windows the term may clip"
    if isinstance(benefit.target, WeightedTarget):
        yield from _weights(benefit.window, benefit.target)
    if benefit.limits.rate_at_most is not None and not pays_on_money(benefit):
        yield ("limits", "rate_at_most"), "is a part of the base, which must be money: base: amount or margin"
    for i, gate in enumerate(benefit.requires):
        yield from ((("requires", i, *path), message) for path, message in _gate(gate))
    if benefit.multiply:
        yield from ((("multiply", *path), message) for path, message in _rising([t.from_ for t in benefit.multiply.tiers], benefit.multiply.method == "linear"))
    if sorted(benefit.order) != sorted(SCALING_STEPS):
        yield ("order",), f"names multiply, requires and limits, each once; found {', '.join(benefit.order)}"
    yield from ((("settle", *path), message) for path, message in _settle(benefit.settle))
    yield from _placement(benefit)


def _settle(settle: Settle) -> Iterator[Finding]:
    if settle.minimum is not None and (settle.when is not None or settle.release is not None):
        yield ("minimum",), "cannot be combined with release or when: what waits for the minimum is paid as a whole; remove one of them"
    if settle.release is None:
        return
    if "lag_days" in settle.model_fields_set:
        yield ("lag_days",), "is allowed without release only, whose parts have lag_days of their own"
    if math.lcm(*(part.share.denominator for part in settle.release)) > MOST_PARTS_IN_ALL:
        yield ("release",), f"the shares have no common denominator up to {MOST_PARTS_IN_ALL:,}; write them with fewer decimals, or as fractions of one number"
    if (total := sum(part.share for part in settle.release)) != 1:
        yield ("release",), f"the shares add up to {total}, not to exactly 1; a third is written 1/3"


def _tiers_or_matrix(benefit: Benefit) -> Iterator[Finding]:
    matrix = benefit.matrix
    if (benefit.tiers is None) == (matrix is None):
        yield ("tiers",), "a benefit has either tiers or a matrix" if matrix else "this key is required: tiers, or a matrix instead"
    if benefit.tiers:
        yield from _rising([tier.from_ for tier in benefit.tiers], benefit.method == "linear")
        for i, tier in enumerate(benefit.tiers):
            if all(getattr(tier, form) is None for form in PAY_FORMS):
                yield ("tiers", i), "the tier pays nothing: give rate, per_unit, amount or share (0 is allowed)"
    if matrix:
        for key in ("by", "ties", "above"):
            if key in benefit.model_fields_set:
                yield (key,), "the rows and columns of a matrix have axes of their own; remove this key"
        if "method" in benefit.model_fields_set and benefit.method != matrix.method:
            yield ("method",), f"the matrix has method: {matrix.method}; remove this key"
        yield from ((("matrix", *path), message) for path, message in _matrix(matrix))


def _matrix(matrix: Matrix) -> Iterator[Finding]:
    for side in ("rows", "columns"):
        places = getattr(matrix, side).from_
        yield from ((((side, "from", i)), f"must be in rising order; {b} follows {a}") for i, (a, b) in enumerate(pairwise(places), 1) if b <= a)
    grids = {form: getattr(matrix, form) for form in GRID_FORMS if getattr(matrix, form) is not None}
    if not grids:
        yield (), "the matrix pays nothing: give a grid of rate, amount or share"
    for form, grid in grids.items():
        if len(grid) != len(matrix.rows.from_):
            yield (form,), f"has {len(grid)} rows, but rows.from has {len(matrix.rows.from_)}"
        for i, row in enumerate(grid):
            if len(row) != len(matrix.columns.from_):
                yield (form, i), f"has {len(row)} cells, but columns.from has {len(matrix.columns.from_)}"


def pay_forms(benefit: Benefit) -> set[str]:
    """The pay forms of the tiers or the matrix."""
    parts: list[Any] = [*(benefit.tiers or ()), *([benefit.matrix] if benefit.matrix else ())]
    return {form for part in parts for form in PAY_FORMS if getattr(part, form, None) is not None}


def _needed_figures(benefit: Benefit) -> Iterator[Finding]:
    compared = {compared_axis(axis) for axis in axes_of(benefit) if axis is not None}
    needs = {
        "target": ("by: attainment", "attainment" in compared),
        "baseline": ("by: growth", bool(compared & {"growth", "growth_amount"})),
        "incentive": ("a tier with share", "share" in pay_forms(benefit)),
    }
    for key, (because, is_needed) in needs.items():
        if is_needed and getattr(benefit, key) is None:
            yield (key,), f"{because} needs {key}: a number{' or feed' if key == 'incentive' else ', feed or {prior: year}'}"
    if base_of(benefit)[0] == "increment" and benefit.baseline is None:
        yield ("baseline",), "base: increment needs baseline: a number, feed or {prior: year}"


def _method(benefit: Benefit) -> Iterator[Finding]:
    method, axis = benefit.method, axis_name(benefit.by)
    if method in ("graduated", "rolling") and axis not in MEASURE_AXES:
        yield ("by",), f"method: {method} cuts the measure at the thresholds, but a {axis} has no thresholds on the measure; use whole or linear"
    if method == "graduated" and base_of(benefit)[0] == "increment":
        yield ("base",), "method: graduated pays slices of the measure and cannot take base: increment; use by: growth_amount or method: whole"
    if method in ("rolling", "total") and pay_forms(benefit) - {"rate"}:
        yield ("tiers",), f"method: {method} takes only rate; {', '.join(sorted(pay_forms(benefit) - {'rate'}))} cannot be added to it"
    if method == "rolling" and benefit.base != "measure":
        yield ("base",), "method: rolling pays on the measure; remove base"
    if benefit.ties != "min" and axis != "rank" and not benefit.matrix:
        yield ("ties",), "is allowed with by: rank only"


def _multiples(benefit: Benefit) -> Iterator[Finding]:
    """What `every` and `distinct` refuse: figures that a count is not compared with, rates on a count, and values that cannot be projected."""
    if isinstance(benefit.measure, Measured) and benefit.measure.every is None and "round" in benefit.measure.model_fields_set:
        yield ("measure", "round"), "is allowed with every only: measure: {of: quantity, every: 42, round: up}"
    key, counts = ("distinct", "distinct values") if distinct_of(benefit) else ("every", "multiples")
    if not (distinct_of(benefit) or counts_multiples(benefit)):
        return
    for figure in ("target", "baseline"):
        if getattr(benefit, figure) is not None:
            yield (figure,), f"measure with {key} counts {counts}, which no {figure} is compared with; remove {figure}, or {key}"
    if base_of(benefit)[0] == "increment":
        yield ("base",), f"base: increment cannot be combined with {key}, which counts {counts}; use base: amount or margin"
    elif "rate" in pay_forms(benefit) and not pays_on_money(benefit):
        yield ("measure", key), f"a rate needs a base that is money, and {key} counts {counts}; add base: amount or margin, or pay per_unit"
    if distinct_of(benefit) and benefit.accrue.placement == "forecast":
        yield ("accrue", "placement"), "measure with distinct cannot take placement: forecast: how many values come is not known from the days; use actual"
    if distinct_of(benefit) and benefit.accrue.forecast != "linear":
        yield ("accrue", "forecast"), f"measure with distinct is not projected, so forecast: {benefit.accrue.forecast} has no effect; remove it"


def _hierarchies(benefit: Benefit) -> Iterator[Finding]:
    """A benefit compares with one prior year."""
    target, baseline = benefit.target, benefit.baseline
    if isinstance(target, PriorYear) and isinstance(baseline, PriorBaseline) and target.hierarchy != baseline.hierarchy:
        yield (
            ("baseline", "hierarchy"),
            "target and baseline are compared with one prior year; give both hierarchy: today, or neither, or make two benefits",
        )


def _over(benefit: Benefit) -> Iterator[Finding]:
    """What `over` refuses: whatever compares or cuts a measure of the window's own days."""
    if over_of(benefit) is None:
        return
    says = "measure with over sees other days than the window"
    if base_of(benefit)[0] in ("measure", "increment"):
        yield ("base",), f"{says}, so what is paid needs a base of its own days; give base: amount, quantity or margin"
    for figure in ("baseline", "target"):
        if isinstance(getattr(benefit, figure), PriorBaseline | PriorYear) or (figure == "baseline" and benefit.baseline is not None):
            yield (figure,), f"{says}, which are compared with no {figure} of the year before; give by: measure, or a target that is a number or feed"
    if benefit.method in ("graduated", "rolling"):
        yield (
            ("method",),
            f"{says}, so method: {benefit.method} cannot cut it into slices of the window; use whole, linear or total",
        )
    if benefit.accumulate != "window":
        yield ("accumulate",), f"{says}, so it cannot accumulate; remove accumulate, or over"
    if benefit.prorate == "days":
        yield ("prorate",), f"{says}, so the days of the window do not prorate it; remove prorate, or over"
    if benefit.accrue.forecast != "linear":
        yield ("accrue", "forecast"), f"{says}, so it is not projected by forecast: {benefit.accrue.forecast}; use linear"


def pays_on_money(benefit: Benefit) -> bool:
    """Whether what a rate multiplies is money."""
    base = base_of(benefit)[0]
    if base in ("measure", "increment") and (counts_multiples(benefit) or factor_of(benefit)):
        return False
    return (measure_of(benefit)[0] if base in ("measure", "increment") else base) in ("amount", "margin")


def _weights(window: str, target: WeightedTarget) -> Iterator[Finding]:
    given, key = len(target.weights), ("target", "weights")
    if window == "term":
        yield key, "a window of the whole term has no part of a year; give target: a number, or a shorter window"
    elif given != (needed := PERIODS_IN["year"] // PERIODS_IN[window]):
        yield key, f"needs one weight per window: a fiscal year has {needed} with window: {window}; found {given}"
    if not any(target.weights):
        yield key, "at least one weight must be above 0"


def _placement(benefit: Benefit) -> Iterator[Finding]:
    placement = benefit.accrue.placement
    if isinstance(placement, str):
        return
    if benefit.method != "whole" or benefit.matrix:
        yield ("accrue", "placement"), "{tier: n} is allowed with method: whole only"
    elif benefit.tiers and placement.tier > len(benefit.tiers):
        yield ("accrue", "placement", "tier"), f"there is no tier {placement.tier}; the last is {len(benefit.tiers)}"


def _gate(gate: Gate) -> Iterator[Finding]:
    if all(bound is None for bound in (gate.at_least, gate.above, gate.at_most, gate.below)):
        yield (), "a gate needs a bound: at_least, above, at_most or below"


def _rising(places: Sequence[Decimal], may_jump: bool) -> Iterator[Finding]:
    for i, (before, place) in enumerate(pairwise(places), 1):
        if place < before:
            yield ("tiers", i, "from"), f"tiers must be in rising order; {place} follows {before}"
        if place == before and not may_jump:
            yield ("tiers", i, "from"), f"two tiers begin at {place}; only a linear curve may jump"
        if i > 1 and place == before == places[i - 2]:
            yield ("tiers", i, "from"), f"three points at {place}; a jump has only two"


def _scopes(agreement: Agreement, benefit: Benefit) -> Iterator[Finding]:
    """Scopes that leave nothing of the scope they narrow."""
    yield from ((("scope", *path), message) for path, message in _narrowed(agreement.scope, benefit.scope, "the agreement's scope"))
    for key, (_, scope) in (("measure", measure_of(benefit)), ("base", base_of(benefit))):
        yield from (((key, "scope", *path), message) for path, message in _narrowed(benefit.scope, scope, "the benefit's scope"))


def _narrowed(outer: Scope, inner: Scope, outer_name: str) -> Iterator[Finding]:
    for key, values in inner.products.include.items():
        wider = outer.products.include.get(key)
        if wider is not None and not set(values) & set(wider):
            yield ("products", "include", key), f"nothing is left: {outer_name} has {key} in {wider}"
    if outer.types and inner.types and not set(outer.types) & set(inner.types):
        yield ("types",), f"nothing is left: {outer_name} has types {outer.types}"
