"""What each version pays of an amended payout, on its own days: for its lines, and for people to read.

Belongs here: the parts of a payout, on which lines they lie. Does not belong here: the payout itself (payouts.py), cuts (amended_windows.py).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from models.calculation.columns import TABLES
from models.calculation.earnings.line_payments import pay_parts
from models.calculation.earnings.payouts import pay_each_cut
from models.calculation.measures.achievement import column_of
from models.calculation.measures.added_fractions import add_up
from models.calculation.measures.amended_windows import is_amended
from models.curves.axes import read_integers
from models.curves.compiled import PAYS_LINES, Scheme
from models.curves.inputs import EXACT_SCALE, integers
from models.curves.pieces import choose
from models.money import EXACT, as_exact

_PART = ("payout_key", "part_no")


def list_parts(settled: pl.DataFrame, frames: Mapping[str, pl.DataFrame], scheme: Scheme) -> pl.DataFrame:
    """One row per payout × version whose terms hold in its window, with the figures of its days and `pays`. settled: one row per payout."""
    rows = settled.filter(pl.Series(is_amended(settled), dtype=pl.Boolean) & pl.col("reason").is_null())
    if rows.is_empty():
        return rows.clear()
    paid = pay_each_cut(rows, scheme)
    cuts, figures = paid.cuts, paid.figures
    number = cuts.select(pl.struct(*_PART).rle_id()).to_series().to_numpy().astype(np.int64)
    of_part = cuts.select("at", "part_no", number=pl.Series(number)).unique()
    lines = pay_parts(rows, scheme).join(of_part, on=["at", "part_no"])
    at = np.append(number, lines["number"].to_numpy())
    numerator, denominator = (np.append(of, read_integers(lines[name])) for name, of in (("numerator", paid.numerator), ("denominator", paid.denominator)))
    pays = add_up(at, numerator, denominator, np.arange(int(number[-1]) + 1))

    def of_days(name: str) -> pl.Expr:
        return pl.when(pl.col("sign") > 0).then(pl.col(name)).otherwise(-pl.col(name)).sum()

    ones = np.ones(len(cuts), dtype=object)
    places = cuts.with_columns(
        as_exact(figures.base, figures.divisor * ones).alias("cut_base"),
        as_exact(figures.target, choose(cuts["target"].is_null().to_numpy(), 0, figures.divisor)).alias("effective_target"),
        as_exact(figures.incentive, choose(cuts["incentive"].is_null().to_numpy(), 0, figures.divisor)).alias("effective_incentive"),
        as_exact(paid.place.x, paid.place.x_divisor).alias("x"),
        pl.Series(paid.place.tier, dtype=pl.Int32).alias("place_tier"),
    )
    ends = pl.col("sign") > 0
    found = places.group_by(*_PART, "at", maintain_order=True).agg(
        pl.col("benefit_key", "baseline", "effective_target", "effective_incentive", "x").filter(ends).first(),
        pl.col("place_tier").filter(ends).first().alias("tier"),
        of_days("cut_measure").alias("measure"),
        of_days("cut_base").alias("base"),
        of_days("cut_quantity").alias("quantity"),
        pl.col("cut_measure").filter(~ends).first().alias("measure_from"),
        pl.col("cut_measure").filter(ends).first().alias("measure_until"),
        of_days("cut_days").alias("own_days"),
        pl.col("span_days").first(),
    )
    terms = frames["window_parts"].select("window_no", "part_no", "version", "first_day", "last_day", window_of="benefit_key")
    names = ("payout_key", "window_no", "method", "slices", "pays_per_unit", "status")
    of_payout = settled.select(*names, window_of="benefit_key", measure_name="measure", base_name="base")
    return (
        found.with_columns(as_exact(*pays).alias("pays"))
        .join(of_payout, on="payout_key", maintain_order="left")
        .join(terms, on=["window_of", "window_no", "part_no"], maintain_order="left")
    )


def list_parts_of_lines(parts: pl.DataFrame, settled: pl.DataFrame, versions: pl.DataFrame, measures: pl.DataFrame) -> pl.DataFrame:
    """What the lines of each version's days take of a payout: the columns of TABLES["payout_groups"], with the number of the part as value.

    parts: of list_parts. versions: of amended_windows.list_slots. measures: as in columns.INPUTS. A version pays the lines of the window their part, by
    measure, of what it pays those of the span. Where all versions together pay nothing, lines count by their measure. Lines that are paid
    one by one are no part of it.
    """
    settled = settled.filter(~PAYS_LINES)
    if parts.is_empty():
        return pl.DataFrame(schema=TABLES["payout_groups"])
    shared = pl.col("measure_over").is_null()
    key = pl.when(shared).then("measure_line_set_key").otherwise("base_line_set_key").alias("line_set_key")
    slots = versions.select("amended_key", "window_no", "part_no", "period_no", key, pl.when(shared).then("measure").otherwise("base").alias("share_measure"))
    in_window = (pl.col("period_no") >= pl.col("first_period")) & (pl.col("period_no") <= pl.col("last_period"))
    value, count = column_of(pl.col("share_measure")), pl.col("line_count")
    sums = (
        settled.select("payout_key", "participant_key", "window_no", "first_period", "last_period", amended_key="benefit_key")
        .join(slots, on=["amended_key", "window_no"])
        .join(measures.filter(~pl.col("is_prior")), on=["line_set_key", "participant_key", "period_no"])
        .group_by(_PART)
        .agg(
            value.sum().cast(EXACT).alias("of_span"),
            value.filter(in_window).sum().cast(EXACT).alias("of_window"),
            count.filter(in_window).sum().alias("line_count"),
        )
    )
    lines = parts.select(*_PART, "tier", "pays").join(sums.filter(pl.col("line_count") > 0), on=_PART, maintain_order="left")
    pays, of_span, of_window = (integers(lines[name]) for name in ("pays", "of_span", "of_window"))
    has_sum = (of_span != 0).astype(bool)
    sign = choose(of_span < 0, -1, 1)
    weight = as_exact(choose(has_sum, pays * of_window * sign, pays), choose(has_sum, abs(of_span), 1) * EXACT_SCALE)
    pays_nothing = pl.col("weight").sum().over("payout_key") <= 0
    of_lines = {
        "group_value": pl.col("part_no").cast(pl.String),
        "measure": pl.col("of_window"),
        "pays": pl.when(pays_nothing).then("of_window").otherwise("weight"),
    }
    return (
        lines.with_columns(weight.alias("weight")).with_columns(**of_lines).select(pl.col(name).cast(dtype) for name, dtype in TABLES["payout_groups"].items())
    )
