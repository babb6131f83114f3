"""Every window of every benefit and participant: figures, blocked or paid, clawbacks, and the path of the accrual."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.reference.calendar import Window, periods, prior_year, windows
from tests.reference.credit import AMOUNT, COST, COUNT, NO_COST, NO_QUANTITY, NO_RATE, QUANTITY, Credits, Days, round_half
from tests.reference.curve import Figures, axis_value, pays
from tests.reference.read import MINOR_UNITS, UNIT, Book, Row

PayoutKey = tuple[str, str, str, dt.date]  # agreement, benefit, participant, window start
AccrualKey = tuple[str, str, str, dt.date, str]  # … and period

#: The language computed here. Anything else is refused, so that silence never passes for agreement.
KNOWN_AGREEMENT = {
    "agreement",
    "version",
    "effective",
    "approved",
    "review_by",
    "title",
    "direction",
    "currency",
    "term",
    "participants",
    "pool",
    "payee",
    "include_children",
    "document",
    "scope",
    "benefits",
}
KNOWN_BENEFIT = {
    "id",
    "clause",
    "quote",
    "window",
    "accumulate",
    "measure",
    "base",
    "by",
    "target",
    "baseline",
    "incentive",
    "method",
    "boundary",
    "above",
    "tiers",
    "limits",
    "scope",
    "settle",
    "accrue",
}
KNOWN_VALUES = {
    "method": {"whole", "graduated", "linear"},
    "by": {"measure", "attainment", "growth", "growth_amount"},
    "measure": {"amount", "quantity", "margin", "count"},
    "base": {"measure", "amount", "quantity", "margin", "increment"},
}


class NotCovered(Exception):
    """The agreement uses a part of the language that this reference does not compute."""


@dataclass
class Results:
    """payouts: one row per agreement × benefit × participant × window; accruals: accrued to date per period of it (placement actual)."""

    payouts: dict[PayoutKey, Row] = field(default_factory=dict)
    accruals: dict[AccrualKey, Fraction] = field(default_factory=dict)


def compute(book: Book) -> Results:
    """Every payout and accrual of the book as of its `as_of`. Raises NotCovered."""
    credits = Credits(book)
    results = Results()
    targets = {(r["agreement"], r["benefit"], r["participant_id"], r["window_start"]): r for r in book.feeds.get("targets", [])}
    for agreement in book.agreements:
        refuse_unknown(agreement)
        for benefit in agreement["benefits"]:
            for participant, days in credits.days(agreement, benefit).items():
                _Case(book, agreement, benefit, participant, days, targets).run(results)
    return results


def refuse_unknown(agreement: Row) -> None:
    if unknown := set(agreement) - KNOWN_AGREEMENT:
        raise NotCovered(f"{agreement['agreement']}: {unknown}")
    if agreement.get("version", 1) != 1 or any("where" in (x.get("scope") or {}) for x in (agreement, *agreement["benefits"])):
        raise NotCovered(f"{agreement['agreement']}: version or where")
    for benefit in agreement["benefits"]:
        if unknown := set(benefit) - KNOWN_BENEFIT:
            raise NotCovered(f"{agreement['agreement']} {benefit['id']}: {unknown}")
        for key, allowed in KNOWN_VALUES.items():
            value = benefit.get(key)
            if value is not None and (not isinstance(value, str) or value not in allowed):
                raise NotCovered(f"{agreement['agreement']} {benefit['id']}: {key} {value}")
        if benefit.get("accrue", {}).get("placement", "actual") != "actual":
            raise NotCovered(f"{agreement['agreement']} {benefit['id']}: placement")


class _Case:
    """One benefit and one participant: their windows in order."""

    def __init__(self, book: Book, agreement: Row, benefit: Row, participant: str, days: Days, targets: dict[Any, Row]) -> None:
        self.book, self.agreement, self.benefit, self.participant, self.days, self.targets = book, agreement, benefit, participant, days, targets
        self.measure = benefit.get("measure", "amount")
        self.base = benefit.get("base", "measure")
        self.by = benefit.get("by", "measure")
        self.forms = {form for tier in benefit["tiers"] for form in tier}

    def run(self, results: Results) -> None:
        book, benefit = self.book, self.benefit
        term = (self.agreement["term"]["from"], self.agreement["term"]["to"])
        starts = book.settings.get("calendar", {}).get("year_starts", "01-01")
        clawback = benefit.get("settle", {}).get("clawback", "carry")
        owed = before = Fraction(0)  # still to be set off; what the span's earlier windows earned
        span = None
        for window in windows(benefit["window"], benefit.get("accumulate", "window"), term, book.as_of, starts):
            if window.span_start != span:
                span, before = window.span_start, Fraction(0)
                owed = owed if clawback == "carry" else Fraction(0)
            key = (str(self.agreement["agreement"]), str(benefit["id"]), self.participant, window.start)
            seen = min(window.end, book.as_of)
            sums = self.days.total(window.span_start, seen)
            figures, reason = self._figures(window, sums)
            row: Row = {"status": "final" if window.end <= book.as_of else "open", "status_reason": reason, "measure": self._of(self.measure, sums),
                        "window_end": window.end, "tier": 0, "payout": Fraction(0), "axis_value": None, "prior_earned": before}  # fmt: skip
            results.payouts[key] = row
            path = periods(window, book.as_of, starts)
            if reason or figures is None:
                row["status"] = "blocked"
                for period, _ in path:
                    results.accruals[*key, period] = Fraction(0)
                continue
            for period, last in path:
                to_date, _ = self._figures(window, self.days.total(window.span_start, last))
                assert to_date is not None
                difference = self._earned(to_date)[0] - before
                results.accruals[*key, period] = difference if clawback == "pay" else max(difference - owed, Fraction(0))
            earned, curve, tier = self._earned(figures)
            difference = earned - before
            payout = difference if clawback == "pay" else max(difference - owed, Fraction(0))
            owed = Fraction(0) if clawback == "pay" else max(owed - difference, Fraction(0))
            before = earned
            row |= {"tier": tier, "payout": payout, "axis_value": figures.x, "earned": earned, "curve_payout": curve, "carried": owed,
                    "base": figures.e, "quantity": figures.q, "target": figures.t, "baseline": figures.b, "incentive": figures.k}  # fmt: skip

    def _of(self, column: str, sums: list[int]) -> Fraction:
        value = {"amount": sums[AMOUNT], "quantity": sums[QUANTITY], "count": sums[COUNT], "margin": sums[AMOUNT] - sums[COST]}[column]
        return Fraction(value, UNIT)

    def _figures(self, window: Window, sums: list[int]) -> tuple[Figures | None, str]:
        """The figures of the span as far as `sums` go, or why they cannot be had."""
        needs = {self.measure, self.base} | ({"quantity"} if "per_unit" in self.forms else set())
        if reason := _missing(needs, sums):
            return None, reason
        m = self._of(self.measure, sums)
        t, b, k = (self._reference(window, name) for name in ("target", "baseline", "incentive"))
        if self.by == "attainment" and (t is None or t <= 0):
            return None, "target"
        if (self.by in ("growth", "growth_amount") or self.base == "increment") and b is None:
            return None, "baseline"
        if self.by == "growth" and b <= 0:  # type: ignore[operator]
            return None, "baseline"
        if "share" in self.forms and k is None:
            return None, "incentive"
        e = m if self.base == "measure" else max(m - (b or 0), Fraction(0)) if self.base == "increment" else self._of(self.base, sums)
        return Figures(m, e, self._of("quantity", sums), t, b, k, axis_value(self.by, m, t, b)), ""

    def _reference(self, window: Window, name: str) -> Fraction | None:
        """Target, baseline or incentive of the whole window from its span's first day; None where it is missing."""
        written = self.benefit.get(name)
        if written is None:
            return None
        if written == "feed":
            row = self.targets.get((str(self.agreement["agreement"]), str(self.benefit["id"]), self.participant, window.start))
            return None if row is None or row[name] is None else Fraction(row[name], UNIT)
        if isinstance(written, dict):
            sums = self.days.total(*prior_year(window.span_start, window.end))
            return None if _missing({self.measure}, sums) else self._of(self.measure, sums) * Fraction(written.get("times", 1))
        return Fraction(written)

    def _earned(self, figures: Figures) -> tuple[Fraction, Fraction, int]:
        """After limits and rounding; before them; the tier."""
        curve, tier = pays(self.benefit, figures)
        limits = self.benefit.get("limits", {})
        paid = min(curve, Fraction(limits["at_most"])) if "at_most" in limits else curve
        if "pays_from" in limits and paid < limits["pays_from"]:
            paid = Fraction(0)
        if "at_least" in limits:
            paid = max(paid, Fraction(limits["at_least"]))
        scale = 10 ** MINOR_UNITS[self.agreement["currency"]]
        return Fraction(round_half(paid * scale, self.book.settings.get("rounding") == "half_even"), scale), curve, tier


def _missing(needs: set[str], sums: list[int]) -> str:
    if sums[NO_RATE] and needs & {"amount", "margin"}:
        return "fx"
    if sums[NO_COST] and "margin" in needs:
        return "cost"
    return "quantity" if sums[NO_QUANTITY] and "quantity" in needs else ""
