"""Volumes at the thresholds: lines that bring a measure exactly to a place of its axis, one unit below or above it; and how many lie there.

The reference says what a measure is now; one line more makes it what it should be. Belongs here: places in units of the measure, lines
that fill the gap. Does not belong here: judging a result.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.torture.books import TortureBook
from tests.torture.calendars import Window, days_part, windows
from tests.torture.compare import Key, Payouts, reference_payouts
from tests.torture.curves import kind_of
from tests.torture.drawing import FEATURES, MINOR_UNITS, Draw, Row
from tests.torture.people import METRIC_STEP
from tests.torture.scopes import TYPES, counts, scopes_of

SMALLEST = Fraction(1, 10**6)
PER_RESULT = 2  # lines at most that try to bring one result to a place


def aim(book: TortureBook, rounds: int = 4) -> TortureBook:
    """The book with lines added, so that in every cluster the benefit with the most results lies at its thresholds.

    A child's line moves its parents, and last year's this year's baseline: so in rounds, each leaving what lies well.
    """
    d = Draw(random.Random(book.seed + 1), FEATURES)
    tried: Counter[Key] = Counter()
    for _ in range(rounds):
        added = list(_lines(d, book, reference_payouts(book), tried))
        if not added:
            break
        book = replace(book, feeds=book.feeds | {"transactions": [*book.feeds["transactions"], *added]})
    return book


def count_hits(book: TortureBook, payouts: Payouts) -> tuple[int, Counter[str]]:
    """How many results lie within one unit of a threshold; and how many by kind of axis (a result may lie at several)."""
    terms, found = _Terms(book, payouts), Counter[str]()
    total = 0
    for key, row in payouts.items():
        kinds = {kind for kind, place in terms.places(key, row) if _is_at(row["measure"], place, terms.unit(key, row))} if _is_open(row) else set()
        kinds |= terms.other_hits(key, row) if _is_open(row) else set()
        total += bool(kinds)
        found.update(kinds)
    return total, found


def _is_open(row: Row) -> bool:
    return bool(row["status"] != "blocked")


def _is_at(measure: Fraction, place: Fraction, unit: Fraction) -> bool:
    """Nothing measured at a threshold of nothing is no volume."""
    return bool(abs(measure - place) <= unit + SMALLEST and (measure or place))


class _Terms:
    """The agreements of a book, asked for the thresholds of one result."""

    def __init__(self, book: TortureBook, payouts: Payouts) -> None:
        self.book = book
        self.agreements = {(a["agreement"], a.get("version", 1)): a for a in book.agreements}
        self.rivals: dict[tuple[str, str, dt.date], list[tuple[str, Fraction]]] = defaultdict(list)
        for (agreement, benefit, participant, start), row in payouts.items():
            if _is_open(row):
                self.rivals[agreement, benefit, start].append((participant, row["measure"]))

    def of(self, key: Key, row: Row) -> tuple[Row, Row]:
        agreement = self.agreements[key[0], row.get("agreement_version", 1)]
        return agreement, next(b for b in agreement["benefits"] if b["id"] == key[1])

    def window(self, key: Key, row: Row) -> Window:
        agreement, benefit = self.of(key, row)
        return next(w for w in windows(self.book.settings["calendar"], benefit, agreement["term"], "windows" in agreement) if w.start == key[3])

    def measure(self, key: Key, row: Row) -> str:
        measure = self.of(key, row)[1].get("measure", "amount")
        return str(measure.get("of", "count") if isinstance(measure, dict) else measure)

    def unit(self, key: Key, row: Row) -> Fraction:
        """The smallest step of the measure: of money a minor unit."""
        measure = self.measure(key, row)
        if measure in ("amount", "margin"):
            return Fraction(1, 10 ** MINOR_UNITS[self.of(key, row)[0]["currency"]])
        return {"count": Fraction(1), "quantity": Fraction(1, 1000)}.get(measure, SMALLEST)

    def places(self, key: Key, row: Row) -> Iterator[tuple[str, Fraction]]:
        """(kind of axis, the measure at which a tier, a grid's line, a gate or a limit lies)."""
        benefit = self.of(key, row)[1]
        f = Fraction(*days_part(self.window(key, row))) if benefit.get("prorate") == "days" else Fraction(1)
        for by, place, scaled in _thresholds(benefit):
            kind = kind_of(by)
            if kind == "measure" or (kind == "growth_amount" and row["baseline"] is not None):
                yield kind, place * (f if scaled else 1) + (row["baseline"] if kind == "growth_amount" else 0)
            elif kind == "attainment" and row["target"] is not None and row["target"] > 0:
                yield kind, place * row["target"]
            elif kind == "growth" and row["baseline"] is not None and row["baseline"] > 0:
                yield kind, (1 + place) * row["baseline"]
            elif kind == "percentile" or by in ("rank", {"rank": "measure"}):
                yield from ((kind, measure) for who, measure in self.rivals[key[0], key[1], key[3]] if who != key[2])
        if _pays_one_rate(benefit) and row.get("curve_payout") and row["measure"]:
            paid = row["curve_payout"] * row.get("multiplier", 1) * row.get("gate_factor", 1)
            if paid:
                yield from (("limits", Fraction(limit) * row["measure"] / paid) for limit in _amounts(benefit))

    def other_hits(self, key: Key, row: Row) -> set[str]:
        """Kinds hit that the measure alone does not tell: a metric's value, an amount at a limit."""
        agreement, benefit = self.of(key, row)
        by, found = benefit.get("by", "measure"), set()
        if kind_of(by) == "metric" and row["axis_value"] is not None:
            found |= {"metric" for tier in benefit.get("tiers", ()) if abs(row["axis_value"] - Fraction(tier["from"])) <= Fraction(METRIC_STEP)}
        if row.get("curve_payout"):
            paid = row["curve_payout"] * row.get("multiplier", 1) * row.get("gate_factor", 1)
            unit = Fraction(1, 10 ** MINOR_UNITS[agreement["currency"]])
            found |= {"limits" for limit in _amounts(benefit) if abs(paid - Fraction(limit)) <= unit}
        return found


def _amounts(benefit: Row) -> list[Decimal]:
    """The limits that are amounts of money."""
    return [limit for key, limit in benefit.get("limits", {}).items() if key != "rate_at_most"]


def _thresholds(benefit: Row) -> Iterator[tuple[Any, Fraction, bool]]:
    """(axis, place on it, whether `prorate: days` scales it)."""
    curves = [benefit, benefit["multiply"]] if "multiply" in benefit else [benefit]
    for curve in curves:
        yield from ((curve.get("by", "measure"), Fraction(tier["from"]), True) for tier in curve.get("tiers", ()))
    for side in ("rows", "columns") if "matrix" in benefit else ():
        yield from ((benefit["matrix"][side]["by"], Fraction(place), False) for place in benefit["matrix"][side]["from"])
    for gate in benefit.get("requires", ()):
        yield from ((gate["by"], Fraction(gate[bound]), False) for bound in ("at_least", "above", "at_most", "below") if bound in gate)


def _pays_one_rate(benefit: Row) -> bool:
    whole = benefit.get("method", "whole") == "whole" and benefit.get("base", "measure") == "measure"
    return whole and all(set(tier) <= {"from", "rate"} for tier in benefit.get("tiers", ({"amount"},)))


def _lines(d: Draw, book: TortureBook, payouts: Payouts, tried: Counter[Key]) -> Iterator[Row]:
    terms = _Terms(book, payouts)
    most: dict[str, tuple[str, str]] = {}
    sizes = Counter((key[0], key[1]) for key, row in payouts.items() if _is_open(row) and any(terms.places(key, row)))
    for (agreement, benefit), _ in sizes.most_common():
        most.setdefault(book.cluster_of[agreement].name, (agreement, benefit))
    chosen = set(most.values())
    moved: dict[tuple[str, str, str, dt.date], Fraction] = defaultdict(Fraction)  # by the lines added to earlier windows of the span
    for key, row in sorted(payouts.items()):
        if (key[0], key[1]) not in chosen or not _is_open(row) or tried[key] >= PER_RESULT or (not tried[key] and d.chance(0.08)):
            continue
        unit, window, places = terms.unit(key, row), terms.window(key, row), list(terms.places(key, row))
        span = (*key[:3], window.span_start)
        now = row["measure"] + moved[span]
        if not places or any(_is_at(now, place, unit) for _, place in places):
            continue
        tried[key] += 1
        kind = d.pick(sorted({kind for kind, _ in places}))  # as often the rare kinds
        place = d.pick([place for found, place in places if found == kind]) + d.pick([0, unit, -unit])
        wanted = Fraction(round(place * 10**6), 10**6)
        added = list(_filling(d, book, terms, key, row, window, wanted - now, f"{key[0]}-{key[1]}-{key[2]}-{window.start:%y%m%d}-{tried[key]}"))
        if added:
            moved[span] += wanted - now
        yield from added


def _filling(d: Draw, book: TortureBook, terms: _Terms, key: Key, row: Row, window: Window, gap: Fraction, name: str) -> Iterator[Row]:
    """Lines that add `gap` to the measure of the result, if there is a line of which the agreement takes notice."""
    agreement, benefit = terms.of(key, row)
    cluster, measure = book.cluster_of[key[0]], terms.measure(key, row)
    partner = key[2] if agreement.get("pool") != "together" else d.pick(_named(agreement, cluster.members))
    last = min(window.end, book.settings["as_of"])
    number = Decimal(gap.numerator) / Decimal(gap.denominator)
    line: Row = {
        "transaction_id": name, "line": 1, "date": d.day(window.start, last), "partner_id": partner, "amount": d.number(1, 90, 0), "currency": cluster.currency,
        "quantity": Decimal(d.rng.randint(2, 9)), "original_transaction_id": None, "posted_on": None, "points": d.number(1, 60, 0),
    }  # fmt: skip
    if measure == "amount":
        line["amount"] = number
    elif measure in ("quantity", "points"):
        line[measure] = number
    line["cost"] = line["amount"] - number if measure == "margin" else (line["amount"] * Decimal("0.6")).quantize(Decimal("0.01"))
    repeats = int(gap) if measure == "count" else 1
    if not 0 < repeats <= 12 or abs(number) >= 10**9:
        return
    fixed = [product for product in book.feeds["products"] if product["from"] is None and product["to"] is None]
    options = [
        found
        for product in [*fixed, None]
        for kind in TYPES
        for channel in ("retail", "online", None)
        if counts(scopes_of(agreement, benefit), found := line | {"product_id": product and product["product_id"], "type": kind, "channel": channel}, product)
    ]
    if options:
        found = d.pick([option for option in options if option["type"] == options[0]["type"]])
        yield from (found | {"line": n} for n in range(1, repeats + 1))


def _named(agreement: Row, members: Iterable[str]) -> list[str]:
    selection = agreement["participants"]
    return list(selection) if isinstance(selection, list) else list(members)
