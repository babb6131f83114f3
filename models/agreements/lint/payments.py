"""What a benefit pays along its axis, before multipliers, gates and limits: the curve's normal form in money.

Belongs here: payments as polynomials, one per piece, for lint, drawings and docs. Does not belong here: what is actually paid, which is
computed for all results at once and in integers (models/calculation/earnings/payouts.py), or grids (models/curves/matrices.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, reduce
from itertools import zip_longest

from models.agreements.rules.rules import pay_forms
from models.agreements.schema import Benefit, axis_name, base_of, counts_multiples, distinct_of, factor_of, measure_of, over_of
from models.curves.pieces import Piece, Tier, compile_curve
from models.curves.vocabulary import PAY_FORMS

#: Coefficients of 1, x, x² … of a payment along the axis.
Polynomial = tuple[Fraction, ...]
ZERO, ONE = Fraction(0), Fraction(1)
OF_THE_INCENTIVE = "of the incentive"


@dataclass(frozen=True)
class CurveInputs:
    """The figures of one participant. Along the axis, base and quantity grow in proportion to the measure; they are constant where the measure is."""

    measure: Fraction
    base: Fraction | None = None
    quantity: Fraction | None = None
    target: Fraction | None = None
    baseline: Fraction | None = None
    incentive: Fraction | None = None


@dataclass(frozen=True)
class Payment:
    """What a benefit pays along its axis before multipliers, gates and limits: one polynomial per piece, in `unit`.

    slope_of_measure: how much measure one unit of the axis is; 0 where the axis does not depend on the measure. base: what a rate multiplies, along
    the axis; None where it depends on more than that.
    """

    pieces: Sequence[Piece]
    paid: Sequence[Polynomial]
    unit: str
    slope_of_measure: Fraction
    base: Polynomial | None = None

    @cached_property
    def before(self) -> Sequence[Fraction]:
        """The payment where each piece begins, by the piece before it."""
        return [ZERO, *(value_at(paid, piece.start) for paid, piece in zip(self.paid, self.pieces[1:], strict=False))]

    @cached_property
    def after(self) -> Sequence[Fraction]:
        """The payment where each piece begins, by the piece itself."""
        return [value_at(paid, piece.start) for paid, piece in zip(self.paid, self.pieces, strict=True)]


def payment_along_axis(currency: str, benefit: Benefit, figures: CurveInputs | None = None) -> Payment | None:
    """The payment as a function of the axis, with the numbers of the benefit and those of `figures`.

    None where it depends on more than the axis (another column, a target or baseline from a feed, and no figures).
    """
    method = benefit.method
    target, baseline, incentive = (_figure(benefit, figures, name) for name in ("target", "baseline", "incentive"))
    measure = _measure_along_axis(axis_name(benefit.by), target, baseline, figures)
    forms = pay_forms(benefit)
    is_quantity = counts_multiples(benefit) or distinct_of(benefit) is not None or (measure_of(benefit)[0] == "quantity" and not factor_of(benefit))
    quantity = measure if is_quantity else _in_proportion(measure, figures, "quantity")
    values: dict[str, Polynomial | None] = {"amount": (ONE,), "share": None if incentive is None else (incentive,)}
    if method in ("graduated", "rolling", "running"):
        base = measure if benefit.base == "measure" else _in_proportion(measure, figures, "base")
        values |= {"rate": base and (base[1],), "per_unit": quantity and (quantity[1],), "offset": measure and (measure[0],)}
    else:
        values |= {"rate": _base_along_axis(benefit, measure, baseline, figures), "per_unit": quantity}
    unit = currency
    if "share" in forms and incentive is None and forms == {"share"}:
        unit, values["share"] = OF_THE_INCENTIVE, (ONE,)
    if any(values[form] is None for form in forms):
        return None
    pieces = compile_curve(method, benefit.boundary, benefit.above, _curve_tiers(benefit))
    paid = [add(multiply(values[form] or (), line) for form, line in piece.pays.items()) for piece in pieces]
    return Payment(pieces, paid, unit, measure[1] if measure else ZERO, _base_along_axis(benefit, measure, baseline, figures))


def has_constant_rate(benefit: Benefit) -> bool:
    """Whether each unit of the measure is paid alike wherever the measure ends, while it stays in its tier: a later line leaves earlier ones as they are.

    The tier's rate, or its amount per unit of a measured quantity, is all that it pays; slices of `graduated` may also pay a share of the incentive.
    """
    method, forms, by = benefit.method, pay_forms(benefit), benefit.multiply and benefit.multiply.by
    is_of_measure = (
        (forms == {"rate"} and _pays_on_measure(benefit))
        or (forms == {"per_unit"} and benefit.measure == "quantity")
        or (forms == {"share"} and method == "graduated")
    )
    is_steady = benefit.matrix.method == "whole" if benefit.matrix else method in ("whole", "total") or (method == "graduated" and benefit.prorate == "none")
    is_steady &= benefit.slices is None
    has_steady_factor = benefit.multiply is None or benefit.multiply.method == "whole" or axis_name(by) == "metric"
    return (
        is_of_measure
        and benefit.each is None
        and not (counts_multiples(benefit) or distinct_of(benefit) or over_of(benefit))
        and is_steady
        and has_steady_factor
    )


def _figure(benefit: Benefit, figures: CurveInputs | None, name: str) -> Fraction | None:
    """The participant's figure, if there is one; else the benefit's, if that is a number."""
    agreed, own = getattr(benefit, name), getattr(figures, name, None)
    return own if own is not None else Fraction(agreed) if isinstance(agreed, Decimal) else None


def _measure_along_axis(axis: str, target: Fraction | None, baseline: Fraction | None, figures: CurveInputs | None) -> Polynomial | None:
    """M as offset + slope × x."""
    if axis == "measure":
        return ZERO, ONE
    if axis == "attainment":
        return None if target is None else (ZERO, target)
    if axis in ("growth", "growth_amount"):
        return None if baseline is None else (baseline, baseline if axis == "growth" else ONE)
    return None if figures is None else (figures.measure, ZERO)


def _base_along_axis(benefit: Benefit, measure: Polynomial | None, baseline: Fraction | None, figures: CurveInputs | None) -> Polynomial | None:
    """What a rate multiplies: the measure, what exceeds the baseline, or another column."""
    if measure is None:
        return None
    if base_of(benefit)[0] == "increment":
        return None if baseline is None else (measure[0] - baseline, measure[1])
    return measure if _pays_on_measure(benefit) else _in_proportion(measure, figures, "base")


def _pays_on_measure(benefit: Benefit) -> bool:
    """Whether a rate multiplies the measure itself."""
    base = base_of(benefit)[0]
    return base == "measure" or (isinstance(benefit.base, str) and base == measure_of(benefit)[0] and isinstance(benefit.measure, str))


def _in_proportion(measure: Polynomial | None, figures: CurveInputs | None, name: str) -> Polynomial | None:
    """Base or quantity along the axis: constant where the measure is, otherwise in proportion to it."""
    column: Fraction | None = getattr(figures, name, None)
    if measure is None or figures is None or column is None:
        return None
    if not measure[1]:
        return column, ZERO
    return tuple(c * column / figures.measure for c in measure) if figures.measure else None


def _curve_tiers(benefit: Benefit) -> list[Tier]:
    forms = [form for form in PAY_FORMS if form in pay_forms(benefit)]
    return [Tier(Fraction(t.from_), {form: Fraction(getattr(t, form) or 0) for form in forms}) for t in benefit.tiers or ()]


def value_at(polynomial: Polynomial, x: Fraction) -> Fraction:
    """Its value at x."""
    value = ZERO
    for c in reversed(polynomial):
        value = _plus(value * x, c) if value else c
    return value


def largest_value(pieces: Sequence[Piece], paid: Sequence[Polynomial]) -> Fraction | None:
    """The largest value of all pieces; None where the last one grows without bound."""
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
    return max([ZERO, *(value_at(p, x) for p, x in places)])


def derive(polynomial: Polynomial) -> Polynomial:
    """Its derivative."""
    return tuple(c * n for n, c in enumerate(polynomial))[1:]


def multiply(a: Polynomial, b: Polynomial) -> Polynomial:
    """The product of two."""
    product = [ZERO] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            if x and y:
                product[i + j] = _plus(product[i + j], x * y)
    return tuple(product)


def add(polynomials: Iterable[Polynomial]) -> Polynomial:
    """The sum of several."""
    return tuple(reduce(_plus, terms) for terms in zip_longest(*polynomials, fillvalue=ZERO))


def _plus(a: Fraction, b: Fraction) -> Fraction:
    """Their sum. Most coefficients are 0, and adding fractions is slow."""
    return a + b if a and b else a or b
