"""Who takes part and whose lines reach whom: partners and products by date, hierarchy, assignments."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from fractions import Fraction
from functools import lru_cache
from typing import Any

from tests.reference.read import UNIT, Book, Row, version_at

Share = int | Fraction  # of 10^12


class Parties:
    """Partners, products and assignments of a book, each as of a day."""

    def __init__(self, book: Book) -> None:
        self._partners: dict[str, list[Row]] = defaultdict(list)
        for row in book.feeds.get("partners", []):
            self._partners[row["partner_id"]].append(row)
        self._products: dict[str, list[Row]] = defaultdict(list)
        for row in book.feeds.get("products", []):
            self._products[row["product_id"]].append(row)
        self._assigned: dict[str, list[Row]] = defaultdict(list)
        for row in book.feeds.get("assignments", []):
            self._assigned[row["partner_id"]].append(row)
        self._parts: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in book.feeds.get("participations", []):
            self._parts[row["agreement"], row["participant_id"]].append(row)
        self._credited: dict[tuple[str, int | None], list[Row]] = defaultdict(list)
        for row in book.feeds.get("credits", []):
            self._credited[row["transaction_id"], row["line"]].append(row)
        self.ancestors = lru_cache(maxsize=None)(self._ancestors)
        self.known = lru_cache(maxsize=None)(self._known)
        self.split = lru_cache(maxsize=None)(self._split)
        self.ever_reaches = lru_cache(maxsize=None)(self._ever_reaches)

    def product(self, product: str | None, day: dt.date) -> Row:
        """What is known of a line's product; nothing for a line without one."""
        return {} if product is None else {"product_id": product, **(version_at(self._products.get(product, ()), day) or {})}

    def _known(self, product: str | None, partner: str, day: dt.date) -> Row:
        """Attributes of a product and a partner on a day, as agreements name them."""
        of_partner = version_at(self._partners.get(partner, ()), day) or {}
        return {f"product.{k}": v for k, v in self.product(product, day).items()} | {f"partner.{k}": v for k, v in of_partner.items()}

    def participants(self, agreement: Row) -> list[str]:
        """Who has a result, in order of id: those named, or every partner that matches at some day of the term."""
        if agreement.get("pool") == "together":
            return [str(agreement["payee"])]
        selection, term = agreement["participants"], agreement["term"]
        if isinstance(selection, list):
            return sorted({str(p) for p in selection})
        return sorted(
            partner for partner, versions in self._partners.items()
            if any(
                _selected(selection, v) and (v["from"] is None or v["from"] <= term["to"]) and (v["to"] is None or term["from"] <= v["to"])
                for v in versions
            )
        )  # fmt: skip

    def parts(self, agreement: Row, participant: str) -> tuple[tuple[dt.date, dt.date, Fraction], ...] | None:
        """The days of the term on which a participant takes part, with what each counts; None: all of them."""
        rows = self._parts.get((str(agreement["agreement"]), participant))
        if rows is None:
            return None
        found = [
            (max(row["from"], agreement["term"]["from"]), min(row["to"] or dt.date.max, agreement["term"]["to"]), Fraction(row["factor"], UNIT))
            for row in rows
        ]  # fmt: skip
        return tuple((first, last, factor) for first, last, factor in sorted(found) if first <= last)

    def takes_part(self, agreement: Row, partner: str, day: dt.date) -> bool:
        """Whether the partner is one of the agreement's participants on a day."""
        selection = agreement["participants"]
        if isinstance(selection, list):
            return partner in map(str, selection)
        version = version_at(self._partners.get(partner, ()), day)
        return version is not None and _selected(selection, version)

    def _ancestors(self, partner: str, day: dt.date) -> tuple[str, ...]:
        """The partner itself and everyone above it on a day."""
        found: list[str] = []
        above: str | None = partner
        while above:
            found.append(above)
            row = version_at(self._partners.get(above, ()), day)
            above = row["parent_id"] if row else None
        return tuple(found)

    def ever_part(self, agreement: Row) -> set[str]:
        """Who takes part on any day."""
        selection = agreement["participants"]
        if isinstance(selection, list):
            return set(map(str, selection))
        return {partner for partner, versions in self._partners.items() if any(_selected(selection, v) for v in versions)}

    def _ever_reaches(self, partner: str) -> frozenset[str]:
        """Whom a partner's lines may reach on some day: itself, everyone above it in any version, whom it is assigned to."""
        found, ahead = {a["participant_id"] for a in self._assigned.get(partner, ())}, [partner]
        family: set[str] = set()
        while ahead:
            one = ahead.pop()
            if one not in family:
                family.add(one)
                ahead += [v["parent_id"] for v in self._partners.get(one, ()) if v["parent_id"]]
        return frozenset(found | family)

    def credited(self, line: Row) -> tuple[tuple[str, Share, Share], ...] | None:
        """Whom the credits feed names for a line, as running shares; None: nobody."""
        found = self.credit_rows(line)
        return _running(found) if found else None

    def credit_rows(self, line: Row) -> list[Row]:
        """The rows of the credits feed that hold for a line: its own come first, then those of its transaction, then its original's."""
        for transaction in (line["transaction_id"], line["original_transaction_id"]):
            for number in (line["line"], None):
                if found := self._credited.get((transaction, number)):
                    return found
        return []

    def named(self) -> set[str]:
        """Everyone whom the credits feed names."""
        return {row["participant_id"] for rows in self._credited.values() for row in rows}

    def _split(self, partner: str, day: dt.date) -> tuple[tuple[str, Share, Share], ...]:
        """(participant, running share before, running share after) of the partner's lines of that day, in order of participant. A share of 0 is left out."""
        valid = [
            a for a in self._assigned.get(partner, ())
            if (a["from"] is None or a["from"] <= day) and (a["to"] is None or day <= a["to"])
        ]  # fmt: skip
        return _running(valid)


def _running(rows: list[Row]) -> tuple[tuple[str, Share, Share], ...]:
    found, running = [], Fraction(0)
    for row in sorted(rows, key=lambda row: row["participant_id"]):
        if row["share"]:
            found.append((row["participant_id"], running, running + row["share"]))
            running += row["share"]
    return tuple(found)


def _selected(selection: Row, partner: Row) -> bool:
    return all(matches(partner.get(key), wanted) for key, wanted in selection.items())


def matches(value: Any, wanted: Any) -> bool:
    """Whether an attribute has the wanted value, or one of them."""
    return value is not None and value in [str(w) for w in (wanted if isinstance(wanted, list) else [wanted])]
