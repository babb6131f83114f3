"""Counts: how many full or begun multiples of a number a sum has, or how many values (distinct_values.py), where a benefit measures that.

Belongs here: counting, exactly. Does not belong here: sums (achievement.py), what is projected (forecasts.py), what a multiple pays (payouts.py).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from models.curves.inputs import EXACT_SCALE, integers
from models.curves.pieces import Exact, choose
from models.money import EXACT, as_exact


def count_to_date(rows: pl.DataFrame) -> pl.DataFrame:
    """`measure_sum`, the sum that `measure_to_date` was; where a benefit counts multiples, `measure_to_date`, `quantity_to_date` and a
    `base_sum` that is the measure are their number.

    rows: with measure_to_date, quantity_to_date, base_sum, base, measure_every (null: none is counted), measure_round. One row in, one out. Frames of
    benefits that count nothing stay as they are, without measure_sum.
    """
    counts, has_values = rows["measure_every"].is_not_null(), "values_to_date" in rows.columns
    if not (counts.any() or has_values):
        return rows
    counted = rows.filter(counts)
    number = count_multiples(integers(counted["measure_to_date"]), integers(counted["measure_every"]), rounds_up(counted))
    found = pl.DataFrame({"row": np.flatnonzero(counts.to_numpy()), "number": as_exact(number, np.ones(len(number), dtype=object))})
    values = ["values_to_date"] if has_values else []
    return (
        rows.with_columns(pl.col("measure_to_date").alias("measure_sum"), pl.int_range(pl.len(), dtype=pl.Int64).alias("row"))
        .join(found, on="row", how="left", maintain_order="left")
        .with_columns(pl.coalesce("number", *values).alias("number"))
        .with_columns(
            *(pl.coalesce("number", name).cast(EXACT).alias(name) for name in ("measure_to_date", "quantity_to_date")),
            pl.when(pl.col("base") == "measure").then(pl.coalesce("number", "base_sum")).otherwise("base_sum").cast(EXACT).alias("base_sum"),
        )
        .drop("row", "number", *values)
    )


def count_multiples(sums: Exact, every: Exact, is_up: np.ndarray) -> Exact:
    """The whole number of multiples: full ones, or with is_up those that have begun. Below 0 both count towards 0. every: above 0, in the unit of the sum."""
    size = abs(sums)
    is_begun = is_up & (sums > 0).astype(bool) & (size % every > 0).astype(bool)
    return choose(sums < 0, -1, 1) * (size // every + is_begun)


def rounds_up(rows: pl.DataFrame) -> np.ndarray:
    """Whether each row counts a multiple as soon as it is begun."""
    return (rows["measure_round"] == "up").fill_null(False).to_numpy()


def count_projected(rows: pl.DataFrame, projected: Exact, divisor: Exact) -> Exact:
    """Projected sums as numbers of multiples where they are counted, in 1/divisor like the sums; other rows as they are."""
    counts = rows["measure_every"].is_not_null().to_numpy()
    every = choose(counts, integers(rows["measure_every"]) * divisor, 1)
    return choose(counts, count_multiples(projected * EXACT_SCALE, every, rounds_up(rows)) * divisor, projected)
