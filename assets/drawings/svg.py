"""SVG as text: the frame, axes and marks that all pictures share, in colours for light and dark backgrounds.

Belongs here: pixels and colours. Does not belong here: what is drawn (chart.py, heat_map.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

WIDTH = 640
LEFT, RIGHT, TOP, BOTTOM = 66, 32, 36, 42

#: Colours per class, on light and on dark; c0 to c3 are the curves of one picture.
_LIGHT = {"ink": "#1d2733", "dim": "#5b6875", "grid": "#dfe5ea", "paper": "#ffffff", "c0": "#0b6e5f", "c1": "#b4540a", "c2": "#2457a6", "c3": "#7a3e9d"}
_DARK = {"ink": "#e6ebf0", "dim": "#9aa7b4", "grid": "#2f3943", "paper": "#14191f", "c0": "#4cc3b0", "c1": "#f0a35e", "c2": "#7fb0f5", "c3": "#c79be6"}


@dataclass(frozen=True)
class Axis:
    """The range of values along one side, its name, and its labels: (value, label)."""

    name: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]


@dataclass(frozen=True)
class Plane:
    """The position of values on the picture."""

    x: Axis
    y: Axis
    height: int

    def across(self, x: float) -> float:
        """Pixels from the left."""
        return LEFT + (x - self.x.low) / (self.x.high - self.x.low) * (WIDTH - LEFT - RIGHT)

    def up(self, y: float) -> float:
        """Pixels from the top."""
        return self.height - BOTTOM - (y - self.y.low) / (self.y.high - self.y.low) * (self.height - TOP - BOTTOM)


def picture(height: int, title: str, parts: Iterable[str], has_dark: bool) -> str:
    """The whole SVG. Screen readers read out `title`. Without `has_dark`, the colours are those for a light background."""
    dark = f"@media(prefers-color-scheme:dark){{{_style(_DARK)}}}" if has_dark else ""
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}" class="drawing">\n'
        f"<style>.drawing text{{font:12px system-ui,sans-serif;stroke:none!important}}.drawing .b{{font-weight:600}}{_style(_LIGHT)}{dark}</style>\n"
        f'<rect class="paper" stroke="none" width="{WIDTH}" height="{height}" rx="6"/>\n{body}\n</svg>\n'
    )


def without_style(svg: str) -> str:
    """The picture for a page whose own style sheet has the colours."""
    start, end = svg.index("<style>"), svg.index("</style>")
    return svg[:start] + svg[end + len("</style>") :].lstrip()


def _style(colours: dict[str, str]) -> str:
    return "".join(f".drawing .{name}{{stroke:{colour};fill:{colour}}}" for name, colour in colours.items())


def frame(plane: Plane) -> list[str]:
    """Grid lines, labels and names of both axes."""
    bottom, right = plane.height - BOTTOM, WIDTH - RIGHT
    parts = []
    for y, label in plane.y.ticks:
        parts.append(line(LEFT, plane.up(y), right, plane.up(y), "grid"))
        parts.append(text(LEFT - 7, plane.up(y) + 4, label, "dim", "end"))
    parts.append(line(LEFT, bottom, right, bottom, "dim"))
    for x, label in _apart([(plane.across(x), label) for x, label in plane.x.ticks]):
        parts.append(line(x, bottom, x, bottom + 4, "dim"))
        parts.append(text(x, bottom + 17, label, "dim", "middle"))
    parts.append(text(right, plane.height - 8, plane.x.name, "ink", "end"))
    parts.append(text(8, 16, plane.y.name, "ink", "start"))
    return parts


def _apart(ticks: Iterable[tuple[float, str]]) -> list[tuple[float, str]]:
    """The labels without those that would overlap."""
    kept: list[tuple[float, str]] = []
    for at, label in ticks:
        if not kept or at - kept[-1][0] >= 3.5 * (len(label) + len(kept[-1][1])) + 8:
            kept.append((at, label))
    return kept


def text(x: float, y: float, words: str, kind: str, anchor: str) -> str:
    """One line of words."""
    return f'<text class="{kind}" x="{px(x)}" y="{px(y)}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str, dashes: str = "") -> str:
    """A straight line."""
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<line class="{kind}" x1="{px(x1)}" y1="{px(y1)}" x2="{px(x2)}" y2="{px(y2)}"{dashed}/>'


def path(points: Sequence[tuple[float, float]], kind: str, dashes: str = "") -> str:
    """A line through points."""
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<path class="{kind}" style="fill:none" stroke-width="2" d="M{" L".join(f"{px(x)},{px(y)}" for x, y in points)}"{dashed}/>'


def dot(x: float, y: float, kind: str, is_open: bool = False) -> str:
    """A point that belongs to the curve, or one that does not."""
    inside = f'<circle class="paper" stroke="none" cx="{px(x)}" cy="{px(y)}" r="2.2"/>' if is_open else ""
    return f'<circle class="{kind}" cx="{px(x)}" cy="{px(y)}" r="3"/>{inside}'


def box(x: float, y: float, width: float, height: float, kind: str, opacity: float) -> str:
    """A filled rectangle."""
    size = f'x="{px(x)}" y="{px(y)}" width="{px(width)}" height="{px(height)}"'
    return f'<rect class="{kind}" style="stroke:none" shape-rendering="crispEdges" {size} fill-opacity="{opacity:.2f}"/>'


def px(value: float) -> str:
    """Pixels, to a tenth."""
    return f"{value:.1f}".removesuffix(".0").replace("-0", "0") if abs(value) < 0.05 else f"{value:.1f}".removesuffix(".0")


def round_steps(low: float, high: float, most: int = 5) -> list[float]:
    """Round values from low to high, in steps of 1, 2 or 5 times a power of ten, at most so many."""
    rough = (high - low) / most
    size = 10.0 ** floor(log10(rough))
    step = next(size * n for n in (1, 2, 5, 10) if size * n >= rough * 0.999)
    first = floor(low / step + 0.999)
    return [n * step for n in range(first, floor(high / step + 0.001) + 1)]


def plain(value: float) -> str:
    """With thousands separators and only as many decimals as needed, up to four."""
    shown = f"{value:,.4f}".rstrip("0").rstrip(".")
    return "0" if shown == "-0" else shown


def percent(value: float) -> str:
    """0.015 as 1.5 %."""
    return f"{plain(value * 100)} %"
