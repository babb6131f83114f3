"""One column of a benefit for one participant, as sums per day and as lines. Values are integers of 10^-12."""

from __future__ import annotations

import datetime as dt
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

from tests.reference.calendar import Range
from tests.reference.credit import Credit, Line, in_scopes
from tests.reference.parties import Share
from tests.reference.read import UNIT, Row

#: Why a line has no value in a column, in the order in which reasons are given.
MISSING = ("fx", "cost", "quantity", "attribute")


@dataclass(frozen=True)
class Sum:
    """A sum over days, and which kinds of values were missing in it."""

    value: Fraction
    missing: frozenset[str]


class Series:
    """Values per day. `counted` leaves out lines that another agreement of an exclusive group keeps; `all_lines` does not."""

    def __init__(self) -> None:
        self._counted = _Days()
        self._all = _Days()
        self._lines: dict[dt.date, list[tuple[Line, int | None]]] = defaultdict(list)

    def add(self, credit: Credit, column: str, counted: bool, times: str | None = None) -> None:
        value, missing = value_of(credit, column)
        if times is not None:
            value, missing = multiplied(credit, value, missing, times)
        if credit.is_prior:
            self._all.add(credit.day, value, missing)
        if counted and credit.is_own:
            self._counted.add(credit.day, value, missing)
            self._lines[credit.day].append((credit.line, value))

    def open(self, line: Line, day: dt.date, value: int) -> None:
        """An opening balance, which counts like a line on its day."""
        self._counted.add(day, value, "")
        self._lines[day].append((line, value))

    def counted(self, first: dt.date, last: dt.date) -> Sum:
        return self._counted.total([(first, last)])

    def all_lines(self, ranges: list[Range]) -> Sum:
        return self._all.total(ranges)

    def lines(self, first: dt.date, last: dt.date) -> list[tuple[Line, int]]:
        """The counted lines of some days in the order of lines, each once with what is credited of it."""
        found: dict[int, tuple[Line, int]] = {}
        for day in self._counted.days(first, last):
            for line, value in self._lines[day]:
                before = found[line.order][1] if line.order in found else 0
                found[line.order] = (line, before + (value or 0))
        return [found[order] for order in sorted(found)]


class Splice:
    """A series whose lines are those of several, each on its own days; `own` says what the year before has."""

    def __init__(self, parts: list[tuple[Series, Range]], own: Series) -> None:
        self._parts, self.all_lines = parts, own.all_lines

    def _inside(self, first: dt.date, last: dt.date) -> list[tuple[Series, dt.date, dt.date]]:
        return [(series, max(first, start), min(last, end)) for series, (start, end) in self._parts if max(first, start) <= min(last, end)]

    def counted(self, first: dt.date, last: dt.date) -> Sum:
        sums = [series.counted(start, end) for series, start, end in self._inside(first, last)]
        return Sum(sum((each.value for each in sums), Fraction(0)), frozenset(name for each in sums for name in each.missing))

    def lines(self, first: dt.date, last: dt.date) -> list[tuple[Line, int]]:
        found = [line for series, start, end in self._inside(first, last) for line in series.lines(start, end)]
        return sorted(found, key=lambda item: item[0].order)


class Values:
    """The values of an attribute of one participant's lines, of each its lines by day: (day, quantity, amount)."""

    def __init__(self, credits: list[Credit], attribute: str, scopes: list[Row], lost: set[int]) -> None:
        self._lines: dict[str, list[tuple[dt.date, int | None, int | None]]] = defaultdict(list)
        for credit in credits:
            value = text_of(credit, attribute)
            if credit.is_own and value is not None and credit.line.order not in lost and in_scopes(credit.line, scopes):
                quantity = credit.line.row["quantity"]
                self._lines[value].append((credit.day, None if quantity is None else _shared(quantity, credit.share), credit.amount))

    @classmethod
    def spliced(cls, parts: list[Values], days: list[Range]) -> Values:
        """The lines of several, each on its own days."""
        found = cls([], "", [], set())
        for each, (first, last) in zip(parts, days, strict=True):
            for value, lines in each._lines.items():
                found._lines[value] += [line for line in lines if first <= line[0] <= last]
        return found

    def counted(self, first: dt.date, last: dt.date) -> Sum:
        """How many values have a quantity above 0; where none of a value's lines has one, an amount above 0."""
        number, missing = 0, set()
        for lines in self._lines.values():
            inside = [(quantity, amount) for day, quantity, amount in lines if first <= day <= last]
            quantities = [quantity for quantity, _ in inside if quantity is not None]
            if quantities:
                number += sum(quantities) > 0
            elif any(amount is None for _, amount in inside):
                missing.add("fx")
            else:
                number += sum(amount for _, amount in inside if amount is not None) > 0
        return Sum(Fraction(number), frozenset(missing))


class _Days:
    def __init__(self) -> None:
        self._of: dict[dt.date, list[int]] = defaultdict(lambda: [0] * (1 + len(MISSING)))
        self._days: list[dt.date] | None = None

    def add(self, day: dt.date, value: int | None, missing: str) -> None:
        self._days = None
        self._of[day][0] += value or 0
        if missing:
            self._of[day][1 + MISSING.index(missing)] += 1

    def _sum_up(self) -> list[dt.date]:
        if self._days is None:
            self._days = sorted(self._of)
            self._running = [[0] * (1 + len(MISSING))]
            for day in self._days:
                self._running.append([a + b for a, b in zip(self._running[-1], self._of[day], strict=True)])
        return self._days

    def days(self, first: dt.date, last: dt.date) -> list[dt.date]:
        days = self._sum_up()
        return days[bisect_left(days, first) : bisect_right(days, last)]

    def total(self, ranges: list[Range]) -> Sum:
        days = self._sum_up()
        sums = [0] * (1 + len(MISSING))
        for first, last in ranges:
            low, high = bisect_left(days, first), bisect_right(days, last)
            if low < high:
                sums = [s + b - a for s, a, b in zip(sums, self._running[low], self._running[high], strict=True)]
        return Sum(Fraction(sums[0], UNIT), frozenset(name for name, count in zip(MISSING, sums[1:], strict=True) if count))


def value_of(credit: Credit, column: str) -> tuple[int | None, str]:
    """What a credited line holds in a column, or why it holds nothing."""
    if column == "count":
        return UNIT, ""
    if column in ("amount", "margin") and credit.amount is None:
        return None, "fx"
    if column == "amount":
        return credit.amount, ""
    if column == "margin":
        return (None, "cost") if credit.cost is None or credit.amount is None else (credit.amount - credit.cost, "")
    if column == "quantity":
        quantity = credit.line.row["quantity"]
        return (None, "quantity") if quantity is None else (_shared(quantity, credit.share), "")
    number = as_number(credit.line.row.get(column))
    return (None, "attribute") if number is None else (_shared(number, credit.share), "")


def multiplied(credit: Credit, value: int | None, missing: str, times: str) -> tuple[int | None, str]:
    """The value times an attribute of the line, its product or its partner."""
    factor = as_number(credit.known.get(times) if times.startswith(("product.", "partner.")) else credit.line.row.get(times))
    if value is None or factor is None:
        return None, missing or "attribute"
    whole, rest = divmod(abs(value) * abs(factor), UNIT)
    return (whole + (2 * rest >= UNIT)) * (1 if (value < 0) == (factor < 0) else -1), ""


def text_of(credit: Credit, attribute: str) -> str | None:
    """What a line, its product or its partner has in an attribute; None: nothing."""
    of_others = attribute.startswith(("product.", "partner."))
    value = credit.known.get(attribute) if of_others else credit.line.row.get(attribute)
    return None if value is None or value == "" else str(value)


def group_of(credit: Credit, each: str) -> str | None:
    """The group of lines that a line belongs to: a line with an original to the original's, where lines are grouped by transaction."""
    original = text_of(credit, "original_transaction_id") if each == "transaction_id" else None
    return original or text_of(credit, each)


def as_number(text: str | None) -> int | None:
    """The number of an attribute in 10^-12: up to 6 decimals, below 10^12; None where it is not such a number."""
    found = re.fullmatch(r"(-?)(\d+)(?:\.(\d{1,6}))?", text or "")
    if found is None or int(found[2]) >= 10**12:
        return None
    size = int(found[2]) * UNIT + int((found[3] or "").ljust(12, "0"))
    return -size if found[1] else size


def _shared(value: int, share: Share) -> int:
    """The part of a value. What a fraction leaves beyond 12 decimals is rounded, a half away from zero."""
    whole, rest = divmod(abs(value) * share, UNIT)
    return (int(whole) + (2 * rest >= UNIT)) * (-1 if value < 0 else 1)
