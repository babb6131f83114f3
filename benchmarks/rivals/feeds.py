"""The small feeds of a book: partners and their tree, products, assignments, targets and exchange rates.

Belongs here: reading them into whole numbers. Does not belong here: transactions, which every rival reads its own way.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.rivals.scaled import FX_RATE, MONEY, day_number, month_number, next_year, scaled

Columns = dict[str, list[int]]
_ALWAYS = ("1900-01-01", "9999-12-31")


def read_feed(book: Path, feed: str) -> dict[str, tuple[str, ...]]:
    """The columns of a feed, its files in the order of their names."""
    header: list[str] = []
    rows: list[list[str]] = []
    for path in sorted((book / "feeds" / feed).glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            header, *more = csv.reader(file)
            rows += more
    return dict(zip(header, zip(*rows, strict=True), strict=True))


class Partners:
    """Partner keys are positions in `ids`."""

    def __init__(self, book: Path) -> None:
        self._columns = read_feed(book, "partners")
        self.ids = list(self._columns["partner_id"])
        self.keys = {partner: key for key, partner in enumerate(self.ids)}
        self._children: dict[int, list[int]] = defaultdict(list)
        for key, parent in enumerate(self._columns["parent_id"]):
            if parent:
                self._children[self.keys[parent]].append(key)
        self._selected: dict[tuple[str, ...], dict[tuple[str, ...], list[int]]] = {}

    def descendants(self, key: int) -> list[int]:
        """A partner, its children, theirs, and so on."""
        found = [key]
        for each in found:
            found += self._children.get(each, ())
        return found

    def select(self, attributes: dict[str, str]) -> list[int]:
        """The partners that have all these attributes."""
        names = tuple(attributes)
        if names not in self._selected:
            self._selected[names] = defaultdict(list)
            for key, values in enumerate(zip(*(self._columns[name] for name in names), strict=True)):
                self._selected[names][values].append(key)
        return self._selected[names].get(tuple(attributes.values()), [])


class Products:
    """Product keys are positions in `ids`."""

    def __init__(self, book: Path) -> None:
        self._columns = read_feed(book, "products")
        self.ids = list(self._columns["product_id"])
        self._codes: dict[str, tuple[dict[str, int], NDArray[np.int32]]] = {}

    def covered(self, rules: dict[str, dict[str, list[str]]]) -> NDArray[np.int32]:
        """The products that every `include` hits and no `exclude`."""
        covered = np.ones(len(self.ids), bool)
        for attribute, values in rules.get("include", {}).items():
            covered &= self._any_of(attribute, values)
        for attribute, values in rules.get("exclude", {}).items():
            covered &= ~self._any_of(attribute, values)
        return np.flatnonzero(covered).astype(np.int32)

    def _any_of(self, attribute: str, values: list[str]) -> NDArray[np.bool_]:
        if attribute not in self._codes:
            numbers: dict[str, int] = {}
            codes = np.array([numbers.setdefault(value, len(numbers)) for value in self._columns[attribute]], np.int32)
            self._codes[attribute] = numbers, codes
        numbers, codes = self._codes[attribute]
        hits = np.zeros(len(numbers) + 1, bool)
        hits[[numbers.get(value, -1) for value in values]] = True
        hits[-1] = False
        return hits[codes]


class Spells(NamedTuple):
    """The partners whose lines a participant is assigned, the days, and its part of a line as two hundredths, from and to."""

    partner: list[int]
    first_day: list[int]
    last_day: list[int]
    share_from: list[int]
    share_to: list[int]


def read_spells(book: Path, partners: Partners) -> dict[int, Spells]:
    """The assignments of each participant. Those who share a partner on the same days are taken in the order of their ids."""
    shared: dict[str, dict[tuple[str, str], list[tuple[str, str]]]] = defaultdict(lambda: defaultdict(list))
    columns = read_feed(book, "assignments")
    for partner, participant, share, *days in zip(*(columns[name] for name in ("partner_id", "participant_id", "share", "from", "to")), strict=True):
        shared[partner][days[0], days[1]].append((participant, share))
    spells: dict[int, Spells] = defaultdict(lambda: Spells([], [], [], [], []))
    for partner, by_days in shared.items():
        if len(by_days) > 1 and any(later[0] <= (earlier[1] or later[0]) for earlier, later in pairwise(sorted(by_days))):
            raise SystemExit(f"assignments of {partner}: days overlap in part; the rivals do not compute this")
        for (first, last), participants in by_days.items():
            first_day, last_day = (day_number(dt.date.fromisoformat(day or always)) for day, always in zip((first, last), _ALWAYS, strict=True))
            share_from = 0
            for participant, share in sorted(participants):
                share_to = share_from + scaled(share or "1", 2)
                for column, value in zip(spells[partners.keys[participant]], (partners.keys[partner], first_day, last_day, share_from, share_to), strict=True):
                    column.append(value)
                share_from = share_to
    return spells


def read_targets(book: Path, partners: Partners, benefits: dict[tuple[str, str], int]) -> Columns:
    """One row per benefit × participant × window."""
    columns = read_feed(book, "targets")
    return {
        "benefit": [benefits[key] for key in zip(columns["agreement"], columns["benefit"], strict=True)],
        "participant": [partners.keys[participant] for participant in columns["participant_id"]],
        "window_first_day": [day_number(dt.date.fromisoformat(day)) for day in columns["window_start"]],
        "target": [scaled(target, MONEY) for target in columns["target"]],
        "incentive": [scaled(incentive, MONEY) for incentive in columns["incentive"]],
    }


def read_rates(book: Path, as_of: dt.date) -> tuple[list[str], Columns]:
    """The currencies; one row per day × pair of currencies, with the day's month and the day that it is the prior year of."""
    series: dict[tuple[str, str], dict[dt.date, int]] = defaultdict(dict)
    feed = read_feed(book, "fx_rates")
    for day, from_currency, to_currency, rate in zip(*(feed[name] for name in ("date", "from_currency", "to_currency", "rate")), strict=True):
        series[from_currency, to_currency][dt.date.fromisoformat(day)] = scaled(rate, FX_RATE)
    currencies = sorted({currency for pair in series for currency in pair})
    first = min(min(rates) for rates in series.values())
    days = [first + dt.timedelta(days) for days in range((as_of - first).days + 1)]
    columns: Columns = {"rate_key": [], "rate": [], "month": [], "day_next_year": []}
    for origin, from_currency in enumerate(currencies):
        for target, to_currency in enumerate(currencies):
            dated, held = series.get((from_currency, to_currency), {}), 10**FX_RATE
            columns["rate_key"] += [rate_key(day_number(day), origin, target) for day in days]
            columns["rate"] += [held := dated.get(day, held) for day in days]
            columns["month"] += [month_number(day) for day in days]
            columns["day_next_year"] += [day_number(next_year(day)) for day in days]
    return currencies, columns


def rate_key(day: int, from_currency: int, to_currency: int) -> int:
    """Day and two currencies in one number; the rivals' own expressions do the same."""
    return day * 100 + from_currency * 10 + to_currency
