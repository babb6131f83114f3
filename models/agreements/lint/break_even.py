"""From which volume on an agreement pays for what it costs more: solved on the pieces of its curves.

Belongs here: what is paid as a function of the volume, and where the margin of more volume equals the extra cost. Does not belong here: figures of
participants, which the caller has (assets/simulation), what is actually paid.

All in fractions. A polynomial is of s, the volume in times of what it is: s = 1 is today's, s = 1.1 a tenth more. Base and quantity grow in proportion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from math import isqrt

from models.agreements.lint.payments import ONE, ZERO, Payment, Polynomial, add, multiply, value_at

#: Roots that are no fractions are rounded up to so many parts of 1: of a billion in volume that is a millionth.
_PARTS = 10**15


@dataclass(frozen=True)
class Step:
    """From `start` on, this is paid. `includes`: at the start itself, too."""

    start: Fraction
    includes: bool
    paid: Polynomial


#: What is paid at every volume from 0 on; the first step begins at 0.
Curve = tuple[Step, ...]


def curve_of_volume(payment: Payment, offset: Fraction, measure: Fraction, factor: Fraction = ONE, at_most: Fraction | None = None) -> Curve:
    """The payment as a function of the volume, for a participant who has this measure: M = offset + slope × x. Measure and slope are above 0.

    factor: what multipliers and requirements leave. at_most: the limit, after them.
    """
    slope = payment.slope_of_measure
    place: Polynomial = (-offset / slope, measure / slope)
    steps = [Step(ZERO, True, ())]
    for piece, paid in zip(payment.pieces, payment.paid, strict=True):
        start = max(ZERO, (offset + slope * piece.start) / measure)
        steps.append(Step(start, piece.includes_start or not start, multiply((factor,), _compose(paid, place))))
    return tuple(steps) if at_most is None else tuple(_capped(steps, at_most))


def constant(amount: Fraction) -> Curve:
    """What is paid whatever the volume."""
    return (Step(ZERO, True, (amount,)),)


def paid_at(curve: Curve, s: Fraction) -> Fraction:
    """What is paid at the volume."""
    return value_at(_step_at(curve, s).paid, s)


def solve_break_even(curves: Sequence[Curve], gain: Fraction, today: Fraction) -> Fraction | None:
    """The smallest s, 1 or more, from which on the gain of more volume, gain × (s − 1), covers what the curves pay more than `today`.

    None: no volume does. At the s that is returned both are equal, unless what is paid falls there, so that the gain is larger at once.
    """
    paid = [_step_at(curve, ONE).paid for curve in curves]
    if _surplus(paid, gain, today, ONE) >= 0:
        return ONE
    events = sorted(((step.start, n, step.paid) for n, curve in enumerate(curves) for step in curve if step.start > 1), key=lambda each: each[0])
    events += [(ONE, n, step.paid) for n, curve in enumerate(curves) for step in curve if step.start == 1 and not step.includes]
    events.sort(key=lambda each: each[0])
    begin = ONE
    for start, changes in groupby(events, key=lambda each: each[0]):
        if start > begin and (root := _root(_difference(paid, gain, today), begin, start)) is not None:
            return root
        for _, n, after in changes:
            paid[n] = after
        begin = start
        if _surplus(paid, gain, today, start) >= 0:
            return start
    return _root(_difference(paid, gain, today), begin, None)


def _surplus(paid: Sequence[Polynomial], gain: Fraction, today: Fraction, s: Fraction) -> Fraction:
    return value_at(_difference(paid, gain, today), s)


def _difference(paid: Sequence[Polynomial], gain: Fraction, today: Fraction) -> Polynomial:
    """The gain less what is paid more than today."""
    return add([(today - gain, gain), *(multiply((-ONE,), polynomial) for polynomial in paid if polynomial)])


def _root(polynomial: Polynomial, begin: Fraction, end: Fraction | None) -> Fraction | None:
    """The first place after `begin`, and up to `end`, where the polynomial, which is below 0 at `begin`, is 0."""
    c, b, a = (*polynomial, ZERO, ZERO, ZERO)[:3]
    if any(polynomial[3:]):
        raise ValueError("what is paid grows with more than the square of the volume")
    if a:
        square = b * b - 4 * a * c
        if square < 0:
            return None
        found = [(-b - _root_of(square)) / (2 * a), (-b + _root_of(square)) / (2 * a)]
    else:
        found = [-c / b] if b else []
    return min((s for s in found if s > begin and (end is None or s <= end)), default=None)


def _root_of(square: Fraction) -> Fraction:
    """The square root: exact where it is a fraction, otherwise rounded up."""
    n, d = isqrt(square.numerator), isqrt(square.denominator)
    if n * n == square.numerator and d * d == square.denominator:
        return Fraction(n, d)
    return Fraction(isqrt(square.numerator * _PARTS**2 // square.denominator) + 1, _PARTS)


def _capped(steps: Sequence[Step], most: Fraction) -> list[Step]:
    """The steps with what is paid cut off at the limit."""
    capped: list[Step] = []
    for n, step in enumerate(steps):
        end = steps[n + 1].start if n + 1 < len(steps) else None
        places = [step.start, *_crossings(step.paid, most, step.start, end)]
        for place, following in zip(places, [*places[1:], end], strict=True):
            middle = place + 1 if following is None else (place + following) / 2
            is_over = value_at(step.paid, middle) > most
            capped.append(Step(place, step.includes if place == step.start else True, (most,) if is_over else step.paid))
    return capped


def _crossings(paid: Polynomial, most: Fraction, begin: Fraction, end: Fraction | None) -> list[Fraction]:
    found, at = [], begin
    above = add([paid, (-most,)])
    while (root := _root(above, at, end)) is not None and (end is None or root < end):
        found.append(root)
        at = root
    return found


def _compose(outer: Polynomial, inner: Polynomial) -> Polynomial:
    """outer(inner(s))."""
    value: Polynomial = ()
    for c in reversed(outer):
        value = add([multiply(value, inner), (c,)]) if value else (c,)
    return value


def _step_at(curve: Curve, s: Fraction) -> Step:
    return [step for step in curve if step.start < s or (step.start == s and step.includes)][-1]
