"""Charts over periods: bars of this year beside those of the last, and bars with the target that they should reach.

Belongs here: pixels. Does not belong here: which figures (one module per page). Floats are fine here: no payment depends on a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from html import escape

from assets.drawings.svg import px, round_steps

WIDTH, HEIGHT = 560, 220
LEFT, RIGHT, TOP, BOTTOM = 54, 8, 14, 26


@dataclass(frozen=True)
class Bars:
    """`values` and, drawn pale beside them, `before`; `marks`: a line across each bar. Each as (number, words for the pointer), or None."""

    title: str
    labels: Sequence[str]
    values: Sequence[tuple[Decimal, str] | None]
    before: Sequence[tuple[Decimal, str] | None] = field(default_factory=tuple)
    marks: Sequence[tuple[Decimal, str] | None] = field(default_factory=tuple)


def draw_bars(bars: Bars) -> str:
    """The chart as SVG text; its colours are those of the page."""
    numbers = [float(each[0]) for each in (*bars.values, *bars.before, *bars.marks) if each]
    low, high = min([0.0, *numbers]), max([0.0, *numbers])
    high = high if high > low else low + 1
    steps = round_steps(low, high, 5)
    if len(steps) > 1:  # the scale ends on a line above the tallest bar
        size = steps[1] - steps[0]
        steps = [*([steps[0] - size] if steps[0] > low else []), *steps, *([steps[-1] + size] if steps[-1] < high else [])]
        low, high = min(low, steps[0]), max(high, steps[-1])

    def up(value: float) -> float:
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = []
    for step in steps:
        parts.append(f'<line class="{"axis" if step == 0 else "grid"}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{px(up(step))}" y2="{px(up(step))}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{px(up(step) + 3.5)}" text-anchor="end">{short(step)}</text>')
    room = (WIDTH - LEFT - RIGHT) / max(len(bars.labels), 1)
    has_before = any(bars.before)
    width = min(room * (0.34 if has_before else 0.56), 26)
    apart = next((n for n in (1, 2, 3, 4, 6, 12) if room * n > 40), 24)
    thinned = len(bars.labels) / apart > 6  # a narrow screen shows every second label, larger
    for place, label in enumerate(bars.labels):
        middle = LEFT + room * (place + 0.5)
        if place % apart == 0:
            kind = ' class="between"' if thinned and place // apart % 2 else ""
            parts.append(f'<text{kind} x="{px(middle)}" y="{HEIGHT - 8}" text-anchor="middle">{escape(label)}</text>')
        if has_before:
            parts.append(_bar(bars.before[place], middle - width - 1, width, up, "before"))
        parts.append(_bar(bars.values[place], middle + 1 if has_before else middle - width / 2, width, up, "now"))
        if bars.marks and (mark := bars.marks[place]):
            at = px(up(float(mark[0])))
            parts.append(f'<path class="mark" d="M{px(middle - width / 2 - 4)},{at} h{px(width + 8)}"><title>{escape(mark[1])}</title></path>')
    body = "\n".join(part for part in parts if part)
    return f'<svg class="bars" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(bars.title)}">\n{body}\n</svg>'


def _bar(value: tuple[Decimal, str] | None, left: float, width: float, up: object, kind: str) -> str:
    if value is None or not value[0]:
        return ""
    assert callable(up)
    top, bottom = sorted((up(float(value[0])), up(0.0)))
    height = max(bottom - top, 1.0)
    return f'<rect class="{kind}" x="{px(left)}" y="{px(top)}" width="{px(width)}" height="{px(height)}" rx="1.5"><title>{escape(value[1])}</title></rect>'


def short(value: float) -> str:
    """An axis label: 20k, 1.5M."""
    for size, unit in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{unit}"
    return f"{value:.4g}"
