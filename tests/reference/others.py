"""Other benefits of an agreement: what a benefit sees of them, and the order in which they are computed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from fractions import Fraction

from tests.reference.axes import Axis, all_axes, axes_in_order, parts
from tests.reference.position import BenefitLines, Position
from tests.reference.read import NotCovered, Row

#: agreement, benefit, participant, the window's last day, the day on which it is looked at.
Key = tuple[str, str, str, dt.date, dt.date]
#: The figures of a result by name: None where it has none. A blocked result has no figures at all.
Figures = dict[str, Fraction | None]


def looked_at(benefit: Row) -> list[str]:
    """The ids of the benefits that a benefit looks at."""
    return [str(part["benefit"]) for axis in sorted(all_axes(benefit)) for part in parts(axis) if "benefit" in part]


def in_turn(versions: Iterable[Row]) -> list[str]:
    """The ids of an agreement's benefits, those that others look at first."""
    sees: dict[str, list[str]] = {}
    for version in versions:
        for benefit in version["benefits"]:
            sees.setdefault(str(benefit["id"]), []).extend(looked_at(benefit))
    done: list[str] = []
    while len(done) < len(sees):
        ready = [name for name, others in sees.items() if name not in done and all(other in done for other in others if other in sees)]
        if not ready:
            raise NotCovered(f"benefits look at each other: {sorted(set(sees) - set(done))}")
        done += ready
    return done


def figures_of(s: Position, tier: int, earned: Fraction) -> Figures:
    """What others may look at in a result that is not blocked."""
    return {
        "attainment": s.m / s.t if s.t is not None and s.t > 0 else None,
        "growth": s.m / s.b - 1 if s.b is not None and s.b > 0 else None,
        "measure": s.m, "tier": Fraction(tier), "earned": earned,
    }  # fmt: skip


class Others:
    """The figures seen so far: as they are ("actual"), as projected ("ahead"), and by target and baseline to date ("to date")."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, Key], Figures | None] = {}

    def add(self, view: str, key: Key, figures: Figures | None) -> None:
        self._seen[view, key] = figures

    def place(self, view: str, case: BenefitLines, participant: str, span_start: dt.date, end: dt.date, last: dt.date, s: Position) -> None:
        """Adds the places of a position that depend on other benefits, or says why it is blocked."""
        key = (str(case.agreement["agreement"]), participant, end, last)
        for axis in axes_in_order(case.benefit):
            if axis[0] in ("benefit", "score"):
                value, reason = self._score(view, axis, case, key, span_start)
                ahead, _ = self._score("ahead" if view == "actual" else view, axis, case, key, span_start)
                s.reason = s.reason or reason
                if not reason:
                    s.x[axis], s.ahead[axis] = value, ahead

    def _score(self, view: str, axis: Axis, case: BenefitLines, key: tuple[str, str, dt.date, dt.date], span_start: dt.date) -> tuple[Fraction, str]:
        agreement, participant, end, last = key
        total = weights = Fraction(0)
        for part in parts(axis):
            if "metric" in part:
                value, reason = case.feeds.metric(participant, str(part["metric"]), span_start, last), "metric_missing"
            else:
                place = (view, (agreement, str(part["benefit"]), participant, end, last))
                figures, reason = self._seen.get(place), "benefit_blocked" if place in self._seen else "benefit_missing"
                value = figures[part.get("of", "attainment")] if figures else None
            if value is None:
                return Fraction(0), reason
            weight = Fraction(part["weight"])
            total += weight * min(value, Fraction(part.get("at_most", value)))
            weights += weight
        return total / weights, ""
