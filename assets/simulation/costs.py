"""What proposed agreements cost and whom they touch, from the published tables of a run with them and of one without.

Belongs here: figures of a plan. Does not belong here: the runs (pipelines/simulation.py), words and tables for people (sections.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from assets.differences.findings import Findings
from assets.published.reader import Row, connect_set, fetch, read_manifest_of
from assets.simulation.sales import Sales, read_sales
from models.agreements.lint.break_even import Curve, constant, curve_of_volume, paid_at, solve_break_even
from models.agreements.lint.payments import CurveInputs, Payment, largest_value, payment_along_axis, value_at
from models.agreements.parse import Source
from models.agreements.schema import Agreement, Benefit, axis_name, has_curve

#: Who is this close to a step of what is paid, in parts of the measure that it takes, stands near a cliff.
NEAR = Fraction(1, 20)
_CENT = Fraction(1, 100)
#: Axes along which the place follows the volume.
_FOLLOWING = ("measure", "attainment", "growth", "growth_amount")
Terms = Mapping[tuple[str, int, str], tuple[Agreement, Benefit]]

_ROWS = """
    select agreement_id, agreement_version, benefit_id, participant_id, participant_name, direction, currency, window_start, span_start, status, measure,
        base, quantity, target, baseline, incentive, coalesce(multiplier, 1) as multiplier, coalesce(gate_factor, 1) as gate_factor, tier,
        coalesce(earned, 0) as earned, coalesce(payout, 0) as payout,
        row_number() over (partition by agreement_id, benefit_id, participant_id, span_start order by window_start desc) = 1 as is_last
    from fct_payout where list_contains($ids, agreement_id) order by agreement_id, benefit_id, participant_id, window_start"""


@dataclass
class Costing:
    """One plan. `changes`: its payouts against those of the agreements that it replaces; `sales`: of lines that either counts; the others by currency.

    `break_even`: the volume from which on the plan pays for itself, in times of today's; None: no volume does.
    """

    name: str
    changes: Findings
    sales: dict[str, Decimal]
    liability: dict[str, Decimal | None]
    break_even: dict[str, Fraction | None]
    participants: list[Row]
    near: list[Row]
    tiers: list[Row]
    sensitivity: list[Row] = field(default_factory=list)
    draws: dict[str, dict[str, dict[str, Decimal]]] = field(default_factory=dict)
    histories: list[Row] = field(default_factory=list)
    others: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Paid:
    """The payouts of some agreements in a set, their terms, the file of the lines that they count, and the sales that these are."""

    rows: Sequence[Row]
    terms: Terms
    lines: Path
    sales: Sales

    def cost(self) -> dict[str, Decimal]:
        """By currency."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for row in self.rows:
            sums[row["currency"]] += row["payout"]
        return dict(sums)


def as_money(amount: Fraction) -> Decimal:
    """Rounded to two decimals, to be told."""
    return round(Decimal(amount.numerator) / Decimal(amount.denominator), 2)


def read_paid(folder: Path, lines: Path, ids: Collection[str], sources: Sequence[Source]) -> Paid:
    """From the set in the folder, and the file of the lines that the agreements count."""
    manifest = read_manifest_of(folder)
    assert manifest is not None, "a run has just written it"
    with connect_set(folder, manifest) as con:
        rows = fetch(con, _ROWS, {"ids": sorted(ids)})
    terms = {(s.agreement.agreement, s.agreement.version, b.id): (s.agreement, b) for s in sources for b in s.agreement.benefits}
    return Paid(rows, terms, lines, read_sales([lines]))


def find_break_even(today: Paid, proposed: Paid, margin: Decimal) -> tuple[dict[str, Fraction | None], dict[tuple[str, str], Fraction | None], int]:
    """Of what we pay everyone together, by currency; of each participant who costs more; and how many payouts do not follow the volume: they stay as they are.

    At a margin of 0.25, each unit of more sales brings a quarter.
    """
    curves: dict[tuple[str, str], list[Curve]] = defaultdict(list)
    fixed = 0
    for row, curve in _curves(proposed):
        if row["direction"] == "payable":
            fixed += curve is None and bool(row["payout"])
            curves[row["currency"], row["participant_id"]].append(constant(Fraction(row["payout"])) if curve is None else curve)
    before, now = (_sums(paid)["payable"] for paid in (today, proposed))
    for key, own in curves.items():  # cents that rounding added or took
        own.append(constant(Fraction(now[key]) - sum((paid_at(curve, Fraction(1)) for curve in own), Fraction(0))))
    whole = {}
    for currency in sorted({key[0] for key in curves}):
        together = [curve for key, own in curves.items() if key[0] == currency for curve in own]
        paid_before = sum((amount for key, amount in before.items() if key[0] == currency), Decimal(0))
        whole[currency] = solve_break_even(together, Fraction(margin) * Fraction(proposed.sales.whole.get(currency, 0)), Fraction(paid_before))
    people = {
        key: solve_break_even(own, Fraction(margin) * Fraction(proposed.sales.of.get(key, 0)), Fraction(before[key]))
        for key, own in curves.items()
        if now[key] > before[key]
    }
    return whole, people, fixed


def by_participant(today: Paid, proposed: Paid, sales: Sales, break_even: Mapping[tuple[str, str], Fraction | None]) -> list[Row]:
    """What each participant is paid today and proposed, on which sales, and the volume that pays for what it costs more. The largest change first."""
    before, now = _sums(today), _sums(proposed)
    known = {(row["direction"], row["currency"], row["participant_id"]): row for row in (*today.rows, *proposed.rows)}
    rows = []
    for (direction, *place), row in known.items():
        key = (place[0], place[1])
        paid = before[direction][key], now[direction][key]
        costs = {"at": break_even[key]} if direction == "payable" and key in break_even else {}
        names = {name: row[name] for name in ("participant_id", "participant_name", "direction", "currency")}
        rows.append({**names, "before": paid[0], "now": paid[1], "change": paid[1] - paid[0], "sales": sales.of.get(key, Decimal(0)), **costs})
    return sorted(rows, key=lambda row: (-abs(row["change"]), -abs(row["now"]), row["participant_id"], row["direction"], row["currency"]))


def _sums(paid: Paid) -> dict[str, dict[tuple[str, str], Decimal]]:
    """By direction, then by currency and participant."""
    sums: dict[str, dict[tuple[str, str], Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in paid.rows:
        sums[row["direction"]][row["currency"], row["participant_id"]] += row["payout"]
    return sums


def near_cliffs(today: Paid, proposed: Paid) -> list[Row]:
    """Who stands near a step of what is paid, today or proposed, the largest step first: how much volume lies between, and what the step pays."""
    found: dict[tuple[object, ...], Row] = {}
    for side, paid in (("before", today), ("now", proposed)):
        for row, curve in _curves(paid):
            for missing, jump in _steps_near(row, curve):
                key = (row["benefit_id"], row["participant_id"], row["span_start"], missing)
                mine = found.setdefault(key, {**row, "missing": missing, "before": None, "now": None})
                mine[side] = jump
    return sorted(found.values(), key=lambda row: (-max(abs(row[side] or 0) for side in ("before", "now")), row["participant_id"], row["benefit_id"]))


def _steps_near(row: Row, curve: Curve | None) -> Iterator[tuple[Fraction, Fraction]]:
    """The measure that is missing, 0 or less where it is reached, and what the step pays."""
    for before, after in pairwise(curve or ()):
        at = after.start
        jump = value_at(after.paid, at) - value_at(before.paid, at)
        if at and abs(at - 1) <= NEAR * at and abs(jump) >= _CENT:
            yield (at - 1) * Fraction(row["measure"]), jump


def largest_liability(paid: Paid) -> dict[str, Decimal | None]:
    """The most that the windows that have begun can cost, at the multipliers that there are, by currency; None: without bound."""
    sums: dict[str, Fraction | None] = {}
    for row in paid.rows:
        if not row["is_last"] or row["status"] == "blocked":
            continue
        agreement, benefit = paid.terms[row["agreement_id"], row["agreement_version"], row["benefit_id"]]
        most = _most(agreement, benefit, row)
        before = sums.get(row["currency"], Fraction(0))
        sums[row["currency"]] = None if most is None or before is None else before + most
    return {currency: None if most is None else as_money(most) for currency, most in sums.items()}


def by_tier(today: Paid, proposed: Paid) -> list[Row]:
    """Payouts and cost of each tier of each benefit, today and proposed."""
    sums: dict[tuple[str, str, int], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 4)
    for place, paid in ((0, today), (2, proposed)):
        for row in paid.rows:
            of = sums[row["currency"], row["benefit_id"], row["tier"] or 0]
            of[place] += 1
            of[place + 1] += row["payout"]
    names = ("payouts_before", "before", "payouts_now", "now")
    return [
        {"currency": currency, "benefit_id": benefit, "tier": tier, **dict(zip(names, of, strict=True))}
        for (currency, benefit, tier), of in sorted(sums.items())
    ]


def _most(agreement: Agreement, benefit: Benefit, row: Row) -> Fraction | None:
    limit = benefit.limits.at_most
    payment = _payment(agreement, benefit, row)
    largest = None if payment is None else largest_value(payment.pieces, payment.paid)
    if largest is not None:
        largest *= Fraction(row["multiplier"]) * Fraction(row["gate_factor"])
    bounds = [bound for bound in (largest, None if limit is None else Fraction(limit)) if bound is not None]
    return min(bounds) if bounds else None


def _curves(paid: Paid) -> Iterator[tuple[Row, Curve | None]]:
    """Each span with what all of its windows would be paid by volume: its last row. Where that does not follow from the curve alone, each row without one."""
    spans: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in paid.rows:
        spans[row["agreement_id"], row["benefit_id"], row["participant_id"], row["span_start"], row["agreement_version"]].append(row)
    for rows in spans.values():
        last = rows[-1]
        agreement, benefit = paid.terms[last["agreement_id"], last["agreement_version"], last["benefit_id"]]
        is_whole = sum((row["payout"] for row in rows), Decimal(0)) == last["earned"]
        curve = _curve(agreement, benefit, last) if is_whole else None
        if curve is None:
            yield from ((row, None) for row in rows)
        else:
            yield last, curve


def _curve(agreement: Agreement, benefit: Benefit, row: Row) -> Curve | None:
    axis = axis_name(benefit.by)
    payment = _payment(agreement, benefit, row)
    if payment is None or axis not in _FOLLOWING or not row["measure"] or row["measure"] <= 0 or payment.slope_of_measure <= 0:
        return None
    offset = Fraction(row["baseline"] or 0) if axis.startswith("growth") else Fraction(0)
    factor = Fraction(row["multiplier"]) * Fraction(row["gate_factor"])
    most = benefit.limits.at_most
    curve = curve_of_volume(payment, offset, Fraction(row["measure"]), factor, None if most is None else Fraction(most))
    return curve if abs(paid_at(curve, Fraction(1)) - Fraction(row["earned"])) <= _CENT else None


def _payment(agreement: Agreement, benefit: Benefit, row: Row) -> Payment | None:
    if not has_curve(benefit) or not benefit.tiers or benefit.each or benefit.slices or benefit.method == "running" or row["measure"] is None:
        return None
    names = ("measure", "base", "quantity", "target", "baseline", "incentive")
    figures = {name: None if row[name] is None else Fraction(row[name]) for name in names}
    return payment_along_axis(agreement.currency, benefit, CurveInputs(**figures))  # type: ignore[arg-type]
