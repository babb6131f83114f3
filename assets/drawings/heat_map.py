"""Matrices: two axes, and how much is paid as the strength of a colour, with the agreed numbers on it.

Belongs here: from the normal form of a grid (models/curves/matrices.py) to a picture. Does not belong here: curves over one axis (chart.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from assets.drawings.dots import draw_dots
from assets.drawings.svg import RIGHT, WIDTH, Axis, Plane, box, dot, frame, line, percent, picture, plain, text
from models.agreements.schema import Matrix
from models.curves.matrices import compile_matrix
from models.curves.vocabulary import GRID_FORMS

ACROSS, UP = 24, 12


@dataclass(frozen=True)
class HeatMap:
    """A matrix with its axes (x: its columns, y: its rows). `place`: a participant's column and row."""

    title: str
    x: Axis
    y: Axis
    matrix: Matrix
    height: int = 270
    place: tuple[float, float, str] | None = None
    has_dark: bool = True
    dots: Sequence[tuple[float, float, str]] = ()


def draw_heat_map(drawn: HeatMap) -> str:
    """The picture as SVG text."""
    plane = Plane(drawn.x, drawn.y, drawn.height)
    matrix = drawn.matrix
    rows, columns = ([Fraction(place) for place in side.from_] for side in (matrix.rows, matrix.columns))
    form = next(form for form in GRID_FORMS if getattr(matrix, form) is not None)
    grid = [[Fraction(cell) for cell in row] for row in getattr(matrix, form)]
    largest = max((abs(cell) for row in grid for cell in row), default=Fraction(1)) or Fraction(1)
    cells = compile_matrix(matrix.method, rows, columns, _cells(matrix))

    def value(x: Fraction, y: Fraction) -> Fraction:
        i, j = _last(rows, y), _last(columns, x)
        if i < 0 or j < 0:
            return Fraction(0)
        c, by_row, by_column, by_both = cells[i * len(columns) + j][form]
        return c + by_row * y + by_column * x + by_both * x * y

    parts = []
    for left, right in _spans(drawn.x, columns, matrix.method == "linear", ACROSS):
        for low, high in _spans(drawn.y, rows, matrix.method == "linear", UP):
            strength = float(value((left + right) / 2, (low + high) / 2) / largest)
            if strength > 0:
                x0, x1, y0, y1 = map(round, (plane.across(float(left)), plane.across(float(right)), plane.up(float(high)), plane.up(float(low))))
                parts.append(box(x0, y0, x1 - x0, y1 - y0, "c0", 0.08 + 0.62 * strength))
    parts += frame(plane)
    for i, y in enumerate(rows):
        for j, x in enumerate(columns):
            message = plain(float(grid[i][j])) if form == "amount" else percent(float(grid[i][j]))
            at, height = plane.across(float(x)), plane.up(float(y))
            if matrix.method == "linear":
                parts.append(f'<circle class="ink" cx="{at:.1f}" cy="{height:.1f}" r="2"/>')
            parts.append(text(at + 6, height - 6, message, "ink b", "start"))
    parts += draw_dots(plane, drawn.dots)
    if drawn.place:
        at, height = plane.across(drawn.place[0]), plane.up(drawn.place[1])
        parts += [line(plane.across(drawn.x.low), height, at, height, "ink", "3 3"), line(at, plane.up(drawn.y.low), at, height, "ink", "3 3")]
        parts += [dot(at, height, "ink"), text(WIDTH - RIGHT, 16, drawn.place[2], "ink b", "end")]
    return picture(drawn.height, drawn.title, parts, drawn.has_dark)


def _cells(matrix: Matrix) -> list[tuple[object, ...]]:
    grids = [getattr(matrix, form) for form in GRID_FORMS]
    places = [(i, j) for i in range(len(matrix.rows.from_)) for j in range(len(matrix.columns.from_))]
    return [tuple(None if grid is None else grid[i][j] for grid in grids) for i, j in places]


def _last(starts: Sequence[Fraction], place: Fraction) -> int:
    return sum(start <= place for start in starts) - 1


def _spans(axis: Axis, starts: Sequence[Fraction], is_fine: bool, count: int) -> list[tuple[Fraction, Fraction]]:
    """The ranges of one colour: from start to start, in smaller steps if the value changes between them."""
    low, high = Fraction(axis.low), Fraction(axis.high)
    step = (high - low) / count
    places = {start for start in starts if low <= start < high} | {high}
    places |= {low + step * n for n in range(count) if is_fine and low + step * n > starts[0]}
    ordered = sorted(places)
    return list(pairwise(ordered))
