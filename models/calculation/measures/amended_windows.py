"""Amended windows: those in which the terms of several versions hold, each on its own days (`amendment: from_date`).

What a version pays is what its terms pay by the end of its days, less what they pay by their start. So such a window is paid by *cuts*: the terms of a
version, the figures up to a day, and a sign. Belongs here: cuts, their figures, what each version pays and on which lines. Does not belong here: which days
a version has (models/agreements/versions.py), curves (payouts.py).

Every result of such a window has its cuts in the column `cuts`. Books without such windows do not have the column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from models.curves.inputs import EXACT_STEP, SCALE, ScaledInputs, integers, scaled_inputs
from models.curves.pieces import Coefficients, Exact, choose, exact

#: The figures of a result up to the end of a period, by a rule: to date, or projected.
Scale = Callable[[pl.DataFrame], ScaledInputs]
#: Keys of lines, by the role of the lines.
_LINE_SETS = ("line_set_key", "measure_line_set_key", "base_line_set_key")
#: The terms of a cut that its window has too, and its own figures.
_OF_WINDOW = (
    "benefit_key", "target", "target_times", "target_source", "weight_to_date", "weight_of_year", "baseline", "incentive", "days", "of_days", "base_to_date",
)  # fmt: skip
_PERIODS_OF_PART = ("first_period_of_part", "last_period_of_part")
_OF_CUT = (*_OF_WINDOW, "part_no", "sign", "cut_day", "cut_days", "span_days", "cut_measure", "cut_base", "cut_quantity", *_PERIODS_OF_PART)
#: Columns of windows that each version has of its own.
_OF_VERSION = ("weight_to_date", "weight_of_year", "prior_line_set_key")
_CUT_OF = ("cut_of_benefit", "window_no", "participant_key")


def mark_amended(listed: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """`amended_key`: the benefit whose window it is, where several terms hold in it. Its sums are added up from the start of the span."""
    own = parts.select("benefit_key", "window_no", amended_key="benefit_key").unique()
    found = listed.join(own, on=["benefit_key", "window_no"], how="left", maintain_order="left")
    return found.with_columns(pl.when(pl.col("amended_key").is_null()).then("counts_from").otherwise("span_first_period").alias("counts_from"))


def cut_windows(windows: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """One row per cut of a window, with the benefit of its version as `benefit_key`: where each part ends (sign 1), and where each but the first begins (−1).

    cut_period: the last slot before the cut; null: the window's end. cut_days / span_days: the part of an amount that is paid up to the cut.
    """
    columns = [name for name in windows.columns if name not in _OF_VERSION]
    cuts = windows.select(columns).join(parts, on=["benefit_key", "window_no"], suffix="_of_part")
    first, last, start = pl.col("first_day"), pl.col("last_day"), pl.col("span_start")
    is_first = pl.col("part_no") == pl.col("part_no").min().over("benefit_key", "window_no")
    ends = cuts.with_columns(
        pl.lit(1, pl.Int64).alias("sign"),
        last.alias("cut_day"),
        pl.when(last < pl.col("window_end")).then("last_period_of_part").alias("cut_period"),
        ((last - pl.when(is_first).then(first).otherwise(start)).dt.total_days() + 1).alias("cut_days"),
    )
    begins = cuts.filter(~is_first).with_columns(
        pl.lit(-1, pl.Int64).alias("sign"),
        first.dt.offset_by("-1d").alias("cut_day"),
        (pl.col("first_period_of_part") - 1).alias("cut_period"),
        (first - start).dt.total_days().alias("cut_days"),
    )
    return pl.concat([ends, begins]).select(
        *columns, *_OF_VERSION, "part_no", "sign", "cut_day", "cut_period", "cut_days", *_PERIODS_OF_PART,
        ((pl.col("window_end") - start).dt.total_days() + 1).alias("span_days"), cut_of_benefit="benefit_key", part_benefit_key="part_benefit_key",
    ).with_columns(benefit_key="part_benefit_key").drop("part_benefit_key")  # fmt: skip


def number_cuts(cuts: pl.DataFrame, benefits: pl.DataFrame) -> pl.DataFrame:
    """The cuts as results that are measured like all others and never published: their keys are below 0. cuts: of achievement.list_payouts."""
    # days that are not the window's are measured by the terms of its own version
    of_window = benefits.select(cut_of_benefit="benefit_key", key_of_window="measure_line_set_key")
    key = pl.when(pl.col("measure_over").is_null()).then("measure_line_set_key").otherwise("key_of_window")
    return (
        cuts.join(of_window, on="cut_of_benefit", how="left", maintain_order="left")
        .with_columns(
            key.alias("measure_line_set_key"),
            (-1 - pl.int_range(pl.len())).cast(pl.Int32).alias("payout_key"),
            pl.col("span_first_period").alias("counts_from"),
            pl.col("cut_of_benefit").alias("amended_key"),
        )
        .drop("key_of_window")
    )


def list_slots(parts: pl.DataFrame, benefits: pl.DataFrame) -> pl.DataFrame:
    """One row per part × slot, with the keys of its version's lines, and what they measure."""
    slots = parts.select("benefit_key", "window_no", "part_no", "part_benefit_key", pl.int_ranges("first_period", pl.col("last_period") + 1).alias("period_no"))
    of_version = benefits.select(*_LINE_SETS, "measure", "base", "measure_over", part_benefit_key="benefit_key")
    here = slots.explode("period_no").with_columns(pl.col("period_no").cast(pl.Int32)).rename({"benefit_key": "amended_key"})
    return here.join(of_version, on="part_benefit_key").drop("part_benefit_key")


def count_by_days(rows: pl.DataFrame, versions: pl.DataFrame) -> pl.DataFrame:
    """Rows of amended windows with the lines that count in their period: those of the version that holds in it; none where no version has the benefit."""
    if "amended_key" not in rows.columns:
        return rows
    here = versions.select("amended_key", "window_no", "period_no", **{f"{key}_here": pl.col(key) for key in _LINE_SETS})
    is_amended = pl.col("amended_key").is_not_null()

    def own(key: str) -> pl.Expr:
        return is_amended & pl.col("measure_over").is_null() if key == "measure_line_set_key" else is_amended

    return (
        rows.join(here, on=["amended_key", "window_no", "period_no"], how="left", maintain_order="left")
        .with_columns(pl.when(own(key)).then(f"{key}_here").otherwise(key).alias(key) for key in _LINE_SETS)
        .drop(f"{key}_here" for key in _LINE_SETS)
    )


def measure_at_cuts(rows: pl.DataFrame) -> pl.DataFrame:
    """`cut_measure`, `cut_base`, `cut_quantity`: the figures up to the cut, or to date where it is still to come. rows: from the start of the span on."""
    if "amended_key" not in rows.columns:
        return rows
    is_before = pl.col("cut_period").is_null() | (pl.col("period_no") <= pl.col("cut_period"))
    names = {"measure_to_date": "cut_measure", "base_sum": "cut_base", "quantity_to_date": "cut_quantity"}
    return rows.with_columns(pl.when(is_before).then(name).forward_fill().over("payout_key").alias(cut) for name, cut in names.items())


def nest_cuts(measured: pl.DataFrame, find_reasons: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    """The results without their cuts, which are in `cuts`; `cut_reason`: why one of them cannot be computed.

    measured: of achievement.measure_periods. find_reasons: of that module.
    """
    if "amended_key" not in measured.columns:
        return measured
    is_cut = pl.col("sign").is_not_null()
    cuts = find_reasons(measured.filter(is_cut)).sort(*_CUT_OF, "period_no", "part_no", "sign", descending=[False] * 5 + [True])
    nested = cuts.group_by(*_CUT_OF, "period_no", maintain_order=True).agg(
        pl.struct(_OF_CUT).alias("cuts"), pl.col("reason").drop_nulls().first().alias("cut_reason")
    )
    nested = nested.rename({"cut_of_benefit": "amended_key"})
    own = measured.filter(~is_cut).drop("cut_of_benefit", "cut_period", *(name for name in _OF_CUT if name not in _OF_WINDOW))
    return own.join(nested, on=["amended_key", "window_no", "participant_key", "period_no"], how="left", maintain_order="left")


def block_by_cuts(rows: pl.DataFrame) -> pl.DataFrame:
    """The results with `reason` also where only one of the versions lacks what it needs."""
    return rows.with_columns(pl.coalesce("reason", "cut_reason").alias("reason")) if "cut_reason" in rows.columns else rows


def is_amended(rows: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether each row is paid by cuts."""
    return rows["cuts"].is_not_null().to_numpy() if "cuts" in rows.columns else np.zeros(len(rows), dtype=bool)


def open_cuts(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per cut, with its own terms and figures; `at`: the row that it is of."""
    numbered = rows.drop(name for name in _OF_CUT if name in rows.columns).with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("at"))
    return numbered.explode("cuts").unnest("cuts")


def figures_at_cuts(cuts: pl.DataFrame, scale: Scale, is_graduated: npt.NDArray[np.bool_]) -> ScaledInputs:
    """The figures of each cut: base and quantity up to its day, and with `graduated` the measure too. Days to come get the average of what is projected.

    cuts: of open_cuts. scale: of the whole window.
    """
    now, ends = scaled_inputs(cuts), scale(cuts)
    until = pl.col("counted_until")
    left = ((pl.col("window_end") - until).dt.total_days()).alias("left")
    days = cuts.select(left, pl.min_horizontal((pl.col("cut_day") - until).dt.total_days().clip(0), left).alias("ahead"))
    ahead, of = exact(days["ahead"].to_list()), exact(max(1, day) for day in days["left"].to_list())
    finer, unit = ends.divisor // now.divisor, EXACT_STEP * (now.divisor // SCALE)
    measure, base, quantity = (integers(cuts[name]) * unit for name in ("cut_measure", "cut_base", "cut_quantity"))
    increment = measure - now.baseline
    base = choose((cuts["base"] == "increment").to_numpy(), choose(increment > 0, increment, 0), base)

    def at_cut(value: Exact, now_value: Exact, end_value: Exact) -> Exact:
        return value * finer * of + (end_value - now_value * finer) * ahead

    return replace(
        ends,
        measure=choose(is_graduated, at_cut(measure, now.measure, ends.measure), ends.measure * of),
        base=at_cut(base, now.base, ends.base),
        quantity=at_cut(quantity, now.quantity, ends.quantity),
        target=ends.target * of,
        baseline=ends.baseline * of,
        incentive=ends.incentive * of,
        divisor=ends.divisor * of,
    )


def amounts_by_days(cuts: pl.DataFrame, coefficients: Coefficients, is_graduated: npt.NDArray[np.bool_]) -> Coefficients:
    """The coefficients with amounts and shares of an incentive for the days up to the cut; slices reach theirs by the measure."""
    days = choose(is_graduated, 1, exact(cuts["cut_days"].to_list()))
    of = choose(is_graduated, 1, exact(cuts["span_days"].to_list()))
    forms = {form: values * (days if form in ("amount", "share") else of) for form, values in coefficients.forms.items()}
    return Coefficients(forms, coefficients.divisor * of)
