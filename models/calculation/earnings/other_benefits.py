"""Other benefits: places on axes that are figures of other benefits and scores, and the order in which benefits are computed for that.

Belongs here: the order, the figures that are looked at, scores. Does not belong here: what a place pays (payouts.py), projections (forecasts.py),
targets to date (accrual_targets.py).

A row looks at the row of the same agreement, participant and period whose window ends on the same day. There are three views of it: as it is, for
payouts; `projected` and `to_date`, for accruals, which look at others in their own placement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from models.calculation.earnings.payouts import Earned
from models.calculation.places.placed_pools import earned_by_pools
from models.curves.axes import VIEWS, as_integers, block, in_words, last_values, read_integers
from models.curves.inputs import EXACT_SCALE, ScaledInputs, integers, scaled_inputs
from models.curves.pieces import Exact, choose
from models.money import as_exact

#: What a row and the one that it looks at have in common.
_SAME = ("agreement_id", "participant_key", "window_end", "period_no")
Earn = Callable[[pl.DataFrame], pl.DataFrame]
#: For a view other than the first: what the rows that it changes earn, by `row`.
View = Callable[[pl.DataFrame], list[Earned]]


def earn_in_order(rows: pl.DataFrame, frames: Mapping[str, pl.DataFrame], earn: Earn, views: Mapping[str, View]) -> pl.DataFrame:
    """The rows with what `earn` adds; benefits that others look at come first.

    rows: one row per payout × period, in order, with `reason`. views: for `projected` and `to_date`.
    """
    parts = frames["axis_parts"].join(frames["benefits"].select("benefit_key", "agreement_id"), on="benefit_key")
    if parts.is_empty() or rows.is_empty():
        return earn(rows)
    levels = _levels(frames["benefits"], parts)
    seen: list[pl.DataFrame] = []
    done: list[pl.DataFrame] = []
    for level in range(max(levels.values()) + 1):
        here = rows.filter(pl.col("benefit_key").replace_strict(levels, return_dtype=pl.Int64) == level)
        if here.is_empty():
            continue
        found = earn(_look_at_others(here, parts, seen, frames["metrics"]))
        done.append(found)
        seen += _figures_seen(found.with_columns(pl.int_range(pl.len()).alias("row")), parts, views)
    return pl.concat(done, how="diagonal").sort("payout_key", "period_no")


def _levels(benefits: pl.DataFrame, parts: pl.DataFrame) -> dict[int, int]:
    """The level of each benefit_key: 0 where it looks at no other benefit, in any version; otherwise one more than those it looks at."""
    looks_at: dict[tuple[str, str], set[tuple[str, str]]] = {}
    ids = {key: (agreement, benefit) for key, agreement, benefit in benefits.select("benefit_key", "agreement_id", "benefit_id").iter_rows()}
    for key, agreement, other in parts.drop_nulls("of_benefit").select("benefit_key", "agreement_id", "of_benefit").iter_rows():
        looks_at.setdefault(ids[key], set()).add((agreement, other))
    levels: dict[tuple[str, str], int] = {}

    def level(benefit: tuple[str, str]) -> int:
        if benefit not in levels:
            levels[benefit] = 1 + max(map(level, looks_at[benefit])) if benefit in looks_at else 0
        return levels[benefit]

    return {key: level(benefit) for key, benefit in ids.items()}


def _look_at_others(rows: pl.DataFrame, parts: pl.DataFrame, seen: list[pl.DataFrame], metrics: pl.DataFrame) -> pl.DataFrame:
    """Adds the place of every row and slot with a benefit or a score: `<view>_numerator_<slot>` / `<view>_denominator_<slot>`, and `axis_words_<slot>`.
    A row is blocked where a part is missing."""
    parts = parts.join(rows.select("benefit_key").unique(), on="benefit_key", how="semi").drop("agreement_id")
    figures = pl.concat(seen) if seen else _figures_of(rows.clear().with_columns(pl.lit(0).alias("row")), "measure", {})
    for (slot,), of_slot in parts.sort("part_no").partition_by("slot", as_dict=True, maintain_order=True).items():
        rows = rows.with_columns(pl.int_range(pl.len()).alias("row"))
        found = [_look_at_part(rows, part, figures, metrics) for part in of_slot.partition_by("part_no", maintain_order=True)]
        rows = _score(rows, slot, found).drop("row")
    return rows


def _look_at_part(rows: pl.DataFrame, part: pl.DataFrame, figures: pl.DataFrame, metrics: pl.DataFrame) -> pl.DataFrame:
    """The rows of benefits that have this part: row, weight, at_most, the figure in every view, why it is missing, and its name."""
    looking = rows.select("row", "benefit_key", "figures_of", "span_start", "counted_until", *_SAME).join(part, on="benefit_key")
    values = last_values(rows, part.drop_nulls("metric"), metrics)
    found = looking.join(figures, on=[*_SAME, "of_benefit", "figure"], how="left").join(values, on="row", how="left")
    is_metric, has_value = pl.col("metric").is_not_null(), pl.col("value").is_not_null()
    return found.sort("row").select(
        "row",
        "weight",
        "at_most",
        *(
            pl.when(is_metric & has_value).then(of_metric).otherwise(f"{view}_{name}").alias(f"{view}_{name}")
            for name, of_metric in (("numerator", as_integers(pl.col("value"))), ("denominator", pl.lit(str(EXACT_SCALE))))
            for view in VIEWS
        ),
        pl.when(is_metric & ~has_value)
        .then(pl.lit("metric_missing"))
        .when(~is_metric & pl.col("is_there").is_null())
        .then(pl.lit("benefit_missing"))
        .when(~is_metric & pl.col(f"{VIEWS[0]}_numerator").is_null())
        .then(pl.lit("benefit_blocked"))
        .alias("reason_here"),
        pl.when(is_metric)
        .then(pl.format("no value of {} for {} from {} to {}", "metric", "figures_of", "span_start", "counted_until"))
        .when(pl.col("is_there").is_null())
        .then(pl.format("no window of {} that ends on {} has begun", "of_benefit", "window_end"))
        .otherwise(pl.format("no {} of {}, whose own steps say why", "figure", "of_benefit"))
        .alias("missing_here"),
        pl.when(is_metric).then(pl.format("metric {}", "metric")).otherwise(pl.format("{} of {}", "figure", "of_benefit")).alias("name"),
    )


def _score(rows: pl.DataFrame, slot: int, parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Σ weight × min(x, at_most) / Σ weight of every row with parts. rows: numbered by `row`."""
    size = len(rows)
    weights = np.zeros(size, dtype=object)
    sums: dict[str, tuple[Exact, Exact]] = {view: (np.zeros(size, dtype=object), np.full(size, 1, dtype=object)) for view in VIEWS}
    texts: list[pl.DataFrame] = []
    for part in parts:
        at, weight = part["row"].to_numpy(), integers(part["weight"])
        most, is_capped = integers(part["at_most"]), part["at_most"].is_not_null().to_numpy()
        weights[at] += weight
        for view, (numerator, denominator) in sums.items():
            n, d = read_integers(part[f"{view}_numerator"]), read_integers(part[f"{view}_denominator"])
            d = choose(d > 0, d, 1)
            if view == VIEWS[0]:
                texts.append(part.with_columns(as_exact(n, d).alias("x")))
            is_cut = is_capped & (n * EXACT_SCALE > most * d).astype(bool)
            n, d = choose(is_cut, most, n), choose(is_cut, EXACT_SCALE, d)
            numerator[at], denominator[at] = _reduced(numerator[at] * d + weight * n * denominator[at], denominator[at] * d)
    reasons = pl.concat(texts).drop_nulls("reason_here").group_by("row", maintain_order=True).agg(pl.col("reason_here", "missing_here").first())
    is_here = weights > 0
    rows = rows.join(reasons, on="row", how="left", maintain_order="left").join(_words(texts), on="row", how="left", maintain_order="left")
    columns: dict[str, pl.Expr | pl.Series] = {}
    for view, (numerator, denominator) in sums.items():
        n, d = _reduced(numerator, denominator * choose(is_here, weights, 1))
        for name, values in (("numerator", n), ("denominator", d)):
            found, column = _texts(values, is_here), f"{view}_{name}_{slot}"
            columns[column] = pl.coalesce(found, column) if column in rows.columns else found
    words = f"axis_words_{slot}"
    return rows.with_columns(
        *block(rows, pl.col("reason_here"), pl.col("missing_here")),
        (pl.coalesce("words", words) if words in rows.columns else pl.col("words")).alias(words),
        **columns,
    ).drop("reason_here", "missing_here", "words")


def _words(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """`row` and `words`: what the place is made of."""
    x, weight, most = pl.col("x"), pl.col("weight"), pl.col("at_most")
    capped = pl.format(", at most {}", in_words(most)).fill_null("")
    counted = pl.when(x > most).then(most).otherwise(x)
    part = pl.format("{} × {} ({} {}{})", in_words(weight), in_words(counted), "name", in_words(x), capped)
    total = in_words(weight.sum())
    summed = part.str.join(" + ")
    is_alone = (pl.len() == 1) & most.is_null().all()
    return (
        pl.concat(parts)
        .group_by("row", maintain_order=True)
        .agg(
            pl.when(is_alone)
            .then(pl.format("{} = {}", pl.col("name").first(), in_words(x).first()))
            .when(weight.sum() == 1)
            .then(summed)
            .otherwise(pl.format("({}) / {}", summed, total))
            .alias("words")
        )
    )


def _texts(integers: Exact, is_known: Any) -> pl.Series:
    """Integers of any size as text, which no number of a column holds; null where they are not known."""
    return pl.Series([str(value) if known else None for value, known in zip(integers, is_known, strict=True)], dtype=pl.String)


def _reduced(numerator: Exact, denominator: Exact) -> tuple[Exact, Exact]:
    shared = np.gcd(numerator, denominator)
    return numerator // shared, denominator // shared


def _figures_seen(rows: pl.DataFrame, parts: pl.DataFrame, views: Mapping[str, View]) -> list[pl.DataFrame]:
    """The figures of these rows that other benefits look at. rows: numbered by `row`."""
    wanted = parts.drop_nulls("of_benefit").select("agreement_id", pl.col("of_benefit").alias("benefit_id"), "figure").unique(maintain_order=True)
    seen = rows.join(wanted.select("agreement_id", "benefit_id"), on=["agreement_id", "benefit_id"], how="semi", maintain_order="left")
    if seen.is_empty():
        return []
    seen = seen.with_columns(pl.int_range(pl.len()).alias("row"))
    earned = {view: found(seen) for view, found in views.items()}
    return [
        _figures_of(seen, figure, earned).join(of.select("agreement_id", of_benefit="benefit_id"), on=["agreement_id", "of_benefit"], how="semi")
        for (figure,), of in wanted.partition_by("figure", as_dict=True, maintain_order=True).items()
    ]


def _figures_of(rows: pl.DataFrame, figure: str, views: Mapping[str, list[Earned]]) -> pl.DataFrame:
    """One figure of every row in every view, `<view>_numerator` / `<view>_denominator`: null where the row is blocked or has no such figure."""
    lacks = {"attainment": "missing_prior_target", "growth": "missing_prior_baseline"}
    has_figure = (rows["reason"].is_null() & ~rows[lacks[figure]] if figure in lacks else rows["reason"].is_null()).to_numpy()
    if not rows.is_empty():
        plain = Earned(rows["row"], scaled_inputs(rows), rows["tier"].to_numpy(), earned_by_pools(rows, integers(rows["earned"])))
        numerator, denominator = _ratio(figure, plain)
    else:
        numerator = denominator = np.zeros(0, dtype=object)
    columns: dict[str, Any] = {}
    for view in VIEWS:
        n, d = numerator.copy(), denominator.copy()
        for earned in views.get(view, ()):
            at = earned.row.to_numpy()
            n[at], d[at] = _ratio(figure, replace(earned, earned=earned_by_pools(rows[at], earned.earned)))
        is_known = has_figure & (d > 0).astype(bool)
        n, d = _reduced(choose(is_known, n, 0), choose(is_known, d, 1))
        for name, values in (("numerator", n), ("denominator", d)):
            columns[f"{view}_{name}"] = _texts(values, is_known)
    return rows.select(*_SAME, of_benefit="benefit_id").with_columns(pl.lit(figure).alias("figure"), pl.lit(True).alias("is_there"), **columns)


def _ratio(figure: str, of: Earned) -> tuple[Exact, Exact]:
    """The figure as a ratio of integers; the second is 0 or less where there is none."""
    figures: ScaledInputs = of.figures
    size = len(of.row)
    ratios: dict[str, tuple[Any, Any]] = {
        "attainment": (figures.measure, figures.target),
        "growth": (figures.measure - figures.baseline, figures.baseline),
        "measure": (figures.measure, figures.divisor),
        "tier": (of.tier, 1),
        "earned": (of.earned, 10**4),
    }
    numerator, denominator = ratios[figure]
    one = np.full(size, 1, dtype=object)
    return np.asarray(numerator).astype(object) * one, one * denominator
