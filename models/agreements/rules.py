"""Rules between the keys of an agreement, and between agreements: each a small function that yields what is wrong.

Belongs here: what types cannot say. Does not belong here: curves that are legal but odd (lint comes with `validate --lint`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.agreements.schema import Agreement, Benefit
from models.calendars import FIRST_YEAR, LAST_YEAR
from models.documents import Document, Path, Problem

Finding = tuple[Path, str]

_SPAN_ORDER = {"month": 0, "quarter": 1, "half_year": 2, "year": 3, "term": 4}


def problems_within(agreement: Agreement, document: Document, require_approval: bool) -> list[Problem]:
    """Everything wrong inside one agreement."""
    findings = [*_agreement(agreement, require_approval)]
    ids: set[str] = set()
    for i, benefit in enumerate(agreement.benefits):
        if benefit.id in ids:
            findings.append((("benefits", i, "id"), f"the id {benefit.id} stands twice in this agreement"))
        ids.add(benefit.id)
        findings += [(("benefits", i, *path), message) for path, message in _benefit(benefit)]
        findings += [(("benefits", i, "scope", *path), message) for path, message in _scope(agreement, benefit)]
    return [document.problem(path, message) for path, message in findings]


def problems_between(agreements: Sequence[tuple[Agreement, Document]]) -> list[Problem]:
    """Everything wrong between agreements: ids that stand twice."""
    first: dict[tuple[str, int], Document] = {}
    problems = []
    for agreement, document in agreements:
        key = (agreement.agreement, agreement.version)
        if key in first:
            other = first[key]
            there = f"{other.file}:{other.line_of(('agreement',))}"
            problems.append(document.problem(("agreement",), f"{key[0]} version {key[1]} stands twice; the other is in {there}"))
        first.setdefault(key, document)
    return problems


def _agreement(agreement: Agreement, require_approval: bool) -> Iterator[Finding]:
    if agreement.term.to < agreement.term.from_:
        yield ("term", "to"), f"the term ends on {agreement.term.to}, before it begins on {agreement.term.from_}"
    for key, day in (("from", agreement.term.from_), ("to", agreement.term.to)):
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            yield ("term", key), f"{day} lies outside {FIRST_YEAR} to {LAST_YEAR}; for a term without an end write the last day it is planned for"
    if agreement.effective and agreement.effective != agreement.term.from_:
        yield ("effective",), "the first version is effective from term.from; amendments are not computed yet"
    if agreement.pool == "together" and not agreement.payee:
        yield ("pool",), "with pool: together, payee says who is paid"
    if agreement.pool == "each" and agreement.payee:
        yield ("payee",), "payee goes with pool: together"
    if isinstance(agreement.participants, list) and len(set(agreement.participants)) < len(agreement.participants):
        twice = sorted({p for p in agreement.participants if agreement.participants.count(p) > 1})
        yield ("participants",), f"named twice: {', '.join(twice[:5])}"
    if require_approval and not agreement.approved:
        yield ("approved",), "this book has require_approval: true; add approved: {by: …, on: …}"


def _benefit(benefit: Benefit) -> Iterator[Finding]:
    forms = {f for tier in benefit.tiers for f in ("rate", "per_unit", "amount", "share") if getattr(tier, f) is not None}
    needs = {
        "target": ("by: attainment", benefit.by == "attainment"),
        "baseline": (f"by: {benefit.by}", benefit.by in ("growth", "growth_amount")),
        "incentive": ("a tier with share", "share" in forms),
    }
    for key, (because, is_needed) in needs.items():
        if is_needed and getattr(benefit, key) is None:
            yield (key,), f"{because} needs {key}: a number{' or feed' if key == 'incentive' else ', feed or {prior: year}'}"
    if benefit.base == "increment":
        if benefit.baseline is None:
            yield ("baseline",), "base: increment needs baseline: a number, feed or {prior: year}"
        if benefit.method == "graduated":
            yield ("base",), "method: graduated pays slices of the measure and cannot take base: increment; use by: growth_amount or method: whole"
    if benefit.accumulate == "year" and _SPAN_ORDER[benefit.window] > _SPAN_ORDER["year"]:
        yield ("accumulate",), "the span (year) is shorter than the window (term); use accumulate: term or window"
    yield from _tiers(benefit)


def _tiers(benefit: Benefit) -> Iterator[Finding]:
    places = [tier.from_ for tier in benefit.tiers]
    for i, tier in enumerate(benefit.tiers):
        if tier.rate is tier.per_unit is tier.amount is tier.share is None:
            yield ("tiers", i), "the tier pays nothing: give rate, per_unit, amount or share (0 is allowed)"
        if i and places[i] < places[i - 1]:
            yield ("tiers", i, "from"), f"tiers stand in rising order; {places[i]} follows {places[i - 1]}"
        if i and places[i] == places[i - 1] and benefit.method != "linear":
            yield ("tiers", i, "from"), f"two tiers begin at {places[i]}; only a linear curve may jump"
        if i > 1 and places[i] == places[i - 1] == places[i - 2]:
            yield ("tiers", i, "from"), f"three points at {places[i]}; a jump has two"


def _scope(agreement: Agreement, benefit: Benefit) -> Iterator[Finding]:
    for key, values in benefit.scope.products.include.items():
        outer = agreement.scope.products.include.get(key)
        if outer is not None and not set(values) & set(outer):
            yield ("products", "include", key), f"nothing is left: the agreement's scope has {key} in {outer}"
    if agreement.scope.types and benefit.scope.types and not set(agreement.scope.types) & set(benefit.scope.types):
        yield ("types",), f"nothing is left: the agreement's scope has types {agreement.scope.types}"
