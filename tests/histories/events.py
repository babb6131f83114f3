"""One event of one history in one step: what arrives, what is changed, what is paid.

Belongs here: what happens to a history's own data. Does not belong here: what happens to the whole book (simulation.py), checking.
"""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.histories.history import History
from tests.torture.agreements import _amend
from tests.torture.drawing import MINOR_UNITS, Row
from tests.torture.lines import _return
from tests.torture.people import METRIC_PLACES

#: (payout id, its published row) of the history's payouts, in order.
Payouts = list[Row]


def start(h: History, as_of: dt.date) -> None:
    """The first versions, the references, and most of the lines up to the day."""
    for document in h.documents:
        if document["version"] == 1:
            h.written[document["agreement"], 1] = document
    for feed, rows in h.feeds.items():
        h.send(feed, rows)
    pass_month(h, as_of)


def pass_month(h: History, as_of: dt.date) -> None:
    """The lines of the new days; some are held back, some come before their day."""
    due = [row for row in h.lines if row["date"] <= as_of or h.dice.chance(0.02)]
    h.lines = [row for row in h.lines if row not in due]
    late = [row for row in due if h.dice.chance(0.15)]
    h.held += late
    arrived = [row for row in due if row not in late]
    before = set(h.allowed)
    h.deliver(arrived, as_of)
    if not h.says("original"):
        h.allowed = before  # lines of open periods explain nothing of closed ones


def play_own(h: History, as_of: dt.date, payouts: Payouts, calendar: Row) -> None:
    """An event of the history's own."""
    chosen: Callable[[History, dt.date, Payouts, Row], str] = h.dice.rng.choices(list(_EVENTS), list(_EVENTS.values()))[0]
    h.message.append(f"{chosen.__name__.strip('_')}: {chosen(h, as_of, payouts, calendar)}")


def _late(h: History, as_of: dt.date, payouts: Payouts, calendar: Row) -> str:
    count = h.dice.rng.randint(1, 4)
    rows, h.held = h.held[:count], h.held[count:]
    h.deliver(rows, as_of)
    return f"{len(rows)} lines"


def _return_goods(h: History, as_of: dt.date, payouts: Payouts, calendar: Row) -> str:
    originals = [row for row in h.delivered.values() if row["date"] <= as_of and row["type"] == "sale" and row["amount"] > 0]
    rows = []
    for original in h.dice.some(originals, 1, 3):
        h.returns += 1
        back = _return(h.dice, original, f"{h.name}-H{h.returns:03}") | {"type": "return"}
        rows.append(back | {"date": min(back["date"], as_of)})
    h.deliver(rows, as_of)
    return f"{len(rows)} lines"


def _resend(h: History, as_of: dt.date, payouts: Payouts, calendar: Row) -> str:
    feed, rows = h.dice.pick(h.sent)
    h.files.append((feed, f"{h.name}-{len(h.files)}-again", rows))
    return feed


def _correct_lines(h: History, as_of: dt.date, payouts: Payouts, calendar: Row) -> str:
    rows = []
    for old in h.dice.some(list(h.delivered.values()), 1, 3):
        minor = MINOR_UNITS[old["currency"]]
        moved = min(old["date"] + dt.timedelta(days=h.dice.rng.randint(-70, 70)), as_of)
        change: dict[str, Any] = h.dice.pick([
            {"amount": h.dice.number(-100, 900, minor)}, {"amount": Decimal(0)}, {"date": moved},
            {"product_id": None}, {"partner_id": h.dice.pick(h.cluster.members)}, {"quantity": h.dice.number(0, 40, 0)}, {},
        ])  # fmt: skip
        rows.append(old | change)
    h.deliver(rows, as_of)
    h.allowed |= {"late", "return", "reference"}
    return f"{len(rows)} lines"


def _move_partner(h: History, as_of: dt.date, payouts: Payouts, calendar: Row) -> str:
    place = h.dice.rng.randrange(len(h.feeds["partners"]))
    change = h.dice.pick([{"region": "north"}, {"region": "south"}, {"kind": "dealer"}, {"kind": "chain"}, {"parent_id": None}, {"name": "renamed"}])
    row = h.feeds["partners"][place] | change
    h.feeds["partners"] = [*h.feeds["partners"][:place], row, *h.feeds["partners"][place + 1 :]]
    h.send("partners", [row])
    h.allowed.add("reference")
    return f"{row['partner_id']} {change}"


def _assign(h: History, as_of: dt.date, payouts: Payouts, calendar: Row) -> str:
    if not h.feeds["assignments"]:
        return _move_partner(h, as_of, payouts, calendar)
    place = h.dice.rng.randrange(len(h.feeds["assignments"]))
    old = h.feeds["assignments"][place]
    row = old | {"share": old["share"] * h.dice.pick([Decimal("0.5"), Decimal("0.1"), Decimal(0)])}
    row["share"] = row["share"].quantize(Decimal("0.000001"))
    h.feeds["assignments"] = [*h.feeds["assignments"][:place], row, *h.feeds["assignments"][place + 1 :]]
    h.send("assignments", [row])
    h.allowed.add("reference")
    return f"{row['partner_id']} {row['participant_id']} {row['share']}"


def _set_targets(h: History, as_of: dt.date, payouts: Payouts, calendar: Row) -> str:
    if not h.feeds["targets"]:
        return _measure(h, as_of, payouts, calendar)
    rows = [
        row | {"target": h.dice.pick([row["target"], h.dice.number(100, 5000, 0), None]), "baseline": h.dice.number(100, 3000, 2)}
        for row in h.dice.some(h.feeds["targets"], 1, 4)
    ]
    h.send("targets", rows)
    h.allowed.add("reference")
    return f"{len(rows)} rows"


def _measure(h: History, as_of: dt.date, payouts: Payouts, calendar: Row) -> str:
    if not h.feeds["metrics"]:
        return _late(h, as_of, payouts, calendar)
    rows = [row | {"value": h.dice.pick(METRIC_PLACES)} for row in h.dice.some(h.feeds["metrics"], 5, 20)]
    h.send("metrics", rows)
    h.allowed.add("reference")
    return f"{len(rows)} values"


def _amend_agreement(h: History, as_of: dt.date, payouts: Payouts, calendar: Row) -> str:
    """The next version that was drawn, or one drawn now; now and then the text itself is changed."""
    agreement = h.dice.pick(h.agreements())
    before = h.latest(agreement)
    number = before["version"] + 1
    drawn = [document for document in h.documents if (document["agreement"], document["version"]) == (agreement, number)]
    if drawn:
        h.written[agreement, number] = drawn[0]
    elif h.dice.chance(0.3):
        _scale(before, h.dice.pick([Decimal("0.5"), Decimal("1.1"), Decimal(2)]))
        h.written[agreement, before["version"]] = before
    else:
        version = copy.deepcopy(before) | {"version": number, "effective": h.dice.day(before["term"]["from"], before["term"]["to"])}
        version["amendment"] = h.dice.pick(["next_window", "restate", "restate"])
        if "combine" in version or h.dice.chance(0.5):
            _scale(version, h.dice.pick([Decimal("0.5"), Decimal("1.1"), Decimal(2)]))
        else:
            version["benefits"] = [benefit if "draw" in benefit else _amend(h.dice, benefit, version, calendar) for benefit in version["benefits"]]
        if isinstance(version["participants"], list) and version.get("pool") != "together" and h.dice.chance(0.3):
            version["participants"] = h.dice.some([*h.cluster.members, *h.cluster.reps], 1, 9)
        h.written[agreement, number] = version
    h.allowed |= {"amendment"} | ({"reference"} if h.is_crossed else set())
    return f"{agreement} to version {number}"


def _scale(document: Row, factor: Decimal) -> None:
    for benefit in document["benefits"]:
        for tier in benefit.get("tiers", []):
            if "rate" in tier:
                tier["rate"] = min(tier["rate"] * factor, Decimal(1)) if tier["rate"] <= 1 else tier["rate"]


def _pay(h: History, as_of: dt.date, payouts: Payouts, calendar: Row) -> str:
    """What is open, a part, too much, or something that was known before and is put right."""
    if h.payments and h.dice.chance(0.3):
        old = h.payments[h.dice.pick(sorted(h.payments))]
        row = old | h.dice.pick([{"amount": old["amount"] + 1}, {"amount": Decimal(0)}, {"paid_on": min(old["paid_on"] + dt.timedelta(days=33), as_of)}, {}])
        h.send("payments", [row])
        written = tuple(map(str, row.values()))
        if written in h.corrections:  # the same bytes as an earlier file load nothing, also when another came between
            return f"corrected {row['reference']} with the bytes of an earlier correction"
        h.corrections.add(written)
        h.payments[row["reference"]] = row
        return f"corrected {row['reference']}: {row['amount']} on {row['paid_on']}"
    rows = []
    approved = [line for line in h.batched if line["reference"] not in h.payments]
    if approved and h.dice.chance(0.85):
        for line in h.dice.some(approved, 1, 4):
            amount = h.dice.pick([line["pending_amount"], line["pending_amount"], line["pending_amount"] + 1])
            row = {**_subject(line), "amount": amount, "paid_on": as_of, "reference": line["reference"], "currency": line["currency"]}
            h.payments[row["reference"]] = row
            rows.append(row)
        h.send("payments", rows)
        return f"{len(rows)} lines of batches"
    for payout in h.dice.some([row for row in payouts if row["open_amount"]], 1, 3):
        amount = h.dice.pick([payout["open_amount"], payout["open_amount"], payout["open_amount"] - 1, payout["open_amount"] + 1, Decimal(5)])
        row = {
            **_subject(payout), "amount": amount, "paid_on": as_of - dt.timedelta(days=h.dice.pick([0, 0, 3, 40, 100, -10])),
            "reference": f"{h.name}-{len(h.payments) + 1:03}", "currency": h.dice.pick([None, payout["currency"]]),
        }  # fmt: skip
        h.payments[row["reference"]] = row
        rows.append(row)
    h.send("payments", rows)
    return f"{len(rows)} payments"


def _adjust(h: History, as_of: dt.date, payouts: Payouts, calendar: Row) -> str:
    """Something is added to payouts or taken off them."""
    rows = []
    for payout in h.dice.some(payouts, 1, 2):
        h.adjustments += 1
        moved = {"amount": h.dice.number(-40, 60, 0), "date": as_of - dt.timedelta(days=h.dice.pick([0, 3, 40])), "reason": "agreed", "by": "ann"}
        rows.append({"adjustment_id": f"{h.name}-A{h.adjustments:03}", **_subject(payout), **moved})
    h.send("adjustments", rows)
    return f"{len(rows)} adjustments"


def _collect(h: History, as_of: dt.date, payouts: Payouts, calendar: Row) -> str:
    """Customers pay lines, parts of them, or take it back."""
    rows = []
    for line in h.dice.some(list(h.delivered.values()), 3, 12):
        share = h.dice.pick([Decimal(1), Decimal(1), Decimal("0.5"), Decimal("0.333333"), Decimal("-0.5")])
        day = as_of - dt.timedelta(days=h.dice.pick([0, 1, 20, 90]))
        rows.append({"transaction_id": line["transaction_id"], "line": h.dice.pick([line["line"], None]), "collected_on": day, "share": share})
    h.send("collections", list({(row["transaction_id"], row["line"], row["collected_on"]): row for row in rows}.values()))
    return f"{len(rows)} lines"


def _dispute(h: History, as_of: dt.date, payouts: Payouts, calendar: Row) -> str:
    """A payout, a line of it, or a line alone is disputed, now and then for an amount; or an earlier dispute ends."""
    if h.disputes and h.dice.chance(0.3):
        old = h.disputes[h.dice.pick(sorted(h.disputes))]
        row = old | {"status": h.dice.pick(["accepted", "rejected", "withdrawn"]), "resolved_on": max(as_of, old["raised_on"])}
    else:
        line = h.dice.pick(list(h.delivered.values())) if h.delivered and h.dice.chance(0.5) else None
        payout = h.dice.pick(payouts) if payouts and (line is None or h.dice.chance(0.5)) else None
        if line is None and payout is None:
            return "nothing"
        day = as_of - dt.timedelta(days=h.dice.pick([0, 0, 10, 60, -5]))
        number = {"dispute_id": f"{h.name}-D{len(h.disputes) + 1:03}", "raised_on": day, "by": "ann", "reason": "not as agreed"}
        of_line = {"transaction_id": line and line["transaction_id"], "line": line and h.dice.pick([line["line"], None])}
        amount = h.dice.pick([None, Decimal(5), Decimal(100), Decimal(0)]) if payout else None
        subject = _subject(payout) if payout else dict.fromkeys(_SUBJECT)
        row = {**number, **subject, **of_line, "amount": amount, "status": "open", "resolved_on": None}
    h.disputes[row["dispute_id"]] = row
    h.send("disputes", [row])
    return f"{row['dispute_id']} is {row['status']}"


_SUBJECT = {"agreement": "agreement_id", "benefit": "benefit_id", "participant_id": "participant_id", "window_start": "window_start"}


def _subject(payout: Row) -> Row:
    """What a row of a feed names a payout by."""
    return {name: payout[column] for name, column in _SUBJECT.items()}


_EVENTS: dict[Callable[[History, dt.date, Payouts, Row], str], float] = {
    _late: 5, _return_goods: 4, _resend: 1, _correct_lines: 3, _move_partner: 1.5, _assign: 1, _set_targets: 1.5, _measure: 1, _amend_agreement: 2.5, _pay: 6,
    _adjust: 1.5, _collect: 2, _dispute: 2.5,
}  # fmt: skip
