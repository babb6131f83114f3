"""Many participants on one picture.

Belongs here: dots that stay apart. Does not belong here: the curve below them (chart.py, heat_map.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from html import escape
from math import log2

from assets.drawings.svg import Plane, px

#: Participants closer than this on the picture share a dot, which is larger.
_APART = 5
_NAMED = 3


def draw_dots(plane: Plane, spots: Sequence[tuple[float, float, str]]) -> list[str]:
    """One dot per place; those that would hide each other are one, larger, with all of their names for the pointer."""
    groups: dict[tuple[int, int], list[tuple[float, float, str]]] = defaultdict(list)
    for x, y, name in spots:
        groups[round(plane.across(x) / _APART), round(plane.up(y) / _APART)].append((plane.across(x), plane.up(y), name))
    parts = []
    for _, group in sorted(groups.items()):
        x, y, _ = group[len(group) // 2]
        names = ", ".join(name for _, _, name in group[:_NAMED]) + (f" and {len(group) - _NAMED} more" if len(group) > _NAMED else "")
        parts.append(f'<circle class="who" cx="{px(x)}" cy="{px(y)}" r="{px(4 + 1.5 * log2(len(group)))}"><title>{escape(names)}</title></circle>')
    return parts
