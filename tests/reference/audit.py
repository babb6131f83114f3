"""Why a line counts under an agreement or does not, written from what the docs say of audit_line: reasons in order, the first that fails is it.

Of several versions, benefits and roads that counts on which the line comes farthest.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from tests.reference.calendar import Window
from tests.reference.combine import rule_of
from tests.reference.compute import _Run
from tests.reference.credit import Line, in_scopes
from tests.reference.parties import _selected
from tests.reference.read import Book, Row

ORDER = ("partner", "assignment", "term", "type", "product", "where", "original", "exclusive", "share 0", "counted")
#: File and row of a line, and the reason by agreement. No agreement (None): none can be reached from its partner.
Reasons = dict[tuple[str, int], dict[str | None, str]]


def classify(book: Book) -> Reasons:
    """The reason of every current line that is neither rejected nor waiting, for every agreement that its partner, or who is named for it, can reach."""
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

    def _members(self, version: Row) -> set[str]:
        """Who takes part on some day of the term."""
        selection, term = version["participants"], version["term"]
        always = dt.date.min, dt.date.max
        if isinstance(selection, list):
            spans = {str(each): [always] for each in selection}
        else:
            spans = {
                partner: [(v["from"] or always[0], v["to"] or always[1]) for v in versions if _selected(selection, v)]
                for partner, versions in self.parties._partners.items()
            }
        return {
            who
            for who, found in spans.items()
            for begin, end, *_ in self.parties.parts(version, who) or [(term["from"], term["to"])]
            if any(max(first, begin) <= min(last, end) for first, last in found)
        } - {who for who in spans if self.parties.parts(version, who) == ()}

    def _own(self, version: Row, partner: str, day: dt.date) -> frozenset[str]:
        """To whom lines of a partner come as own ones on a day."""
        family = self.parties.ancestors(partner, day) if version.get("include_children", True) else (partner,)
        own = [p for p in family if p in self.members[id(version)] and self.parties.takes_part(version, p, day)]
        return frozenset(own[:1] if version.get("pool") == "placed" else own)  # of members who have one place the nearest

    def _assigned(self, version: Row, partner: str, day: dt.date) -> frozenset[str]:
        """Who is assigned to them on a day, apart from those."""
        own = self._own(version, partner, day)
        if own and (version.get("pool") == "placed" or (version.get("pool") == "together" and "participations" not in self.book.has_feed)):
            return frozenset()  # the pool has them whole; members of one pool who are away would leave them to others
        split = {who for who, *_ in self.parties.split(partner, day) if self.parties.takes_part(version, who, day)}
        return frozenset(split & self.members[id(version)] - own)

    def roads(self, version: Row, line: Line, day: dt.date) -> dict[str, bool]:
        """Who could have a line on a day, and whether that brings a part of it. Who is named for it takes the place of assignments."""
        partner, named = line.row["partner_id"], self.parties.credit_rows(line.row)
        own = self._own(version, partner, day)
        others = dict.fromkeys(self._assigned(version, partner, day), True)
        if named:
            shares = {row["participant_id"]: row["share"] > 0 for row in named}
            others = {w: s for w, s in shares.items() if w in self.members[id(version)] and self.parties.takes_part(version, w, day)}
        return others | dict.fromkeys(own, True)

    def ever_reached(self, version: Row, partner: str) -> str | None:
        """By which kind of road lines of a partner can come on some day: an assignment is the farther one."""
        key = (id(version), partner)
        if key not in self.ever:
            assigned = any(self._assigned(version, partner, day) for day in self.days)
            own = any(self._own(version, partner, day) for day in self.days)
            self.ever[key] = "assignment" if assigned else "partner" if own else None
        return self.ever[key]

    def place(self, name: str, version: Row, line: Line) -> int | None:
        """How far the line comes. None: the agreement cannot be reached."""
        kind = self.ever_reached(version, line.row["partner_id"])
        if any(row["participant_id"] in self.members[id(version)] for row in self.parties.credit_rows(line.row)):
            kind = "assignment"
        if kind is None:
            return None
        day, own_day = self.run.credits.governing_day(version, line), line.row["date"]
        roads, itself = (self.roads(version, line, each) for each in (day, own_day))
        places = [ORDER.index(kind)]
        for who in roads.keys() | itself.keys():
            places += [self._place_in(name, version, benefit, line, day, who, roads.get(who)) for benefit in version["benefits"]]
        return max(places)

    def _place_in(self, name: str, version: Row, benefit: Row, line: Line, day: dt.date, who: str, has_share: bool | None) -> int:
        owned = [w for owner, _, w in self.run.owned[name][str(benefit["id"])] if owner is version and w.start <= self.book.as_of]
        if not owned:
            return ORDER.index("term")
        measure, base = ({} if not isinstance(of, dict) else of for of in (benefit.get("measure"), benefit.get("base")))
        first, end = min(w.span_start for w in owned), max(w.end for w in owned)
        seen = min([first, *(self._seen_from(measure["over"], w) for w in owned if "over" in measure)])
        own = [s for s in (version.get("scope"), benefit.get("scope")) if s]
        sets = [(own, first if "scope" in measure else seen)]
        sets += [([*own, measure["scope"]], seen)] if "scope" in measure else []
        sets += [([*own, base["scope"]], first)] if "scope" in base else []
        places = []
        for scopes, begins in sets:
            parts = self.parties.parts(version, who)
            spans = [(begins, end)] if parts is None else [(max(begins, first), min(end, last)) for first, last, _ in parts]
            counts, counts_itself = (any(first <= each <= last for first, last in spans) for each in (day, line.row["date"]))
            if not (counts or counts_itself):
                places.append(ORDER.index("term"))
            else:
                places.append(self._place_by(name, version, scopes, line, has_share if counts else None))
        return max(places)

    def _seen_from(self, over: Any, window: Window) -> dt.date:
        """The first day that a measure of other days than the window's sees."""
        calendar = self.run.calendar
        if over == "prior_year":
            return calendar.year(calendar.year(window.end)[0] - dt.timedelta(1))[0]
        first = calendar.block(window.end, 1)[0]
        for _ in range(over["trailing"] - 1):
            first = calendar.block(first - dt.timedelta(1), 1)[0]
        return first

    def _place_by(self, name: str, version: Row, scopes: list[Row], line: Line, has_share: bool | None) -> int:
        """`has_share`: None where the line does not come on the day that governs it."""
        for part, reason in (("types", "type"), ("products", "product"), ("where", "where")):
            if not in_scopes(line, [{part: scope[part]} for scope in scopes if part in scope]):
                return ORDER.index(reason)
        if has_share is None:
            return ORDER.index("original")
        if rule_of(version) == "exclusive" and line.order in self.run.lost[name]:
            return ORDER.index("exclusive")
        return ORDER.index("counted" if has_share else "share 0")
