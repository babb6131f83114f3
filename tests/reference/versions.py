"""Amendments: which version of an agreement owns which window of a benefit."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

from tests.reference.calendar import DAY, Calendar, Range, Window, counting, windows
from tests.reference.read import Refused, Row


def by_agreement(documents: Iterable[Row]) -> dict[str, list[Row]]:
    """The versions of every agreement, lowest first."""
    found: dict[str, list[Row]] = defaultdict(list)
    for document in documents:
        found[str(document["agreement"])].append(document)
    for name, versions in found.items():
        versions.sort(key=number)
        if len({number(v) for v in versions}) < len(versions):
            raise Refused(f"{name}: a version twice")
        kept = {(v["currency"], v.get("direction", "payable"), v.get("pool", "each"), v.get("payee")) for v in versions}
        if len(kept) > 1:
            raise Refused(f"{name}: versions differ in currency, direction, pool or payee")
    return dict(found)


def number(agreement: Row) -> int:
    return int(agreement.get("version", 1))


def effective(agreement: Row) -> dt.date:
    day: dt.date = agreement.get("effective", agreement["term"]["from"])
    return day


def term(agreement: Row) -> tuple[dt.date, dt.date]:
    return agreement["term"]["from"], agreement["term"]["to"]


def owned_windows(versions: list[Row], benefit_id: str, calendar: Calendar) -> list[tuple[Row, Row, Window]]:
    """(version, benefit, window) of one benefit id, in order of the windows, begun or not."""
    if any(version.get("amendment") == "from_date" for version in versions):
        return _owned_by_day(versions, benefit_id, calendar)
    found: list[tuple[Row, Row, Window]] = []
    taken_from: dt.date | None = None  # the first window of a higher version: from there on lower ones own nothing
    higher: list[Row] = []  # higher versions that own none, because they dropped the benefit
    for version in reversed(versions):
        benefit = next((b for b in version["benefits"] if str(b["id"]) == benefit_id), None)
        if benefit is None:
            higher.append(version)
            continue
        mine = [
            (version, benefit, w)
            for w in windows(benefit["window"], benefit.get("accumulate", "window"), term(version), dt.date.max, counting(version, calendar))
            if _reaches(version, w) and (taken_from is None or w.start < taken_from) and not any(_reaches(h, w) for h in higher)
        ]
        if mine:
            taken_from = min(w.start for _, _, w in mine)
            found += mine
    return _in_order(versions, benefit_id, found)


def _in_order(versions: list[Row], benefit_id: str, found: list[tuple[Row, Row, Window]]) -> list[tuple[Row, Row, Window]]:
    found.sort(key=lambda item: item[2].start)
    for (_, _, before), (_, _, after) in pairwise(found):
        if before.end + DAY != after.start:
            raise Refused(f"{versions[0]['agreement']} {benefit_id}: windows of versions overlap or leave a gap at {after.start}")
    return found


def _owned_by_day(versions: list[Row], benefit_id: str, calendar: Calendar) -> list[tuple[Row, Row, Window]]:
    """Where terms hold from a day on: a window belongs to the version whose terms hold last in it."""
    found = []
    for version in versions:
        benefit = benefit_of(version, benefit_id)
        if benefit is not None:
            for w in windows(benefit["window"], benefit.get("accumulate", "window"), term(version), dt.date.max, counting(version, calendar)):
                parts = parts_of(versions, benefit_id, w)
                if parts and parts[-1][0] is version:
                    found.append((version, benefit, w))
    return _in_order(versions, benefit_id, found)


def parts_of(versions: list[Row], benefit_id: str, window: Window) -> list[tuple[Row, Range]]:
    """The days of the window's span, by the version whose terms hold on them, as far as it has the benefit.

    Each version is painted over those below it: from its day on, or, where it rules whole windows, over all days.
    """
    painted: list[tuple[Row, dt.date]] = []  # the first day of each
    for version in versions:
        if _reaches(version, window):
            first = max(effective(version), window.span_start) if version.get("amendment") == "from_date" else window.span_start
            painted = [(other, start) for other, start in painted if start < first] + [(version, first)]
    ends = [*(start - DAY for _, start in painted[1:]), window.end]
    return [(version, (first, end)) for (version, first), end in zip(painted, ends, strict=True) if benefit_of(version, benefit_id) is not None]


def benefit_of(version: Row, benefit_id: str) -> Row | None:
    return next((b for b in version["benefits"] if str(b["id"]) == benefit_id), None)


def _reaches(version: Row, window: Window) -> bool:
    """Whether a window is late enough for the version's `effective`."""
    waits = version.get("amendment", "next_window") == "next_window"
    return (window.start if waits else window.end) >= effective(version)
