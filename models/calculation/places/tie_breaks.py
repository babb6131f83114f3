"""Tie-breaks: the figures that decide among participants of equal rank.

Belongs here: these figures, of every row. Does not belong here: ranks (ranks.py), what a rank pays (payouts.py).
"""

from __future__ import annotations

import polars as pl

from models.calculation.columns import SUMMED
from models.calculation.measures.achievement import MISSING, column_of
from models.curves.axes import last_values


def find_tie_breaks(rows: pl.DataFrame, tie_breakers: pl.DataFrame, measures: pl.DataFrame, metrics: pl.DataFrame) -> pl.DataFrame:
    """`tie_break_1`, `tie_break_2`, … of every row whose benefit breaks ties: the figure of that place, of the span up to the end of the period.

    Null where there is none: no value of a metric, or a line that lacks what is summed. rows: of achievement.measure_periods. One row in, one out. Where
    no benefit breaks ties, no column is added.
    """
    for (place,), wanted in tie_breakers.sort("place").partition_by("place", as_dict=True, maintain_order=True).items():
        figures = pl.concat([_sums(rows, wanted.drop_nulls("line_set_key"), measures), _metrics(rows, wanted.drop_nulls("metric"), metrics)])
        rows = (
            rows.with_columns(pl.int_range(pl.len()).alias("row"))
            .join(figures.rename({"figure": f"tie_break_{place}"}), on="row", how="left", maintain_order="left")
            .drop("row")
        )
    return rows


def _sums(rows: pl.DataFrame, wanted: pl.DataFrame, measures: pl.DataFrame) -> pl.DataFrame:
    """`figure` by `row`: the sum over the benefit's lines, 0 where there are none."""
    lacks = pl.any_horizontal(pl.col("measure").is_in(names) & (pl.col(missing) > 0) for _, names, missing in MISSING)
    asked = (
        rows.select("benefit_key", "participant_key", "span_first_period", pl.col("period_no").alias("until"), pl.int_range(pl.len()).alias("row"))
        .join(wanted.select("benefit_key", "line_set_key", "measure"), on="benefit_key")
        .join(measures.filter(~pl.col("is_prior")), on=["line_set_key", "participant_key"], how="left")
        .with_columns(pl.col("period_no").is_between("span_first_period", "until").fill_null(False).alias("counts"))
    )
    return (
        asked.with_columns(pl.when("counts").then(c).otherwise(pl.lit(0, dtype)).alias(c) for c, dtype in SUMMED.items())
        .group_by("row", "measure")
        .agg(pl.col(c).sum() for c in SUMMED)
        .select("row", pl.when(~lacks).then(column_of(pl.col("measure"))).alias("figure"))
    )


def _metrics(rows: pl.DataFrame, wanted: pl.DataFrame, metrics: pl.DataFrame) -> pl.DataFrame:
    return last_values(rows, wanted, metrics).rename({"value": "figure"})
