"""Whose lines count for whom: hierarchy, assignments, pools, scopes, currencies. Sums per day, in integers of 10^-12."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from tests.reference.read import MINOR_UNITS, UNIT, Book, Row

AMOUNT, COST, QUANTITY, COUNT, NO_RATE, NO_COST, NO_QUANTITY = range(7)


def round_half(value: Fraction, half_even: bool) -> int:
    """To the nearest whole number; a half away from zero, or to the even neighbour."""
    whole, rest = divmod(abs(value), 1)
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and (not half_even or whole % 2 == 1))
    return (1 if value >= 0 else -1) * (int(whole) + up)


class Days:
    """Sums per day of one benefit and participant, and their total over any days."""

    def __init__(self) -> None:
        self._of: dict[dt.date, list[int]] = defaultdict(lambda: [0] * 7)
        self._days: list[dt.date] | None = None

    def add(self, day: dt.date, amount: int | None, cost: int | None, quantity: int | None) -> None:
        sums = self._of[day]
        sums[AMOUNT] += amount or 0
        sums[COST] += cost or 0
        sums[QUANTITY] += quantity or 0
        sums[COUNT] += UNIT
        sums[NO_RATE] += amount is None
        sums[NO_COST] += cost is None
        sums[NO_QUANTITY] += quantity is None

    def total(self, first: dt.date, last: dt.date) -> list[int]:
        if self._days is None:
            self._days = sorted(self._of)
            self._running = [[0] * 7]
            for day in self._days:
                self._running.append([a + b for a, b in zip(self._running[-1], self._of[day], strict=True)])
        if last < first:
            return [0] * 7
        low, high = self._running[bisect_left(self._days, first)], self._running[bisect_right(self._days, last)]
        return [b - a for a, b in zip(low, high, strict=True)]


class Credits:
    """Who is credited with which line of a book."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.half_even = book.settings.get("rounding") == "half_even"
        self.partners: dict[str, Row] = {row["partner_id"]: row for row in book.feeds.get("partners", [])}
        self.products: dict[str, Row] = {row["product_id"]: row for row in book.feeds.get("products", [])}
        self.lines = sorted((x for x in book.feeds["transactions"] if x["date"] <= book.as_of), key=lambda x: x["date"])
        self.rates: dict[tuple[str, str], list[tuple[dt.date, int]]] = defaultdict(list)
        for row in sorted(book.feeds.get("fx_rates", []), key=lambda r: r["date"]):
            self.rates[row["from_currency"], row["to_currency"]].append((row["date"], row["rate"]))
        self._assigned: dict[str, list[Row]] = defaultdict(list)
        for row in book.feeds.get("assignments", []):
            self._assigned[row["partner_id"]].append(row)
        self._splits: dict[tuple[str, dt.date], list[tuple[str, int, int]]] = {}
        self._converted: dict[str, list[tuple[int | None, int | None]]] = {}

    # -- who ----------------------------------------------------------------------------------------------------------

    def members(self, agreement: Row) -> list[str]:
        """The participants named or selected, in order of id."""
        selection = agreement["participants"]
        if isinstance(selection, list):
            return sorted(map(str, selection))
        return sorted(p for p, row in self.partners.items() if all(_matches(row.get(key), value) for key, value in selection.items()))

    def participants(self, agreement: Row) -> list[str]:
        """Who has a result."""
        return [str(agreement["payee"])] if agreement.get("pool") == "together" else self.members(agreement)

    def ancestors(self, partner: str) -> list[str]:
        """The partner itself and everyone above it."""
        found = []
        above: str | None = partner
        while above:
            found.append(above)
            row = self.partners.get(above)
            above = row["parent_id"] if row else None
        return found

    def split(self, partner: str, day: dt.date) -> list[tuple[str, int, int]]:
        """(participant, running share before, running share after) of the partner's lines of that day, in order of participant."""
        known = self._splits.get((partner, day))
        if known is None:
            valid = [
                a for a in self._assigned.get(partner, ())
                if (a["from"] is None or a["from"] <= day) and (a["to"] is None or day <= a["to"])
            ]  # fmt: skip
            known, running = [], 0
            for a in sorted(valid, key=lambda a: a["participant_id"]):
                known.append((a["participant_id"], running, running + a["share"]))
                running += a["share"]
            self._splits[partner, day] = known
        return known

    # -- how much -----------------------------------------------------------------------------------------------------

    def converted(self, currency: str) -> list[tuple[int | None, int | None]]:
        """Amount and cost of every line in `currency`, rounded to its minor unit where converted; (None, None) without a rate."""
        if currency not in self._converted:
            self._converted[currency] = [self._convert(line, currency) for line in self.lines]
        return self._converted[currency]

    def _convert(self, line: Row, currency: str) -> tuple[int | None, int | None]:
        if line["currency"] == currency:
            return line["amount"], line["cost"]
        rates = self.rates.get((line["currency"], currency), [])
        place = bisect_right(rates, (line["date"], 10**60))
        if place == 0:
            return None, None
        rate = rates[place - 1][1]
        cost = line["cost"]
        return self.to_minor(line["amount"] * rate, UNIT, currency), None if cost is None else self.to_minor(cost * rate, UNIT, currency)

    def to_minor(self, numerator: int, denominator: int, currency: str) -> int:
        """numerator / denominator (both in 10^-12 units) rounded to the currency's minor unit, in 10^-12."""
        step: int = UNIT // 10 ** MINOR_UNITS[currency]
        whole, rest = divmod(abs(numerator), denominator * step)
        twice = 2 * rest - denominator * step
        whole += twice > 0 or (twice == 0 and (not self.half_even or whole % 2 == 1))
        return (whole if numerator >= 0 else -whole) * step

    # -- together -----------------------------------------------------------------------------------------------------

    def days(self, agreement: Row, benefit: Row) -> dict[str, Days]:
        """Per participant, the sums per day of the lines in scope; days before the term too, for a prior year."""
        currency = agreement["currency"]
        together = agreement.get("pool") == "together"
        members = set(self.members(agreement))
        children = agreement.get("include_children", True)
        result = {participant: Days() for participant in self.participants(agreement)}
        scopes = [scope for scope in (agreement.get("scope"), benefit.get("scope")) if scope]
        products: dict[str | None, bool] = {}
        reach: dict[str, list[str]] = {}
        for line, (amount, cost) in zip(self.lines, self.converted(currency), strict=True):
            partner, product = line["partner_id"], line["product_id"]
            if partner not in reach:
                reach[partner] = [a for a in (self.ancestors(partner) if children else [partner]) if a in members]
            full = reach[partner]
            split = [s for s in self.split(partner, line["date"]) if s[0] in members and s[0] not in full]
            if not full and not split:
                continue
            if product not in products:
                products[product] = all(self._product_counts(scope, product) for scope in scopes)
            if not products[product] or not all(line["type"] in scope.get("types", (line["type"],)) for scope in scopes):
                continue
            if together and full:
                result[str(agreement["payee"])].add(line["date"], amount, cost, line["quantity"])
                continue
            for participant in full:
                result[participant].add(line["date"], amount, cost, line["quantity"])
            parts = [
                (self._part(amount, low, high, currency), self._part(cost, low, high, currency), _exact_part(line["quantity"], low, high))
                for _, low, high in split
            ]
            if together:
                result[str(agreement["payee"])].add(line["date"], *(_sum_known(column) for column in zip(*parts, strict=True)))
            else:
                for (who, _, _), part in zip(split, parts, strict=True):
                    result[who].add(line["date"], *part)
        return result

    def _part(self, value: int | None, low: int, high: int, currency: str) -> int | None:
        """round(value × running share) minus what came before."""
        if value is None:
            return None
        return self.to_minor(value * high, UNIT, currency) - self.to_minor(value * low, UNIT, currency)

    def _product_counts(self, scope: Row, product: str | None) -> bool:
        selection = scope.get("products") or {}
        row = {"product_id": product, **self.products.get(product, {})} if product is not None else {}
        included = all(_matches(row.get(key), values) for key, values in (selection.get("include") or {}).items())
        return included and not any(_matches(row.get(key), values) for key, values in (selection.get("exclude") or {}).items())


def _sum_known(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _exact_part(value: int | None, low: int, high: int) -> int | None:
    if value is None:
        return None
    whole, rest = divmod(value * (high - low), UNIT)
    assert rest == 0, "more than 12 decimals"
    return whole


def _matches(value: Any, wanted: Any) -> bool:
    return value is not None and value in [str(w) for w in (wanted if isinstance(wanted, list) else [wanted])]
