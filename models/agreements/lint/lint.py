"""Lint: curves that are legal but may be unintended. Findings come from the curve's normal form, in exact arithmetic.

Belongs here: cliffs, falling pay, tiers that change nothing, marginal rates above 100 %, the largest payout, agreements to be reviewed.
Does not belong here: errors (rules.py, groups.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from models.agreements.approval import approval_in_force
from models.agreements.lint.payments import OF_THE_INCENTIVE, ONE, ZERO, Payment, derive, largest_value, payment_along_axis, value_at
from models.agreements.parse import Source
from models.agreements.schema import Agreement, Benefit, Gate, axis_name, counts_multiples, factor_of, has_curve, measure_of
from models.curves.pieces import Tier, compile_curve
from models.curves.vocabulary import PAY_FORMS, SCALING_STEPS
from models.documents import Path, Problem

#: Path, severity (warning or note), message.
Finding = tuple[Path, str, str]

#: Axes on which a place may fall while the span goes on.
FALLING = ("rank", "percentile", "metric", "benefit", "score", "ratio")
#: Measures in money, with which a payment can be compared.
MONEY = ("amount", "margin")


def lint_agreements(sources: Sequence[Source], today: dt.date) -> list[Problem]:
    """Everything odd about the agreements, sorted by file and line. Severity warning: probably unintended; note: worth knowing."""
    return sorted(
        source.document.problem(path, message, severity)
        for source in sources
        for path, severity, message in (*_approval_findings(source), *_agreement_findings(source.agreement, today))
    )


def _approval_findings(source: Source) -> Iterator[Finding]:
    approved = source.agreement.approved
    if approved and approved.terms_sha256 is None:
        way_out = "`tierledger approve` writes terms_sha256, and a change then ends the approval"
        yield ("approved",), "note", f"does not say which terms {approved.by} approved; {way_out}"
    elif approved and not approval_in_force(source.agreement, source.document.approved_terms):
        yield ("approved",), "warning", f"the terms have changed since {approved.by} approved them on {approved.on}; they are not approved"


def _agreement_findings(agreement: Agreement, today: dt.date) -> Iterator[Finding]:
    if agreement.review_by and agreement.review_by < today and agreement.term.to >= today:
        yield ("review_by",), "warning", f"was to be reviewed by {agreement.review_by} and runs until {agreement.term.to}"
    for i, benefit in enumerate(agreement.benefits):
        if has_curve(benefit):
            yield from ((("benefits", i, *path), severity, message) for path, severity, message in _benefit_findings(agreement, benefit))


def _benefit_findings(agreement: Agreement, benefit: Benefit) -> Iterator[Finding]:
    for i, gate in enumerate(benefit.requires):
        if _never_holds(gate):
            yield ("requires", i), "warning", "no value passes this gate: its bounds exclude each other"
    yield from _order(benefit)
    yield from _swinging(benefit)
    if benefit.tiers:
        yield from _unreachable(agreement, benefit)
        yield from _falling(benefit)
        payment = payment_along_axis(agreement.currency, benefit)
        if payment:
            yield from _cliffs(payment, benefit)
            if measure_of(benefit)[0] in MONEY and not (counts_multiples(benefit) or factor_of(benefit)):
                yield from _marginal(payment)
            yield from _capped(payment, benefit)
            yield from _largest(payment, benefit)


def _cliffs(payment: Payment, benefit: Benefit) -> Iterator[Finding]:
    for i, piece in enumerate(payment.pieces):
        size = payment.after[i] - payment.before[i]
        if size and (benefit.above != "zero" or piece.start != payment.pieces[-1].start or piece.includes_start):
            message = f"cliff: at {_plain(piece.start)} the payout goes from {_shown(payment.before[i], payment)} to {_shown(payment.after[i], payment)}"
            worse = size * (-1 if axis_name(benefit.by) == "rank" else 1) < 0 and i > 0  # rank 1 is the best
            yield ("tiers", piece.tier - 1), "warning" if worse else "note", message + (", so that better pays less" if worse else "")
    last = payment.pieces[-1]
    if benefit.method == "linear" and benefit.above == "zero":
        yield ("above",), "warning", f"nothing is paid above {_plain(last.start)}, after {_shown(payment.before[-1], payment)} at it"
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
    """Tiers that pay more than one unit of money for one more unit of the measure."""
    if payment.slope_of_measure <= 0 or payment.unit == OF_THE_INCENTIVE:
        return
    for i, (piece, paid) in enumerate(zip(payment.pieces, payment.paid, strict=True)):
        ends = [piece.start, *(p.start for p in payment.pieces[i + 1 : i + 2])]
        steepest = max(value_at(derive(paid), end) for end in ends) / payment.slope_of_measure
        if steepest > 1:
            yield ("tiers", piece.tier - 1), "warning", f"effective marginal rate {_percent(steepest)}: one more of the measure pays more than it is worth"


def _capped(payment: Payment, benefit: Benefit) -> Iterator[Finding]:
    """Tiers that change nothing because of the cap, or pay nothing because of the minimum."""
    most, least = benefit.limits.at_most, benefit.limits.pays_from
    if most is None and least is None:
        return
    for i, piece in enumerate(payment.pieces):
        values = [*payment.before[max(i, 1) :], *payment.after[i:]]
        if i and most is not None and benefit.multiply is None and all(value >= most for value in values) and piece.includes_start:
            yield ("tiers", piece.tier - 1), "warning", f"changes nothing: limits.at_most ({_plain(most)}) is reached before {_plain(piece.start)}"
        if least is not None and benefit.multiply is None and i + 1 < len(payment.pieces) and max(payment.after[i], payment.before[i + 1]) < least:
            yield ("tiers", piece.tier - 1), "warning", f"pays nothing: it earns less than limits.pays_from ({_plain(least)})"


def _order(benefit: Benefit) -> Iterator[Finding]:
    """Limits with factors that may scale before or after them, where the contract's order is not given."""
    limits, keeps_part = benefit.limits, any(gate.otherwise for gate in benefit.requires)
    lifts_failed = bool(benefit.requires) and limits.at_least is not None
    has_limits = any(value is not None for value in vars(limits).values())
    if has_limits and (benefit.multiply or keeps_part or lifts_failed) and "order" not in benefit.model_fields_set:
        message = "apply to what multiply and requires have left; if the contract limits first, write order: [limits, multiply, requires]"
        yield ("limits",), "note", f"{message}, and if it does not, order: [{', '.join(SCALING_STEPS)}]"


def _swinging(benefit: Benefit) -> Iterator[Finding]:
    """Accruals that may be taken back, or are booked whole on the first day, because they go by the place reached so far."""
    if benefit.accrue.placement != "actual":
        return
    if benefit.limits.at_least is not None and benefit.window != "month":
        yield ("limits", "at_least"), "note", "accrued whole from the window's first day on; accrue: {placement: forecast} builds it up with the measure"
    if benefit.accumulate == "window":
        return
    axes = [("by", benefit.by)] if benefit.matrix is None else []
    axes += [("multiply", benefit.multiply.by)] if benefit.multiply else []
    falling = [key for key, axis in axes if axis_name(axis) in FALLING]
    capped = [gate for gate in benefit.requires if gate.at_most is not None or gate.below is not None or axis_name(gate.by) in FALLING]
    for key in [*falling, *(["requires"] if capped else [])]:
        yield (key,), "note", "a later period may take back what is accrued by the place reached so far; accrue: {placement: forecast} swings less"


def _largest(payment: Payment, benefit: Benefit) -> Iterator[Finding]:
    most, multiply = benefit.limits.at_most, benefit.multiply
    multiplies_last = multiply is not None and benefit.order.index("multiply") > benefit.order.index("limits")
    if most is not None and not multiplies_last:
        yield ("limits", "at_most"), "note", f"largest payout of a span: {_plain(most)}"
        return
    largest = largest_value(payment.pieces, payment.paid)
    if most is not None:
        largest = Fraction(most) if largest is None else min(largest, Fraction(most))
    if largest is not None and multiply:
        tiers = [Tier(Fraction(t.from_), {"amount": Fraction(t.factor)}) for t in multiply.tiers]
        pieces = compile_curve(multiply.method, multiply.boundary, multiply.above, tiers)
        factor = largest_value(pieces, [piece.pays["amount"] for piece in pieces])
        largest = None if factor is None else largest * factor
    message = "without bound; limits.at_most would cap it" if largest is None else _shown(largest, payment)
    yield ("tiers",), "note", f"largest payout of a span: {message}"


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
    """The number of participants, where they are listed by id."""
    return Fraction(len(agreement.participants)) if isinstance(agreement.participants, list) and agreement.pool == "each" else None


def _never_holds(gate: Gate) -> bool:
    lowest = max((b for b in (gate.at_least, gate.above) if b is not None), default=None)
    highest = min((b for b in (gate.at_most, gate.below) if b is not None), default=None)
    if lowest is None or highest is None:
        return False
    return lowest > highest or (lowest == highest and (gate.above == lowest or gate.below == highest))


def _plain(value: Fraction | Decimal) -> str:
    """A number as a person writes it, with up to six decimals."""
    text = f"{Fraction(value).numerator / Decimal(Fraction(value).denominator):,.6f}" if isinstance(value, Fraction) else f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _shown(value: Fraction, payment: Payment) -> str:
    return f"{_plain(value)} {payment.unit}" if payment.unit == OF_THE_INCENTIVE else f"{payment.unit} {value.numerator / Decimal(value.denominator):,.2f}"


def _percent(value: Fraction) -> str:
    return f"{_plain(value * 100)} %"
