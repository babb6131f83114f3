"""Which period may be closed or reopened next: the rules over the ledger's records and the book's calendar.

Belongs here: the order of closes, which are in force, and why a close is not allowed. Does not belong here: how a record is written
(models/records/chain.py), what a close freezes (assets/closing/close.py).

A period is closed when it is not later than the last close in force. Entries of a closed period that were not posted yet are posted in the
first open period.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Sequence
from typing import Any

from models.calendars import Period
from models.documents import InputError, Problem
from models.records.chain import Record
from models.unicode_form import composed

LONGEST = 500


class LedgerRuleViolation(Exception):
    """The ledger's rules do not allow it. The message says why and what to do; nothing was written."""


def closes_in_force(records: Sequence[Record]) -> list[Record]:
    """The closes in force: all that were not reopened, in order."""
    reopened = {(record.period, record.version) for record in records if record.kind == "reopen"}
    return [record for record in records if record.kind == "close" and (record.period, record.version) not in reopened]


def last_closed(records: Sequence[Record]) -> str | None:
    """The name of the last closed period; None when nothing is closed."""
    return max((record.period for record in closes_in_force(records)), default=None)


def is_closed(period: str, records: Sequence[Record]) -> bool:
    """Whether a period's entries are frozen."""
    last = last_closed(records)
    return last is not None and period <= last


def find_period(name: str, periods: Sequence[Period]) -> Period:
    """The period of that name. Raises InputError for a malformed name, or one that the calendar does not have."""
    found = next((period for period in periods if period.name == name), None)
    if found:
        return found
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}", name):
        message = f"{name!r} is not a period; a period is its fiscal year and number, such as {periods[0].name}"
    else:
        message = f"the book's calendar has no period {name}; it has {periods[0].name} to {periods[-1].name}"
    raise InputError([Problem("PERIOD", 0, "", message)])


def period_of(day: dt.date, periods: Sequence[Period]) -> Period:
    """The period that contains a day. Raises InputError when the calendar does not reach it."""
    for period in periods:
        if period.first_day <= day <= period.last_day:
            return period
    raise InputError([Problem("book.yaml", 0, "calendar", f"the calendar does not reach {day}; list the fiscal year that contains it")])


def posting_period(day: dt.date, periods: Sequence[Period], records: Sequence[Record]) -> Period:
    """The period in which an event of `day` is posted: its own, or the first open one where that is closed.

    Raises InputError when the calendar ends before an open period.
    """
    own = period_of(day, periods)
    for period in periods[periods.index(own) :]:
        if not is_closed(period.name, records):
            return period
    message = f"every period from {own.name} on is closed; list the first day of the next fiscal year"
    raise InputError([Problem("book.yaml", 0, "calendar.first_days", message)])


def plan_close(
    name: str, with_earlier: bool, as_of: dt.date, periods: Sequence[Period], records: Sequence[Record], open_periods: Collection[str]
) -> list[Period]:
    """The periods to close, in order; empty when the period is closed already. `open_periods`: the names of those with unposted entries.

    Raises LedgerRuleViolation for a period that has not ended by `as_of`, and for one with open periods before it (unless `with_earlier`).
    """
    if is_closed(name, records):
        return []
    period = find_period(name, periods)
    if period.last_day > as_of:
        raise LedgerRuleViolation(f"{name} ends on {period.last_day}, and the book is as of {as_of}. Close it when it has ended")
    earlier = [each for each in periods if each.name < name and each.name in open_periods and not is_closed(each.name, records)]
    if earlier and not with_earlier:
        named = earlier[0].name if len(earlier) == 1 else f"{earlier[0].name} to {earlier[-1].name}"
        message = f"{named} before {name} {'is' if len(earlier) == 1 else 'are'} still open"
        raise LedgerRuleViolation(f"{message}. Close {earlier[0].name} first, or all in order with --with-earlier")
    return [*earlier, period]


def plan_reopen(name: str, reason: str, by: str, approved_by: str, records: Sequence[Record]) -> dict[str, Any]:
    """Period, version, people and reason of the record of a reopening.

    Raises InputError for a blank name or reason or for the same person twice, LedgerRuleViolation for a period that is not the last closed one.
    """
    requested = clean_text("--by", by)
    approved = second_person(requested, approved_by, True, "reopening")
    cleaned = clean_text("--reason", reason)
    in_force = closes_in_force(records)
    if not in_force or name not in {record.period for record in in_force}:
        raise LedgerRuleViolation(f"{name} is not closed" + (f"; the last closed period is {in_force[-1].period}" if in_force else "; nothing is"))
    if in_force[-1].period != name:
        message = f"only the last closed period can be reopened, and that is {in_force[-1].period}"
        raise LedgerRuleViolation(f"{message}. What changes in {name} is posted in the first open period")
    return {"period": name, "version": in_force[-1].version, "reason": cleaned, "requested_by": requested, "approved_by": approved}


def second_person(by: str, approved_by: str | None, is_required: bool, what: str) -> str | None:
    """The cleaned name of who approved it, another person than `by`; None where nobody did and nobody has to.

    Raises InputError where nobody did although the book asks for it, and for the same person twice.
    """
    if approved_by is None:
        if is_required:
            message = f"the book has require_approval: true, so {what} takes two people; name the second"
            raise InputError([Problem("--approved-by", 0, "", message)])
        return None
    approved = clean_text("--approved-by", approved_by)
    if approved.casefold() == by.casefold():
        raise InputError([Problem("--approved-by", 0, "", f"{what} takes two people, and both are {by!r}")])
    return approved


def check_as_of(as_of: dt.date, records: Sequence[Record]) -> None:
    """Raises LedgerRuleViolation when the last record was written as of a later day: a run as of `as_of` does not see it, so no record may build on
    such a run."""
    known = max((record.as_of for record in records if record.as_of), default=as_of)
    if known > as_of:
        raise LedgerRuleViolation(f"the book is as of {as_of}, and its ledger was last written as of {known}. Set as_of in book.yaml to {known} or later")


def next_version(period: str, records: Sequence[Record]) -> int:
    """The version of the next close of a period."""
    return 1 + sum(record.kind == "close" and record.period == period for record in records)


def clean_text(option: str, text: str) -> str:
    """A name or reason that the ledger can hold. Raises InputError when it is blank, longer than LONGEST, or has control characters."""
    cleaned = composed(" ".join(text.split()))
    if not cleaned or not cleaned.isprintable() or len(cleaned) > LONGEST:
        raise InputError([Problem(option, 0, "", f"needs a name or reason of 1 to {LONGEST} characters that can be read later")])
    return cleaned
