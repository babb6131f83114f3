"""The tier curve of a benefit as the numbers of a small drawing, with the participant's place on it.

Belongs here: geometry for the eye, so floats are fine. Nothing here is money that anybody pays.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from assets.explanation import Explanation
from pipelines.cli.figures import money, number, percent

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 150, 44, 8, 18, 18


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Curve:
    """SVG path data in a WIDTH × HEIGHT box, the axes' labels, and where the participant stands (None: no place)."""

    line: str
    area: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    place: tuple[float, float] | None
    label: str


def draw_curve(e: Explanation) -> Curve | None:
    """What the tiers pay over the axis they are placed on; None when there is nothing to draw."""
    form = next((f for f in ("rate", "share", "amount", "per_unit") if any(t.get(f) is not None for t in e.tiers)), None)
    if form is None or e.payout["axis_value"] is None:
        return None
    currency, by = e.payout["currency"], e.benefit.get("by_axis")
    points = [(float(t["from_value"]), float(t[form] or 0)) for t in e.tiers]
    x = float(e.payout["axis_value"])
    first, last = points[0][0], points[-1][0]
    margin = 0.25 * ((last - first) or abs(last) or abs(x) or 1.0)
    low, high = min(first, x) - margin, max(last, x) + margin
    low = max(low, 0.0) if first >= 0 and x >= 0 else low
    top = max((y for _, y in points), default=0.0) * 1.15 or 1.0

    def across(value: float) -> float:
        return round(LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT), 1)

    def up(value: float) -> float:
        return round(HEIGHT - BOTTOM - max(value, 0.0) / top * (HEIGHT - TOP - BOTTOM), 1)

    values = sorted({t[form] or Decimal(0) for t in e.tiers})
    outline = _outline(points, low, high, e.benefit.get("method") == "linear", str(e.benefit.get("above")))
    drawn = [(across(a), up(b)) for a, b in outline]
    line = "M" + " L".join(f"{a},{b}" for a, b in drawn)
    floor = up(0.0)
    is_percent = by in ("attainment", "growth")

    def axis_label(value: Decimal) -> str:
        return percent(value) if is_percent else number(value)

    return Curve(
        line=line,
        area=f"{line} L{drawn[-1][0]},{floor} L{drawn[0][0]},{floor} Z",
        x_ticks=_apart([Tick(across(float(t["from_value"])), axis_label(t["from_value"])) for t in e.tiers]),
        y_ticks=[Tick(up(float(value)), percent(value) if form in ("rate", "share") else money(value, currency)) for value in values],
        place=(across(x), up(_height(points, x, e))),
        label=axis_label(e.payout["axis_value"].quantize(Decimal("0.0001"))),
    )


def _outline(points: list[tuple[float, float]], low: float, high: float, is_linear: bool, above: str) -> list[tuple[float, float]]:
    outline = [(low, 0.0), (points[0][0], 0.0)]
    for (start, value), (end, _) in zip(points, [*points[1:], (high, 0.0)], strict=True):
        outline += [(start, value)] if is_linear else [(start, value), (end, value)]
    if is_linear:
        outline.append((high, _beyond(points, high, above)))
    return outline


def _beyond(points: list[tuple[float, float]], x: float, above: str) -> float:
    """The value of an interpolated curve past its last point."""
    (x1, y1), (x2, y2) = points[-2:] if len(points) > 1 else (points[-1], points[-1])
    if above == "extend" and x2 > x1:
        return y2 + (y2 - y1) / (x2 - x1) * (x - x2)
    return 0.0 if above == "zero" else y2


def _height(points: list[tuple[float, float]], x: float, e: Explanation) -> float:
    tier = e.payout["tier"] or 0
    if tier == 0:
        return 0.0
    x1, y1 = points[tier - 1]
    if e.benefit.get("method") != "linear":
        return y1
    if tier == len(points):
        return _beyond(points, x, str(e.benefit.get("above")))
    x2, y2 = points[tier]
    return y1 + (y2 - y1) * (x - x1) / (x2 - x1) if x2 > x1 else y1


def _apart(ticks: list[Tick]) -> list[Tick]:
    """Without labels that would be written over each other."""
    kept: list[Tick] = []
    for tick in ticks:
        if not kept or tick.at - kept[-1].at >= 7 * len(tick.label) + 10:
            kept.append(tick)
    return kept
