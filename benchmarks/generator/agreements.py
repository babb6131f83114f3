"""Agreements: who takes part, for which products and days, and the targets of their benefits.

Belongs here: one agreement in the product's language and its rows of the feed `targets`. Does not belong here: curves (benefits.py).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.generator.benefits import CURVES, draw_curve, draw_frame, draw_name
from benchmarks.generator.partners import Partners, region_names, segment_names
from benchmarks.generator.products import Products
from benchmarks.generator.scopes import Scope, draw_scope
from benchmarks.generator.shape import (
    AS_OF,
    CURRENCIES,
    CURRENCY_SHARES,
    FIRST_DAY,
    LAST_DAY,
    MEAN_KEPT,
    MEAN_PRICE,
    MEAN_UNITS,
    BookShape,
    Floats,
    Integers,
    draw_weighted,
)
from benchmarks.windows import MONTHS, windows

Random = np.random.Generator
Term = tuple[dt.date, dt.date]
#: agreement, benefit, participant, first day of the window, target, incentive
Target = tuple[str, str, str, dt.date, int, int]

TERMS: dict[Term | None, float] = {
    (dt.date(2025, 1, 1), LAST_DAY): 0.42,
    (FIRST_DAY, LAST_DAY): 0.22,
    (FIRST_DAY, dt.date(2024, 12, 31)): 0.13,
    (dt.date(2025, 7, 1), dt.date(2026, 6, 30)): 0.1,
    None: 0.13,  # any days: such a term begins and ends within a month
}
LAST_TERM_DAY = dt.date(2026, 3, 31)
#: Part of the agreements with a list of reps, or with everyone of a region and segment; the others list partners.
LISTS_REPS, SELECTS = 0.08, 0.05
POOLS_TOGETHER = 0.25
SECOND_BENEFIT = 0.25
#: Part of the windows whose target arrives, and part of those targets that are 0: the others are blocked.
TARGETS_GIVEN, TARGETS_ZERO = 0.98, 0.01


@dataclass(frozen=True)
class Participants:
    """Who has results: `keys` of partners; `written` as the agreement selects them; `payee`: they are one pool, and this one is paid."""

    keys: Integers
    written: list[str] | dict[str, str]
    payee: int | None = None


def draw_agreements(shape: BookShape, partners: Partners, products: Products) -> tuple[list[dict[str, Any]], list[Target]]:
    """All agreements and all targets."""
    targets: list[Target] = []
    return [_draw_agreement(shape, number, partners, products, targets) for number in range(shape.agreements)], targets


def _draw_agreement(shape: BookShape, number: int, partners: Partners, products: Products, targets: list[Target]) -> dict[str, Any]:
    random = shape.random(4, number)
    term = _draw_term(random)
    who = _draw_participants(random, partners)
    scope = draw_scope(random, products, shape.agreements)
    written = ({"products": scope.products} if scope.products else {}) | ({"types": ["sale"]} if random.random() < 0.1 else {})
    document: dict[str, Any] = {
        "agreement": f"A-{number:04d}",
        "version": 1,
        "title": f"Programme {number}",
        "direction": "payable" if random.random() < 0.8 else "receivable",
        "currency": str(random.choice(CURRENCIES, p=CURRENCY_SHARES)),
        "term": {"from": term[0], "to": term[1]},
        "participants": who.written,
        "pool": "each" if who.payee is None else "together",
    }
    if who.payee is not None:
        document["payee"] = partners.ids[who.payee]
    if random.random() < 0.1:
        document["include_children"] = False
    if written:
        document["scope"] = written
    document["benefits"] = []
    amounts, quantities = _yearly(shape, partners, products, who, scope)
    for place in range(1, 2 + (random.random() < SECOND_BENEFIT)):
        benefit = draw_frame(random, place)
        kind = draw_name(random, CURVES)
        part = MONTHS.get(benefit["window"], 12) / 12 if "accumulate" not in benefit else 1
        benefit |= draw_curve(random, kind, max(float(np.median(amounts)) * part, 5), max(float(np.median(quantities)) * part, 5))
        document["benefits"].append(benefit)
        if kind == "linear":
            results = who.keys if who.payee is None else [who.payee]
            for key, amount in zip(results, amounts, strict=True):
                targets += _draw_targets(random, (document["agreement"], benefit["id"], partners.ids[int(key)]), benefit, term, float(amount))
    return document


def _draw_term(random: Random) -> Term:
    term = list(TERMS)[int(random.choice(len(TERMS), p=list(TERMS.values())))]
    if term is None:
        first = FIRST_DAY + dt.timedelta(int(random.integers(10, 500)))
        term = (first, min(first + dt.timedelta(int(random.integers(120, 500))), LAST_TERM_DAY))
    return term


def _draw_participants(random: Random, partners: Partners) -> Participants:
    chance, everyone = random.random(), np.arange(len(partners.ids))
    shops_and_owners = everyone < partners.first_rep
    if chance < LISTS_REPS:
        reps = np.unique(random.choice(everyone[~shops_and_owners], int(random.integers(1, 10))))
        return Participants(reps, partners.ids.gather(reps).to_list())
    if chance < LISTS_REPS + SELECTS:
        like = int(random.integers(0, partners.first_rep))
        region, segment = partners.regions[like], partners.segments[like]
        keys = np.flatnonzero(shops_and_owners & (partners.regions == region) & (partners.segments == segment))
        return Participants(keys, {"region": region_names(np.array([region]))[0], "segment": segment_names(np.array([segment]))[0]})
    count = int(np.clip(np.round(np.exp(random.normal(2.0, 0.9))), 1, 50))
    keys = np.unique(draw_weighted(random, partners.reach[: partners.first_rep] ** 0.85, count))
    return Participants(keys, partners.ids.gather(keys).to_list(), int(keys[0]) if random.random() < POOLS_TOGETHER else None)


def _yearly(shape: BookShape, partners: Partners, products: Products, who: Participants, scope: Scope) -> tuple[Floats, Floats]:
    """Amount (not cents) and quantity that each result is expected to have in a year."""
    units = partners.reach[who.keys] * shape.lines / 2 * MEAN_UNITS * MEAN_KEPT
    if who.payee is not None:
        units = units.sum(keepdims=True)
    weights = products.weights[scope.covered]
    price = float((weights * products.prices[scope.covered]).sum()) * MEAN_PRICE / 100
    return units * price, units * float(weights.sum())


def _draw_targets(random: Random, names: tuple[str, str, str], benefit: dict[str, Any], term: Term, yearly: float) -> list[Target]:
    rows: list[Target] = []
    for window in windows(benefit["window"], "accumulate" in benefit, *term, AS_OF):
        if random.random() < TARGETS_GIVEN:
            years = ((window.last - window.span_first).days + 1) / 365
            target = 0 if random.random() < TARGETS_ZERO else max(10, int(yearly * years * random.uniform(0.7, 1.3)))
            rows.append((*names, window.first, target, max(5, int(target * 0.03))))
    return rows
