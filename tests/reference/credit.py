"""Which line is credited to whom under an agreement, and with how much: scopes, currencies, shares. Integers of 10^-12."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from tests.reference.calendar import calendar_of
from tests.reference.condition import holds
from tests.reference.parties import Parties, Share, matches
from tests.reference.read import COLUMNS, MINOR_UNITS, UNIT, Book, Refused, Row


@dataclass(frozen=True)
class Line:
    """A transaction line that exists: its row, its place among all lines, its product's attributes, and where it came from."""

    order: int
    row: Row
    product: Row
    file: str
    number: int


@dataclass(frozen=True)
class Credit:
    """A line as one participant has it: the day that governs it and its share (of 10^12). None: without a rate, or without a cost.

    `known`: the attributes of its product and its partner on that day, by product.x and partner.x. `is_own`: it counts on its day; `is_prior`: it counts a
    year later.
    """

    line: Line
    day: dt.date
    share: Share
    amount: int | None
    cost: int | None
    known: Mapping[str, Any] = field(default_factory=dict, compare=False)
    is_own: bool = True
    is_prior: bool = True


def round_half(value: Fraction, half_even: bool) -> int:
    """To the nearest whole number; a half away from zero, or to the even neighbour."""
    whole, rest = divmod(abs(value), 1)
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and (not half_even or whole % 2 == 1))
    return (1 if value >= 0 else -1) * (int(whole) + up)


class Credits:
    """The lines of a book and who is credited with them."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.calendar = calendar_of(book.settings)
        self.parties = Parties(book)
        self.half_even = book.settings.get("rounding") == "half_even"
        rows = zip(book.feeds["transactions"], book.origins["transactions"], strict=True)
        existing = [(row, origin) for row, origin in rows if row["date"] <= book.as_of]
        existing.sort(key=lambda item: (item[0]["date"], item[0]["transaction_id"], item[0]["line"], item[1][0]))
        self.lines = [
            Line(2 * order, row, self.parties.product(row["product_id"], row["date"]), account.path, number)
            for order, (row, (_, account, number)) in enumerate(existing)
        ]
        self.lines_of: dict[str, list[Line]] = defaultdict(list)
        for line in self.lines:
            self.lines_of[line.row["partner_id"]].append(line)
        self.first_dates: dict[str, dt.date] = {}
        for line in self.lines:  # in order of date: the first seen is the earliest
            self.first_dates.setdefault(line.row["transaction_id"], line.row["date"])
        self.rates: dict[tuple[str, str], list[tuple[dt.date, int]]] = defaultdict(list)
        for row in sorted(book.feeds.get("fx_rates", []), key=lambda r: r["date"]):
            if row["date"] <= book.as_of:
                self.rates[row["from_currency"], row["to_currency"]].append((row["date"], row["rate"]))
        self.inverts = bool(book.settings.get("feeds", {}).get("fx_rates", {}).get("invert"))

    # -- when and in which money --------------------------------------------------------------------------------------

    def governing_day(self, agreement: Row, line: Line) -> dt.date:
        """The day that says to which period, rate, assignment and partners a line belongs."""
        original = line.row["original_transaction_id"]
        if agreement.get("returns", "posted") == "original" and original in self.first_dates:
            return self.first_dates[original]
        day: dt.date = line.row["date"]
        return day

    def money(self, agreement: Row, line: Line, day: dt.date) -> tuple[int | None, int | None]:
        """Amount and cost in the agreement's currency, rounded to its minor unit where converted; None without a rate."""
        row, currency = line.row, agreement["currency"]
        if row["currency"] == currency:
            return row["amount"], row["cost"]
        rate = self._rate(agreement, row["currency"], day)
        if rate is None:
            return None, None
        cost = None if row["cost"] is None else self.to_minor(row["cost"] * rate.numerator, rate.denominator, currency)
        return self.to_minor(row["amount"] * rate.numerator, rate.denominator, currency), cost

    def _rate(self, agreement: Row, currency: str, day: dt.date) -> Fraction | None:
        """1 `currency` in the agreement's."""
        how = agreement.get("fx", "transaction_date")
        if isinstance(how, dict):
            written = how["fixed"].get(currency)
            return None if written is None else Fraction(written)
        if how == "period_end":
            try:
                day = self.calendar.block(day, 1)[1]
            except Refused:  # a day outside the listed years counts nowhere
                return None
        return self.rate_on(currency, agreement["currency"], day)

    def rate_on(self, source: str, target: str, day: dt.date) -> Fraction | None:
        """1 `source` in `target`, as the feed has it on a day."""
        direct = self._last_rate(source, target, day)
        if direct or not self.inverts:
            return direct
        reverse = self._last_rate(target, source, day)
        return 1 / reverse if reverse else None

    def _last_rate(self, source: str, target: str, day: dt.date) -> Fraction | None:
        rates = self.rates.get((source, target), [])
        place = bisect_right(rates, (day, 10**60))
        return Fraction(rates[place - 1][1], UNIT) if place else None

    def to_minor(self, numerator: Any, denominator: int, currency: str) -> int:
        """numerator / denominator (both in 10^-12 units) rounded to the currency's minor unit, in 10^-12."""
        step: int = UNIT // 10 ** MINOR_UNITS[currency]
        whole, rest = divmod(abs(numerator), denominator * step)
        twice = 2 * rest - denominator * step
        whole += twice > 0 or (twice == 0 and (not self.half_even or whole % 2 == 1))
        return (whole if numerator >= 0 else -whole) * step

    # -- together -----------------------------------------------------------------------------------------------------

    def of(self, agreement: Row, paid: Mapping[int, int], held_on: dt.date | None = None) -> dict[str, list[Credit]]:
        """Per participant of an agreement version, the lines in its scope on any day. `paid`: by a line's order, what is taken off its amount. `held_on`: the
        day whose partners and assignments hold for all lines; None: each line's own."""
        parties, currency = self.parties, agreement["currency"]
        result: dict[str, list[Credit]] = {participant: [] for participant in parties.participants(agreement)}
        scopes = [agreement["scope"]] if agreement.get("scope") else []
        reach: dict[tuple[str, dt.date], tuple[list[str], list[tuple[str, Share, Share]]]] = {}
        ever = parties.ever_part(agreement)
        named = bool(parties.named() & ever)
        near = [line for partner, found in self.lines_of.items() if named or parties.ever_reaches(partner) & ever for line in found]
        for line in sorted(near, key=lambda line: line.order):
            partner, day = line.row["partner_id"], self.governing_day(agreement, line)
            on = held_on or day
            if (partner, on) not in reach:
                family = parties.ancestors(partner, on) if agreement.get("include_children", True) else (partner,)
                whole = [p for p in family if parties.takes_part(agreement, p, on)]
                split = [s for s in parties.split(partner, on) if s[0] not in whole and parties.takes_part(agreement, s[0], on)]
                if agreement.get("pool") == "placed":  # the nearest member on the way up; where nobody has the line, it is split
                    whole = [p for p in whole if p in result][:1]
                    split = [] if whole else split
                reach[partner, on] = whole, split
            whole, split = reach[partner, on]
            if (by_name := parties.credited(line.row)) is not None:  # instead of assignments
                split = [s for s in by_name if s[0] not in whole and parties.takes_part(agreement, s[0], on)]
                split = [] if whole and agreement.get("pool") == "placed" else split
            if not (whole or split) or not in_scopes(line, scopes):
                continue
            known = parties.known(line.row["product_id"], partner, day)
            amount, cost = self.money(agreement, line, day)
            if amount is not None:
                amount -= paid.get(line.order, 0)
            parts = []
            for who, low, high in split:
                part_amount, part_cost = (self._part(value, low, high, currency) for value in (amount, cost))
                parts.append((who, Credit(line, day, high - low, part_amount, part_cost, known)))
            everyone = [(who, Credit(line, day, UNIT, amount, cost, known)) for who in whole] + parts
            if agreement.get("pool") == "together":
                result[str(agreement["payee"])] += self._of_pool(agreement, everyone, whole)
            else:
                for who, credit in everyone:
                    if who in result:  # who takes part outside the term only has no result
                        is_own, is_prior = self._counts(agreement, who, day)
                        result[who].append(replace(credit, is_own=is_own, is_prior=is_prior))
        return result

    def _of_pool(self, agreement: Row, found: list[tuple[str, Credit]], whole: list[str]) -> list[Credit]:
        """A line once: whole if a member has it whole, else the members' parts. Who counts on its day may be others than who count a year later."""
        flags = {who: self._counts(agreement, who, found[0][1].day) for who, _ in found}
        credits = []
        for is_prior in (False, True):
            mine = [(who, credit) for who, credit in found if flags[who][is_prior]]
            if mine:
                one = next((credit for who, credit in mine if who in whole), None) or _sum([credit for _, credit in mine])
                credits.append(replace(one, is_own=not is_prior, is_prior=is_prior))
        return [replace(credits[0], is_prior=True)] if len(credits) == 2 and replace(credits[1], is_own=True, is_prior=False) == credits[0] else credits

    def _counts(self, agreement: Row, who: str, day: dt.date) -> tuple[bool, bool]:
        """Whether a participant takes part on a day, and on the day for which it is the prior year."""
        parts = self.parties.parts(agreement, who)
        if parts is None:
            return True, True
        prior = [r for first, last, _ in parts for r in self.calendar.prior(first, last)]
        return any(first <= day <= last for first, last, _ in parts), any(first <= day <= last for first, last in prior)

    def _part(self, value: int | None, low: Share, high: Share, currency: str) -> int | None:
        """round(value × running share) minus what came before; a share of 1 splits nothing and takes the value as it is."""
        if value is None or high - low == UNIT:
            return value
        return self.to_minor(value * high, UNIT, currency) - self.to_minor(value * low, UNIT, currency)


def _sum(parts: list[Credit]) -> Credit:
    """A line that assignments alone bring to a pool."""
    amounts, costs = [p.amount for p in parts], [p.cost for p in parts]
    amount = None if None in amounts else sum(amounts)  # type: ignore[arg-type]
    cost = None if None in costs else sum(costs)  # type: ignore[arg-type]
    return Credit(parts[0].line, parts[0].day, sum(p.share for p in parts), amount, cost, parts[0].known)


def in_scopes(line: Line, scopes: list[Row]) -> bool:
    """Whether a line is in every one of the scopes."""
    return all(
        line.row["type"] in scope.get("types", (line.row["type"],))
        and _product_counts(scope.get("products") or {}, line.product)
        and ("where" not in scope or holds(scope["where"], lambda name: column(line.row, name)))
        for scope in scopes
    )


def _product_counts(selection: Row, product: Row) -> bool:
    included = all(matches(product.get(key), values) for key, values in (selection.get("include") or {}).items())
    return included and not any(matches(product.get(key), values) for key, values in (selection.get("exclude") or {}).items())


def column(row: Row, name: str) -> Any:
    """A column of a line by its name in any case: canonical ones typed, the others text."""
    if name == "posted_on":
        return row["posted_on"] or row["date"]
    kind = COLUMNS["transactions"].get(name, ("text",))[0]
    value = row[name] if name in row else next((v for key, v in row.items() if key.lower() == name), None)
    return Fraction(value, UNIT) if kind == "amount" and value is not None else value
