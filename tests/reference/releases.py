"""When what a window pays falls due, in which parts, and which of them payments have filled."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.reference.calendar import Calendar
from tests.reference.combine import Outcome
from tests.reference.credit import Credits
from tests.reference.earning import rounded
from tests.reference.read import UNIT, Book, Row

ZERO = Fraction(0)
Key = tuple[str, str, str, dt.date]  # agreement, benefit, participant, window start


@dataclass
class Release:
    """One part. `due` is None while it waits for the minimum."""

    number: int
    due: dt.date | None
    amount: Fraction
    settled: Fraction = ZERO
    is_due: bool = False
    released: Fraction = ZERO
    disputed: Fraction = ZERO

    @property
    def status(self) -> str:
        if self.settled == self.amount or not self.is_due:
            return "paid" if self.settled == self.amount else "waiting"
        return "held" if self.released != self.amount and self.released <= self.settled else "due"


def release(
    outcomes: Sequence[Outcome], lines: dict[tuple[str, str, str, dt.date], list[Row]], book: Book, calendar: Calendar, credits: Credits
) -> dict[tuple[str, str, str, dt.date], list[Release]]:
    """The parts of each payout by its key; adds adjusted, payable, due_date, released, held, waiting, settled and open_amount to the rows.

    The outcomes of a benefit are in order of their windows.
    """
    paid: dict[tuple[str, ...], Fraction] = defaultdict(Fraction)
    for payment in book.feeds.get("payments", []):
        if payment["paid_on"] <= book.as_of:
            paid[tuple(str(payment[key]) for key in ("agreement", "benefit", "participant_id", "window_start"))] += _settles(payment, book, credits)
    for balance in book.feeds.get("balances", []):
        if balance["date"] <= book.as_of:
            paid[tuple(str(balance[key]) for key in ("agreement", "benefit", "participant_id", "window_start"))] += Fraction(balance["settled"] or 0, UNIT)
    for outcome in outcomes:
        outcome.row["adjusted"] = ZERO
    rows = {(o.agreement, str(o.case.benefit["id"]), o.participant, o.window.start): o.row for o in outcomes}
    for adjustment in book.feeds.get("adjustments", []):
        row = rows.get(tuple(adjustment[key] for key in ("agreement", "benefit", "participant_id", "window_start")))
        if row is not None and adjustment["date"] <= book.as_of and _is_approved(adjustment, book):
            row["adjusted"] += Fraction(adjustment["amount"], UNIT)
    for row in rows.values():
        row["payable"] = row["payout"] + row["adjusted"]
    found: dict[Key, list[Release]] = {}
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
                if is_last or sum((each.row["payable"] for each in waiting), ZERO) >= settle["minimum"]:
                    for each in waiting:
                        found[(*key[:3], each.window.start)][0].due = outcome.window.end + dt.timedelta(days=settle.get("lag_days", 0))
                    waiting.clear()
    for outcome in outcomes:
        key = (outcome.agreement, str(outcome.case.benefit["id"]), outcome.participant, outcome.window.start)
        ratio = _collected(outcome.case.benefit.get("settle", {}).get("when"), lines.get(key, []), book)
        _fill(found[key], outcome, paid[tuple(map(str, key))], book, ratio)
        if outcome.case.benefit.get("settle", {}).get("hold_disputed"):
            _hold(found[key], outcome, _disputed(key, outcome, lines.get(key, []), book))
    return found


def _settles(payment: Row, book: Book, credits: Credits) -> Fraction:
    """What a payment settles, in the agreement's currency: what one in another currency is worth on its day; nothing while there is no rate."""
    amount, paid_in = Fraction(payment["amount"], UNIT), payment["currency"]
    owed_in = next((each["currency"] for each in book.agreements if each["agreement"] == payment["agreement"]), paid_in)
    if paid_in in (None, owed_in):
        return amount
    rate = credits.rate_on(paid_in, owed_in, payment["paid_on"])
    return ZERO if rate is None else rounded(amount * rate, owed_in, book.settings)


def _disputed(key: Key, outcome: Outcome, lines: list[Row], book: Book) -> Fraction:
    """What open disputes want to be held of a payout."""
    total, disputed_lines = ZERO, []
    for dispute in book.feeds.get("disputes", []):
        named = tuple(dispute[each] for each in ("agreement", "benefit", "participant_id", "window_start"))
        is_open = dispute["raised_on"] <= book.as_of and (dispute["resolved_on"] is None or dispute["resolved_on"] > book.as_of)
        if not is_open or named not in (key, (None,) * 4):
            continue
        if dispute["amount"] is not None:
            total += Fraction(dispute["amount"], UNIT)
        elif dispute["transaction_id"] is None:
            total += max(outcome.row["payable"], ZERO)
        else:
            disputed_lines.append((dispute["transaction_id"], dispute["line"]))
    whole: dict[tuple[Any, Any], list[Row]] = defaultdict(list)
    for line in lines:
        if line["transaction_id"] is not None and any(name == line["transaction_id"] and no in (None, line["line"]) for name, no in disputed_lines):
            whole[line["transaction_id"], line["line"]].append(line)
    when = outcome.case.benefit["settle"].get("when")
    for tiers in whole.values():
        brought = sum((Fraction(line["line_payout"]) for line in tiers), ZERO)
        total += max(brought, ZERO) * _collected(when, tiers, book)
    return total


def _hold(parts: list[Release], outcome: Outcome, disputed: Fraction) -> None:
    left = disputed
    for part in sorted((part for part in parts if part.is_due and part.amount > 0), key=lambda part: (part.due, part.number)):
        part.disputed = min(left, max(min(part.released - part.settled, part.released), ZERO))
        part.released -= part.disputed
        left -= part.disputed
    row = outcome.row
    row["released"] = sum((part.released for part in parts), ZERO)
    row["held"] = row["payable"] - row["waiting"] - row["released"]


def _is_approved(adjustment: Row, book: Book) -> bool:
    if not book.settings.get("require_approval"):
        return True
    author, approver = (" ".join((adjustment.get(key) or "").split()).casefold() for key in ("by", "approved_by"))
    return approver not in ("", author)


def _collected(when: str | None, lines: list[Row], book: Book) -> Fraction:
    """The part of what the lines bring that customers have paid."""
    whole = sum((Fraction(line["line_payout"]) for line in lines), ZERO)
    if when is None or whole <= 0:
        return Fraction(1)
    shares: dict[tuple[str, Any], Fraction] = defaultdict(Fraction)
    for row in book.feeds.get("collections", []):
        if row["collected_on"] <= book.as_of:
            shares[row["transaction_id"], row["line"]] += Fraction(row["share"], UNIT)
    total = ZERO
    for line in lines:
        share = shares[line["transaction_id"], line["line"]] + shares[line["transaction_id"], None]
        if line["transaction_id"] is None or line["line_payout"] <= 0:
            share = Fraction(1)
        elif when == "fully_collected":
            share = Fraction(int(share >= 1))
        total += Fraction(line["line_payout"]) * min(max(share, ZERO), Fraction(1))
    return min(max(total / whole, ZERO), Fraction(1))


def _parts(outcome: Outcome, book: Book, calendar: Calendar) -> list[Release]:
    settle = outcome.case.benefit.get("settle", {})
    parts = []
    before, share = ZERO, ZERO
    for number, part in enumerate(settle.get("release", [{"share": 1, "lag_days": settle.get("lag_days", 0)}]), 1):
        share += Fraction(part["share"])
        until = rounded(outcome.row["payable"] * share, outcome.case.agreement["currency"], book.settings) if share < 1 else outcome.row["payable"]
        ends = {"window": outcome.window.end, "year": outcome.case.counting.year(outcome.window.end)[1], "term": outcome.case.agreement["term"]["to"]}
        parts.append(Release(number, ends[part.get("after", "window")] + dt.timedelta(days=part.get("lag_days", 0)), until - before))
        before = until
    return parts


def _fill(parts: list[Release], outcome: Outcome, settled: Fraction, book: Book, ratio: Fraction) -> None:
    row, left = outcome.row, settled
    in_order = sorted(parts, key=lambda part: (part.due or dt.date.max, part.number))
    for part in in_order:
        part.is_due = part.due is not None and part.due <= book.as_of and outcome.window.end <= book.as_of
        if part.is_due:
            part.released = part.amount
            if part.amount > 0 and ratio < 1:
                part.released = min(rounded(part.amount * ratio, outcome.case.agreement["currency"], book.settings), part.amount)
        fits = min(max(left, ZERO), part.amount) if row["payable"] >= 0 else max(min(left, ZERO), part.amount)
        part.settled = left if part is in_order[-1] else fits
        left -= part.settled
    unpaid = [part.due for part in in_order if part.status != "paid"]
    row["due_date"] = unpaid[0] if unpaid else in_order[-1].due
    row["released"] = sum((part.released for part in parts), ZERO)
    row["held"] = sum((part.amount for part in parts if part.is_due), ZERO) - row["released"]
    row["waiting"] = row["payable"] - row["released"] - row["held"]
    row["settled"], row["open_amount"] = settled, row["payable"] - settled
