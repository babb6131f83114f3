"""The position of every participant of a benefit on a day: measure, base, quantity, references, places on the axes, or why they are missing."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from tests.reference.axes import OWN, Axis, all_axes, axes_in_order, axis_of, axis_value, curve_axes, forms, needs, percentile, rank
from tests.reference.calendar import DAY, MONTHS, Calendar, Range, Window, counting, days_within
from tests.reference.credit import Credit, Line, in_scopes
from tests.reference.curve import Inputs
from tests.reference.parties import Parties
from tests.reference.read import UNIT, Book, Refused, Row
from tests.reference.series import MISSING, Series, Sum, Values, group_of

ZERO = Fraction(0)
#: All members of a placed pool, among the participants of its credits.
POOL = ""


@dataclass(frozen=True)
class OwnLine:
    """A line of a span in its order: its place among all lines, and what it brings to measure, base and quantity. `is_measured`: it is one of the measure's."""

    order: int
    m: Fraction
    e: Fraction
    q: Fraction
    is_measured: bool


@dataclass(frozen=True)
class Group:
    """The lines with one value of `each`: their figures, and their sums by name for ratios."""

    value: str | None
    m: Fraction
    e: Fraction
    q: Fraction
    sums: dict[str, Fraction]


@dataclass
class Position:
    """One participant's figures over a span up to a day. `reason`: why the result is blocked. `ties`: how many share its rank. `breaks`: the figures that
    decide among equals, each with whether it is there.

    `sum`: what the lines add up to; m is that, or how many multiples it has. `groups`: of lines, each with a place of its own; None: there is one place.
    `placed`: of a projection, the places of the position that is projected.
    """

    reason: str
    m: Fraction
    e: Fraction
    q: Fraction
    t: Fraction | None
    b: Fraction | None
    k: Fraction | None
    x: dict[Axis, Fraction] = field(default_factory=dict)
    ties: dict[Axis, int] = field(default_factory=dict)
    ahead: dict[Axis, Fraction] = field(default_factory=dict)  # places by what other benefits are projected to
    breaks: tuple[tuple[bool, Fraction], ...] = ()
    sum: Fraction = ZERO
    groups: tuple[Group, ...] | None = None
    lines: tuple[OwnLine, ...] = ()  # where each line is paid by itself
    placed: dict[Axis, Fraction] | None = None
    own: tuple[Fraction, Fraction, Fraction] | None = None  # of a member of a placed pool: its own measure, base and quantity
    cuts: tuple[Cut, ...] = ()  # where the terms of several versions hold

    def figures(self, x: Fraction) -> Inputs:
        return Inputs(self.m, self.e, self.q, self.t, self.b, self.k, x)


@dataclass(frozen=True)
class Cut:
    """The terms of a version up to a day: its figures of the whole span (`now`) and up to the day (`at`); days / of: the part of an amount up to it.

    sign: 1 where the version's days end, −1 where they begin. part: which of the versions. lines: the orders of the lines on its days.
    """

    sign: int
    part: int
    benefit: Row
    now: Position
    at: Position
    day: dt.date
    days: int
    of: int
    lines: frozenset[int] = frozenset()


@dataclass(frozen=True)
class References:
    """Target and baseline, and what is missing on the lines that they are sums of."""

    t: Fraction | None
    b: Fraction | None
    t_missing: frozenset[str] = frozenset()
    b_missing: frozenset[str] = frozenset()


def to_date(window: Window, last: dt.date, own: References, before: References | None) -> References:
    """The figures of the window before + (its own − those) × days gone / days of the window; its own where there are none before."""
    part = Fraction((last - window.start).days + 1, (window.end - window.start).days + 1)

    def between(earlier: Fraction | None, figure: Fraction | None) -> Fraction | None:
        return figure if earlier is None or figure is None else earlier + (figure - earlier) * part

    return own if before is None else replace(own, t=between(before.t, own.t), b=between(before.b, own.b))


class Feeds:
    """Target rows and metrics by their keys."""

    def __init__(self, book: Book) -> None:
        self.balances: dict[tuple[str, str], list[tuple[Row, str, int]]] = defaultdict(list)
        for row, (_, account, number) in zip(book.feeds.get("balances", []), book.origins.get("balances", []), strict=True):
            if row["date"] <= book.as_of:
                self.balances[row["agreement"], row["benefit"]].append((row, account.path, number))
        self.targets = {(r["agreement"], r["benefit"], r["participant_id"], r["window_start"]): r for r in book.feeds.get("targets", [])}
        self._metrics: dict[tuple[str, str], dict[dt.date, int]] = defaultdict(dict)
        for row in book.feeds.get("metrics", []):
            values = self._metrics[row["participant_id"], row["metric"]]
            if values.setdefault(row["date"], row["value"]) != row["value"]:
                raise Refused(f"metrics: {row['participant_id']} {row['metric']} has two values on {row['date']}")

    def metric(self, participant: str, name: str, first: dt.date, last: dt.date) -> Fraction | None:
        """The last value dated in the span."""
        values = self._metrics.get((participant, name), {})
        day = max((day for day in values if first <= day <= last), default=None)
        return None if day is None else Fraction(values[day], UNIT)


class BenefitLines:
    """One benefit of one agreement version: whose lines it measures."""

    def __init__(
        self, agreement: Row, benefit: Row, credits: dict[str, list[Credit]], lost: set[int], feeds: Feeds, calendar: Calendar, parties: Parties
    ) -> None:
        """`lost`: lines (by order) that another agreement of an exclusive group keeps."""
        self.agreement, self.benefit, self.feeds, self.calendar = agreement, benefit, feeds, calendar
        self.counting = counting(agreement, calendar)
        self.participants = list(credits)
        parts = {who: parties.parts(agreement, who) if agreement.get("pool", "each") == "each" else None for who in credits}
        self.parts = {who: found for who, found in parts.items() if found is not None}
        self.payee = str(agreement.get("payee", "")) if agreement.get("pool") == "placed" else None  # of a placed pool; empty: nobody
        if self.payee is not None:
            credits = {**credits, POOL: [credit for found in credits.values() for credit in found]}
        measure, base = benefit.get("measure", "amount"), benefit.get("base", "measure")
        self.distinct = measure.get("distinct") if isinstance(measure, dict) else None
        self.over = measure.get("over") if isinstance(measure, dict) else None
        # the lines of values share by amount
        self.measure_column, measure_scope = (measure.get("of", "amount"), measure.get("scope")) if isinstance(measure, dict) else (measure, None)
        self.every = Fraction(measure["every"]) if isinstance(measure, dict) and "every" in measure else None
        self.times = measure.get("times") if isinstance(measure, dict) else None
        self.counts_begun = isinstance(measure, dict) and measure.get("round") == "up"
        self.base_kind, base_scope = (base["of"], base.get("scope")) if isinstance(base, dict) else (base, None)
        own = [benefit["scope"]] if benefit.get("scope") else []
        self.measure = self._series(credits, self.measure_column, own + [s for s in (measure_scope,) if s], lost, self.times)
        self.values = {p: Values(found, self.distinct, own + [s for s in (measure_scope,) if s], lost) for p, found in credits.items()} if self.distinct else {}
        self.quantity = self._series(credits, "quantity", own, lost)
        names = {name for kind, of in all_axes(benefit) if kind == "ratio" for name in json.loads(of)["ratio"]}
        self.sums = {name: self._series(credits, name, own, lost) for name in names}
        ties = benefit.get("ties")
        self.tie_figures = list(ties["then"]) if isinstance(ties, dict) else []
        self.tie_sums = {figure: self._series(credits, figure, own, lost) for figure in self.tie_figures if isinstance(figure, str)}
        self.base = self.measure
        if self.base_kind not in ("measure", "increment"):
            self.base = self._series(credits, self.base_kind, own + [s for s in (base_scope,) if s], lost)
        self.held_on: Callable[[dt.date], dict[str, list[Credit]]] = lambda day: credits
        self._as_held: dict[dt.date, dict[str, Series]] = {}
        self._measured = own + [s for s in (measure_scope,) if s], lost
        self.each: str | None = benefit.get("each")
        if self.each:
            self._grouped(self.each, credits, own, [s for s in (measure_scope,) if s], [s for s in (base_scope,) if s], names, lost)
        self._open(credits)
        self.shared = self.base if self.over else self.measure  # what the lines of a payout share it by
        self.in_parts: list[tuple[BenefitLines, Range]] = []  # the versions whose terms hold in a window, each with its days

    def _open(self, credits: dict[str, list[Credit]]) -> None:
        """Adds opening balances: each is the first line on its day. What is not said of the base or the quantity is the measure, where it is the same."""
        for row, file, number in self.feeds.balances.get((str(self.agreement["agreement"]), str(self.benefit["id"])), []):
            orders = [credit.line.order for found in credits.values() for credit in found if credit.line.row["date"] >= row["date"]]
            line = Line(min(orders, default=10**9) - 1, {"transaction_id": None, "line": None, "date": row["date"]}, {}, file, number)
            m = row["measure"] or 0
            e = row["base"] if row["base"] is not None else m if self.base_kind == self.measure_column else 0
            q = row["quantity"] if row["quantity"] is not None else m if self.measure_column == "quantity" else 0
            for who in {row["participant_id"], POOL} & set(self.measure):
                if m:
                    self.measure[who].open(line, row["date"], m)
                if self.base is not self.measure and e:
                    self.base[who].open(line, row["date"], e)
                if q or m:
                    self.quantity[who].open(line, row["date"], q)

    def opening(self, participant: str, window: Window, column: str) -> Fraction:
        """A figure of the window's opening balance."""
        rows = self.feeds.balances.get((str(self.agreement["agreement"]), str(self.benefit["id"])), [])
        return sum((Fraction(r[column] or 0, UNIT) for r, *_ in rows if (r["participant_id"], r["window_start"]) == (participant, window.start)), ZERO)

    def opens(self, participant: str, window: Window) -> dt.date | None:
        """The day of the window's opening balance."""
        rows = self.feeds.balances.get((str(self.agreement["agreement"]), str(self.benefit["id"])), [])
        return next((r["date"] for r, *_ in rows if (r["participant_id"], r["window_start"]) == (participant, window.start)), None)

    def present(self, window: Window, as_of: dt.date) -> list[str]:
        """Who has the window: who takes part on a day of it that has come."""
        until = min(window.end, as_of)
        return [
            who
            for who in self.participants
            if who not in self.parts or any(days_within((first, last), (window.start, until)) for first, last, _ in self.parts[who])
        ]

    def own_window(self, participant: str, window: Window) -> Window:
        """The window with the participant's own days."""
        return replace(window, own=self.parts[participant]) if participant in self.parts else window

    def _grouped(
        self, each: str, credits: dict[str, list[Credit]], own: list[Row], measured: list[Row], based: list[Row], names: set[str], lost: set[int]
    ) -> None:
        """Series by participant and group, under the name of both."""
        self.group_names: dict[str, list[tuple[str | None, str]]] = {p: [] for p in credits}
        split: dict[str, list[Credit]] = {}
        for participant, found in credits.items():
            for value in dict.fromkeys(group_of(credit, each) for credit in found):
                name = json.dumps([participant, value])
                self.group_names[participant].append((value, name))
                split[name] = [credit for credit in found if group_of(credit, each) == value]
        self.group_measure = self._series(split, self.measure_column, own + measured, lost, self.times)
        self.group_quantity = self._series(split, "quantity", own, lost)
        self.group_base = self.group_measure if self.base_kind == "measure" else self._series(split, self.base_kind, own + based, lost)
        self.group_sums = {name: self._series(split, name, own, lost) for name in names}

    def _groups(self, participant: str, first: dt.date, last: dt.date) -> tuple[Group, ...]:
        """The groups that have a line of the benefit by `last`."""
        groups = []
        for value, name in self.group_names[participant]:
            if self.group_quantity[name].lines(first, last):
                m = self.multiples(self.group_measure[name].counted(first, last).value)
                e = m if self.base_kind == "measure" else self.group_base[name].counted(first, last).value
                q = m if self.counts else self.group_quantity[name].counted(first, last).value
                groups.append(Group(value, m, e, q, {of: series[name].counted(first, last).value for of, series in self.group_sums.items()}))
        return tuple(groups)

    def _lines(self, participant: str, first: dt.date, last: dt.date) -> tuple[OwnLine, ...]:
        """The lines of the benefit in their order."""
        measure, base = ({line.order: value for line, value in of[participant].lines(first, last)} for of in (self.measure, self.base))
        return tuple(
            OwnLine(line.order, Fraction(measure.get(line.order, 0), UNIT), Fraction(base.get(line.order, 0), UNIT), Fraction(q, UNIT), line.order in measure)
            for line, q in self.quantity[participant].lines(first, last)
        )

    @staticmethod
    def _series(credits: dict[str, list[Credit]], column: str, scopes: list[Row], lost: set[int], times: str | None = None) -> dict[str, Series]:
        inside: dict[int, bool] = {}
        result = {}
        for participant, found in credits.items():
            series = result[participant] = Series()
            for credit in found:
                order = credit.line.order
                if order not in inside:
                    inside[order] = in_scopes(credit.line, scopes)
                if inside[order]:
                    series.add(credit, column, order not in lost, times)
        return result

    def positions(self, window: Window, last: dt.date, as_of: dt.date, before: dict[str, References] | None = None) -> dict[str, Position]:
        """Every participant's figures of the window's span up to `last`. `before`: with target and baseline to date, those of the window before."""
        present = self.present(window, as_of)
        references = {participant: self.to_date(participant, window, last, before or {}) for participant in present}
        found = {participant: self._alone(participant, window, last, references[participant]) for participant in present}
        for axis in all_axes(self.benefit):
            if axis[0] in ("rank", "percentile"):
                self._compare(axis, found)
        return {participant: position for participant, (position, _) in found.items()}

    def to_date(self, participant: str, window: Window, last: dt.date, before: dict[str, References]) -> References:
        return to_date(window, last, self._references(participant, window), before.get(participant))

    def alone(self, participant: str, window: Window, last: dt.date, references: References) -> Position:
        """A participant's position, but for what compares it with others."""
        return self._alone(participant, window, last, references)[0]

    def summed(self, participant: str) -> str:
        """Whose lines place a participant."""
        return participant if self.payee is None else POOL

    def named(self, participant: str) -> str:
        """Whose targets and metrics are meant."""
        return participant if self.payee is None else self.payee

    def prior_sum(self, participant: str, first: dt.date, last: dt.date) -> Sum:
        """The measure over the same days one year earlier."""
        return self.measure[self.summed(participant)].all_lines(self.calendar.prior(first, last))

    def prior_sum_as_held(self, participant: str, first: dt.date, last: dt.date) -> Sum:
        """The same, by the hierarchy of the last day."""
        if last not in self._as_held:
            scopes, lost = self._measured
            held = self.held_on(last)
            everyone = {POOL: [credit for found in held.values() for credit in found]} if self.payee is not None else {}
            self._as_held[last] = self._series(held | everyone, self.measure_column, scopes, lost, self.times)
        return self._as_held[last][self.summed(participant)].all_lines(self.calendar.prior(first, last))

    def _references(self, participant: str, window: Window) -> References:
        """Target and baseline of the whole window, and what is missing on their lines. A target from the prior year has the window's days already."""
        (t, t_missing), (b, b_missing) = (self._reference(participant, window, name) for name in ("target", "baseline"))
        target = self.benefit.get("target")
        is_whole = not (isinstance(target, dict) and "prior" in target)
        return References(None if t is None else t * self._part(participant, window) if is_whole else t, b, t_missing, b_missing)

    def _part(self, participant: str, window: Window) -> Fraction:
        return self.own_window(participant, window).share_of_days() if self.benefit.get("prorate", "none") == "days" else Fraction(1)

    def references(self, participant: str, window: Window) -> References:
        """Target and baseline of a window as a later window of its span uses them: None where they are missing, or where they block."""
        r = self._references(participant, window)
        t = r.t if r.t is not None and r.t > 0 else None
        b = r.b if r.b is not None and (r.b > 0 or not needs(self.benefit, "positive baseline")) else None
        return References(t, b)

    def _alone(self, participant: str, window: Window, last: dt.date, r: References) -> tuple[Position, dict[str, Fraction]]:
        """A participant's position, and its own values that are ranked (left out where they are missing)."""
        benefit, who = self.benefit, self.summed(participant)
        measured = self.measure[who].counted(*self._seen(window, last))
        based = self.base[who].counted(window.span_start, last)
        counted = self.quantity[who].counted(window.span_start, last)
        m, q = self.multiples(measured.value), counted.value
        if self.distinct:
            measured = self.values[participant].counted(window.span_start, last)
            m = measured.value
            based = measured if self.base_kind == "measure" else based
        groups = self._groups(participant, window.span_start, last) if self.each else None
        if groups is not None and self.counts:
            m = sum((group.m for group in groups), ZERO)
        q = m if self.counts else q
        t, b, t_missing, b_missing = r.t, r.b, r.t_missing, r.b_missing
        k, _ = self._reference(participant, window, "incentive")
        k = None if k is None else k * self._part(participant, window)
        e = m if self.base_kind == "measure" else max(m - (b or ZERO), ZERO) if self.base_kind == "increment" else based.value

        sums = {name: series[who].counted(window.span_start, last) for name, series in self.sums.items()}
        missing = frozenset(name for found in sums.values() for name in found.missing) | measured.missing | based.missing
        if "per_unit" in forms(benefit) and not self.counts:
            missing |= counted.missing
        reasons = [name for name in MISSING if name in missing]
        prior = (t_missing if needs(benefit, "target") else frozenset()) | (b_missing if needs(benefit, "baseline") else frozenset())
        reasons += [name for name in MISSING if name in prior]
        if needs(benefit, "target"):
            reasons += ["target_missing"] if t is None else ["target_not_positive"] if t <= 0 else []
        if needs(benefit, "baseline"):
            reasons += ["baseline_missing"] if b is None else ["baseline_not_positive"] if b <= 0 and needs(benefit, "positive baseline") else []

        values = {} if measured.missing else self._own_values(m, t, b)
        x: dict[Axis, Fraction] = {}
        for axis in sorted(all_axes(benefit)):
            if axis[0] in OWN and axis[0] in values:
                x[axis] = values[axis[0]]
            if axis[0] == "metric":
                value = self.feeds.metric(self.named(participant), axis[1], window.span_start, last)
                if value is None:
                    reasons.append("metric_missing")
                else:
                    x[axis] = value
        if needs(benefit, "incentive") and k is None:
            reasons.append("incentive_missing")
        of_groups = set(curve_axes(benefit)) if self.each else set()
        for axis in axes_in_order(benefit):
            is_of_group = axis in of_groups and not any(axis == axis_of(other["by"]) for other in _factors(benefit))
            if axis[0] == "ratio" and not is_of_group:
                above, below = (sums[name].value for name in json.loads(axis[1])["ratio"])
                if below <= 0:
                    reasons.append("divisor_not_positive")
                else:
                    x[axis] = above / below
        lines = self._lines(participant, window.span_start, last) if pays_lines(benefit) else ()
        breaks = self._breaks(participant, window, last) if self.payee is None else ()
        own = None if self.payee is None else self.own(participant, window, last)
        return Position(reasons[0] if reasons else "", m, e, q, t, b, k, x, sum=measured.value, breaks=breaks, own=own, groups=groups, lines=lines), values

    def own(self, participant: str, window: Window, last: dt.date) -> tuple[Fraction, Fraction, Fraction]:
        """A member's own measure, base and quantity."""
        days = (window.span_start, last)
        m = self.measure[participant].counted(*self._seen(window, last)).value
        return (
            m,
            m if self.base_kind in ("measure", "increment") else self.base[participant].counted(*days).value,
            self.quantity[participant].counted(*days).value,
        )

    @property
    def counts(self) -> bool:
        """Whether the measure is a number of multiples or of values, which is its quantity too."""
        return self.every is not None or self.distinct is not None

    def _seen(self, window: Window, last: dt.date) -> tuple[dt.date, dt.date]:
        """The days that the measure sees on `last`: its span's, the whole fiscal year before the one of the window's end, or so many periods with its own."""
        if self.over is None:
            return window.span_start, last
        if self.over == "prior_year":
            first, end = self.counting.year(self.counting.year(window.end)[0] - DAY)
            return first, min(end, last)
        first = self.calendar.block(window.end, 1)[0]
        for _ in range(self.over["trailing"] - 1):
            first = self.calendar.block(first - DAY, 1)[0]
        return first, last

    def _breaks(self, participant: str, window: Window, last: dt.date) -> tuple[tuple[bool, Fraction], ...]:
        """The larger wins; a missing figure, of a metric or on a line, is less than any."""
        found = []
        for figure in self.tie_figures:
            if isinstance(figure, dict):
                value = self.feeds.metric(participant, figure["metric"], window.span_start, last)
            else:
                summed = self.tie_sums[figure][participant].counted(window.span_start, last)
                value = None if summed.missing else summed.value
            found.append((value is not None, value or ZERO))
        return tuple(found)

    def multiples(self, value: Fraction) -> Fraction:
        """The measure that a sum is: itself, or its full (begun) multiples, below 0 towards 0."""
        if self.every is None:
            return value
        whole, rest = divmod(abs(value), self.every)
        return Fraction(-whole if value < 0 else whole + bool(rest and self.counts_begun))

    @staticmethod
    def _own_values(m: Fraction, t: Fraction | None, b: Fraction | None) -> dict[str, Fraction]:
        values = {"measure": m}
        if t is not None and t > 0:
            values["attainment"] = m / t
        if b is not None:
            values["growth_amount"] = m - b
            if b > 0:
                values["growth"] = m / b - 1
        return values

    @staticmethod
    def _compare(axis: Axis, found: dict[str, tuple[Position, dict[str, Fraction]]]) -> None:
        kind, of = axis
        everyone = [values[of] for _, values in found.values() if of in values]
        ordered = [(values[of], position.breaks) for position, values in found.values() if of in values]
        for position, values in found.values():
            if of not in values:
                continue  # blocked for the same reason
            if kind == "rank":
                place, ties = rank((values[of], position.breaks), ordered)
                position.x[axis], position.ties[axis] = Fraction(place), ties
            else:
                position.x[axis] = percentile(values[of], everyone)

    def _reference(self, participant: str, window: Window, name: str) -> tuple[Fraction | None, frozenset[str]]:
        """Target, baseline or incentive of the whole window from its span's first day (None where there is none), and what is missing on its lines."""
        written = self.benefit.get(name)
        if written is None:
            return None, frozenset()
        if written == "feed":
            row = self.target_row(participant, window)
            return (None if row is None or row[name] is None else Fraction(row[name], UNIT)), frozenset()
        if isinstance(written, dict) and "weights" in written:
            return Fraction(written["year"]) * self._weight(written["weights"], window), frozenset()
        if isinstance(written, dict):
            add_up = self.prior_sum_as_held if written.get("hierarchy") == "today" else self.prior_sum
            prior = add_up(participant, window.span_start, window.end)
            return (None if prior.missing else prior.value * Fraction(written.get("times", 1))), prior.missing
        return Fraction(written), frozenset()

    def _weight(self, weights: Iterable[Any], window: Window) -> Fraction:
        """The weights of the span's windows up to this one, of those of a year. A window that the term clips has its whole weight."""
        parts, months = [Fraction(weight) for weight in weights], MONTHS[self.benefit["window"]]
        day, found = window.span_start, ZERO
        while day <= window.end:
            found += parts[self.counting.place(day, months)]
            day = self.counting.block(day, months)[1] + DAY
        return found / sum(parts)

    def target_row(self, participant: str, window: Window) -> Row | None:
        return self.feeds.targets.get((str(self.agreement["agreement"]), str(self.benefit["id"]), self.named(participant), window.start))


def projected(case: BenefitLines, position: Position, p: Fraction) -> Position:
    """The same position with the sum of the measure at `p`: base and quantity in proportion, places among others as they are."""
    times = p / position.sum if position.sum else Fraction(1)
    b, p = position.b or ZERO, p if case.distinct else case.multiples(p)
    e = p if case.base_kind == "measure" else max(p - b, ZERO) if case.base_kind == "increment" else position.e * times
    x = {axis: axis_value(axis[0], p, position.t, position.b) if axis[0] in OWN else value for axis, value in (position.x | position.ahead).items()}
    return replace(position, m=p, e=e, q=p if case.counts else position.q * times, x=x, placed=position.x)


def pays_lines(benefit: Row) -> bool:
    """Whether each line is paid by itself."""
    return "slices" in benefit or benefit.get("method") == "running"


def _factors(benefit: Row) -> list[Row]:
    """The multiplier and the gates: what looks at the participant's figures."""
    return [*([benefit["multiply"]] if "multiply" in benefit else []), *benefit.get("requires", [])]


def curve_axis(benefit: Row) -> Axis:
    """The axis of the tiers; of a matrix its rows'."""
    return axis_of(benefit["matrix"]["rows"]["by"]) if "matrix" in benefit else axis_of(benefit.get("by", "measure"))
