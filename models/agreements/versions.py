"""Versions of an agreement: which windows each version owns, and in which days of a window each version's terms hold.

Belongs here: amendments. Does not belong here: what a window measures or pays, what versions must have in common (amended_terms.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, pairwise

from models.agreements.schema import Agreement, Benefit, Trailing, over_of
from models.calendars import ONE_DAY, PERIODS_IN, CalendarSettings, Period, Window, fiscal_block, make_periods, make_windows
from models.slots import Slot, block_of, cut_slots, months_after

#: The windows of each benefit of one version, by benefit id.
OwnedWindows = dict[str, list[Window]]
A_YEAR = dt.timedelta(days=366)


@dataclass(frozen=True)
class Part:
    """The days of a window's span, both included, in which the terms of one version hold; `version` is its index among the agreement's versions."""

    version: int
    first_day: dt.date
    last_day: dt.date


def periods_of(calendar: CalendarSettings, agreements: Sequence[Agreement], *days: dt.date) -> list[Period]:
    """The periods that the agreements and `days` need.

    They begin two years before the first term, or as many as a measure looks back, for lines of years before, and end a year after the last day of any
    term, for differences posted later.
    """
    first = min([a.term.from_ for a in agreements] or days)
    trailing = max((over.trailing for a in agreements for b in a.benefits if isinstance(over := over_of(b), Trailing)), default=0)
    last = max([a.term.to for a in agreements] or days)
    return make_periods(calendar, min([first.replace(year=first.year - max(2, 1 + trailing // 12), day=1), *days]), max([last, *days]) + A_YEAR)


def slots_of(periods: Sequence[Period], agreements: Sequence[Agreement]) -> list[Slot]:
    """The periods, cut where terms change within a window, where windows begin that count from a term, and years before them that a measure sees."""
    cuts = {effective_from(agreement) for agreement in agreements if agreement.amendment == "from_date"}
    for agreement in agreements:
        if agreement.windows is None:
            continue
        first, last = agreement.term.from_, agreement.term.to
        counted: set[dt.date] = set()
        for length in {PERIODS_IN[b.window] for b in agreement.benefits if b.window != "term"}:
            counted |= {months_after(first, n) for n in range(0, 12 * (last.year - first.year + 1), length)}
        if any(over_of(b) == "prior_year" for b in agreement.benefits):
            counted |= {months_after(first, n) for n in range(-12, 12 * (last.year - first.year + 1), 12)}
        counted -= {day for day in counted if day > last}
        cuts |= counted
    return cut_slots(periods, cuts)


def block_of_agreement(agreement: Agreement, periods: Sequence[Period], kind: str, day: dt.date) -> tuple[dt.date, dt.date]:
    """First and last day of the month, quarter, half-year or year that holds a day, as the agreement counts them."""
    return block_of(kind, agreement.term.from_, day) if agreement.windows else fiscal_block(kind, periods, day)


def own_windows(agreements: Sequence[Agreement], periods: Sequence[Period], slots: Sequence[Slot] | None = None) -> list[OwnedWindows]:
    """The windows over the whole term that each version owns, in the order given (sorted by id and version).

    A version owns the windows that start on or after its `effective` day (restate, from_date: that end on or after it), unless a higher version does.
    """
    owned: list[OwnedWindows] = []
    firsts = [each.first_day for each in slots or periods]
    for _, versions in groupby(agreements, key=lambda a: a.agreement):
        listed = list(versions)
        for i, version in enumerate(listed):
            owned.append({b.id: [w for w in _windows(version, b, periods, firsts) if _owner(listed, b.id, w) == i] for b in version.benefits})
    return owned


def window_parts(versions: Sequence[Agreement], benefit_id: str, window: Window) -> list[Part]:
    """The days of the window's span by the version whose terms hold in them, of versions that have the benefit, in order.

    One version holds for all days, unless a later one takes effect within the span with `amendment: from_date`.
    """
    found = _parts(versions, window, window.span_start, window.window_end)
    return [part for part in found if any(b.id == benefit_id for b in versions[part.version].benefits)]


def _parts(versions: Sequence[Agreement], window: Window, first: dt.date, last: dt.date) -> list[Part]:
    holding = [i for i, version in enumerate(versions) if _holds(version, window)]
    if not holding or first > last:
        return []
    number = holding[-1]
    begins = effective_from(versions[number])
    if versions[number].amendment != "from_date" or begins <= first:
        return [Part(number, first, last)]
    before = _parts(versions[:number], window, first, min(begins - ONE_DAY, last))
    return [*before, Part(number, begins, last)] if begins <= last else before


def _owner(versions: Sequence[Agreement], benefit_id: str, window: Window) -> int | None:
    """The index of the version that a window of a benefit belongs to: the last that holds in it and has the benefit."""
    parts = window_parts(versions, benefit_id, window)
    return parts[-1].version if parts else None


def effective_from(agreement: Agreement) -> dt.date:
    return agreement.effective or agreement.term.from_


def window_conflicts(versions: Sequence[Agreement], owned: Sequence[OwnedWindows]) -> Iterator[tuple[int, str, str]]:
    """Where the windows of a benefit overlap or leave a gap between versions: (index of the later version, benefit id, message)."""
    for benefit_id in dict.fromkeys(b for windows in owned for b in windows):
        placed = [(window, i) for i, windows in enumerate(owned) for window in windows.get(benefit_id, [])]
        placed.sort(key=lambda each: each[0].window_start)
        for (window, i), (following, j) in pairwise(placed):
            message = (
                f"version {versions[i].version} ends a window on {window.window_end}, version {versions[j].version} begins one on {following.window_start}"
            )
            if i != j and following.window_start <= window.window_end:
                yield max(i, j), benefit_id, f"{message}: days would be paid twice; let it take effect where a window begins in both versions"
            elif i != j and _is_lost(versions, benefit_id, window.window_end + ONE_DAY, following.window_start):
                yield max(i, j), benefit_id, f"{message}: the days between would be lost; let it take effect where a window begins in both versions"


def _is_lost(versions: Sequence[Agreement], benefit_id: str, first: dt.date, end: dt.date) -> bool:
    """Whether a version in force on any day of [first, end) has the benefit."""
    changes = [first, *(effective_from(v) for v in versions if first < effective_from(v) < end)]
    for day in changes if first < end else []:
        in_force = max((v for v in versions if effective_from(v) <= day), key=lambda v: v.version, default=versions[0])
        if any(b.id == benefit_id for b in in_force.benefits) and in_force.term.from_ <= day <= in_force.term.to:
            return True
    return False


def _windows(agreement: Agreement, benefit: Benefit, periods: Sequence[Period], firsts: Sequence[dt.date]) -> list[Window]:
    block, term = partial(block_of_agreement, agreement, periods), agreement.term
    return make_windows(benefit.window, benefit.accumulate, term.from_, term.to, term.to, block, firsts)


def _holds(version: Agreement, window: Window) -> bool:
    """Whether a window, of this or of a lower version, belongs to this version by its `effective` day."""
    decisive = window.window_start if version.amendment == "next_window" else window.window_end
    return decisive >= effective_from(version)
