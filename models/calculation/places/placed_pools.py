"""Placed pools: all members have one place on the curve, that of the pool, and each is paid its part of what the pool is paid.

Belongs here: sums of a pool, a member's own figures beside them, its part of the payout. Does not belong here: the parts of slices, which follow from
the order of lines (placed_slices.py), the payout of a pool (payouts.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from models.curves.axes import read_integers
from models.curves.inputs import EXACT_SCALE, ScaledInputs, integers
from models.curves.pieces import Coefficients, Exact, choose
from models.money import as_exact

IS_PLACED = pl.col("pool") == "placed"
#: The columns of members, which the other benefits of a book do not have.
OF_MEMBERS = ("pool_row", "member_")
_LINE_SETS = ("line_set_key", "measure_line_set_key", "base_line_set_key")
#: A member's own figures, by the pool's.
_OWN = {"measure_period": "member_measure_period", "measure_to_date": "member_measure", "base_sum": "member_base", "quantity_to_date": "member_quantity"}


def spread_pools(frame: pl.DataFrame, benefits: pl.DataFrame, windows: pl.DataFrame, participants: pl.DataFrame, *summed: pl.Expr) -> pl.DataFrame:
    """The rows of lines that placed pools measure, once for every member: what all members have together. Other rows stay as they are.

    frame: with line_set_key and participant_key. summed: how the columns that are no keys add up.
    """
    placed = benefits.filter(IS_PLACED)
    if placed.is_empty():
        return frame
    compared = placed.join(windows, on="benefit_key").select("agreement_key", line_set_key="prior_line_set_key").drop_nulls()
    sets = pl.concat([*(placed.select("agreement_key", line_set_key=key) for key in _LINE_SETS), compared]).unique()
    values = {expression.meta.output_name() for expression in summed}
    keys = [name for name in frame.columns if name not in values and name != "participant_key"]
    pools = frame.join(sets, on="line_set_key", how="semi").group_by(keys).agg(*summed)
    members = participants.select("agreement_key", "participant_key")
    spread = pools.join(sets, on="line_set_key").join(members, on="agreement_key").select(frame.columns).cast(frame.schema)
    return pl.concat([frame.join(sets, on="line_set_key", how="anti"), spread])


def add_members(rows: pl.DataFrame, listed: pl.DataFrame, measure: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    """The rows with `pool_row`, one number for all members of a pool in a window and period, and each member's own figures.

    rows: of measure_periods, with the sums of pools. measure: the same function over the members' own sums, for a part of the payouts `listed`.
    """
    placed = listed.filter(IS_PLACED)
    if placed.is_empty():
        return rows
    own = measure(placed).select("payout_key", "period_no", **{name: pl.col(column) for column, name in _OWN.items()})
    number = (pl.col("benefit_key").cast(pl.Int64) * 10_000 + pl.col("window_no")) * 10_000 + pl.col("period_no")
    return rows.join(own, on=["payout_key", "period_no"], how="left", maintain_order="left").with_columns(pl.when(IS_PLACED).then(number).alias("pool_row"))


@dataclass(frozen=True)
class Parts:
    """Members in their order within pools: `row` of each, its part and those before it of `total` (> 0), and whether it is the first of its pool."""

    row: npt.NDArray[np.int64]
    up_to: Exact
    total: Exact
    is_first: npt.NDArray[np.bool_]

    def differences(self, running: Exact) -> Exact:
        """What each member has more than the one before it."""
        return running - choose(self.is_first, 0, np.roll(running, 1))

    def for_people(self, length: int) -> pl.Series:
        """Each member's part, for people to read; null in the other of all rows."""
        part, of = np.zeros(length, dtype=object), np.zeros(length, dtype=object)
        part[self.row], of[self.row] = self.differences(self.up_to), self.total
        return as_exact(part, of)


def is_member(rows: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether each row is that of a member of a placed pool."""
    if "pool_row" not in rows.columns:
        return np.zeros(len(rows), dtype=bool)
    return rows["pool_row"].is_not_null().to_numpy()


def divide_pools(rows: pl.DataFrame, coefficients: Coefficients, figures: ScaledInputs) -> Parts | None:
    """Each member's part of what its pool is paid; None where no row is a member's.

    A member's part is what the curve pays at the pool's place on the member's own base and quantity, amounts and shares of an incentive by measure; with
    `graduated`, on the slices that its lines fill. Where that is 0 for all members together, it is its part of the measure, and where the pool's measure
    is 0 or less, all have equal parts. coefficients: of the place. figures: those that amounts and incentives are taken of.
    """
    here = np.flatnonzero(is_member(rows))
    if not here.size:
        return None
    order = np.lexsort((rows["participant_id"][here].rank("dense").to_numpy(), rows["pool_row"][here].to_numpy()))
    here = here[order]
    members = rows[here]
    pool = members["pool_row"].to_numpy()
    is_first = np.append(True, pool[1:] != pool[:-1])
    weight = _weights(members, coefficients, here, figures.at(here))
    is_nothing = (_totals(weight, is_first) == 0).astype(bool)
    weight = choose(is_nothing, integers(members["member_measure"]), weight)
    weight = choose((integers(members["measure_to_date"]) <= 0).astype(bool), 1, weight)
    total = _totals(weight, is_first)
    sign = choose(total < 0, -1, 1)
    return Parts(here, _running(weight, is_first) * sign, total * sign, is_first)


def _weights(members: pl.DataFrame, coefficients: Coefficients, here: npt.NDArray[np.int64], figures: ScaledInputs) -> Exact:
    measure, pool = integers(members["member_measure"]), integers(members["measure_to_date"])
    is_increment = (members["base"] == "increment").to_numpy()
    base = choose(is_increment, integers(members["base_to_date"]) * measure, integers(members["member_base"]) * pool)
    rate, per_unit, amount, share = (coefficients.forms[form][here] if form in coefficients.forms else 0 for form in ("rate", "per_unit", "amount", "share"))
    by_figures = (rate * base + per_unit * integers(members["member_quantity"]) * pool) * figures.divisor
    found = by_figures + (amount * figures.part + share * figures.incentive) * EXACT_SCALE * measure
    if "member_weight" in members.columns:
        found = choose((members["method"] == "graduated").to_numpy(), read_integers(members["member_weight"]), found)
    return found


def _running(values: Exact, is_first: npt.NDArray[np.bool_]) -> Exact:
    """Running sums that begin anew at each first."""
    running = np.cumsum(values)
    before = (running - values)[np.flatnonzero(is_first)]
    return running - before[np.cumsum(is_first) - 1]


def _totals(values: Exact, is_first: npt.NDArray[np.bool_]) -> Exact:
    first = np.flatnonzero(is_first)
    return np.add.reduceat(values, first)[np.cumsum(is_first) - 1]


def publish_members(rows: pl.DataFrame, names: dict[str, str]) -> pl.DataFrame:
    """The rows with the members' own figures in place of their pools'. names: the column of each figure of members."""
    if "pool_row" not in rows.columns:
        return rows
    # an increment over the pool's baseline is the pool's
    is_pools = (pl.col("base_name") == "increment") if "base_name" in rows.columns else pl.lit(False)

    def is_own(column: str) -> pl.Expr:
        return pl.col("pool_row").is_not_null() & pl.col(column).is_not_null() & ~(is_pools if column == "base" else pl.lit(False))

    return rows.with_columns(pl.when(is_own(column)).then(own).otherwise(column).alias(column) for own, column in names.items())


def earned_by_pools(rows: pl.DataFrame, earned: Exact) -> Exact:
    """What each row earns; of a placed pool what all its members earn."""
    if "pool_row" not in rows.columns:
        return earned
    pools = rows["pool_row"].fill_null(-1).to_numpy()
    _, number = np.unique(pools, return_inverse=True)
    sums = np.zeros(number.max(initial=-1) + 1, dtype=object)
    np.add.at(sums, number, earned)
    return choose(pools >= 0, sums[number], earned)
