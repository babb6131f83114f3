"""The agreements of a book as flat tables of whole numbers.

Belongs here: who is credited with whose lines, for which products and days, and what is evaluated when. The tables hold what the
benchmark's generator writes, not the whole language: anything else in an agreement is an error.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.rivals.curves import Piece, pieces
from benchmarks.rivals.feeds import Partners, Products, Spells, read_rates, read_spells, read_targets
from benchmarks.rivals.scaled import MONEY, day_number, month_number, scaled
from benchmarks.windows import windows

Table = dict[str, NDArray[Any]]
# numbers stay text: faster, and exact
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

MEASURES = ("amount", "quantity", "margin")
AXES = ("measure", "attainment", "growth")
CLAWBACKS = ("carry", "pay", "none")
#: What a benefit may say: key → values; None: any.
LANGUAGE: dict[str, tuple[Any, ...] | None] = {
    "id": None, "clause": None, "window": None, "tiers": None, "limits": None, "settle": None,
    "accumulate": ("window", "year"), "measure": MEASURES, "base": ("measure", "increment"), "by": AXES, "target": ("feed",), "incentive": ("feed",),
    "baseline": ({"prior": "year"},), "method": ("whole", "graduated", "linear"), "boundary": ("lower_inclusive", "upper_inclusive"),
    "above": ("hold", "extend", "zero"),
}  # fmt: skip
AGREEMENT_KEYS = {
    "agreement", "version", "title", "direction", "currency", "term", "participants", "pool", "payee", "include_children", "scope", "benefits",
}  # fmt: skip
#: A limit that nothing reaches.
NO_LIMIT = 10**15
#: Days and part of a line for participants without an assignment: any day, the whole line.
ALWAYS = (-(10**6), 10**7, 0, 100)
#: Columns that are flags, and those that need 64 bits; all others are small keys.
_FLAGS = {"sales_only", "needs_prior_year", "is_last", "is_on_increment", "is_lowest", "is_highest"}
_WIDE = {"at_most", "at_least", "pays_from", "target", "incentive", "rate", *Piece._fields} - {"tier"} - _FLAGS


class Ids(NamedTuple):
    """Keys and the names they stand for."""

    keys: NDArray[np.int32]
    names: list[str]


class Terms:
    """`tables` by name; keys of partners, products, agreements and benefits are positions in their lists of ids.

    agreements     agreement, its term, and the days of lines that it counts
    memberships    partner × agreement × participant × days: whose lines count for whom, and which part of them
    covered        agreement × product, as one key: agreement × number of products + product
    rates          day × pair of currencies, as one key
    results        agreement × participant: who has results
    benefits       benefit, its agreement, what it measures, limits
    pieces         the pieces of each benefit's curve
    window_months  benefit × window × month up to as_of: where results are computed
    targets        benefit × participant × window
    """

    def __init__(self, book: Path) -> None:
        settings = yaml.load((book / "book.yaml").read_text(encoding="utf-8"), _Loader)
        self.as_of = dt.date.fromisoformat(settings["as_of"])
        self.files = [str(path) for path in sorted((book / "feeds" / "transactions").glob("*.csv"))]
        self._partners, self._products = Partners(book), Products(book)
        self.partners, self.products = self._partners.ids, self._products.ids
        self.agreements: list[str] = []
        self.benefits: list[str] = []
        self._spells = read_spells(book, self._partners)
        self._benefit_keys: dict[tuple[str, str], int] = {}
        self._covered: dict[str, NDArray[np.int32]] = {}
        self._columns: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
        self.currencies, rates = read_rates(book, self.as_of)
        for path in sorted((book / "agreements").rglob("*.yaml")):
            for node in yaml.compose_all(path.read_text(encoding="utf-8"), _Loader):
                self._add_agreement(_as_written(node))
        self._columns |= {"rates": rates, "targets": read_targets(book, self._partners, self._benefit_keys)}
        self.tables = {name: {column: _as_array(column, values) for column, values in columns.items()} for name, columns in self._columns.items()}
        self.ids = {
            f"{name}_ids": Ids(np.arange(len(names), dtype=np.int32), names)
            for name, names in (("partner", self.partners), ("product", self.products), ("agreement", self.agreements), ("benefit", self.benefits))
        }
        months = np.unique(self.tables["window_months"]["month"])
        self.ids["periods"] = Ids(months, [f"{1970 + month // 12}-{month % 12 + 1:02d}" for month in months])
        _limit_memberships(self.tables["memberships"], self.tables["agreements"])

    def _add(self, table: str, **row: Any) -> None:
        for column, value in row.items():
            self._columns[table][column].append(value)

    def _add_agreement(self, document: dict[str, Any]) -> None:
        agreement, name = len(self.agreements), document["agreement"]
        self.agreements.append(name)
        scope = document.get("scope", {})
        _refuse(name, set(document) - AGREEMENT_KEYS | set(scope) - {"products", "types"})
        if scope.get("types", ["sale"]) != ["sale"]:
            _refuse(name, {"types"})
        first, last = (dt.date.fromisoformat(document["term"][end]) for end in ("from", "to"))
        needs_prior_year = any("baseline" in benefit for benefit in document["benefits"])
        # one day early where a year before is a leap day: what does not count in the prior year is left out later
        counts_from = first.replace(year=first.year - 1, day=min(first.day, 28)) if needs_prior_year else first
        self._add(
            "agreements",
            agreement=agreement,
            to_currency=self.currencies.index(document["currency"]),
            sales_only="types" in scope,
            needs_prior_year=needs_prior_year,
            term_first_day=day_number(first),
            term_last_day=day_number(last),
            counts_from=day_number(counts_from),
            counts_to=day_number(min(last, self.as_of)),
        )
        self._add_memberships(agreement, document)
        rules = scope.get("products", {})
        if (text := json.dumps(rules)) not in self._covered:
            self._covered[text] = self._products.covered(rules)
        self._add("covered", covered_key=self._covered[text] + np.int32(agreement * len(self.products)))
        for benefit in document["benefits"]:
            self._add_benefit(name, agreement, benefit, first, last)

    def _add_memberships(self, agreement: int, document: dict[str, Any]) -> None:
        selected, partners = document["participants"], self._partners
        members = partners.select(selected) if isinstance(selected, dict) else [partners.keys[partner] for partner in selected]
        own = {member: [member] for member in members}
        if document.get("include_children", "true") == "true":
            own = {member: partners.descendants(member) for member in members}
        credited = {member: self._spells[member] for member in members if member in self._spells}
        if document.get("pool", "each") == "together":
            if credited:
                raise SystemExit(f"{document['agreement']}: a pool of participants with assignments; the rivals do not compute this")
            own = {partners.keys[document["payee"]]: list(set().union(*own.values()))}
        whole = {participant: Spells(below, *([always] * len(below) for always in ALWAYS)) for participant, below in own.items()}
        for participant, spells in [*whole.items(), *credited.items()]:
            table = self._columns["memberships"]
            table["agreement"] += [agreement] * len(spells.partner)
            table["participant"] += [participant] * len(spells.partner)
            for column, values in spells._asdict().items():
                table[column] += values
        for participant in own:
            self._add("results", agreement=agreement, participant=participant)

    def _add_benefit(self, name: str, agreement: int, benefit: dict[str, Any], first: dt.date, last: dt.date) -> None:
        key = len(self.benefits)
        self.benefits.append(benefit["id"])
        self._benefit_keys[name, benefit["id"]] = key
        limits, settle = benefit.get("limits", {}), benefit.get("settle", {})
        unknown = {word for word, value in benefit.items() if word not in LANGUAGE or value not in (LANGUAGE[word] or (value,))}
        _refuse(f"{name} {benefit['id']}", unknown | set(limits) - {"at_most", "at_least", "pays_from"} | set(settle) - {"clawback"})
        at_most = scaled(limits["at_most"], MONEY) if "at_most" in limits else NO_LIMIT
        at_least, pays_from = (scaled(limits[limit], MONEY) if limit in limits else -NO_LIMIT for limit in ("at_least", "pays_from"))
        if at_most < pays_from:
            _refuse(f"{name} {benefit['id']}", {"at_most below pays_from"})
        self._add(
            "benefits",
            benefit=key,
            agreement=agreement,
            measured=MEASURES.index(benefit.get("measure", "amount")),
            axis=AXES.index(benefit.get("by", "measure")),
            is_on_increment=benefit.get("base") == "increment",
            clawback=CLAWBACKS.index(settle.get("clawback", "carry")),
            at_most=at_most,
            at_least=at_least,
            pays_from=pays_from,
        )
        for piece in pieces(benefit):
            self._add("pieces", benefit=key, **piece._asdict())
        for number, window in enumerate(windows(benefit["window"], benefit.get("accumulate") == "year", first, last, self.as_of)):
            last_month = month_number(min(window.last, self.as_of))
            for month in range(month_number(window.first), last_month + 1):
                self._add(
                    "window_months",
                    benefit=key,
                    window_no=number,
                    window_first_day=day_number(window.first),
                    window_last_month=month_number(window.last),
                    span_first_day=day_number(window.span_first),
                    span_first_month=month_number(window.span_first),
                    month=month,
                    is_last=month == last_month,
                )


def _refuse(subject: str, unknown: set[str]) -> None:
    if unknown:
        raise SystemExit(f"{subject}: {', '.join(sorted(unknown))}; the rivals do not compute this")


def _as_written(node: yaml.Node) -> Any:
    """Mappings, lists, and text: cheaper than PyYAML's own constructor, which resolves tags."""
    if isinstance(node, yaml.MappingNode):
        return {key.value: _as_written(value) for key, value in node.value}
    return [_as_written(item) for item in node.value] if isinstance(node, yaml.SequenceNode) else node.value


def _limit_memberships(memberships: Table, agreements: Table) -> None:
    """Adds what lines need of their agreement, and keeps to the days that it counts."""
    agreement = memberships["agreement"]
    for column in ("to_currency", "term_first_day", "sales_only"):
        memberships[column] = agreements[column][agreement]
    memberships["first_day"] = np.maximum(memberships["first_day"], agreements["counts_from"][agreement])
    memberships["last_day"] = np.minimum(memberships["last_day"], agreements["counts_to"][agreement])


def _as_array(column: str, values: list[Any]) -> NDArray[Any]:
    kind = bool if column in _FLAGS else np.int64 if column in _WIDE else np.int32
    return np.concatenate(values) if column == "covered_key" else np.array(values, kind)
