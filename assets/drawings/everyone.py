"""A benefit's curve with all of its participants on it.

Belongs here: which picture fits a benefit, and where its participants are on it. Does not belong here: who they are (assets/report/).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from assets.drawings.benefits import curve_axis, curve_height, draw_grid
from assets.drawings.chart import Chart, Stretch, Trace, draw_chart, value_along
from assets.drawings.svg import Axis
from models.agreements.lint.payments import Polynomial, payment_along_axis
from models.agreements.schema import Benefit
from models.curves.pieces import Tier, compile_curve
from models.curves.vocabulary import PAY_FORMS

#: A participant: place on the axis, place on the columns of a grid, name.
Place = tuple[Fraction, Fraction | None, str]


def draw_everyone(title: str, benefit: Benefit, currency: str, places: Sequence[Place]) -> tuple[str, Axis | None] | None:
    """The curve with a dot per participant, and its axis (a grid has none). Where the payment depends on more than the axis, it is what the tier gives.

    None where neither is one curve.
    """
    if benefit.matrix:
        seen = [(float(column), float(x), name) for x, column, name in places if column is not None]
        return draw_grid(title, benefit, currency, seen), None
    payment = payment_along_axis(currency, benefit)
    if payment is not None:
        unit, stretches = payment.unit, [Stretch(p.start, p.includes_start, paid) for p, paid in zip(payment.pieces, payment.paid, strict=True)]
        starts = [p.start for p in payment.pieces]
    else:
        found = _first_form(benefit)
        if found is None:
            return None
        unit, stretches = found
        starts = [s.start for s in stretches]
    axis = curve_axis(benefit, benefit.by, currency, starts, *(x for x, _, _ in places))
    trace = Trace(benefit.id, stretches)
    height = curve_height([trace], axis, unit)
    spots = [(float(x), float(value_along(stretches, x)), name) for x, _, name in places]
    return draw_chart(Chart(title, axis, height, [trace], height=250, is_discrete=axis.name == "rank", dots=spots)), axis


def _first_form(benefit: Benefit) -> tuple[str, list[Stretch]] | None:
    """What the tier gives along the axis: its rate, or its first form."""
    if benefit.method in ("graduated", "rolling") or not benefit.tiers:
        return None
    form = next((form for form in PAY_FORMS if any(getattr(t, form) is not None for t in benefit.tiers)), None)
    if form is None:
        return None
    tiers = [Tier(Fraction(t.from_), {form: Fraction(getattr(t, form) or 0)}) for t in benefit.tiers]
    pieces = compile_curve(benefit.method, benefit.boundary, benefit.above, tiers)
    values: list[Polynomial] = [p.pays[form] for p in pieces]
    unit = {"rate": "rate", "share": "share of the incentive", "per_unit": "per unit"}.get(form, form)
    return unit, [Stretch(p.start, p.includes_start, value) for p, value in zip(pieces, values, strict=True)]
