"""Rules between agreements: versions of one agreement, combined groups, agreements that are net of others, and the shared calendar.

Belongs here: what one agreement alone cannot show. Does not belong here: rules within one agreement (rules.py).
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from itertools import groupby

from models.agreements.agreement_limits import limit_problems
from models.agreements.rules.amended_terms import from_date_problems
from models.agreements.rules.benefit_axes import axis_problems, find_path
from models.agreements.rules.draws import successor_problems
from models.agreements.schema import Agreement, Benefit, PriorBaseline, PriorYear
from models.agreements.versions import OwnedWindows, own_windows, periods_of, window_conflicts
from models.calendars import CalendarSettings, make_periods
from models.documents import Document, Path, Problem

Finding = tuple[int, Path, str]
#: Keys that may not change from one version to the next: money that is already booked would change its meaning.
IMMUTABLE_KEYS = ("currency", "direction", "pool", "payee")


def problems_between(sources: Sequence[tuple[Agreement, Document]], calendar: CalendarSettings, rejected_ids: Set[str] = frozenset()) -> list[Problem]:
    """Everything wrong between agreements. The sources are sorted by id and version. `rejected_ids`: ids of agreements that have errors of their own."""
    agreements = [agreement for agreement, _ in sources]
    duplicates = [*_duplicates(sources)]
    findings = [*duplicates, *_unlisted_years(agreements, calendar)]
    if not findings and agreements:
        # windows are computed only where they can conflict: they take as long as all other rules together
        can_clash = len({a.agreement for a in agreements}) < len(agreements) or any(a.combine.agreements for a in agreements)
        owned = own_windows(agreements, periods_of(calendar, agreements)) if can_clash else []
        findings += [*_versions(agreements, owned), *_groups(agreements), *_nets(agreements, owned, rejected_ids)]
        findings += successor_problems(agreements, rejected_ids)
    return [sources[i][1].problem(path, message) for i, path, message in findings]


def net_levels(agreements: Sequence[Agreement]) -> dict[str, int]:
    """The level of each id: 0 where nothing is taken off, otherwise one more than the highest level of those it is net of. Expects no cycles."""
    net_of = _net_of_ids(agreements)
    levels: dict[str, int] = {}

    def level(agreement_id: str) -> int:
        if agreement_id not in levels:
            levels[agreement_id] = 1 + max(map(level, net_of[agreement_id])) if net_of.get(agreement_id) else 0
        return levels[agreement_id]

    return {a.agreement: level(a.agreement) for a in agreements}


def needs_prior_year(benefit: Benefit) -> bool:
    """Whether the benefit needs the measure of the prior year."""
    return isinstance(benefit.baseline, PriorBaseline) or isinstance(benefit.target, PriorYear) or benefit.accrue.forecast == "seasonal"


def compares_as_today(benefit: Benefit) -> bool:
    """Whether its target or baseline of the prior year is credited by the hierarchy of the window's last day."""
    return any(isinstance(figure, PriorBaseline | PriorYear) and figure.hierarchy == "today" for figure in (benefit.baseline, benefit.target))


def _duplicates(sources: Sequence[tuple[Agreement, Document]]) -> Iterator[Finding]:
    first: dict[tuple[str, int], Document] = {}
    for i, (agreement, document) in enumerate(sources):
        key = (agreement.agreement, agreement.version)
        if key in first:
            first_place = f"{first[key].file}:{first[key].line_of(('agreement',))}"
            yield i, ("agreement",), f"{key[0]} version {key[1]} appears twice; the other is in {first_place}"
        first.setdefault(key, document)


def _unlisted_years(agreements: Sequence[Agreement], calendar: CalendarSettings) -> Iterator[Finding]:
    """Days in years that a week calendar does not list: the first day of a year cannot be guessed."""
    if calendar.kind == "gregorian":
        return
    periods = make_periods(calendar, dt.date.min, dt.date.min)
    first, last = periods[0].first_day, periods[-1].last_day
    second_year = next((p.first_day for p in periods if p.fiscal_year > periods[0].fiscal_year), last)
    for i, agreement in enumerate(agreements):
        for key, day in (("from", agreement.term.from_), ("to", agreement.term.to)):
            if not first <= day <= last:
                yield i, ("term", key), f"{day} lies outside the years that calendar.first_days in book.yaml lists ({first} to {last}); list its year there"
        if any(map(needs_prior_year, agreement.benefits)) and agreement.term.from_ < second_year:
            yield (
                i,
                ("term", "from"),
                f"the year before {agreement.term.from_} is needed; list its first day in calendar.first_days of book.yaml",
            )


def _versions(agreements: Sequence[Agreement], owned: Sequence[OwnedWindows]) -> Iterator[Finding]:
    first = 0
    for _, group in groupby(agreements, key=lambda a: a.agreement):
        versions = list(group)
        yield from ((first + i, path, message) for i, path, message in (*limit_problems(versions), *axis_problems(versions)))
        if len(versions) > 1:
            yield from _version_findings(first, versions, owned[first : first + len(versions)])
        first += len(versions)


def _version_findings(first: int, versions: list[Agreement], owned: Sequence[OwnedWindows]) -> Iterator[Finding]:
    """`first`: the index of the first version among all agreements."""
    for i, version in enumerate(versions[1:], 1):
        if version.effective is None:
            yield first + i, ("version",), "an amendment needs the day from which it applies: effective: 2026-04-01"
        for key in IMMUTABLE_KEYS:
            if getattr(version, key) != getattr(versions[0], key):
                yield (
                    first + i,
                    (key,),
                    f"{key} was {getattr(versions[0], key)} in version {versions[0].version} and cannot change; make it another agreement",
                )
    yield from _term_windows(first, versions)
    yield from ((first + i, path, message) for i, path, message in from_date_problems(versions, owned))
    for i, benefit_id, message in window_conflicts(versions, owned):
        position = next((n for n, b in enumerate(versions[i].benefits) if b.id == benefit_id), 0)
        yield first + i, ("benefits", position, "id"), message


def _term_windows(first: int, versions: Sequence[Agreement]) -> Iterator[Finding]:
    """Windows that count from the term do so from one day in all versions."""
    for i, version in enumerate(versions[1:], 1):
        if bool(version.windows) != bool(versions[0].windows):
            yield (
                first + i,
                ("windows",),
                f"must be the same in all versions; version {versions[0].version} has {'{from: term}' if versions[0].windows else 'none'}",
            )
        elif version.windows and version.term.from_ != versions[0].term.from_:
            yield (
                first + i,
                ("term", "from"),
                f"was {versions[0].term.from_} in version {versions[0].version}; with windows: {{from: term}} all versions keep it, as windows count from it",
            )


def _groups(agreements: Sequence[Agreement]) -> Iterator[Finding]:
    """Agreements of one group must have the same rule, and for `best` the same currency and windows."""
    groups: dict[str, list[int]] = defaultdict(list)
    for i, agreement in enumerate(agreements):
        if agreement.combine.group:
            groups[agreement.combine.group].append(i)
    for group, members in groups.items():
        first = agreements[members[0]]
        for i in members[1:]:
            agreement = agreements[i]
            if agreement.combine.rule != first.combine.rule:
                yield i, ("combine", "rule"), f"group {group} has rule {first.combine.rule} in {first.agreement}; a group has one rule"
            elif agreement.combine.rule == "best" and agreement.currency != first.currency:
                yield i, ("currency",), f"group {group} is in {first.currency} in {first.agreement}; only payouts of one currency can be compared"
        if first.combine.rule == "best":
            yield from _windows_of_best(agreements, group, members)


def _windows_of_best(agreements: Sequence[Agreement], group: str, members: list[int]) -> Iterator[Finding]:
    first = agreements[members[0]]
    kind = first.benefits[0].window
    for i in members:
        for n, benefit in enumerate(agreements[i].benefits):
            if benefit.window != kind:
                yield (
                    i,
                    ("benefits", n, "window"),
                    f"group {group} has windows of a {kind} in {first.agreement}; only payouts of one window can be compared",
                )
        if bool(agreements[i].windows) != bool(first.windows) or (first.windows and agreements[i].term.from_ != first.term.from_):
            yield (
                i,
                ("windows",),
                f"group {group} has windows in {first.agreement} that begin on other days; only payouts of one window can be compared",
            )
        if kind == "term" and agreements[i].term != first.term:
            yield i, ("term",), f"group {group} has another term in {first.agreement}; with window: term the terms must be the same"


def _net_of_ids(agreements: Sequence[Agreement]) -> dict[str, set[str]]:
    """For each id: the ids whose payouts are taken off, in any version."""
    net_of: dict[str, set[str]] = defaultdict(set)
    for agreement in agreements:
        net_of[agreement.agreement] |= set(agreement.combine.agreements or ())
    return net_of


def _nets(agreements: Sequence[Agreement], owned: Sequence[OwnedWindows], rejected_ids: Set[str]) -> Iterator[Finding]:
    """With net_of, the other agreements must exist and have the same currency, form no cycle, and have windows that end no later."""
    net_of = _net_of_ids(agreements)
    if not any(net_of.values()):
        return
    by_id: dict[str, list[int]] = defaultdict(list)
    for i, agreement in enumerate(agreements):
        by_id[agreement.agreement].append(i)
    for i, agreement in enumerate(agreements):
        for n, other in enumerate(agreement.combine.agreements or ()):
            path = ("combine", "agreements", n)
            if other not in by_id:
                if other not in rejected_ids:
                    similar = difflib.get_close_matches(other, by_id, 1)
                    yield i, path, f"there is no agreement {other} in this book" + (f"; did you mean {similar[0]}?" if similar else "")
            elif cycle := find_path(net_of, other, agreement.agreement):
                yield i, path, f"a cycle: {' is net of '.join([agreement.agreement, *cycle])}"
            elif agreements[by_id[other][0]].currency != agreement.currency:
                yield i, path, f"{other} is in {agreements[by_id[other][0]].currency}; only payouts in {agreement.currency} can be taken off"
            elif late := _ends_later([owned[j] for j in by_id[other]], owned[i]):
                yield i, path, f"{other} {late}; what it pays on a line must be known when this agreement is settled"


def _ends_later(others: list[OwnedWindows], own: OwnedWindows) -> str:
    windows = [w for listed in own.values() for w in listed]
    for other in (w for owned in others for listed in owned.values() for w in listed):
        for window in windows:
            if other.window_start <= window.window_end < other.window_end and window.window_start <= other.window_end:
                return f"has a window that ends on {other.window_end}, after one that ends here on {window.window_end}"
    return ""
