"""When what a window pays falls due, in which parts, and which of them payments have filled."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tests.reference.calendar import Calendar
from tests.reference.combine import Outcome
from tests.reference.earning import rounded
from tests.reference.read import UNIT, Book

ZERO = Fraction(0)


@dataclass
class Release:
    """One part. `due` is None while it waits for the minimum."""

    number: int
    due: dt.date | None
    amount: Fraction
    settled: Fraction = ZERO
    is_due: bool = False

    @property
    def status(self) -> str:
        return "paid" if self.settled == self.amount else "due" if self.is_due else "waiting"


def release(outcomes: Sequence[Outcome], book: Book, calendar: Calendar) -> dict[tuple[str, str, str, dt.date], list[Release]]:
    """The parts of each payout by its key; adds due_date, released, waiting, settled and open_amount to the rows.

    The outcomes of a benefit are in order of their windows.
    """
    paid: dict[tuple[str, ...], Fraction] = defaultdict(Fraction)
    for payment in book.feeds.get("payments", []):
        if payment["paid_on"] <= book.as_of:
            paid[tuple(str(payment[key]) for key in ("agreement", "benefit", "participant_id", "window_start"))] += Fraction(payment["amount"], UNIT)
    found: dict[tuple[str, str, str, dt.date], list[Release]] = {}
    gathering: dict[tuple[str, str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        key = (outcome.agreement, str(outcome.case.benefit["id"]), outcome.participant, outcome.window.start)
        settle = outcome.case.benefit.get("settle", {})
        found[key] = parts = _parts(outcome, book, calendar)
        if "minimum" in settle:
            parts[0].due = None
            if outcome.window.end <= book.as_of:
                waiting = gathering[key[:3]]
                waiting.append(outcome)
                is_last = outcome.window.end >= outcome.case.agreement["term"]["to"]
                if is_last or sum((each.row["payout"] for each in waiting), ZERO) >= settle["minimum"]:
                    for each in waiting:
                        found[(*key[:3], each.window.start)][0].due = outcome.window.end + dt.timedelta(days=settle.get("lag_days", 0))
                    waiting.clear()
    for outcome in outcomes:
        key = (outcome.agreement, str(outcome.case.benefit["id"]), outcome.participant, outcome.window.start)
        _fill(found[key], outcome, paid[tuple(map(str, key))], book.as_of)
    return found


def _parts(outcome: Outcome, book: Book, calendar: Calendar) -> list[Release]:
    settle = outcome.case.benefit.get("settle", {})
    parts = []
    before, share = ZERO, ZERO
    for number, part in enumerate(settle.get("release", [{"share": 1, "lag_days": settle.get("lag_days", 0)}]), 1):
        share += Fraction(part["share"])
        until = rounded(outcome.row["payout"] * share, outcome.case.agreement["currency"], book.settings)
        ends = {"window": outcome.window.end, "year": outcome.case.counting.year(outcome.window.end)[1], "term": outcome.case.agreement["term"]["to"]}
        parts.append(Release(number, ends[part.get("after", "window")] + dt.timedelta(days=part.get("lag_days", 0)), until - before))
        before = until
    return parts


def _fill(parts: list[Release], outcome: Outcome, settled: Fraction, as_of: dt.date) -> None:
    row, left = outcome.row, settled
    in_order = sorted(parts, key=lambda part: (part.due or dt.date.max, part.number))
    for part in in_order:
        part.is_due = part.due is not None and part.due <= as_of and outcome.window.end <= as_of
        fits = min(max(left, ZERO), part.amount) if row["payout"] >= 0 else max(min(left, ZERO), part.amount)
        part.settled = left if part is in_order[-1] else fits
        left -= part.settled
    unpaid = [part.due for part in in_order if part.status != "paid"]
    row["due_date"] = unpaid[0] if unpaid else in_order[-1].due
    row["released"] = sum((part.amount for part in parts if part.is_due), ZERO)
    row["waiting"] = row["payout"] - row["released"]
    row["settled"], row["open_amount"] = settled, row["payout"] - settled
