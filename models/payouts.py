"""Payouts: place on the curve, pay, limit, round, and set off what earlier windows were paid.

Belongs here: the order curve → limits → rounding → earlier windows. Does not belong here: sums of lines (achievement.py), curves (curves.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from models.curves import START_SCALE, Exact, Ladder, choose, pay_on_pieces, place_on_pieces
from models.money import MONEY, Rounding, as_figure, as_money, round_ratio

#: Figures are integers in this fraction of a unit while money is computed: a measure (12 decimals) times a target's factor (6) stays whole.
SCALE = 10**18
FIGURE_STEP = 10**6

#: What the result of a row on its curve depends on.
CURVE_INPUTS = ("benefit_key", "M", "E", "Q", "target", "target_times", "baseline", "incentive", "reason")


@dataclass(frozen=True)
class Place:
    """Where each row stands: x / x_divisor on the axis, and its piece of the ladder."""

    x: Exact
    x_divisor: Exact
    piece: np.ndarray


@dataclass(frozen=True)
class Figures:
    """The figures of each row as integers in 1/SCALE; 0 where the row is blocked or does not need them."""

    measure: Exact
    base: Exact
    quantity: Exact
    target: Exact
    baseline: Exact
    incentive: Exact


def evaluate_curves(rows: pl.DataFrame, ladder: Ladder, rounding: Rounding) -> pl.DataFrame:
    """What each row's figures earn on its benefit's curve.

    rows: as achievement.measure_periods gives them. One row in, one out, with tier, axis_value, curve_payout, limited_payout (for people to read),
    earned (money, after limits and rounding, of the span), effective_target, attainment, growth, next_tier_from, gap_to_next_tier.
    Blocked rows earn nothing: earned is null.
    """
    # neighbours with the same figures, mostly periods and partners without sales, are computed once
    run = rows.select(pl.struct(CURVE_INPUTS).rle_id()).to_series()
    distinct = rows.filter(run != run.shift(1, fill_value=run.len()))
    return rows.hstack(_evaluate(distinct, ladder, rounding)[run])


def _evaluate(rows: pl.DataFrame, ladder: Ladder, rounding: Rounding) -> pl.DataFrame:
    benefit = rows["benefit_key"].to_numpy().astype(np.int64)
    blocked = rows["reason"].is_not_null().to_numpy()
    figures = figures_of(rows)
    place = _place(rows, figures, ladder, benefit, blocked)
    numerator, denominator = _pay(rows, figures, ladder, place)
    minor = integers(rows["minor_units"])
    limited = _limit(rows, numerator, denominator)
    earned = round_ratio(limited * 10**minor, denominator * START_SCALE, rounding) * 10 ** (4 - minor)
    following = _next_tier(ladder, benefit, place.piece)
    start = ladder.start[following]
    has_next = (ladder.tier[following] > ladder.tier[place.piece]) & ~blocked
    gap, step = threshold(rows, figures, start)
    return pl.DataFrame(
        {
            "tier": pl.Series(np.where(blocked, 0, ladder.tier[place.piece]), dtype=pl.Int32),
            "axis_value": as_figure(place.x, choose(blocked, 0, place.x_divisor)),
            "curve_payout": as_figure(numerator, choose(blocked, 0, denominator)),
            "limited_payout": as_figure(limited, choose(blocked, 0, denominator * START_SCALE)),
            "earned": as_money(None if b else e for b, e in zip(blocked, earned, strict=True)),
            "effective_target": as_figure(figures.target, choose(rows["target"].is_null(), 0, SCALE)),
            "attainment": as_figure(figures.measure, choose(figures.target > 0, figures.target, 0)),
            "growth": as_figure(figures.measure - figures.baseline, choose(figures.baseline > 0, figures.baseline, 0)),
            "next_tier_from": as_figure(start, choose(has_next, START_SCALE, 0)),
            "gap_to_next_tier": as_figure(gap - figures.measure * step, choose(has_next, SCALE * step, 0)),
        }
    )


def settle_windows(rows: pl.DataFrame) -> pl.DataFrame:
    """What each window pays: what its span earned, minus what earlier windows of the span earned, by the clawback rule.

    rows: one row per payout, in the order benefit, participant, window, with earned (null: blocked), clawback, span_start, span_end, window_end.
    Adds prior_earned, payout, carried (clawback still to be set off) and set_off (what accrued-to-date is measured from).
    carry: what was overpaid is set off against later windows, so the sum paid is the running maximum of the sum earned. none: the same
    within the span only. pay: a negative difference is paid back at once.
    """
    zero = pl.lit(0, MONEY)
    rows = rows.with_columns(
        pl.struct("benefit_key", "participant_key").rle_id().alias("series"), pl.struct("benefit_key", "participant_key", "span_start").rle_id().alias("span")
    )
    span, series = "span", "series"
    earned = pl.col("earned").forward_fill().over(span).fill_null(zero)
    is_blocked = pl.col("earned").is_null()
    rule = pl.col("clawback")
    return (
        rows.with_columns(earned.alias("span_earned"))
        .with_columns(_previous(pl.col("span_earned"), span).fill_null(zero).alias("prior_earned"))
        .with_columns((pl.col("span_earned") - pl.col("prior_earned")).alias("difference"))
        .with_columns(pl.when(rule == "none").then("span_earned").otherwise(pl.col("difference").cum_sum().over(series)).alias("sum_earned"))
        .with_columns(
            pl.when(rule == "none")
            .then(_previous(pl.col("sum_earned").cum_max().over(span), span))
            .otherwise(_previous(pl.col("sum_earned").cum_max().over(series), series))
            .fill_null(zero)
            .clip(lower_bound=zero)
            .alias("sum_paid_before")
        )
        .with_columns(
            pl.when(rule == "pay").then("difference").otherwise(pl.max_horizontal(pl.col("sum_earned") - pl.col("sum_paid_before"), zero)).alias("payout"),
            pl.when((rule == "pay") | ((rule == "none") & (pl.col("window_end") == pl.col("span_end"))))
            .then(zero)
            .otherwise(pl.max_horizontal(pl.col("sum_paid_before") - pl.col("sum_earned"), zero))
            .alias("carried"),
            pl.when(rule == "pay").then("prior_earned").otherwise(pl.col("sum_paid_before") - pl.col("sum_earned") + pl.col("span_earned")).alias("set_off"),
        )
        .with_columns(pl.when(is_blocked).then(zero).otherwise("payout").cast(MONEY).alias("payout"))
        .drop("series", "span", "span_earned", "difference", "sum_earned", "sum_paid_before")
        .with_columns(pl.col("prior_earned", "carried", "set_off").cast(MONEY))
    )


def _previous(values: pl.Expr, group: str) -> pl.Expr:
    """The value of the row before in the same group; null on the group's first row. Groups stand together."""
    return pl.when(pl.col(group) == pl.col(group).shift(1)).then(values.shift(1))


def figures_of(rows: pl.DataFrame) -> Figures:
    def scaled(name: str) -> Exact:
        return integers(rows[name]) * FIGURE_STEP

    # a target keeps the factor's 6 decimals beside its own 12
    times = integers(rows["target_times"].cast(pl.Decimal(38, 6)))
    return Figures(scaled("M"), scaled("E"), scaled("Q"), integers(rows["target"]) * times, scaled("baseline"), scaled("incentive"))


def _place(rows: pl.DataFrame, figures: Figures, ladder: Ladder, benefit: np.ndarray, blocked: np.ndarray) -> Place:
    """x as SPEC §2 defines it: M, M / T, M / B − 1 or M − B."""
    compares = rows["by_axis"].is_in(["growth", "growth_amount"]).to_numpy()
    x = choose(compares, figures.measure - figures.baseline, figures.measure)
    x_divisor = choose(blocked, 1, axis_unit(rows, figures))
    piece = place_on_pieces(ladder, benefit, x, x_divisor)
    return Place(x, x_divisor, np.where(blocked, ladder.first[benefit], piece))


def _pay(rows: pl.DataFrame, figures: Figures, ladder: Ladder, place: Place) -> tuple[Exact, Exact]:
    """The curve's payment in units of money: numerator and denominator. No slice of `graduated` pays where the measure is 0 or less."""
    is_graduated = (rows["method"] == "graduated").to_numpy()
    has_slices = (figures.measure > 0).astype(bool)
    measure = choose(is_graduated & has_slices, figures.measure, 1)
    unit = axis_unit(rows, figures)
    sliced = is_graduated & has_slices
    values = {
        "rate": choose(sliced, unit * figures.base, choose(is_graduated, 0, figures.base)),
        "per_unit": choose(sliced, unit * figures.quantity, choose(is_graduated, 0, figures.quantity)),
        "amount": SCALE * measure,
        "share": figures.incentive * measure,
    }
    numerator, denominator = pay_on_pieces(ladder, place.piece, place.x, place.x_divisor, values)
    return numerator, denominator * measure * SCALE


def axis_unit(rows: pl.DataFrame, figures: Figures) -> Exact:
    """How much of the measure one unit of the axis is: 1, the target, or the baseline."""
    by = rows["by_axis"]
    return choose((by == "attainment").to_numpy(), figures.target, choose((by == "growth").to_numpy(), figures.baseline, SCALE))


def threshold(rows: pl.DataFrame, figures: Figures, start: Exact) -> tuple[Exact, int]:
    """Where a place on the axis lies in measure units: attainment from × T, growth (1 + from) × B, growth_amount B + from; in 1/(SCALE × the int)."""
    is_growth = rows["by_axis"].is_in(["growth", "growth_amount"]).to_numpy()
    return start * axis_unit(rows, figures) + choose(is_growth, figures.baseline * START_SCALE, 0), START_SCALE


def _limit(rows: pl.DataFrame, numerator: Exact, denominator: Exact) -> Exact:
    """at_most clips; then less than pays_from pays nothing; then at_least lifts. The limited amount over denominator × START_SCALE."""

    def limit(name: str) -> tuple[np.ndarray, Exact]:
        return rows[name].is_not_null().to_numpy(), integers(rows[name]) * denominator

    amount = numerator * START_SCALE
    is_set, most = limit("at_most")
    amount = choose(is_set & (amount > most), most, amount)
    is_set, least = limit("pays_from")
    amount = choose(is_set & (amount < least), 0, amount)
    is_set, least = limit("at_least")
    return choose(is_set & (amount < least), least, amount)


def _next_tier(ladder: Ladder, benefit: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """The following piece, or the same one at the end of the ladder."""
    return np.minimum(piece + 1, ladder.first[benefit + 1] - 1)


def integers(series: pl.Series) -> Exact:
    """A column as integers of any size in its own smallest step; null is 0."""
    values = (series.to_physical() if series.dtype.is_decimal() else series).fill_null(0).to_list()
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
