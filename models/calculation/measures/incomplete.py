"""Figures that lack a part: null where a result is blocked, because a sum over some of the lines is no figure of it.

Belongs here: which figure lacks what. Does not belong here: why a result is blocked (achievement.py), what exactly is missing (explanation/missing.py).
"""

from __future__ import annotations

import polars as pl

from models.calculation.measures.achievement import is_counted


def hide_incomplete(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of results._assign_status or before, with null for every figure of a blocked row that lacks a part. One row in, one out."""
    if not rows["reason"].is_not_null().any():
        return rows
    prior_baseline, prior_target = pl.col("missing_prior_baseline"), pl.col("missing_prior_target")
    is_increment = pl.col("base") == "increment"
    measure = pl.col("missing_measure")
    lacking = {
        "measure_period": pl.when(pl.col("measure_over").is_null()).then(measure).otherwise("missing_base"),
        "measure_to_date": measure,
        "base_to_date": pl.col("missing_base") | (is_increment & (prior_baseline | pl.col("baseline").is_null())),
        "quantity_to_date": pl.when(~is_counted()).then(pl.col("missing_quantities") > 0).otherwise(measure),
        "prior_measure": pl.col("prior_missing").is_not_null(),
        "effective_target": prior_target,
        "baseline": prior_baseline,
        "attainment": measure | prior_target,
        "growth": measure | prior_baseline,
    }
    blocked = pl.col("reason").is_not_null()
    return rows.with_columns(pl.when(~(blocked & lacks)).then(name).alias(name) for name, lacks in lacking.items())
