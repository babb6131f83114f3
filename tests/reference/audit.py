"""Why a line counts under an agreement or does not, written from what the docs say of audit_line: reasons in order, the first that fails is it.

Of several versions, benefits and roads that counts on which the line comes farthest.
"""

from __future__ import annotations

import datetime as dt

from tests.reference.combine import rule_of
from tests.reference.compute import _Run
from tests.reference.credit import Line, in_scopes
from tests.reference.parties import _selected
from tests.reference.read import Book, Row

ORDER = ("partner", "assignment", "term", "type", "product", "where", "original", "exclusive", "share 0", "counted")
#: File and row of a line, and the reason by agreement. No agreement (None): none can be reached from its partner.
Reasons = dict[tuple[str, int], dict[str | None, str]]


def classify(book: Book) -> Reasons:
    """The reason of every current line that is neither rejected nor waiting, for every agreement that its partner can reach."""
    run = _Run(book)
    judge = _Judge(run)
    found: Reasons = {}
    for line in run.credits.lines:
        reasons: dict[str | None, str] = {}
        for name, versions in run.agreements.items():
            places = [place for version in versions if (place := judge.place(name, version, line)) is not None]
            if places:
                reasons[name] = ORDER[max(places)]
        found[line.file, line.number] = reasons or {None: "partner"}
    return found


class _Judge:
    def __init__(self, run: _Run) -> None:
        self.run, self.parties, self.book = run, run.credits.parties, run.book
        self.members = {id(v): self._members(v) for versions in run.agreements.values() for v in versions}
        self.days = sorted(
            {
                day
                for feed in ("partners", "assignments")
                for row in run.book.feeds.get(feed, [])
                for day in (row["from"], row["to"] and row["to"] + dt.timedelta(1))
                if day
            }
            | {dt.date.min}
        )
        self.ever: dict[tuple[int, str], str | None] = {}
        self.known: dict[tuple[int, str, dt.date], tuple[bool, list[int]]] = {}

    def _members(self, version: Row) -> set[str]:
        """Who takes part on some day of the term."""
        selection, term = version["participants"], version["term"]
        if isinstance(selection, list):
            return {str(each) for each in selection}
        return {
            partner
            for partner, versions in self.parties._partners.items()
            for v in versions
            if _selected(selection, v) and (v["from"] is None or v["from"] <= term["to"]) and (v["to"] is None or term["from"] <= v["to"])
        }

    def roads(self, version: Row, partner: str, day: dt.date) -> tuple[bool, list[int]]:
        """Whether lines come as own ones, and the shares by which they come by assignment."""
        key = (id(version), partner, day)
        if key not in self.known:
            self.known[key] = self._roads(version, partner, day)
        return self.known[key]

    def _roads(self, version: Row, partner: str, day: dt.date) -> tuple[bool, list[int]]:
        members = self.members[id(version)]
        family = self.parties.ancestors(partner, day) if version.get("include_children", True) else (partner,)
        own = {p for p in family if p in members and self.parties.takes_part(version, p, day)}
        split = [s for s in self.parties.split(partner, day) if s[0] in members and self.parties.takes_part(version, s[0], day)]
        whole = bool(own) and version.get("pool") in ("together", "placed")
        return bool(own), [high - low for who, low, high in split if who not in own and not whole]

    def ever_reached(self, version: Row, partner: str) -> str | None:
        """By which kind of road lines of a partner can come on some day: an assignment is the farther one."""
        key = (id(version), partner)
        if key not in self.ever:
            roads = [self.roads(version, partner, day) for day in self.days]
            self.ever[key] = "assignment" if any(shares for _, shares in roads) else "partner" if any(own for own, _ in roads) else None
        return self.ever[key]

    def place(self, name: str, version: Row, line: Line) -> int | None:
        """How far the line comes. None: the agreement cannot be reached."""
        kind = self.ever_reached(version, line.row["partner_id"])
        if kind is None:
            return None
        day, own_day = self.run.credits.governing_day(version, line), line.row["date"]
        roads, roads_itself = (self.roads(version, line.row["partner_id"], each) for each in (day, own_day))
        if not (any(roads) or any(roads_itself)):
            return ORDER.index(kind)
        return max(self._place_in(name, version, benefit, line, day, roads) for benefit in version["benefits"])

    def _place_in(self, name: str, version: Row, benefit: Row, line: Line, day: dt.date, roads: tuple[bool, list[int]]) -> int:
        owned = [w for owner, _, w in self.run.owned[name][str(benefit["id"])] if owner is version and w.start <= self.book.as_of]
        days = (min(w.span_start for w in owned), max(w.end for w in owned)) if owned else None
        if days is None or not (days[0] <= day <= days[1] or days[0] <= line.row["date"] <= days[1]):
            return ORDER.index("term")
        own = [s for s in (version.get("scope"), benefit.get("scope")) if s]
        further = [of["scope"] for of in (benefit.get("measure"), benefit.get("base")) if isinstance(of, dict) and of.get("scope")]
        return max(self._place_by(name, version, [*own, *more], line, day, days, roads) for more in ([], *([scope] for scope in further)))

    def _place_by(
        self, name: str, version: Row, scopes: list[Row], line: Line, day: dt.date, days: tuple[dt.date, dt.date], roads: tuple[bool, list[int]]
    ) -> int:
        for part, reason in (("types", "type"), ("products", "product"), ("where", "where")):
            if not in_scopes(line, [{part: scope[part]} for scope in scopes if part in scope]):
                return ORDER.index(reason)
        own, shares = roads
        if not ((own or shares) and days[0] <= day <= days[1]):
            return ORDER.index("original")
        if rule_of(version) == "exclusive" and line.order in self.run.lost[name]:
            return ORDER.index("exclusive")
        return ORDER.index("counted" if own or any(shares) else "share 0")
