"""Slices of a placed pool: whose lines fill them, in the order of the lines.

Belongs here: the parts of a graduated payout of a pool. Does not belong here: parts by other methods (placed_pools.py), slices of payouts for people to
read (explanation/slices.py).

Lines that follow each other and are of one member and period are one run: a return gives back the highest slice, so only where a run begins and ends matters.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import numpy as np
import polars as pl

from models.calculation.measures.achievement import column_of
from models.calculation.places.placed_pools import IS_PLACED
from models.curves.axes import axis_unit, in_units, threshold
from models.curves.compiled import Scheme
from models.curves.inputs import EXACT_SCALE, ScaledInputs, integers, scaled_inputs
from models.curves.pieces import Exact, choose, exact
from models.curves.vocabulary import CURVE, PAY_FORMS
from models.money import EXACT, as_exact

_MEMBER = ("pool_row", "participant_key")


def weigh_slices(rows: pl.DataFrame, tiers: pl.DataFrame, runs: pl.DataFrame, scheme: Scheme) -> pl.DataFrame:
    """`member_weight`: what the slices pay that the lines of a member fill, for pools with a graduated curve; the text of an integer.

    rows: one row per payout × period, with pool_row. runs: as in columns.INPUTS. All members of a pool have one scale. Where a slice pays a lump amount,
    those who fill it share it.
    """
    is_sliced = IS_PLACED & (pl.col("method") == "graduated") & pl.col("reason").is_null() & (pl.col("measure_to_date") > 0)
    pools = rows.filter(is_sliced).unique("pool_row", maintain_order=True) if "pool_row" in rows.columns else rows.clear()
    if pools.is_empty():
        return rows
    members = rows.filter(is_sliced).select(*_MEMBER, "member_measure")
    parts = pools.drop(PAY_FORMS, strict=False).join(tiers.rename({"tier": "place"}), on="benefit_key").sort("pool_row", "place")
    figures = scaled_inputs(parts)
    starts, _ = threshold(scheme.axes.kinds[CURVE][parts["benefit_key"].to_numpy().astype(np.int64)], figures, integers(parts["from_value"]))
    floors = exact((starts // figures.divisor).tolist())
    points = parts.select("pool_row", tier="place").with_columns(as_exact(floors, np.full(len(floors), EXACT_SCALE, dtype=object)).alias("floor"))
    places = (
        _below(_places(pools, runs), points, members).join(points.with_row_index("part"), on=["pool_row", "tier"]).sort("pool_row", "participant_key", "tier")
    )
    part = places["part"].to_numpy()
    divisor = (figures.divisor * np.full(len(parts), 1, dtype=object))[part]
    # a member's sum up to each threshold, then what lies between two of them
    below = integers(places["below"]) * divisor + places["crossings"].to_numpy().astype(object) * starts[part]
    is_last = (places["participant_key"] != places["participant_key"].shift(-1)) | (places["pool_row"] != places["pool_row"].shift(-1))
    above = choose(is_last.fill_null(True).to_numpy(), integers(places["member_measure"]) * divisor, np.roll(below, -1))
    weight = _weigh(parts, figures, starts, scheme, above - below, part, integers(places["member_measure"]))
    return rows.join(_texts(places, weight), on=_MEMBER, how="left", maintain_order="left")


def _places(pools: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
    """pool_row, participant_key, before and after: the pool's running measure where each run begins and ends, of the span up to the period."""
    keys = pools.select("pool_row", "measure", "span_first_period", pl.col("period_no").alias("until"), line_set_key="measure_line_set_key")
    found = (
        keys.join(runs, on="line_set_key")
        .filter(pl.col("period_no").is_between("span_first_period", "until"))
        .sort("pool_row", "place")
        .with_columns(column_of(pl.col("measure")).alias("own"))
        .with_columns(pl.col("own").cum_sum().over("pool_row").alias("after"))
    )
    return found.select(*_MEMBER, (pl.col("after") - pl.col("own")).alias("before"), "after")


def _below(places: pl.DataFrame, points: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """`below` and `crossings` of every member and threshold: what its runs bring up to a threshold is below + crossings × the threshold.

    A place is a multiple of 10^-12, so it is compared with the threshold rounded down.
    """
    after, before, floor = pl.col("after"), pl.col("before"), pl.col("floor")
    found = (
        places.join(points, on="pool_row")
        .group_by(*_MEMBER, "tier")
        .agg(
            (pl.when(after <= floor).then(after).otherwise(0).sum() - pl.when(before <= floor).then(before).otherwise(0).sum()).cast(EXACT).alias("below"),
            ((after > floor).cast(pl.Int64).sum() - (before > floor).cast(pl.Int64).sum()).alias("crossings"),
        )
    )
    every = members.join(points.select("pool_row", "tier"), on="pool_row")
    return every.join(found, on=[*_MEMBER, "tier"], how="left").with_columns(pl.col("below").fill_null(0), pl.col("crossings").fill_null(0))


def _weigh(parts: pl.DataFrame, figures: ScaledInputs, starts: Exact, scheme: Scheme, filled: Exact, part: np.ndarray, own: Exact) -> Exact:
    """What each slice pays for what is filled of it. parts: one row per pool × tier. filled, part, own: one row per member × tier."""
    kind = scheme.axes.kinds[CURVE][parts["benefit_key"].to_numpy().astype(np.int64)]
    unit = choose(in_units(kind), figures.divisor, axis_unit(kind, figures))
    of_slice = (integers(parts["rate"]) * figures.base + integers(parts["per_unit"]) * figures.quantity) * unit
    weight = filled * (of_slice + integers(parts["share"]) * figures.incentive * figures.measure)[part]
    if not parts["amount"].is_not_null().any():
        return weight
    measure = figures.measure * EXACT_SCALE
    is_last = (parts["pool_row"] != parts["pool_row"].shift(-1)).fill_null(True).to_numpy()
    ends = choose(is_last, measure, np.minimum(np.roll(starts, -1), measure))
    length = ends - starts
    is_reached = (length > 0) | ((length == 0) & (parts["boundary"] == "lower_inclusive").to_numpy())
    lump = choose(is_reached, integers(parts["amount"]) * figures.part * figures.measure * unit * EXACT_SCALE, 0)[part]
    # a slice without a length is shared by the measure
    is_filled = (length > 0).astype(bool)[part]
    pool = integers(parts["measure_to_date"])[part]
    shares = zip(choose(is_filled, filled, own), choose(is_filled, length[part], pool), strict=True)
    return weight + lump * exact(Fraction(share, of) for share, of in shares)


def _texts(places: pl.DataFrame, weight: Exact) -> pl.DataFrame:
    """The weights of each member's slices added up, as integers of one scale per pool."""
    first = np.flatnonzero(
        ((places["participant_key"] != places["participant_key"].shift(1)) | (places["pool_row"] != places["pool_row"].shift(1))).fill_null(True)
    )
    sums = np.add.reduceat(weight, first)
    found = places[first].select(*_MEMBER)
    starts = np.flatnonzero((found["pool_row"] != found["pool_row"].shift(1)).fill_null(True))
    scales = np.array([lcm(*(getattr(value, "denominator", 1) for value in group)) for group in np.split(sums, starts[1:])], dtype=object)
    scale = scales[np.cumsum(np.isin(np.arange(len(sums)), starts)) - 1]
    return found.with_columns(pl.Series("member_weight", [str(int(value)) for value in sums * scale], dtype=pl.String))
