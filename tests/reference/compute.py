"""Every window of every benefit and participant: figures, blocked or paid, clawbacks, the path of the accrual, and the lines of the payout."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial

from tests.reference.amended import amended, cuts_of
from tests.reference.axes import all_axes
from tests.reference.calendar import Window, calendar_of, periods
from tests.reference.combine import Outcome, check_groups, check_net_of, in_order, keep_best, lost_lines, rule_of
from tests.reference.credit import Credit, Credits
from tests.reference.draws import Balances, earliest_first, first_agreements, pay_draws
from tests.reference.earning import accrued, at_the_end, earn, rounded
from tests.reference.language import refuse_unknown
from tests.reference.others import Others, figures_of, in_turn, looked_at
from tests.reference.placed import part_of_pool
from tests.reference.position import BenefitLines, Feeds, Position, References, curve_axis, pays_lines
from tests.reference.read import UNIT, Book, NotCovered, Refused, Row
from tests.reference.releases import Release, release
from tests.reference.shares import blocked_rows, line_rows
from tests.reference.sum_limits import limit_sums
from tests.reference.versions import benefit_of, by_agreement, number, owned_windows, parts_of

__all__ = ["AccrualKey", "NotCovered", "PayoutKey", "Refused", "Results", "compute"]

PayoutKey = tuple[str, str, str, dt.date]  # agreement, benefit, participant, window start
AccrualKey = tuple[str, str, str, dt.date, str]  # … and period
Views = dict[dt.date, dict[str, Position]]  # every participant's position on every day
ZERO = Fraction(0)


@dataclass
class Results:
    """payouts: one row per agreement × benefit × participant × window; accruals: accrued to date per period of it, in the placement it accrues with;
    lines: of every payout that is not blocked, one row per line × tier in order (file and row are None where no line carries it); releases: the parts of every
    payout; projected: what an open window would pay at its end, where nothing but its own benefit decides it."""

    payouts: dict[PayoutKey, Row] = field(default_factory=dict)
    accruals: dict[AccrualKey, Fraction] = field(default_factory=dict)
    lines: dict[PayoutKey, list[Row]] = field(default_factory=dict)
    releases: dict[PayoutKey, list[Release]] = field(default_factory=dict)
    projected: dict[PayoutKey, Fraction] = field(default_factory=dict)


@dataclass
class _State:
    """What one participant carries from window to window of a benefit."""

    span: dt.date | None = None
    before: Fraction = ZERO  # what the span's earlier windows earned
    references: References | None = None  # target and baseline of the span's window before


def compute(book: Book) -> Results:
    """Every payout, accrual and payout line of the book as of its `as_of`. Raises NotCovered, Refused."""
    for document in book.agreements:
        refuse_unknown(document)
    check_groups(book.agreements)
    run = _Run(book)
    results = Results()
    for names in in_order(run.agreements):
        outcomes = [outcome for name in earliest_first(names, run.agreements) for outcome in run.outcomes(name)]
        keep_best(outcomes)
        for outcome in outcomes:
            key = (outcome.agreement, str(outcome.case.benefit["id"]), outcome.participant, outcome.window.start)
            results.payouts[key] = outcome.row
            if outcome.projected is not None:
                results.projected[key] = outcome.projected
            results.accruals |= {(*key, period): value for period, value in outcome.accruals.items()}
            of = outcome.case, outcome.window, outcome.participant
            if outcome.blocked:
                results.lines[key] = blocked_rows(*of, book.as_of)
            else:
                results.lines[key] = found = line_rows(*of, outcome.position, outcome.row, book.as_of, book.settings)
                for line in found:
                    if line["order"] is not None:
                        run.paid[outcome.agreement][line["order"]] += int(line["line_payout"] * UNIT)
        results.releases |= release(outcomes, results.lines, book, run.calendar, run.credits)
    return results


class _Run:
    """The parts of one calculation that agreements share."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.credits = Credits(book)
        self.feeds = Feeds(book)
        self.others = Others()
        self.calendar = calendar_of(book.settings)
        self.agreements = by_agreement(book.agreements)
        self.balances: Balances = {}
        self.paid: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))  # agreement: line: what it pays on it, in 10^-12
        self.owned = {name: self._owned(name) for name in self.agreements}
        self.lost = lost_lines(book.agreements, lambda version: self._credits(version), self._windows_of)

    def _owned(self, name: str) -> dict[str, list[tuple[Row, Row, Window]]]:
        ids = dict.fromkeys(str(b["id"]) for version in self.agreements[name] for b in version["benefits"])
        return {benefit: owned_windows(self.agreements[name], benefit, self.calendar) for benefit in ids}

    def _windows_of(self, version: Row) -> list[Window]:
        return [w for owned in self.owned[str(version["agreement"])].values() for owner, _, w in owned if owner is version]

    def _credits(self, version: Row, held_on: dt.date | None = None) -> dict[str, list[Credit]]:
        paid: dict[int, int] = defaultdict(int)
        if rule_of(version) == "net_of":
            for name in dict.fromkeys(map(str, version["combine"]["agreements"])):
                others = self.agreements[name]
                check_net_of(version, others, self._windows_of(version), [w for other in others for w in self._windows_of(other)])
                for order, amount in self.paid[name].items():
                    paid[order] += amount
        return self.credits.of(version, paid, held_on)

    def _held_on(self, version: Row, day: dt.date) -> dict[str, list[Credit]]:
        """The lines as they are credited by the hierarchy of a day, or of as_of before it."""
        return self._credits(version, min(day, self.book.as_of))

    def outcomes(self, name: str) -> list[Outcome]:
        """Every result of one agreement, before others of its group are looked at."""
        credits = {number(version): self._credits(version) for version in self.agreements[name]}
        found_of: dict[str, list[Outcome]] = {}
        for benefit_id in in_turn(self.agreements[name]):
            owned, found = self.owned[name][benefit_id], found_of.setdefault(benefit_id, [])
            cases: dict[int, BenefitLines] = {}
            states: dict[str, _State] = defaultdict(_State)
            for version, _, window in owned:
                if window.start > self.book.as_of:
                    continue
                parts = parts_of(self.agreements[name], benefit_id, window)
                for each in (version, *(part for part, _ in parts)):
                    n, own = number(each), benefit_of(each, benefit_id)
                    if n not in cases and own is not None:
                        cases[n] = BenefitLines(each, own, credits[n], self.lost.get(name, set()), self.feeds, self.calendar, self.credits.parties)
                        cases[n].held_on = partial(self._held_on, each)
                is_whole = [days for _, days in parts] == [(window.span_start, window.end)]
                case = cases[number(version)] if is_whole else amended([(cases[number(part)], days) for part, days in parts])
                found += self._window(case, window, states)
        found = [outcome for benefit_id in self.owned[name] for outcome in found_of[benefit_id]]
        limit_sums(found, self.agreements[name], self.calendar, self.book.as_of)
        self._settle(name, found)
        pay_draws(found, self.agreements[name], first_agreements(self.book.agreements), self.balances, self.book.settings)
        for outcome in found:  # what came before the opening has no row
            if (opens := outcome.case.opens(outcome.participant, outcome.window)) is not None:
                begun = [period for period, last in periods(outcome.window, self.book.as_of, self.calendar) if last < opens]
                outcome.accruals = {period: value for period, value in outcome.accruals.items() if period not in begun}
        return found

    def _settle(self, name: str, outcomes: list[Outcome]) -> None:
        """What each window pays, and what stays to be set off. The outcomes of a benefit are in order of their windows."""
        last_of_span = {(benefit, w.span_start): w.start for benefit, owned in self.owned[name].items() for _, _, w in owned}
        owed: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
        for outcome in outcomes:
            case, window, benefit = outcome.case, outcome.window, str(outcome.case.benefit["id"])
            before = owed[benefit, outcome.participant] + case.opening(outcome.participant, window, "carried")
            for period, difference in outcome.differences.items():
                outcome.accruals[period] = ZERO if difference is None or outcome.blocked else _pays(case, difference, before)[0]
            left = before
            if outcome.projected is not None:
                outcome.projected = _pays(case, outcome.projected, before)[0]
            if outcome.difference is not None:
                outcome.row["payout"], left = _pays(case, outcome.difference, before)
            if _clawback(case) == "none" and last_of_span[benefit, window.span_start] == window.start:  # what is left is forgiven
                left = ZERO
            outcome.row["carried"] = owed[benefit, outcome.participant] = left

    def _window(self, case: BenefitLines, window: Window, states: dict[str, _State]) -> list[Outcome]:
        """The results of one window, for all participants of the version that owns it."""
        path = periods(window, self.book.as_of, self.calendar)
        views = {last: self._positions("actual", case, window, last) for _, last in path}
        to_date = self._targets_to_date(case, window, states, [last for _, last in path if last < window.end])
        accruing = views | (to_date if case.benefit.get("accrue", {}).get("placement", "actual") == "actual" else {})
        self._show(case, window, views, to_date)
        found = []
        for participant in case.present(window, self.book.as_of):
            own = case.own_window(participant, window)
            position = views[path[-1][1]][participant]
            state = states[participant]
            if window.span_start != state.span:
                state.span, state.before = window.span_start, ZERO
            state.references = case.references(participant, window)
            outcome = Outcome(case, own, participant, position, self._row(case, window, position, state))
            for period, last in path:
                accrues = accruing[last][participant]
                is_blocked = position.reason or accrues.reason
                earned = None if is_blocked else self._part(case, own, participant, accrues, last, accrued(case, own, participant, accrues, last))
                outcome.differences[period] = None if earned is None else earned - state.before
            if not position.reason and path[-1][1] < window.end and _decides_alone(case):
                end = at_the_end(case, own, participant, position, path[-1][1])
                earned = self._part(case, own, participant, end, path[-1][1], earn(case.benefit, own, end).limited)
                outcome.projected = earned - state.before
            if not position.reason:
                outcome.difference = self._earn(case, own, participant, path[-1][1], position, state, outcome.row)
            found.append(outcome)
        return found

    def _positions(
        self, view: str, case: BenefitLines, window: Window, last: dt.date, before: dict[str, References] | None = None
    ) -> dict[str, Position]:  # fmt: skip
        """Every participant's position, with its places on the axes that look at other benefits."""
        found = case.positions(window, last, self.book.as_of, before)
        for participant, position in found.items() if case.in_parts else ():
            position.cuts, reason = cuts_of(case, participant, window, last, before or {})
            position.reason = position.reason or reason
        for participant, position in found.items():
            self.others.place(view, case, participant, window.span_start, window.end, last, position)
        return found

    def is_seen(self, case: BenefitLines) -> bool:
        """Whether another benefit looks at this one."""
        versions = self.agreements[str(case.agreement["agreement"])]
        return any(str(case.benefit["id"]) in looked_at(benefit) for version in versions for benefit in version["benefits"])

    def _show(self, case: BenefitLines, window: Window, views: Views, to_date: Views) -> None:
        """The figures that other benefits may look at."""
        if not self.is_seen(case):
            return
        for last, positions in views.items():
            for participant, s in positions.items():
                key = (str(case.agreement["agreement"]), str(case.benefit["id"]), participant, window.end, last)
                is_open = last < window.end and not s.reason
                seen = {
                    "actual": s,
                    "ahead": at_the_end(case, case.own_window(participant, window), participant, s, last) if is_open else s,
                    "to date": to_date[last][participant] if is_open else s,
                }
                for view, position in seen.items():
                    result = None if position.reason else earn(case.benefit, case.own_window(participant, window), position)
                    figures = None if result is None else figures_of(position, result.tier, self._rounded(case, result.limited))
                    self.others.add(view, key, figures)

    def _targets_to_date(self, case: BenefitLines, window: Window, states: dict[str, _State], days: list[dt.date]) -> Views:
        """While a window is open, what accrues with placement actual looks at target and baseline to date."""
        if not self.is_seen(case) and case.benefit.get("accrue", {}).get("placement", "actual") != "actual":
            return {}
        earlier = {p: states[p].references for p in case.present(window, self.book.as_of) if states[p].span == window.span_start}
        before = {participant: references for participant, references in earlier.items() if references is not None}
        return {last: self._positions("to date", case, window, last, before) for last in days}

    def _part(self, case: BenefitLines, window: Window, participant: str, s: Position, last: dt.date, amount: Fraction) -> Fraction:
        """What a participant has of an amount, rounded; a member of a placed pool its part."""
        if case.payee is None:
            return self._rounded(case, amount)
        return part_of_pool(case, window, participant, s, last, lambda part: self._rounded(case, amount * part))

    def _row(self, case: BenefitLines, window: Window, s: Position, state: _State) -> Row:
        """A row that is blocked, or not yet paid."""
        m, e, q = s.own or (s.m, s.e, s.q)
        e = s.e if case.base_kind == "increment" else e
        status = "blocked" if s.reason else "final" if window.end <= self.book.as_of else "open"
        return {
            "status": status, "status_reason": s.reason, "agreement_version": number(case.agreement), "window_end": window.end,
            "span_start": window.span_start, "measure": m, "base": e, "quantity": q, "target": s.t, "baseline": s.b, "incentive": s.k,
            "pool_measure": s.m if s.own else None, "axis_value": None, "tier": 0, "curve_payout": ZERO, "multiplier": Fraction(1),
            "gate_factor": Fraction(1), "earned": ZERO, "prior_earned": state.before, "carried": ZERO, "payout": ZERO,
        }  # fmt: skip

    def _earn(self, case: BenefitLines, window: Window, participant: str, last: dt.date, s: Position, state: _State, row: Row) -> Fraction:
        """Fills in what the span has earned, and returns what the window adds to it."""
        result = earn(case.benefit, window, s)
        before, state.before = state.before, self._part(case, window, participant, s, last, result.limited)
        axis = curve_axis(case.benefit)  # groups have places of their own
        row |= {
            "axis_value": s.x[axis] if s.groups is None or axis[0] not in ("measure", "ratio") else None,
            "tier": result.tier, "curve_payout": result.curve, "multiplier": result.multiplier, "gate_factor": result.gate,
            "earned": state.before, "exact": result.limited, "is_limited": result.is_limited,
        }  # fmt: skip
        return state.before - before

    def _rounded(self, case: BenefitLines, amount: Fraction) -> Fraction:
        return rounded(amount, case.agreement["currency"], self.book.settings)


def _decides_alone(case: BenefitLines) -> bool:
    """Whether what a window would pay follows from its own measure: not from other benefits or agreements, nor from lines that are paid one by one."""
    looks = any(axis[0] in ("benefit", "score") for axis in all_axes(case.benefit))
    of_lines = case.each or pays_lines(case.benefit) or case.payee is not None
    return not (looks or of_lines or "limits" in case.agreement or rule_of(case.agreement) == "best" or {"draw", "manual"} & set(case.benefit))


def _pays(case: BenefitLines, difference: Fraction, owed: Fraction) -> tuple[Fraction, Fraction]:
    """What is paid of what the window adds, and what stays to be set off."""
    if _clawback(case) == "pay":
        return difference - owed, ZERO
    return max(difference - owed, ZERO), max(owed - difference, ZERO)


def _clawback(case: BenefitLines) -> str:
    rule: str = case.benefit.get("settle", {}).get("clawback", "carry")
    return rule
