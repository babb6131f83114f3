"""The curve of a payout with *you are here*, in the reader's language, and what the next tier would pay.

Belongs here: from a payout's figures to a drawing and a forecast. Does not belong here: pixels (assets/drawings/), what a curve pays (models).
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import cache

from assets.drawings.benefits import CLOSE, IN_PERCENT, curve_axis, curve_height
from assets.drawings.chart import Chart, Stretch, Trace, draw_chart, value_along
from assets.drawings.svg import Axis
from assets.published.payout_curve import read_benefit
from assets.published.reader import Row
from assets.statements.words import Words
from models.agreements.lint.payments import OF_THE_INCENTIVE, CurveInputs, Payment, payment_along_axis, value_at
from models.agreements.schema import Benefit, BenefitAxis, axis_name

_INPUTS = ("base", "quantity", "target", "baseline", "incentive")
#: Axes on which a participant gets farther by more of the measure.
_OF_THE_MEASURE = ("measure", "attainment", "growth", "growth_amount")
HEIGHT = 210


@cache
def benefit_of(definition: str) -> Benefit:
    return read_benefit(definition)


def payment_of(payout: Row, benefit: Row) -> Payment | None:
    """What the benefit pays along its axis with this participant's figures; None where it depends on more."""
    if payout["axis_value"] is None or payout["measure"] is None or benefit["method"] == "matrix" or benefit.get("each"):
        return None
    inputs = CurveInputs(Fraction(payout["measure"]), **{name: None if payout[name] is None else Fraction(payout[name]) for name in _INPUTS})
    return payment_along_axis(payout["currency"], benefit_of(benefit["definition"]), inputs)


def draw_position(payout: Row, benefit: Row, payment: Payment | None, words: Words) -> str | None:
    """The curve with the place of the participant. None where it is not on the agreed curve (prorated thresholds, versions)."""
    if payment is None:
        return None
    agreed, x, paid = benefit_of(benefit["definition"]), payout["axis_value"], payout["curve_payout"] or Decimal(0)
    stretches = [Stretch(piece.start, piece.includes_start, value) for piece, value in zip(payment.pieces, payment.paid, strict=True)]
    trace, name = Trace(agreed.id, stretches), axis_name(agreed.by)
    if name != "rank" and abs(value_along(stretches, Fraction(x)) - Fraction(paid)) > CLOSE:
        return None
    across = curve_axis(agreed, agreed.by, payout["currency"], [piece.start for piece in payment.pieces], Fraction(x))
    up = curve_height([trace], across, payment.unit, float(paid))
    of = agreed.by.of if isinstance(agreed.by, BenefitAxis) else name
    in_percent = of in IN_PERCENT
    title = words.say(f"axis.{name}") if words.knows(f"axis.{name}") else name
    if name == "measure":
        title = words.say(f"what.{benefit['measure']}") if words.knows(f"what.{benefit['measure']}") else title
    across = Axis(title, across.low, across.high, [(value, _label(words, value, in_percent)) for value, _ in across.ticks])
    is_share = payment.unit == OF_THE_INCENTIVE
    up = Axis("", up.low, up.high, [(value, _label(words, value, is_share)) for value, _ in up.ticks])
    here = words.say("curve.here", place=_label(words, float(x), in_percent))
    chart = Chart(
        words.say("curve.title"), across, up, [trace], height=HEIGHT, places=[(float(x), float(paid), here)], is_discrete=name == "rank", has_dark=True
    )
    return draw_chart(chart)


def next_tier_pays(payout: Row, benefit: Row, payment: Payment | None, start: Decimal) -> Decimal | None:
    """What the payout's curve would pay where the next tier begins, with the factors of today, before limits. None where more than the measure decides."""
    if payment is None or axis_name(benefit_of(benefit["definition"]).by) not in _OF_THE_MEASURE:
        return None
    held = [n for n, piece in enumerate(payment.pieces) if piece.start <= Fraction(start)]
    if not held or payment.unit == OF_THE_INCENTIVE:
        return None
    factor = Fraction(payout["multiplier"] or 1) * Fraction(1 if payout["gate_factor"] is None else payout["gate_factor"])
    value = value_at(payment.paid[held[-1]], Fraction(start)) * factor
    if benefit["at_most"] is not None:
        value = min(value, Fraction(benefit["at_most"]))
    return round(Decimal(value.numerator) / Decimal(value.denominator), 2)


def _label(words: Words, value: float, in_percent: bool) -> str:
    exact = Decimal(repr(round(value, 6)))
    return words.percent(exact, 2) if in_percent else words.computed(exact, 4)
