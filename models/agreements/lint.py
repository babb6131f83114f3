"""Lint: curves that are legal and may not be meant. What it says is made from the curve's normal form, in exact arithmetic.

Belongs here: cliffs, falling pay, tiers that change nothing, marginal rates above 100 %, the largest payout, agreements to be reviewed.
Does not belong here: what is refused (rules.py, groups.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from models.agreements.parse import Source
from models.agreements.rules import pay_forms
from models.agreements.schema import PAY_FORMS, Agreement, Benefit, Gate, axis_name, base_of, measure_of
from models.curves import Piece, Tier, compile_curve
from models.documents import Path, Problem

#: Coefficients of 1, x, x² … of a payment along the axis.
Polynomial = tuple[Fraction, ...]
#: Where it stands, warning or note, what it says.
Finding = tuple[Path, str, str]

ZERO, ONE = Fraction(0), Fraction(1)
#: Measures in money, so that a payment can be set against them.
MONEY = ("amount", "margin")


@dataclass(frozen=True)
class Payment:
    """What a benefit pays along its axis before multipliers, gates and limits: one polynomial per piece, in `unit`.

    slope_of_measure: how much measure one unit of the axis is; 0 where the axis is none of the measure's.
    """

    pieces: Sequence[Piece]
    paid: Sequence[Polynomial]
    unit: str
    slope_of_measure: Fraction

    def before(self, i: int) -> Fraction:
        """At the place where piece i begins, as piece i − 1 pays."""
        return _value(self.paid[i - 1], self.pieces[i].start) if i else ZERO

    def after(self, i: int) -> Fraction:
        return _value(self.paid[i], self.pieces[i].start)


def lint_agreements(sources: Sequence[Source], today: dt.date) -> list[Problem]:
    """Everything odd about the agreements, sorted by place. Severity warning: probably not meant; note: worth knowing."""
    return sorted(
        source.document.problem(path, message, severity) for source in sources for path, severity, message in _agreement_findings(source.agreement, today)
    )


def _agreement_findings(agreement: Agreement, today: dt.date) -> Iterator[Finding]:
    if agreement.review_by and agreement.review_by < today and agreement.term.to >= today:
        yield ("review_by",), "warning", f"was to be reviewed by {agreement.review_by}, and runs until {agreement.term.to}"
    for i, benefit in enumerate(agreement.benefits):
        yield from ((("benefits", i, *path), severity, message) for path, severity, message in _benefit_findings(agreement, benefit))


def _benefit_findings(agreement: Agreement, benefit: Benefit) -> Iterator[Finding]:
    for i, gate in enumerate(benefit.requires):
        if _never_holds(gate):
            yield ("requires", i), "warning", "no value passes this gate: its bounds exclude each other"
    if benefit.tiers:
        yield from _unreachable(agreement, benefit)
        yield from _falling(benefit)
        payment = payment_along_axis(agreement, benefit)
        if payment:
            yield from _cliffs(payment, benefit)
            if measure_of(benefit)[0] in MONEY:
                yield from _marginal(payment)
            yield from _capped(payment, benefit)
            yield from _largest(payment, benefit)


def payment_along_axis(agreement: Agreement, benefit: Benefit) -> Payment | None:
    """The payment as a function of the axis; None where it depends on more than the axis (another column, a target or baseline from a feed)."""
    axis, method = axis_name(benefit.by), benefit.method
    figures = {name: value for name in ("target", "baseline") if isinstance(value := getattr(benefit, name), Decimal)}
    unit_of = {"measure": ONE, "growth_amount": ONE, "attainment": figures.get("target"), "growth": figures.get("baseline")}
    forms = pay_forms(benefit)
    measure: Polynomial | None = None
    if axis in unit_of and unit_of[axis] is not None:
        slope = Fraction(unit_of[axis])  # type: ignore[arg-type]
        offset = {"growth": slope, "growth_amount": Fraction(figures["baseline"]) if "baseline" in figures else None}.get(axis, ZERO)
        measure = None if offset is None else (offset, slope)
    values: dict[str, Polynomial | None] = {"amount": (ONE,), "share": (ONE,)}
    if method in ("graduated", "rolling"):
        sliced = (measure[1],) if measure and benefit.base == "measure" else None
        values |= {"rate": sliced, "per_unit": sliced if measure_of(benefit)[0] == "quantity" else None, "offset": measure and (measure[0],)}
    else:
        values |= {"rate": _base_along_axis(benefit, measure, figures.get("baseline")), "per_unit": measure if measure_of(benefit)[0] == "quantity" else None}
    unit = agreement.currency
    if "share" in forms:
        if isinstance(benefit.incentive, Decimal):
            values["share"] = (Fraction(benefit.incentive),)
        elif forms == {"share"}:
            unit = "of the incentive"
        else:
            return None
    if any(values[form] is None for form in forms):
        return None
    pieces = compile_curve(method, benefit.boundary, benefit.above, _curve_tiers(benefit))
    paid = [_sum(_product(values[form] or (), line) for form, line in piece.pays.items()) for piece in pieces]
    return Payment(pieces, paid, unit, measure[1] if measure else ZERO)


def _base_along_axis(benefit: Benefit, measure: Polynomial | None, baseline: Decimal | None) -> Polynomial | None:
    """What a rate multiplies, where it follows from the measure."""
    base, measured = base_of(benefit)[0], measure_of(benefit)
    if measure is None or not (
        base in ("measure", "increment") or (isinstance(benefit.base, str) and base == measured[0] and isinstance(benefit.measure, str))
    ):
        return None
    if base != "increment":
        return measure
    return None if baseline is None else (measure[0] - Fraction(baseline), measure[1])


def _curve_tiers(benefit: Benefit) -> list[Tier]:
    forms = [form for form in PAY_FORMS if form in pay_forms(benefit)]
    return [Tier(Fraction(t.from_), {form: Fraction(getattr(t, form) or 0) for form in forms}) for t in benefit.tiers or ()]


def _cliffs(payment: Payment, benefit: Benefit) -> Iterator[Finding]:
    for i, piece in enumerate(payment.pieces):
        size = payment.after(i) - payment.before(i)
        if size and (benefit.above != "zero" or piece.start != payment.pieces[-1].start or piece.includes_start):
            told = f"cliff: at {_plain(piece.start)} the payout goes from {_shown(payment.before(i), payment)} to {_shown(payment.after(i), payment)}"
            worse = size * (-1 if axis_name(benefit.by) == "rank" else 1) < 0 and i > 0  # rank 1 is the best
            yield ("tiers", piece.tier - 1), "warning" if worse else "note", told + (", so that better pays less" if worse else "")
    last = payment.pieces[-1]
    if benefit.method == "linear" and benefit.above == "zero":
        yield ("above",), "warning", f"nothing is paid above {_plain(last.start)}, after {_shown(payment.before(len(payment.pieces) - 1), payment)} at it"
    for i, (piece, paid) in enumerate(zip(payment.pieces, payment.paid, strict=True)):
        pays_nothing = not any(paid) and any(any(p) for p in payment.paid[:i]) and piece.includes_start
        if pays_nothing and i + 1 < len(payment.pieces):
            yield ("tiers", piece.tier - 1), "warning", f"gap: nothing is paid from {_plain(piece.start)} to {_plain(payment.pieces[i + 1].start)}"


def _falling(benefit: Benefit) -> Iterator[Finding]:
    for i, (before, tier) in enumerate(pairwise(benefit.tiers or ()), 1):
        for form in PAY_FORMS:
            lower, higher = getattr(before, form) or Decimal(0), getattr(tier, form) or Decimal(0)
            if higher < lower and axis_name(benefit.by) != "rank" and benefit.method not in ("total", "rolling"):
                yield ("tiers", i), "note", f"the {form} falls from {_plain(lower)} to {_plain(higher)}"


def _marginal(payment: Payment) -> Iterator[Finding]:
    """More than one unit of money for one more unit of the measure."""
    if payment.slope_of_measure <= 0 or payment.unit == "of the incentive":
        return
    for i, (piece, paid) in enumerate(zip(payment.pieces, payment.paid, strict=True)):
        ends = [piece.start, *(p.start for p in payment.pieces[i + 1 : i + 2])]
        steepest = max(_value(_derivative(paid), end) for end in ends) / payment.slope_of_measure
        if steepest > 1:
            yield ("tiers", piece.tier - 1), "warning", f"effective marginal rate {_percent(steepest)}: one more of the measure pays more than it is worth"


def _capped(payment: Payment, benefit: Benefit) -> Iterator[Finding]:
    """Tiers that begin where the cap, or the least that is paid, has decided already."""
    most, least = benefit.limits.at_most, benefit.limits.pays_from
    for i, piece in enumerate(payment.pieces):
        values = [payment.before(j) for j in range(max(i, 1), len(payment.pieces))] + [payment.after(j) for j in range(i, len(payment.pieces))]
        if i and most is not None and benefit.multiply is None and all(value >= most for value in values) and piece.includes_start:
            yield ("tiers", piece.tier - 1), "warning", f"changes nothing: limits.at_most ({_plain(most)}) is reached before {_plain(piece.start)}"
        if least is not None and benefit.multiply is None and i + 1 < len(payment.pieces) and max(payment.after(i), payment.before(i + 1)) < least:
            yield ("tiers", piece.tier - 1), "warning", f"pays nothing: it earns less than limits.pays_from ({_plain(least)})"


def _largest(payment: Payment, benefit: Benefit) -> Iterator[Finding]:
    if benefit.limits.at_most is not None:
        yield ("limits", "at_most"), "note", f"largest payout of a span: {_plain(benefit.limits.at_most)}"
        return
    largest = _supremum(payment.pieces, payment.paid)
    if largest is not None and benefit.multiply:
        tiers = [Tier(Fraction(t.from_), {"amount": Fraction(t.factor)}) for t in benefit.multiply.tiers]
        pieces = compile_curve(benefit.multiply.method, benefit.multiply.boundary, benefit.multiply.above, tiers)
        factor = _supremum(pieces, [piece.pays["amount"] for piece in pieces])
        largest = None if factor is None else largest * factor
    told = "without bound; limits.at_most would cap it" if largest is None else _shown(largest, payment)
    yield ("tiers",), "note", f"largest payout of a span: {told}"


def _supremum(pieces: Sequence[Piece], paid: Sequence[Polynomial]) -> Fraction | None:
    """The largest value of all pieces; None where the last one grows for ever."""
    last = [c for c in paid[-1][1:] if c]
    if last and last[-1] > 0:
        return None
    places = [(p, piece.start) for piece, p in zip(pieces, paid, strict=True)]
    places += [(p, following.start) for p, following in zip(paid, pieces[1:], strict=False)]
    ends = [*(piece.start for piece in pieces[1:]), None]
    for piece, polynomial, end in zip(pieces, paid, ends, strict=True):
        if len(polynomial) > 2 and polynomial[2]:
            turn = -polynomial[1] / (2 * polynomial[2])
            if turn > piece.start and (end is None or turn < end):
                places.append((polynomial, turn))
    return max([ZERO, *(_value(p, x) for p, x in places)])


def _unreachable(agreement: Agreement, benefit: Benefit) -> Iterator[Finding]:
    axis = axis_name(benefit.by)
    places = [Fraction(t.from_) for t in benefit.tiers or ()]
    low, high = {"rank": (ONE, _participants(agreement)), "percentile": (ZERO, ONE)}.get(axis, (None, None))
    for i, place in enumerate(places):
        following = places[i + 1] if i + 1 < len(places) else None
        if low is not None and following is not None and following <= low and following > place:
            yield ("tiers", i), "warning", f"cannot be reached: {axis} begins at {_plain(low)}, where the next tier holds"
        excludes_end = axis == "percentile" and benefit.boundary == "upper_inclusive"
        if high is not None and (place > high or (place == high and excludes_end)):
            yield ("tiers", i), "warning", f"cannot be reached: {axis} goes up to {_plain(high)}"
        for n, gate in enumerate(benefit.requires):
            bound = min((b for b in (gate.at_most, gate.below) if b is not None), default=None)
            if gate.by == benefit.by and not gate.otherwise and bound is not None and (place > bound or (place == bound and gate.below == bound)):
                yield ("tiers", i), "warning", f"cannot be reached: requires[{n}] lets nothing through from {_plain(bound)} on"


def _participants(agreement: Agreement) -> Fraction | None:
    """How many there are, where they are listed by id."""
    return Fraction(len(agreement.participants)) if isinstance(agreement.participants, list) and agreement.pool == "each" else None


def _never_holds(gate: Gate) -> bool:
    lowest = max((b for b in (gate.at_least, gate.above) if b is not None), default=None)
    highest = min((b for b in (gate.at_most, gate.below) if b is not None), default=None)
    if lowest is None or highest is None:
        return False
    return lowest > highest or (lowest == highest and (gate.above == lowest or gate.below == highest))


def _value(polynomial: Polynomial, x: Fraction) -> Fraction:
    return sum((c * x**n for n, c in enumerate(polynomial)), ZERO)


def _derivative(polynomial: Polynomial) -> Polynomial:
    return tuple(c * n for n, c in enumerate(polynomial))[1:]


def _product(a: Polynomial, b: Polynomial) -> Polynomial:
    return tuple(sum((a[i] * b[n - i] for i in range(len(a)) if 0 <= n - i < len(b)), ZERO) for n in range(len(a) + len(b) - 1))


def _sum(polynomials: Iterator[Polynomial]) -> Polynomial:
    listed = list(polynomials)
    return tuple(sum((p[n] for p in listed if n < len(p)), ZERO) for n in range(max(map(len, listed), default=0)))


def _plain(value: Fraction | Decimal) -> str:
    """A number as a person writes it, cut after six decimals."""
    text = f"{Fraction(value).numerator / Decimal(Fraction(value).denominator):,.6f}" if isinstance(value, Fraction) else f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _shown(value: Fraction, payment: Payment) -> str:
    return f"{_plain(value)} {payment.unit}" if payment.unit == "of the incentive" else f"{payment.unit} {value.numerator / Decimal(value.denominator):,.2f}"


def _percent(value: Fraction) -> str:
    return f"{_plain(value * 100)} %"
