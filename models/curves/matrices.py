"""Matrices: a two-way grid is compiled into pieces of the plane, one per cell, and those are evaluated.

In the cell of row i and column j the benefit pays, per pay form, a polynomial c + c_x × x + c_y × y + c_xy × x × y: constant for a look-up, bilinear
between the grid's points for `linear`, constant beyond the last row and column. Below the first row or column there is no cell: tier 0.

Belongs here: compiling cells and evaluating them. Does not belong here: where rows and columns begin, which are ladders (pieces.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np
import numpy.typing as npt
import polars as pl

from models.curves.pieces import Coefficients, Exact, Line, exact
from models.curves.vocabulary import GRID_FORMS

ZERO = Fraction(0)
#: The terms of a cell's polynomial: 1, x, y and x × y.
Terms = tuple[Fraction, Fraction, Fraction, Fraction]


@dataclass(frozen=True)
class Grid:
    """The cells of many matrices: those of benefit b begin at `first[b]`, row by row, `width[b]` columns each. Terms are integers over `divisor`."""

    first: npt.NDArray[np.int64]
    width: npt.NDArray[np.int64]
    terms: dict[str, tuple[Exact, Exact, Exact, Exact]]
    divisor: Exact


def compile_grid(benefits: pl.DataFrame, rows: pl.DataFrame, columns: pl.DataFrame, cells: pl.DataFrame, size: int) -> Grid:
    """Compiles every matrix. benefits: one row per benefit with a matrix: benefit_key, matrix_method; all keys are below `size`.

    rows: `terms.tiers`, columns: `terms.matrix_columns`, cells: `terms.matrix_cells`.
    """
    first, width = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    rows_of = rows.sort("benefit_key", "tier").select("benefit_key", "from_value").rows_by_key("benefit_key")
    columns_of = columns.sort("benefit_key", "column_no").select("benefit_key", "from_value").rows_by_key("benefit_key")
    cells_of = cells.sort("benefit_key", "tier", "column_no").select("benefit_key", *GRID_FORMS).rows_by_key("benefit_key")
    compiled: list[dict[str, Terms]] = []
    for key, method in benefits.select("benefit_key", "matrix_method").iter_rows():
        first[key], width[key] = len(compiled), len(columns_of[key])
        starts = [Fraction(start) for (start,) in rows_of[key]], [Fraction(start) for (start,) in columns_of[key]]
        compiled += compile_matrix(method, *starts, cells_of[key])
    divisors = [lcm(*(number.denominator for terms in cell.values() for number in terms)) for cell in compiled]
    paid = dict.fromkeys(form for cell in compiled for form in cell)

    def integers(form: str, term: int) -> Exact:
        return exact(int(cell[form][term] * d) if form in cell else 0 for cell, d in zip(compiled, divisors, strict=True))

    terms = {form: (integers(form, 0), integers(form, 1), integers(form, 2), integers(form, 3)) for form in paid}
    return Grid(first, width, terms, exact(divisors))


def compile_matrix(method: str, rows: Sequence[Fraction], columns: Sequence[Fraction], cells: Sequence[tuple[object, ...]]) -> list[dict[str, Terms]]:
    """The cells of one matrix row by row, each with the terms of its pay forms. cells: a tuple of GRID_FORMS each, row by row."""
    forms = [(n, form) for n, form in enumerate(GRID_FORMS) if any(cell[n] is not None for cell in cells)]
    width = len(columns)
    compiled: list[dict[str, Terms]] = []
    for i in range(len(rows)):
        for j in range(width):
            cell: dict[str, Terms] = {}
            for n, form in forms:

                def value(row: int, column: int, n: int = n) -> Fraction:
                    return Fraction(str(cells[min(row, len(rows) - 1) * width + min(column, width - 1)][n] or 0))

                corner = value(i, j)
                if method == "whole":
                    cell[form] = (corner, ZERO, ZERO, ZERO)
                    continue
                down, across = value(i + 1, j) - corner, value(i, j + 1) - corner
                twist = value(i + 1, j + 1) - corner - down - across
                (u0, u1), (v0, v1) = _interpolation(rows, i), _interpolation(columns, j)
                cell[form] = (corner + u0 * down + v0 * across + u0 * v0 * twist, u1 * (down + v0 * twist), v1 * (across + u0 * twist), u1 * v1 * twist)
            compiled.append(cell)
    return compiled


def _interpolation(starts: Sequence[Fraction], i: int) -> Line:
    """The position between one start and the next, from 0 to 1, as fixed + slope × place; 0 beyond the last."""
    if i + 1 == len(starts):
        return ZERO, ZERO
    slope = 1 / (starts[i + 1] - starts[i])
    return -starts[i] * slope, slope


def coefficients_in_cells(
    grid: Grid, benefit: npt.NDArray[np.int64], row: npt.NDArray[np.int64], column: npt.NDArray[np.int64], x: tuple[Exact, Exact], y: tuple[Exact, Exact]
) -> Coefficients:
    """What each row's cell pays per unit of what each form multiplies. One row in, one out.

    row, column: the numbers of the cell (0: below the first; pays nothing). x, y: the places as (numerator, divisor).
    """
    is_inside = (row > 0) & (column > 0)
    cell = grid.first[benefit] + np.where(is_inside, (row - 1) * grid.width[benefit] + column - 1, 0)
    (xn, xd), (yn, yd) = x, y
    inside = is_inside.astype(object)
    factors = (xd * yd * inside, xn * yd * inside, yn * xd * inside, xn * yn * inside)
    forms = {form: sum((term[cell] * factor for term, factor in zip(terms, factors, strict=True)), 0 * inside) for form, terms in grid.terms.items()}
    return Coefficients(forms, grid.divisor[cell] * xd * yd)
