"""Agreements that affect each other: only the best of a group pays, a line counts for one agreement only, one is net of what others pay."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from tests.reference.calendar import Window
from tests.reference.credit import Credit
from tests.reference.position import BenefitLines, Position
from tests.reference.read import Refused, Row

ZERO = Fraction(0)
CreditsOf = dict[str, list[Credit]]  # by participant


@dataclass
class Outcome:
    """A payout row with what it came from, and its accrued to date by period."""

    case: BenefitLines
    window: Window
    participant: str
    position: Position
    row: Row
    accruals: dict[str, Fraction] = field(default_factory=dict)
    difference: Fraction | None = None  # what the window adds to what its span has earned; None: blocked
    differences: dict[str, Fraction | None] = field(default_factory=dict)  # the same accrued to date, by period
    limited: dict[str, Fraction] = field(default_factory=dict)  # those with the limits of the agreement
    projected: Fraction | None = None  # what an open window would add at its end; None: not computed here

    @property
    def agreement(self) -> str:
        return str(self.case.agreement["agreement"])

    @property
    def blocked(self) -> bool:
        return bool(self.row["status"] == "blocked")


def rule_of(agreement: Row) -> str:
    rule: str = (agreement.get("combine") or {}).get("rule", "all")
    return rule


def priority_of(agreement: Row) -> tuple[int, str]:
    """The lower goes first: priority, then id."""
    return (agreement.get("combine") or {}).get("priority", 1), str(agreement["agreement"])


def check_groups(agreements: Iterable[Row]) -> None:
    """Refuses groups that mix rules, and best ones of different currencies or windows."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for agreement in agreements:
        if "group" in (agreement.get("combine") or {}):
            groups[str(agreement["combine"]["group"])].append(agreement)
    for name, members in groups.items():
        if len({rule_of(a) for a in members}) > 1:
            raise Refused(f"group {name} mixes rules")
        if rule_of(members[0]) == "best":
            kinds = {b["window"] for a in members for b in a["benefits"]}
            terms = {(a["term"]["from"], a["term"]["to"]) for a in members if "term" in kinds}
            if len(kinds) > 1 or len(terms) > 1 or len({a["currency"] for a in members}) > 1:
                raise Refused(f"group {name}: different windows, terms or currencies")


def keep_best(outcomes: Iterable[Outcome]) -> None:
    """In every group, participant and calendar window: all but the best agreement pay nothing."""
    places: dict[tuple[str, str, dt.date], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        if rule_of(outcome.case.agreement) == "best" and not outcome.blocked:
            group = str(outcome.case.agreement["combine"]["group"])
            places[group, outcome.participant, outcome.window.whole[0]].append(outcome)
    for together in places.values():
        accrued = [dict(o.accruals) for o in together]
        winner = _best(together, [o.row["payout"] for o in together])
        for outcome in together:
            if outcome.agreement != winner:
                outcome.row |= {"payout": ZERO, "status_reason": "combined"}
        for period in sorted({period for path in accrued for period in path}):
            begun = [(o, path[max(p for p in path if p <= period)]) for o, path in zip(together, accrued, strict=True) if min(path) <= period]
            winner = _best([o for o, _ in begun], [value for _, value in begun])
            for outcome, _ in begun:
                if period in outcome.accruals and outcome.agreement != winner:
                    outcome.accruals[period] = ZERO
        for outcome in together:  # an accrual at the window's end is the payout
            if outcome.row["status"] == "final":
                outcome.accruals[max(outcome.accruals)] = outcome.row["payout"]


def _best(outcomes: list[Outcome], values: list[Fraction]) -> str:
    """The agreement with the largest sum; of equal ones the lowest priority number, then id."""
    sums: dict[str, Fraction] = defaultdict(Fraction)
    first: dict[str, tuple[int, str]] = {}
    for outcome, value in zip(outcomes, values, strict=True):
        sums[outcome.agreement] += value
        first[outcome.agreement] = priority_of(outcome.case.agreement)
    return min(sums, key=lambda agreement: (-sums[agreement], first[agreement]))


def lost_lines(versions: Iterable[Row], credits: Callable[[Row], CreditsOf], days: Callable[[Row], list[Window]]) -> dict[str, set[int]]:
    """Per agreement, the lines (by order) that another agreement of its exclusive group keeps. `days`: the windows that a version owns."""
    holders: dict[str, dict[int, set[tuple[int, str]]]] = defaultdict(lambda: defaultdict(set))
    for version in versions:
        if rule_of(version) != "exclusive":
            continue
        group = holders[str(version["combine"]["group"])]
        owned = days(version)
        inside: dict[dt.date, bool] = {}
        for found in credits(version).values():
            for credit in found:
                if credit.day not in inside:
                    inside[credit.day] = any(w.start <= credit.day <= w.end for w in owned)
                if inside[credit.day] and credit.is_own:
                    group[credit.line.order].add(priority_of(version))
    lost: dict[str, set[int]] = defaultdict(set)
    members = {(str(v["combine"]["group"]), str(v["agreement"])) for v in versions if rule_of(v) == "exclusive"}
    for group_name, agreement in members:
        for order, found_by in holders[group_name].items():
            if min(found_by)[1] != agreement:
                lost[agreement].add(order)
    return lost


def in_order(agreements: dict[str, list[Row]]) -> list[list[str]]:
    """Agreement ids in rounds: first those that are net of nothing, then those whose named agreements are done."""
    named = {
        name: {str(other) for version in versions if rule_of(version) == "net_of" for other in version["combine"]["agreements"]}
        for name, versions in agreements.items()
    }
    rounds: list[list[str]] = []
    done: set[str] = set()
    while len(done) < len(named):
        ready = sorted(name for name, others in named.items() if name not in done and others <= done)
        if not ready:
            raise Refused(f"net_of: a cycle, or an unknown agreement, among {sorted(set(named) - done)}")
        rounds.append(ready)
        done |= set(ready)
    return rounds


def check_net_of(version: Row, others: Iterable[Row], mine: list[Window], theirs: list[Window]) -> None:
    """Refuses other currencies, and windows of the named agreements that end later than those they overlap."""
    if any(other["currency"] != version["currency"] for other in others):
        raise Refused(f"{version['agreement']}: net_of an agreement in another currency")
    for own in mine:
        for other in theirs:
            if other.start <= own.end and own.start <= other.end and other.end > own.end:
                raise Refused(f"{version['agreement']}: net_of a window that ends later than {own.end}")
