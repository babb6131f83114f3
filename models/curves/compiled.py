"""Schemes: the curves, matrices, multipliers and gates of all benefits, compiled once and looked up by benefit.

Belongs here: combining the compiled parts. Does not belong here: compiling them (pieces.py, matrices.py, axes.py, gates.py), evaluating.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from models.curves.axes import Axes, compile_axes
from models.curves.gates import Gates, compile_gates
from models.curves.matrices import Grid, compile_grid
from models.curves.pieces import Ladder, compile_ladder
from models.curves.vocabulary import COLUMNS, CURVE, MULTIPLY

#: Whether a benefit pays each line by itself, at the place that the measure has reached with it.
PAYS_LINES = (pl.col("method") == "running") | (pl.col("slices") == "by_line").fill_null(False)


@dataclass(frozen=True)
class Scheme:
    """The compiled parts, None where no benefit has them, and the methods by benefit. A benefit's key is its index.

    by_line: each line is paid by itself; lines: the frames that this takes. multiplies_last, gates_last: the factor applies to what the
    limits have left.
    """

    axes: Axes
    ladder: Ladder
    columns: Ladder | None
    grid: Grid | None
    multipliers: Ladder | None
    gates: Gates
    is_graduated: npt.NDArray[np.bool_]
    is_rolling: npt.NDArray[np.bool_]
    by_line: npt.NDArray[np.bool_]
    lines: Mapping[str, pl.DataFrame]
    is_matrix: npt.NDArray[np.bool_]
    shares_ties: npt.NDArray[np.bool_]
    multiplies_last: npt.NDArray[np.bool_]
    gates_last: npt.NDArray[np.bool_]


def compile_scheme(frames: Mapping[str, pl.DataFrame]) -> Scheme:
    """frames: benefits, tiers, axes, matrix_columns, matrix_cells, multipliers, multiplier_tiers, gates as docs/architecture.md has them (`terms.*`).

    benefits may be a part of the book's: rows of the other tables for the rest are ignored.
    """
    benefits = frames["benefits"].sort("benefit_key")
    keys = benefits.select("benefit_key")
    of = {name: frames[name].join(keys, on="benefit_key", how="semi") for name in frames if "benefit_key" in frames[name].columns}
    size = int(keys["benefit_key"].max() or 0) + 1  # type: ignore[arg-type]
    is_line = (pl.col("method") == "matrix") & (pl.col("matrix_method") == "linear")
    placed = benefits.with_columns(pl.when(is_line).then(pl.lit("lower_inclusive")).otherwise("boundary").alias("boundary"))
    matrices = placed.filter(pl.col("method") == "matrix")
    has_matrix, has_multiplier = not matrices.is_empty(), not of["multipliers"].is_empty()
    multipliers = of["multipliers"].sort("benefit_key")

    def bounded(rows: pl.DataFrame, slot: int) -> pl.DataFrame:
        """A rank has no upper_inclusive boundary: its tiers include their `from`."""
        ranked = of["axes"].filter((pl.col("slot") == slot) & (pl.col("axis") == "rank"))["benefit_key"].implode()
        return rows.with_columns(pl.when(pl.col("benefit_key").is_in(ranked)).then(pl.lit("lower_inclusive")).otherwise("boundary").alias("boundary"))

    def is_marked(condition: pl.Expr) -> npt.NDArray[np.bool_]:
        marks = np.zeros(size, dtype=bool)
        marks[benefits.filter(condition)["benefit_key"].to_numpy()] = True
        return marks

    return Scheme(
        axes=compile_axes(of["axes"], size),
        ladder=compile_ladder(bounded(placed, CURVE), of["tiers"].sort("benefit_key", "tier")),
        columns=compile_ladder(bounded(matrices, COLUMNS), of["matrix_columns"].sort("benefit_key", "column_no"), forms=()) if has_matrix else None,
        grid=compile_grid(matrices, of["tiers"], of["matrix_columns"], of["matrix_cells"], size) if has_matrix else None,
        multipliers=compile_ladder(bounded(multipliers, MULTIPLY), of["multiplier_tiers"].sort("benefit_key", "tier"), forms=("factor",))
        if has_multiplier
        else None,
        gates=compile_gates(of["gates"], size),
        is_graduated=is_marked(pl.col("method") == "graduated"),
        is_rolling=is_marked(pl.col("method") == "rolling"),
        by_line=is_marked(PAYS_LINES),
        lines={**{name: frames[name] for name in ("lines", "tiers", "openings") if name in frames}, "benefits": benefits},
        is_matrix=is_marked(pl.col("method") == "matrix"),
        shares_ties=is_marked((pl.col("ties") == "share") & (pl.col("method") != "matrix")),
        multiplies_last=is_marked(pl.col("scaling_order").str.contains("limits.*multiply")),
        gates_last=is_marked(pl.col("scaling_order").str.contains("limits.*requires")),
    )
