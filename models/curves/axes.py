"""Axes: the place of each result on the axes of its curve, matrix, multiplier and gates.

Belongs here: x as a ratio of integers for every slot of `terms.axes`, what an axis needs, the metrics feed's values, and ratios of sums.
Does not belong here: ranks among participants (ranks.py), figures of other benefits (other_benefits.py), tiers (pieces.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from models.curves.inputs import EXACT_SCALE, ScaledInputs, integers
from models.curves.pieces import Exact, choose, exact
from models.curves.vocabulary import COLUMNS, CURVE
from models.money import EXACT

KINDS = ("none", "measure", "attainment", "growth", "growth_amount", "rank", "percentile", "metric", "benefit", "score", "ratio")
NONE, MEASURE, ATTAINMENT, GROWTH, GROWTH_AMOUNT, RANK, PERCENTILE, METRIC, BENEFIT, SCORE, RATIO = range(len(KINDS))

#: How a row looks at other benefits: as they are, as they are projected, and by their targets to date. The places are in columns of that name.
VIEWS = ("axis", "projected", "to_date")


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
        *(
            (axis.is_in([kind] if isinstance(kind, str) else kind) | of.fill_null("").is_in([kind] if isinstance(kind, str) else kind)).any().alias(name)
            for name, kind in needs.items()
        ),
        pl.concat_str("ratio_of", "ratio_to", separator=" ").drop_nulls().str.join(" ").alias("axis_needs_sums"),
    )


def place_rows(axes: Axes, slot: int, benefit: npt.NDArray[np.int64], rows: pl.DataFrame, figures: ScaledInputs) -> tuple[Exact, Exact]:
    """x and its divisor: M, M / T, M / B − 1, M − B, the rank, the percentile, the metric, or what other benefits and sums give. One row in, one out.

    Where figures are prorated, measure and growth_amount are divided by the part of the window: threshold × part ≤ x is threshold ≤ x / part.
    Rows without what their axis needs get arbitrary numbers.
    """
    kind = axes.kinds[slot][benefit]
    compares = (kind == GROWTH) | (kind == GROWTH_AMOUNT)
    x = choose(compares, figures.measure - figures.baseline, figures.measure) if compares.any() else figures.measure
    divisor = axis_unit(kind, figures)
    is_given = (kind >= RANK) & (kind <= METRIC)
    if is_given.any():
        x = choose(is_given, integers(rows[f"axis_value_{slot}"]), x)
        divisor = choose(is_given, integers(rows[f"axis_divisor_{slot}"].fill_null(1)) * EXACT_SCALE, divisor)
    is_ratio = kind >= BENEFIT
    if is_ratio.any():
        x = choose(is_ratio, read_integers(rows[f"axis_numerator_{slot}"]), x)
        divisor = choose(is_ratio, read_integers(rows[f"axis_denominator_{slot}"]), divisor)
    return x, choose(divisor > 0, divisor, 1)


def axis_unit(kind: npt.NDArray[np.int8], figures: ScaledInputs) -> Exact:
    """The measure in one unit of the axis: 1 (times the part of the window), the target, or the baseline; as an integer in 1/divisor."""
    return choose(kind == ATTAINMENT, figures.target, choose(kind == GROWTH, figures.baseline, figures.part))


def find_metrics(rows: pl.DataFrame, axes: pl.DataFrame, metrics: pl.DataFrame) -> pl.DataFrame:
    """The metric of every row and slot with a metric axis: `axis_value_<slot>`, null where there is none; `missing_metric` says that one is missing.

    rows: with benefit_key, figures_of, span_start, counted_until. The last value dated in the span up to `counted_until` counts.
    metrics: one row per participant_id, metric and date, with value.
    """
    for (slot,), wanted in axes.filter(pl.col("axis") == "metric").partition_by("slot", as_dict=True).items():
        found = last_values(rows, wanted, metrics).select("row", pl.col("value").alias(f"axis_value_{slot}"), pl.col("value").is_null().alias("missing_here"))
        rows = (
            rows.with_columns(pl.int_range(pl.len()).alias("row"))
            .join(found.select("row", f"axis_value_{slot}", "missing_here"), on="row", how="left", maintain_order="left")
            .with_columns(
                (pl.col("missing_metric") | pl.col("missing_here").fill_null(False)).alias("missing_metric"), pl.lit(1, pl.Int64).alias(f"axis_divisor_{slot}")
            )
            .drop("row", "missing_here")
        )
    return rows


def last_values(rows: pl.DataFrame, wanted: pl.DataFrame, metrics: pl.DataFrame) -> pl.DataFrame:
    """`row` (the position in `rows`) and `value` of a metric, null where none is dated in the span. wanted: benefit_key, metric; one row per benefit."""
    values = metrics.select("participant_id", "metric", pl.col("date").alias("value_date"), pl.col("value").cast(EXACT)).sort("value_date")
    return (
        rows.select("benefit_key", "span_start", "counted_until", pl.int_range(pl.len()).alias("row"), participant_id="figures_of")
        .join(wanted.select("benefit_key", "metric"), on="benefit_key")
        .sort("counted_until")
        .join_asof(values, left_on="counted_until", right_on="value_date", by=["participant_id", "metric"], strategy="backward", check_sortedness=False)
        .select("row", pl.when(pl.col("value_date") >= pl.col("span_start")).then("value").alias("value"))
    )


def find_ratios(rows: pl.DataFrame, axes: pl.DataFrame) -> pl.DataFrame:
    """The place of every row and slot with a ratio: `axis_numerator_<slot>` / `axis_denominator_<slot>`. A row is blocked where the second sum is not
    above 0.

    rows: of achievement.find_reasons, with the sums to date of the benefit's lines.
    """
    here = axes.join(rows.select("benefit_key").unique(), on="benefit_key", how="semi")
    for slot, of, to in here.filter(pl.col("axis") == "ratio").select("slot", "ratio_of", "ratio_to").unique(maintain_order=True).iter_rows():
        users = axes.filter((pl.col("slot") == slot) & (pl.col("ratio_of") == of) & (pl.col("ratio_to") == to))["benefit_key"]
        is_here = pl.col("benefit_key").is_in(users.implode())
        # on the curve of groups of lines, each group has a ratio of its own
        blocks = is_here if slot > COLUMNS else is_here & pl.col("each").is_null()
        first, second = sum_to_date(of), sum_to_date(to)
        rows = rows.with_columns(
            *block(rows, pl.when(blocks & (second <= 0)).then(pl.lit("divisor_not_positive")), pl.format("{} is {}", pl.lit(to), in_words(second))),
            *_set_where(rows, is_here, {f"axis_numerator_{slot}": as_integers(first), f"axis_denominator_{slot}": as_integers(second)}),
            *_set_where(rows, is_here, {f"axis_words_{slot}": pl.format("{} {} / {} {}", pl.lit(of), in_words(first), pl.lit(to), in_words(second))}),
        )
    return rows


def sum_to_date(name: str) -> pl.Expr:
    """A sum over the benefit's own lines, whatever it measures."""
    of = {
        "amount": pl.col("amount_to_date"),
        "margin": pl.col("amount_to_date") - pl.col("cost_to_date"),
        "quantity": pl.col("units_to_date"),
        "count": pl.col("count_to_date"),
    }
    return of[name].cast(EXACT)


def block(rows: pl.DataFrame, reason: pl.Expr, missing: pl.Expr) -> list[pl.Expr]:
    """`reason` and, in words, `axis_missing` of rows that are not blocked yet; where the new reason is null, they stay as they are."""
    is_new = pl.col("reason").is_null() & reason.is_not_null()
    before = pl.col("axis_missing") if "axis_missing" in rows.columns else None
    return [pl.coalesce("reason", reason).alias("reason"), pl.when(is_new).then(missing).otherwise(before).cast(pl.String).alias("axis_missing")]


def _set_where(rows: pl.DataFrame, condition: pl.Expr, columns: dict[str, pl.Expr]) -> list[pl.Expr]:
    """The columns with these values where the condition holds; a slot may hold a ratio for one benefit and something else for another."""
    return [
        pl.when(condition).then(value).otherwise(pl.col(name) if name in rows.columns else None).cast(pl.String).alias(name) for name, value in columns.items()
    ]


def see_others(rows: pl.DataFrame, view: str) -> pl.DataFrame:
    """The rows with places on other benefits' figures as this view has them."""
    return rows.with_columns(pl.coalesce(name, own).alias(own) for name, own in _columns_of_view(rows, view))


def sees_differently(rows: pl.DataFrame, view: str) -> pl.Expr:
    """Whether a place on other benefits' figures is not the same in this view."""
    return pl.any_horizontal(pl.lit(False), *((pl.col(name) != pl.col(own)).fill_null(False) for name, own in _columns_of_view(rows, view)))


def _columns_of_view(rows: pl.DataFrame, view: str) -> list[tuple[str, str]]:
    """The columns of a view, each with the one of the first view that it stands for."""
    names = [name for name in rows.columns if name.startswith((f"{view}_numerator_", f"{view}_denominator_"))]
    return [(name, name.replace(view, VIEWS[0], 1)) for name in names]


def as_integers(value: pl.Expr) -> pl.Expr:
    """A number of type EXACT as the text of an integer in 1/EXACT_SCALE."""
    return value.cast(EXACT).cast(pl.String).str.replace(".", "", literal=True)


def read_integers(texts: pl.Series) -> Exact:
    """Texts of integers of any size; null is 0."""
    return exact(int(text) if text else 0 for text in texts)


def in_words(value: pl.Expr) -> pl.Expr:
    """A number without the zeros at its end."""
    text = value.cast(pl.String)
    return pl.when(text.str.contains(".", literal=True)).then(text.str.strip_chars_end("0").str.strip_chars_end(".")).otherwise(text)
