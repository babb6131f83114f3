"""Axes: the place of each result on the axes of its curve, matrix, multiplier and gates.

Belongs here: x as a ratio of integers for every slot of `terms.axes`, what an axis needs, and the metrics feed's values.
Does not belong here: ranks among participants (ranks.py), tiers (pieces.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from models.curves.inputs import EXACT_SCALE, ScaledInputs, integers
from models.curves.pieces import Exact, choose
from models.curves.vocabulary import CURVE
from models.money import EXACT

KINDS = ("none", "measure", "attainment", "growth", "growth_amount", "rank", "percentile", "metric")
NONE, MEASURE, ATTAINMENT, GROWTH, GROWTH_AMOUNT, RANK, PERCENTILE, METRIC = range(len(KINDS))


@dataclass(frozen=True)
class Axes:
    """`kinds[slot][benefit]`: an index of KINDS; 0 where the benefit does not use the slot."""

    kinds: dict[int, npt.NDArray[np.int8]]

    def uses(self, slot: int, benefit: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether each row has an axis in this slot."""
        used: npt.NDArray[np.bool_] = self.kinds[slot][benefit] != NONE
        return used


def compile_axes(axes: pl.DataFrame, benefits: int) -> Axes:
    """The axes of benefits 0 … benefits − 1. axes: `terms.axes`, one row per benefit × slot."""
    kinds = {}
    for slot in sorted({CURVE, *axes["slot"].unique()}):
        kinds[slot] = np.zeros(benefits, dtype=np.int8)
        here = axes.filter(pl.col("slot") == slot)
        kinds[slot][here["benefit_key"].to_numpy()] = [KINDS.index(kind) for kind in here["axis"]]
    return Axes(kinds)


def list_needs(axes: pl.DataFrame) -> pl.DataFrame:
    """What the axes of a benefit need, over all its slots: one row per benefit_key. A rank needs whatever its values need."""
    axis, of = pl.col("axis"), pl.col("rank_of")
    needs = {
        "axis_needs_target": "attainment",
        "axis_needs_baseline": ("growth", "growth_amount"),
        "axis_needs_positive_baseline": "growth",
        "axis_needs_metric": "metric",
    }
    return axes.group_by("benefit_key").agg(
        (axis.is_in([kind] if isinstance(kind, str) else kind) | of.fill_null("").is_in([kind] if isinstance(kind, str) else kind)).any().alias(name)
        for name, kind in needs.items()
    )


def place_rows(axes: Axes, slot: int, benefit: npt.NDArray[np.int64], rows: pl.DataFrame, figures: ScaledInputs) -> tuple[Exact, Exact]:
    """x and its divisor: M, M / T, M / B − 1, M − B, the rank, the percentile or the metric. One row in, one out.

    Where figures are prorated, measure and growth_amount are divided by the part of the window: threshold × part ≤ x is threshold ≤ x / part.
    Rows without what their axis needs get arbitrary numbers.
    """
    kind = axes.kinds[slot][benefit]
    compares = (kind == GROWTH) | (kind == GROWTH_AMOUNT)
    x = choose(compares, figures.measure - figures.baseline, figures.measure) if compares.any() else figures.measure
    divisor = axis_unit(kind, figures)
    is_given = kind >= RANK
    if is_given.any():
        x = choose(is_given, integers(rows[f"axis_value_{slot}"]), x)
        divisor = choose(is_given, integers(rows[f"axis_divisor_{slot}"].fill_null(1)) * EXACT_SCALE, divisor)
    return x, choose(divisor > 0, divisor, 1)


def axis_unit(kind: npt.NDArray[np.int8], figures: ScaledInputs) -> Exact:
    """The measure in one unit of the axis: 1 (times the part of the window), the target, or the baseline; as an integer in 1/divisor."""
    return choose(kind == ATTAINMENT, figures.target, choose(kind == GROWTH, figures.baseline, figures.part))


def find_metrics(rows: pl.DataFrame, axes: pl.DataFrame, metrics: pl.DataFrame) -> pl.DataFrame:
    """The metric of every row and slot with a metric axis: `axis_value_<slot>`, null where there is none; `missing_metric` says that one is missing.

    rows: with benefit_key, participant_id, span_start, counted_until. The last value dated in the span up to `counted_until` counts.
    metrics: one row per participant_id, metric and date, with value.
    """
    for (slot,), wanted in axes.filter(pl.col("axis") == "metric").partition_by("slot", as_dict=True).items():
        found = last_metrics(rows, wanted, metrics).with_columns(
            pl.col("last_value").alias(f"axis_value_{slot}"), pl.col("last_value").is_null().alias("missing_here")
        )
        rows = (
            rows.with_columns(pl.int_range(pl.len()).alias("row"))
            .join(found.select("row", f"axis_value_{slot}", "missing_here"), on="row", how="left", maintain_order="left")
            .with_columns(
                (pl.col("missing_metric") | pl.col("missing_here").fill_null(False)).alias("missing_metric"), pl.lit(1, pl.Int64).alias(f"axis_divisor_{slot}")
            )
            .drop("row", "missing_here")
        )
    return rows


def last_metrics(rows: pl.DataFrame, wanted: pl.DataFrame, metrics: pl.DataFrame) -> pl.DataFrame:
    """`last_value` by `row`, the number of a row: the last value of its benefit's metric dated in the span up to `counted_until`; null: there is none.

    wanted: benefit_key, metric; rows of other benefits are left out.
    """
    values = metrics.select("participant_id", "metric", pl.col("date").alias("value_date"), pl.col("value").cast(EXACT)).sort("value_date")
    return (
        rows.select("benefit_key", "participant_id", "span_start", "counted_until", pl.int_range(pl.len()).alias("row"))
        .join(wanted.select("benefit_key", "metric"), on="benefit_key")
        .sort("counted_until")
        .join_asof(values, left_on="counted_until", right_on="value_date", by=["participant_id", "metric"], strategy="backward", check_sortedness=False)
        .select("row", pl.when(pl.col("value_date") >= pl.col("span_start")).then("value").alias("last_value"))
    )
