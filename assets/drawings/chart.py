"""Curves over one axis: strokes, jumps with the end that counts, bars of a rank plan, and what one more unit pays.

Belongs here: from stretches (a polynomial from one place to the next) to lines on a picture. Does not belong here: the origin of the stretches (benefits.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from assets.drawings.dots import draw_dots
from assets.drawings.svg import LEFT, RIGHT, TOP, WIDTH, Axis, Plane, box, dot, frame, line, path, percent, picture, plain, text
from models.agreements.lint.payments import Polynomial, derive, value_at

DASHES = ("", "7 4", "2 3", "9 3 2 3")
SAMPLES = 24


@dataclass(frozen=True)
class Stretch:
    """From `start` (included or not) up to the next stretch: the value as a polynomial."""

    start: Fraction
    includes_start: bool
    value: Polynomial


@dataclass(frozen=True)
class Trace:
    """One curve: its stretches in order, and its name if there are several."""

    label: str
    stretches: Sequence[Stretch]


@dataclass(frozen=True)
class Chart:
    """Everything on one picture.

    places: marked points, as (x, y, label). dots: further ones, as (x, y, name).
    slope: how much measure one unit of x is, to show marginal rates; 0: they are not shown.
    """

    title: str
    x: Axis
    y: Axis
    traces: Sequence[Trace]
    height: int = 250
    places: Sequence[tuple[float, float, str]] = field(default_factory=tuple)
    slope: Fraction = Fraction(0)
    is_discrete: bool = False
    has_dark: bool = True
    dots: Sequence[tuple[float, float, str]] = field(default_factory=tuple)


def draw_chart(chart: Chart) -> str:
    """The picture as SVG text."""
    plane = Plane(chart.x, chart.y, chart.height)
    parts = frame(plane)
    for number, trace in enumerate(chart.traces):
        draw = _bars if chart.is_discrete else _strokes
        parts += draw(plane, trace, number)
    if len(chart.traces) > 1:
        parts += _legend([trace.label for trace in chart.traces])
    elif chart.slope:
        parts += _marginal_rates(plane, chart.traces[0], chart.slope)
    parts += draw_dots(plane, chart.dots)
    for x, y, label in chart.places:
        at = plane.across(x)
        parts.append(line(at, TOP - 4, at, plane.up(chart.y.low), "ink", "3 3"))
        parts.append(dot(at, plane.up(y), "ink"))
        anchor = "end" if at > WIDTH - 90 else "start" if at < LEFT + 40 else "middle"
        parts.append(text(at, TOP - 9, label, "ink b", anchor))
    return picture(chart.height, chart.title, parts, chart.has_dark)


def value_along(stretches: Sequence[Stretch], x: Fraction) -> Fraction:
    """The value at x: that of the last stretch that begins there or before, and 0 below the first."""
    held = [s for s in stretches if s.start < x or (s.start == x and s.includes_start)]
    return value_at(held[-1].value, x) if held else Fraction(0)


def extremes(stretches: Sequence[Stretch], low: float, high: float) -> tuple[float, float]:
    """The smallest and the largest value on the picture, including 0."""
    values = [0.0, *(y for stroke in _points(stretches, low, high) for _, y in stroke)]
    return min(values), max(values)


def _points(stretches: Sequence[Stretch], low: float, high: float) -> list[list[tuple[float, float]]]:
    """The points of each stretch that has a length, for straight ones only their ends."""
    first = Stretch(Fraction(low), True, ())
    ends = [*(s.start for s in stretches), Fraction(high)]
    strokes = []
    for stretch, end in zip([first, *stretches], ends, strict=True):
        start, end = max(stretch.start, Fraction(low)), min(end, Fraction(high))
        if start < end:
            steps = SAMPLES if any(stretch.value[2:]) else 1
            places = [start + (end - start) * n / steps for n in range(steps + 1)]
            strokes.append([(float(x), float(value_at(stretch.value, x))) for x in places])
    return strokes


def _strokes(plane: Plane, trace: Trace, number: int) -> list[str]:
    kind, dashes = f"c{number}", DASHES[number]
    parts = []
    strokes = _points(trace.stretches, plane.x.low, plane.x.high)
    runs = [strokes[0]]
    for before, after in pairwise(strokes):
        x, y0, y1 = after[0][0], before[-1][1], after[0][1]
        if abs(y1 - y0) < 1e-9:
            runs[-1] = [*runs[-1], *after[1:]]
            continue
        runs.append(after)
        at = next((float(value_along(trace.stretches, s.start)) for s in trace.stretches if float(s.start) == x), y1)
        parts.append(line(plane.across(x), plane.up(y0), plane.across(x), plane.up(y1), kind, "2 4"))
        parts += [dot(plane.across(x), plane.up(y), kind, abs(y - at) > 1e-9) for y in (y0, y1)]
        if min(abs(y0 - at), abs(y1 - at)) > 1e-9:
            parts.append(dot(plane.across(x), plane.up(at), kind))
    return [path([(plane.across(x), plane.up(y)) for x, y in run], kind, dashes) for run in runs] + parts


def _bars(plane: Plane, trace: Trace, number: int) -> list[str]:
    """One bar per whole number on the axis."""
    width = (plane.across(1) - plane.across(0)) * 0.6
    parts = []
    for n in range(int(plane.x.low + 0.999), int(plane.x.high) + 1):
        y = float(value_along(trace.stretches, Fraction(n)))
        if number:  # a further curve is shown as a mark on the first one's bar
            parts.append(path([(plane.across(n) - width / 2 - 4, plane.up(y)), (plane.across(n) + width / 2 + 4, plane.up(y))], f"c{number}"))
        else:
            parts.append(box(plane.across(n) - width / 2, plane.up(y), width, plane.up(0) - plane.up(y), "c0", 0.75))
    return parts


def _legend(labels: Sequence[str]) -> list[str]:
    parts = []
    x = WIDTH - RIGHT - sum(44 + 6.6 * len(label) for label in labels)
    for number, label in enumerate(labels):
        parts.append(path([(x, 12), (x + 24, 12)], f"c{number}", DASHES[number]))
        parts.append(text(x + 29, 16, label, "ink", "start"))
        x += 44 + 6.6 * len(label)
    return parts


def _marginal_rates(plane: Plane, trace: Trace, slope: Fraction) -> list[str]:
    """What one more unit of money brings, written above each stretch."""
    parts: list[str] = []
    if not any(any(derive(s.value)) for s in trace.stretches):
        return parts
    ends = [*(float(s.start) for s in trace.stretches[1:]), plane.x.high]

    def shown(rate: Fraction) -> str:
        return percent(round(float(rate / slope), 4))

    for stretch, end in zip(trace.stretches, ends, strict=True):
        start, end = max(float(stretch.start), plane.x.low), min(end, plane.x.high)
        rates = [shown(value_at(derive(stretch.value), Fraction(x))) for x in (start, end)]
        words = rates[0] if rates[0] == rates[1] else f"{rates[0]} to {rates[1]}"
        if plane.across(end) - plane.across(start) > 7 * len(words):
            parts.append(text((plane.across(start) + plane.across(end)) / 2, TOP - 4, words, "dim", "middle"))
    return [*parts, text(WIDTH - RIGHT, 16, "marginal rate: what is paid for one more", "dim", "end")]


def money_ticks(steps: Sequence[float]) -> list[tuple[float, str]]:
    """Labels of plain numbers."""
    return [(step, plain(step)) for step in steps]


def percent_ticks(steps: Sequence[float]) -> list[tuple[float, str]]:
    """Labels of fractions."""
    return [(step, percent(round(step, 6))) for step in steps]
