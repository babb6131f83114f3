"""Ranks: each participant's rank among those of the same benefit and window, period by period.

Belongs here: rank, percentile, and the mean that tied participants are paid. Does not belong here: tiers (pieces.py), values (achievement.py).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from models.calculation.measures.achievement import has_positive_target
from models.curves.inputs import EXACT_SCALE, scaled_inputs
from models.curves.pieces import Coefficients, Exact, Ladder, coefficients_on_pieces, exact, place_on_pieces
from models.curves.vocabulary import CURVE
from models.money import EXACT

#: Axes on which participants are compared with each other.
RANKED = ("rank", "percentile")
#: Participants are ranked per benefit, window and period.
PEERS = ("benefit_key", "window_no", "period_no")


def rank_rows(rows: pl.DataFrame, axes: pl.DataFrame) -> pl.DataFrame:
    """The rank or percentile of every row and slot with such an axis: `axis_value_<slot>` / `axis_divisor_<slot>`; `tie_count`: how many share the
    curve's rank.

    rows: of achievement.measure_periods. Participants whose own value is blocked are left out. rank: 1 + how many have a larger value.
    percentile: the share of the others with a smaller measure; 1 where there are no others.
    """
    wanted = axes.filter(pl.col("axis").is_in(RANKED)).with_columns(pl.col("rank_of").fill_null("measure"))
    rows = rows.with_columns(pl.lit(1, pl.Int64).alias("tie_count"))
    if wanted.is_empty():
        return rows
    rows = rows.with_columns(pl.int_range(pl.len()).alias("row"))
    ranked = pl.concat([_rank_by(rows, of, users) for (of,), users in wanted.partition_by("rank_of", as_dict=True).items()])
    for (slot,), users in wanted.partition_by("slot", as_dict=True).items():
        is_rank = pl.col("axis") == "rank"
        others = pl.col("count") - 1
        found = ranked.join(users.select("benefit_key", "axis", "rank_of"), on=["benefit_key", "rank_of"]).select(
            "row",
            pl.when(is_rank).then("rank").when(others == 0).then(1).otherwise("smaller").cast(EXACT).alias("value_here"),
            pl.when(is_rank | (others == 0)).then(1).otherwise(others).cast(pl.Int64).alias("divisor_here"),
            pl.when(is_rank).then("tie_count").otherwise(1).cast(pl.Int64).alias("tie_count_here"),
        )
        value_column, divisor_column = f"axis_value_{slot}", f"axis_divisor_{slot}"
        rows = rows.join(found, on="row", how="left", maintain_order="left")
        # a slot may hold a metric for one benefit and a rank for another
        rows = rows.with_columns(
            (pl.coalesce("value_here", value_column) if value_column in rows.columns else pl.col("value_here")).alias(value_column),
            (pl.coalesce("divisor_here", divisor_column) if divisor_column in rows.columns else pl.col("divisor_here")).alias(divisor_column),
            *([pl.col("tie_count_here").fill_null(1).alias("tie_count")] if slot == CURVE else []),
        ).drop("value_here", "divisor_here", "tie_count_here")
    return rows.drop("row")


def _rank_by(rows: pl.DataFrame, of: str, users: pl.DataFrame) -> pl.DataFrame:
    """Rank, smaller, count and tie_count by one kind of value: one row for every row of the benefits in `users` that has a value."""
    has_value = ~pl.col("missing_measure")
    if of == "attainment":
        has_value &= has_positive_target() & ~pl.col("missing_prior_target")
    elif of in ("growth", "growth_amount"):
        has_baseline = pl.col("baseline").is_not_null() if of == "growth_amount" else (pl.col("baseline") > 0).fill_null(False)
        has_value &= has_baseline & ~pl.col("missing_prior_baseline")
    rows = rows.filter(pl.col("benefit_key").is_in(users["benefit_key"].unique().implode()) & has_value)
    place, every = pl.col("place"), pl.len().over(PEERS)
    return _break_ties(rows.with_columns(_dense_order(rows, of).alias("place"))).select(
        "row",
        "benefit_key",
        pl.lit(of).alias("rank_of"),
        pl.col("place_of_tied").rank("min", descending=True).over(PEERS).alias("rank"),
        (place.rank("min").over(PEERS).cast(pl.Int64) - 1).alias("smaller"),
        every.cast(pl.Int64).alias("count"),
        pl.len().over(*PEERS, "place_of_tied").cast(pl.Int64).alias("tie_count"),
    )


def _break_ties(rows: pl.DataFrame) -> pl.DataFrame:
    """`place_of_tied`: the order by place, and among equals by the figures that break ties; a missing one comes last."""
    figures = sorted((name for name in rows.columns if name.startswith("tie_break_")), key=lambda name: int(name.removeprefix("tie_break_")))
    if not figures:
        return rows.with_columns(pl.col("place").alias("place_of_tied"))
    order = rows.select("row", "place", *figures).sort("place", *figures, nulls_last=False)
    return rows.join(order.select("row", pl.struct("place", *figures).rle_id().alias("place_of_tied")), on="row", how="left", maintain_order="left")


def _dense_order(rows: pl.DataFrame, of: str) -> pl.Series:
    """Integers in the order of the values, equal for equal values."""
    if of == "measure":
        return rows["measure_to_date"].rank("dense")
    figures = scaled_inputs(rows)
    if of == "growth_amount" and not figures.is_prorated:  # all have one divisor
        return pl.Series(np.unique(figures.measure - figures.baseline, return_inverse=True)[1].astype(np.int64))
    if of == "growth_amount":
        return _dense_order_of_ratios(figures.measure - figures.baseline, figures.divisor)
    return _dense_order_of_ratios(figures.measure, figures.target if of == "attainment" else figures.baseline)


def _dense_order_of_ratios(numerator: Exact, divisor: Exact) -> pl.Series:
    """The dense order of numerator / divisor (> 0), exactly: different ratios differ by at least 1 / (largest divisor)²."""
    if not len(numerator):
        return pl.Series(dtype=pl.Int64)
    keys = numerator * max(divisor) ** 2 // divisor
    return pl.Series(np.unique(keys, return_inverse=True)[1].astype(np.int64))


def share_ranks(ladder: Ladder, benefit: npt.NDArray[np.int64], x: Exact, tie_count: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> Coefficients:
    """The coefficients by which tied participants are paid: the mean over the ranks that they occupy. For the rows with the indexes `rows`.

    x: the better rank, in 1/EXACT_SCALE. Every group of ties is expanded once.
    """
    groups = pl.DataFrame({"benefit": benefit[rows], "rank": (x[rows] // EXACT_SCALE).astype(np.int64), "tie_count": tie_count[rows]})
    distinct = groups.unique(maintain_order=True).with_row_index("group")
    ranks = distinct.with_columns(pl.int_ranges("rank", pl.col("rank") + pl.col("tie_count")).alias("each")).explode("each")
    of, each = ranks["benefit"].to_numpy().astype(np.int64), exact(ranks["each"].to_list())
    one = np.ones(len(each), dtype=object)
    at_each = coefficients_on_pieces(ladder, place_on_pieces(ladder, of, each, one), each, one)
    # the pieces of a curve get a common divisor, so that their coefficients can be added
    shared = np.lcm.reduceat(ladder.divisor, ladder.first[:-1])
    factor = shared[of] // at_each.divisor
    starts = np.flatnonzero(ranks["group"].to_numpy() != ranks["group"].shift(1).fill_null(2**32 - 1).to_numpy())
    sums = {form: np.add.reduceat(values * factor, starts) for form, values in at_each.forms.items()}
    divisor = shared[distinct["benefit"].to_numpy()] * exact(distinct["tie_count"].to_list())
    place = groups.join(distinct, on=["benefit", "rank", "tie_count"], how="left", maintain_order="left")["group"].to_numpy()
    return Coefficients({form: values[place] for form, values in sums.items()}, divisor[place])
