"""Distinct values: how many values an attribute has on the lines of a span, where that is what a benefit measures (`distinct`).

Belongs here: counting them to the end of every period. Does not belong here: sums per value (SQL: int_measures_summed), what a value pays (payouts.py).
"""

from __future__ import annotations

import polars as pl

from models.money import EXACT


def count_values(rows: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """`values_to_date`, how many values of `measure_distinct` the span has up to the end of the period, and `missing_values`, for how many the sum that
    decides lacks a rate. Null and 0 for benefits that count none.

    A value counts while its quantity adds up to more than 0, or its amount where none of its lines has a quantity. rows: one row per payout × period, in
    order, with span_key. groups: as in columns.INPUTS. One row in, one out. Frames of benefits that count none stay as they are, without
    values_to_date.
    """
    if not rows["measure_distinct"].is_not_null().any():
        return rows.with_columns(pl.lit(0, pl.Int64).alias("missing_values"))
    rows = rows.with_row_index("row")
    of_value = ["span_key", "group_value"]
    sums = ("quantity", "amount", "line_count", "missing_quantities", "missing_rates")
    running = (
        rows.filter(pl.col("measure_distinct").is_not_null())
        .select("row", "span_key", "measure_line_set_key", "participant_key", "period_no")
        .join(
            groups.drop_nulls("group_value"),
            left_on=["measure_line_set_key", "participant_key", "period_no"],
            right_on=["line_set_key", "participant_key", "period_no"],
        )
        .sort(*of_value, "period_no")
        .with_columns(pl.col(name).cum_sum().over(of_value) for name in sums)
        .with_columns((pl.col("line_count") > pl.col("missing_quantities")).alias("has_quantity"))
        .with_columns(
            pl.when("has_quantity").then(pl.col("quantity") > 0).otherwise(pl.col("amount") > 0).cast(pl.Int64).alias("counts"),
            (~pl.col("has_quantity") & (pl.col("missing_rates") > 0)).cast(pl.Int64).alias("lacks"),
        )
    )
    # what a period adds to those before it: a value that comes, goes, or comes to lack something
    added = [(pl.col(name) - pl.col(name).shift(1, fill_value=0).over(of_value)).alias(name) for name in ("counts", "lacks")]
    changes = running.with_columns(added).group_by("row").agg(pl.col("counts").sum(), pl.col("lacks").sum())
    is_counted = pl.col("measure_distinct").is_not_null()
    return (
        rows.join(changes, on="row", how="left", maintain_order="left")
        .with_columns(pl.col(name).fill_null(0).cum_sum().over("span_key") for name in ("counts", "lacks"))
        .with_columns(
            pl.when(is_counted).then(pl.col("counts").cast(EXACT)).alias("values_to_date"),
            pl.when(is_counted).then("lacks").otherwise(0).alias("missing_values"),
        )
        .drop("row", "counts", "lacks")
    )
