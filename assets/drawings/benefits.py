"""A benefit as a picture: which axis, which range, which units.

Belongs here: from the benefit's terms to a chart or a heat map. Does not belong here: pixels (chart.py, heat_map.py, svg.py), what a curve pays (models).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any

from assets.drawings.chart import Chart, Stretch, Trace, draw_chart, extremes, money_ticks, percent_ticks, value_along
from assets.drawings.heat_map import HeatMap, draw_heat_map
from assets.drawings.svg import Axis, percent, plain, round_steps
from models.agreements.lint.payments import OF_THE_INCENTIVE, ZERO, CurveInputs, Payment, Polynomial, multiply, payment_along_axis, value_at
from models.agreements.schema import Benefit, BenefitAxis, Gate, Limits, Multiplier, axis_name, counts_multiples, distinct_of, measure_of
from models.curves.pieces import Tier, compile_curve

NAMES = {
    "attainment": "attainment: measure / target",
    "growth": "growth: measure / baseline − 1",
    "growth_amount": "gain: measure − baseline",
    "rank": "rank",
    "score": "score: weighted mean of its parts",
    "percentile": "percentile: share of the others with less",
}
#: The axis value is published with 12 decimals, and the payment is at most a hundred million times that.
CLOSE = Fraction(1, 1000)
IN_PERCENT = ("attainment", "growth", "percentile")


def draw_benefits(title: str, benefits: Sequence[Benefit], currency: str, inputs: CurveInputs | None = None) -> str:
    """The curves of benefits on the same axis in one picture, or the grid of a matrix.

    Raises ValueError if a payment depends on more than the axis and no `inputs` are given.
    """
    first = benefits[0]
    if first.matrix:
        return _draw_matrix(title, first, currency)
    payments = [_payment(benefit, currency, inputs) for benefit in benefits]
    stretches = [_stretches(payment) for payment in payments]
    axis, places = axis_name(first.by), [p.start for payment in payments for p in payment.pieces]
    is_limited = len(benefits) == 1 and any(value is not None for value in vars(first.limits).values())
    if is_limited:
        stretches.insert(0, limit(stretches[0], first.limits, 3 * places[-1], payments[0].base))
        places += [s.start for s in stretches[0]]
    x = curve_axis(first, first.by, currency, places)
    traces = [Trace(name, each) for name, each in zip(["with its limits", "without"] if is_limited else [b.id for b in benefits], stretches, strict=True)]
    if axis == "rank":
        traces += [Trace("two who tie share", _tied(each, x)) for benefit, each in zip(benefits, stretches, strict=True) if benefit.ties == "share"]
        traces[0] = Trace("alone on the rank", traces[0].stretches)
    money = payments[0].unit != OF_THE_INCENTIVE and len(traces) == 1 and not counts_multiples(first) and measure_of(first)[0] in ("amount", "margin")
    return draw_chart(
        Chart(title, x, curve_height(traces, x, payments[0].unit), traces, slope=payments[0].slope_of_measure if money else ZERO, is_discrete=axis == "rank")
    )


def draw_multiplier(title: str, multiplier: Multiplier) -> str:
    """The factor over its own axis."""
    tiers = [Tier(Fraction(t.from_), {"factor": Fraction(t.factor)}) for t in multiplier.tiers]
    pieces = compile_curve(multiplier.method, multiplier.boundary, multiplier.above, tiers)
    trace = Trace("factor", [Stretch(p.start, p.includes_start, p.pays["factor"]) for p in pieces])
    x = curve_axis(None, multiplier.by, "", [p.start for p in pieces])
    return draw_chart(Chart(title, x, curve_height([trace], x, "factor"), [trace], height=210))


def draw_gate(title: str, gate: Gate) -> str:
    """The part that is paid over the gate's axis."""
    kept, bounds = Fraction(gate.otherwise), sorted({Fraction(b) for b in (gate.at_least, gate.above, gate.at_most, gate.below) if b is not None})
    stretches = []
    ends = [bounds[0] - 10**9, *bounds, bounds[-1] + 10**9]
    for start, end in pairwise(ends):
        stretches.append(Stretch(start, passes(gate, start) == passes(gate, (start + end) / 2), (Fraction(1) if passes(gate, (start + end) / 2) else kept,)))
    trace = Trace("part", stretches)
    x = curve_axis(None, gate.by, "", bounds)
    return draw_chart(Chart(title, x, curve_height([trace], x, "part that is paid"), [trace], height=190))


def passes(gate: Gate, x: Fraction) -> bool:
    """Whether x is within all bounds of the gate."""
    return all(
        (
            gate.at_least is None or x >= gate.at_least,
            gate.above is None or x > gate.above,
            gate.at_most is None or x <= gate.at_most,
            gate.below is None or x < gate.below,
        )
    )


def draw_place(title: str, benefit: Benefit, currency: str, inputs: CurveInputs, x: Decimal, paid: Decimal, column: Decimal | None = None) -> str | None:
    """The curve with the position of one participant, on a light background. None if the position is not on the agreed curve (prorated thresholds).

    column: for a matrix, the position on the axis of its columns.
    """
    if benefit.matrix:
        return None if column is None else _draw_matrix(title, benefit, currency, (column, x))
    label = _label(benefit.by)(float(x))
    payment = payment_along_axis(currency, benefit, inputs)
    if payment is None:
        return None
    trace, is_rank = Trace(benefit.id, _stretches(payment)), axis_name(benefit.by) == "rank"
    if not is_rank and abs(value_along(trace.stretches, Fraction(x)) - Fraction(paid)) > CLOSE:
        return None
    starts = [p.start for p in payment.pieces]
    axis = curve_axis(benefit, benefit.by, currency, starts, Fraction(x))
    top = curve_height([trace], axis, payment.unit, float(paid))
    return draw_chart(Chart(title, axis, top, [trace], height=190, places=[(float(x), float(paid), label)], is_discrete=is_rank, has_dark=False))


def limit(stretches: Sequence[Stretch], limits: Limits, high: Fraction, base: Polynomial | None = None) -> list[Stretch]:
    """The curve after at_most, rate_at_most (where the base is known), pays_from and at_least. Curves that bend between their points are cut only where
    straight lines would be."""
    bounds: list[Polynomial] = [(Fraction(b), ZERO) for b in (limits.at_most, limits.pays_from, limits.at_least) if b is not None]
    part: Polynomial | None = None
    if limits.rate_at_most is not None and base is not None:
        part = multiply((Fraction(limits.rate_at_most),), base)
        bounds += [part, (ZERO, ZERO)]
    cut: list[Stretch] = []
    lowest = stretches[0].start
    below = [Stretch(ZERO, True, ())] if lowest > 0 else []
    ends = [*([lowest] if below else []), *(s.start for s in stretches[1:]), max(high, stretches[-1].start + 1)]
    for stretch, end in zip([*below, *stretches], ends, strict=True):
        slope = stretch.value[1] if len(stretch.value) > 1 else ZERO
        lines = [(stretch.value[0] if stretch.value else ZERO, slope), *bounds]
        crossings = {(b[0] - a[0]) / (a[1] - b[1]) for a, b in combinations(lines, 2) if a[1] != b[1]}
        places = [stretch.start, *sorted(place for place in crossings if stretch.start < place < end), end]
        for n, (start, stop) in enumerate(pairwise(places)):
            middle, kept = (start + stop) / 2, stretch.value
            if limits.at_most is not None and value_at(kept, middle) > limits.at_most:
                kept = (Fraction(limits.at_most),)
            if part is not None and value_at(kept, middle) > max(value_at(part, middle), ZERO):
                kept = part if value_at(part, middle) > 0 else (ZERO,)
            if limits.pays_from is not None and value_at(kept, middle) < limits.pays_from:
                kept = (ZERO,)
            if limits.at_least is not None and value_at(kept, middle) < limits.at_least:
                kept = (Fraction(limits.at_least),)
            cut.append(Stretch(start, n > 0 or stretch.includes_start, kept))
    return cut


def _payment(benefit: Benefit, currency: str, inputs: CurveInputs | None) -> Payment:
    payment = payment_along_axis(currency, benefit, inputs)
    if payment is None:
        raise ValueError(f"{benefit.id}: the payment depends on more than its axis")
    return payment


def _stretches(payment: Payment) -> list[Stretch]:
    return [Stretch(piece.start, piece.includes_start, paid) for piece, paid in zip(payment.pieces, payment.paid, strict=True)]


def _tied(stretches: Sequence[Stretch], x: Axis) -> list[Stretch]:
    """The pay of each of two participants who share a rank and the next one."""
    found = []
    for n in range(1, int(x.high) + 1):
        pay = value_along(stretches, Fraction(n)) + value_along(stretches, Fraction(n + 1))
        found.append(Stretch(Fraction(n), True, (pay / 2,)))
    return found


def curve_axis(benefit: Benefit | None, by: Any, currency: str, places: Sequence[Fraction], *others: Fraction) -> Axis:
    """From a little before the first place to a little beyond the last, with labels at the places. `others` must be visible too."""
    axis, label = axis_name(by), _label(by)
    first, last = float(min((*places, *others))), float(max((*places, *others)))
    margin = (0.5 if axis == "measure" else 0.3) * ((last - first) or abs(last) or 200000.0)
    low, high = first - margin, last + margin
    if axis in ("measure", "growth_amount") and first >= 0:
        low = 0.0
    elif axis == "rank":
        low, high = 0.4, last + 1.6
    elif axis == "percentile":
        low, high = 0.0, 1.0
    elif first >= 0:
        low = max(low, 0.0)
    name = NAMES.get(axis) or _looked_up(by) or _measured(benefit, currency)
    marks = {float(p) for p in places if low <= float(p) <= high}
    if axis == "rank":
        marks = set(map(float, range(1, int(high) + 1)))
    elif len(marks) < 3:
        marks |= set(round_steps(low, high))
    return Axis(name, low, high, [(place, label(place)) for place in sorted(marks)])


def _looked_up(by: Any) -> str:
    """The name of an axis whose place is looked up; empty for any other."""
    names = {"metric": "{0.metric}", "benefit": "{0.of} of {0.benefit}", "ratio": "{0.ratio[0]} / {0.ratio[1]}"}
    return names.get(axis_name(by), "").format(by)


def _measured(benefit: Benefit | None, currency: str) -> str:
    name = measure_of(benefit)[0] if benefit else "measure"
    if benefit and counts_multiples(benefit):
        return f"multiples of {name}"
    if benefit and (values := distinct_of(benefit)):
        return f"values of {values}"
    return f"{name} in {currency}" if name in ("amount", "margin") else name


def _label(by: Any) -> Any:
    axis = by.of if isinstance(by, BenefitAxis) else axis_name(by)
    return (lambda value: percent(round(value, 6))) if axis in IN_PERCENT else plain


def curve_height(traces: Sequence[Trace], x: Axis, unit: str, *others: float) -> Axis:
    both = [extremes(trace.stretches, x.low, x.high) for trace in traces]
    low, high = min(low for low, _ in both), max(*(high for _, high in both), *others, 0.0)
    high = (high if high > low else low + 1) + 0.14 * ((high - low) or 1)
    steps = round_steps(low, high)
    is_share = unit in (OF_THE_INCENTIVE, "part that is paid", "rate", "share of the incentive")
    name = f"pays {unit}" if unit == OF_THE_INCENTIVE else f"pays, in {unit}"
    if unit in ("factor", "part that is paid", "rate", "share of the incentive", "per unit", "amount"):
        name = unit
    return Axis(name, low, high, percent_ticks(steps) if is_share else money_ticks(steps))


def draw_grid(title: str, benefit: Benefit, currency: str, dots: Sequence[tuple[float, float, str]]) -> str:
    """A matrix with dots, each as (column, row, name)."""
    return _draw_matrix(title, benefit, currency, dots=dots)


def _draw_matrix(title: str, benefit: Benefit, currency: str, at: tuple[Decimal, Decimal] | None = None, dots: Sequence[tuple[float, float, str]] = ()) -> str:
    matrix = benefit.matrix
    assert matrix is not None
    seen = [[Fraction(place)] for place in at] if at else [[Fraction(dot[side]) for dot in dots] for side in (0, 1)]
    x = curve_axis(benefit, matrix.columns.by, currency, [*map(Fraction, matrix.columns.from_)], *seen[0])
    y = curve_axis(benefit, matrix.rows.by, currency, [*map(Fraction, matrix.rows.from_)], *seen[1])
    y = Axis(f"rows: {y.name}", y.low, y.high, [tick for tick in y.ticks if tick[0] in map(float, matrix.rows.from_)])
    message = f"row {_label(matrix.rows.by)(float(at[1]))}, column {_label(matrix.columns.by)(float(at[0]))}" if at else ""
    place = (float(at[0]), float(at[1]), message) if at else None
    return draw_heat_map(HeatMap(title, Axis(f"columns: {x.name}", x.low, x.high, x.ticks), y, matrix, place=place, has_dark=at is None, dots=dots))
