"""Payouts: what each result's figures earn, from the place on the curve to the rounded amount.

Belongs here: the curve, then multiplier, gates and limits in the benefit's order, then rounding, for rows of figures. Does not belong here:
sums of lines (achievement.py), curves (pieces.py), what earlier windows were paid (clawbacks.py), accruals (forecasts.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from models.calculation.earnings.bounds import refuse_large_amounts
from models.calculation.earnings.exact_payouts import exact_payouts
from models.calculation.earnings.line_payments import pay_lines
from models.calculation.measures.added_fractions import add_up
from models.calculation.measures.amended_windows import Scale, amounts_by_days, figures_at_cuts, is_amended, open_cuts
from models.calculation.places.placed_pools import OF_MEMBERS, divide_pools, is_member
from models.calculation.places.ranks import share_ranks
from models.currencies import Rounding
from models.curves.axes import GROWTH, GROWTH_AMOUNT, MEASURE, RANK, RATIO, axis_unit, in_units, place_rows, read_integers, threshold
from models.curves.compiled import PAYS_LINES, Scheme
from models.curves.gates import multiply_rows, scale_by_gates
from models.curves.inputs import EXACT_SCALE, ScaledInputs, integers, scaled_inputs
from models.curves.matrices import coefficients_in_cells
from models.curves.pieces import START_SCALE, Coefficients, Exact, Ladder, choose, coefficients_on_pieces, place_on_pieces
from models.curves.vocabulary import COLUMNS, CURVE
from models.money import EXACT, as_exact, as_money, round_ratio

#: The columns that the result of a row depends on, apart from places on axes that are looked up, whose columns begin with AXIS_INPUTS.
CURVE_INPUTS = (
    "benefit_key", "measure_to_date", "base_to_date", "quantity_to_date", "target", "target_times",
    "weight_to_date", "weight_of_year", "baseline",
    "incentive", "days", "of_days", "reason",
)  # fmt: skip
AXIS_INPUTS = ("axis_value_", "axis_divisor_", "axis_numerator_", "axis_denominator_", "tie_count")
#: The columns of what groups of lines earn.
GROUP_INPUTS = ("groups_", "tier_numerator", "tier_denominator")

Keys = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Place:
    """The place of each row: x / x_divisor on the curve's axis, its piece of the ladder, its tier, and the coefficients by which it is paid."""

    x: Exact
    x_divisor: Exact
    piece: npt.NDArray[np.int64]
    tier: npt.NDArray[np.int64]
    coefficients: Coefficients


@dataclass(frozen=True)
class Paid:
    """What each row is paid, as ratios: by the curve, right after the limits, and after multiplier, gates and limits. Denominators are positive.

    is_limited: a limit changed the amount.
    """

    curve: tuple[Exact, Exact]
    multiplier: tuple[Exact, Exact]
    gate_factor: tuple[Exact, Exact]
    limited: tuple[Exact, Exact]
    earned: tuple[Exact, Exact]
    is_limited: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Earned:
    """What figures earn, by `row`: the tier reached, and the amount of the span, rounded, in ten-thousandths of a unit of money."""

    row: pl.Series
    figures: ScaledInputs
    tier: Keys
    earned: Exact


def earn_figures(rows: pl.DataFrame, scale: Scale, scheme: Scheme, rounding: Rounding) -> Earned:
    """What figures earn, scaled to date or projected. rows: numbered by `row`, none of them blocked. One row in, one out."""
    figures, benefit = scale(rows), rows["benefit_key"].to_numpy().astype(np.int64)
    place = place_results(rows, figures, scheme, benefit, np.zeros(len(benefit), dtype=bool))
    paid = pay_results(rows, figures, scheme, benefit, np.ones(len(benefit), dtype=bool), place, scale)
    return Earned(rows["row"], figures, place.tier, round_payouts(rows, paid.earned, rounding, place, curve_figures(figures, scheme, benefit)))


def evaluate_results(rows: pl.DataFrame, scheme: Scheme, rounding: Rounding) -> pl.DataFrame:
    """What each row's figures earn by its benefit's scheme.

    rows: of achievement.measure_periods. One row in, one out. Adds tier, axis_value, curve_payout, multiplier, gate_factor,
    limited_payout (right after the limits, for people to read), earned (money of the span, rounded), exact_numerator and exact_divisor (the last
    period's, of exact_payouts.py), effective_target, effective_incentive, attainment, growth, next_tier_from, gap_to_next_tier. Blocked rows earn
    nothing: earned is null.
    """
    # consecutive rows with the same figures, mostly periods and partners without sales, are computed once; members of a placed pool are each other's measure
    more = [name for name in rows.columns if name.startswith((*AXIS_INPUTS, *OF_MEMBERS, *GROUP_INPUTS))]
    is_alone = [pl.col(name).is_not_null() for name in ("cuts", "pool_row") if name in rows.columns]
    by_line = pl.when(pl.any_horizontal(PAYS_LINES, *is_alone)).then(pl.int_range(pl.len()))
    run = rows.select(pl.struct(*CURVE_INPUTS, *more, by_line.alias("by_line")).rle_id()).to_series()
    distinct = rows.filter(run != run.shift(1, fill_value=run.len()))
    is_last = np.zeros(len(distinct), dtype=bool)
    is_last[run.filter(rows["is_last"]).to_numpy()] = True
    return rows.hstack(_evaluate(distinct, scheme, rounding, is_last)[run])


def _evaluate(rows: pl.DataFrame, scheme: Scheme, rounding: Rounding, is_last: npt.NDArray[np.bool_]) -> pl.DataFrame:
    benefit = rows["benefit_key"].to_numpy().astype(np.int64)
    blocked = rows["reason"].is_not_null().to_numpy()
    figures = scaled_inputs(rows)
    place = place_results(rows, figures, scheme, benefit, blocked)
    paid = pay_results(rows, figures, scheme, benefit, ~blocked, place)
    kind, in_curve = scheme.axes.kinds[CURVE][benefit], curve_figures(figures, scheme, benefit)
    following = _next_tier(scheme.ladder, benefit, place.piece)
    # rank 1 is the best, so the next tier is not one to aim for
    has_next = (scheme.ladder.tier[following] > scheme.ladder.tier[place.piece]) & ~blocked & (kind != RANK)
    # groups have places of their own
    is_placed = ~blocked & ~(is_of_groups(rows) & ((kind == MEASURE) | (kind == RATIO)))
    has_next &= ~is_of_groups(rows)
    start = scheme.ladder.start[following]
    gap, step = threshold(kind, in_curve, start)
    has_gap = has_next & (kind < RANK)
    is_in_units = in_units(kind)
    found = pl.DataFrame(
        {
            "tier": pl.Series(np.where(blocked, 0, place.tier), dtype=pl.Int32),
            "axis_value": as_exact(place.x, choose(~is_placed, 0, choose(is_in_units, figures.divisor, place.x_divisor))),
            "curve_payout": as_exact(paid.curve[0], choose(blocked, 0, paid.curve[1])),
            "multiplier": _factor(paid.multiplier, len(benefit)),
            "gate_factor": _factor(paid.gate_factor, len(benefit)),
            "limited_payout": as_exact(paid.limited[0], choose(blocked, 0, paid.limited[1])),
            "earned": as_money(None if b else e for b, e in zip(blocked, round_payouts(rows, paid.earned, rounding, place, in_curve), strict=True)),
            **exact_payouts(rows, paid.earned, is_last & ~blocked & ~paid.is_limited & ~is_member(rows)),
            "effective_target": as_exact(figures.target, choose(rows["target"].is_null(), 0, figures.divisor)),
            "effective_incentive": as_exact(figures.incentive, choose(rows["incentive"].is_null(), 0, figures.divisor))
            if figures.is_prorated
            else rows["incentive"],
            "attainment": as_exact(figures.measure, choose(figures.target > 0, figures.target, 0)),
            "growth": as_exact(figures.measure - figures.baseline, choose(figures.baseline > 0, figures.baseline, 0)),
            "next_tier_from": as_exact(start * choose(is_in_units, in_curve.days, in_curve.of_days), choose(has_next, START_SCALE * in_curve.of_days, 0)),
            "gap_to_next_tier": as_exact(gap - figures.measure * step, choose(has_gap, figures.divisor * step, 0)),
        }
    )
    return (
        found if (parts := divide_pools(rows, place.coefficients, in_curve)) is None else found.with_columns(parts.for_people(len(rows)).alias("member_part"))
    )


def _factor(ratio: tuple[Any, Any], length: int) -> pl.Series:
    """A factor for people to read; 1 where no benefit has one."""
    return pl.repeat(1, length, dtype=EXACT, eager=True) if isinstance(ratio[0], int) else as_exact(*ratio)


def place_results(rows: pl.DataFrame, figures: ScaledInputs, scheme: Scheme, benefit: Keys, blocked: npt.NDArray[np.bool_], tier: Keys | None = None) -> Place:
    """The place of each row on its curve or matrix. Blocked rows are below the first tier.

    tier: the tier to use instead of the one reached.
    """
    x, x_divisor = place_rows(scheme.axes, CURVE, benefit, rows, curve_figures(figures, scheme, benefit))
    piece = np.where(blocked, scheme.ladder.first[benefit], place_on_pieces(scheme.ladder, benefit, x, x_divisor))
    if tier is not None:
        piece = np.where(blocked, piece, scheme.ladder.first[benefit] + tier)
    place = Place(x, x_divisor, piece, scheme.ladder.tier[piece], coefficients_on_pieces(scheme.ladder, piece, x, x_divisor))
    if tier is not None:
        return place
    place = _share_ties(rows, scheme, benefit, blocked, place)
    place = _look_up(rows, figures, scheme, benefit, blocked, place)
    of_groups = is_of_groups(rows)
    return replace(place, tier=np.where(of_groups, rows["groups_tier"].fill_null(0).to_numpy(), place.tier)) if of_groups.any() else place


def is_of_groups(rows: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether what the curve pays each row is the sum of what groups of its lines earn (groups.py)."""
    return rows["groups_numerator"].is_not_null().to_numpy() if "groups_numerator" in rows.columns else np.zeros(len(rows), dtype=bool)


def _share_ties(rows: pl.DataFrame, scheme: Scheme, benefit: Keys, blocked: npt.NDArray[np.bool_], place: Place) -> Place:
    """With `ties: share`, tied participants are paid the mean of the ranks that they occupy."""
    if not scheme.shares_ties.any():
        return place
    tie_count = rows["tie_count"].to_numpy().astype(np.int64)
    here = np.flatnonzero(scheme.shares_ties[benefit] & (tie_count > 1) & ~blocked)
    if not here.size:
        return place
    return replace(place, coefficients=place.coefficients.replaced(here, share_ranks(scheme.ladder, benefit, place.x, tie_count, here)))


def _look_up(rows: pl.DataFrame, figures: ScaledInputs, scheme: Scheme, benefit: Keys, blocked: npt.NDArray[np.bool_], place: Place) -> Place:
    """The cells of rows with a matrix. The matrix row is the tier; it is 0 where the column is 0."""
    here = np.flatnonzero(scheme.is_matrix[benefit] & ~blocked)
    if not here.size or scheme.columns is None or scheme.grid is None:
        return place
    of = benefit[here]
    y, y_divisor = place_rows(scheme.axes, COLUMNS, of, rows[here], figures.at(here).unscaled())
    column = scheme.columns.tier[place_on_pieces(scheme.columns, of, y, y_divisor)]
    found = coefficients_in_cells(scheme.grid, of, place.tier[here], column, (place.x[here], place.x_divisor[here]), (y, y_divisor))
    tier = place.tier.copy()
    tier[here] = np.where(column > 0, tier[here], 0)
    return replace(place, tier=tier, coefficients=place.coefficients.replaced(here, found))


def pay_results(
    rows: pl.DataFrame,
    figures: ScaledInputs,
    scheme: Scheme,
    benefit: Keys,
    is_paid: npt.NDArray[np.bool_],
    place: Place,
    scale: Scale = scaled_inputs,
    tier: Keys | None = None,
) -> Paid:
    """What each row is paid at its place, in units of money, before rounding. scale: how figures came from rows. tier: as in place_results."""
    numerator, denominator = pay_curves(figures, scheme, benefit, place)
    amended = np.flatnonzero(is_amended(rows) & is_paid)
    if amended.size:
        numerator[amended], denominator[amended] = _pay_cuts(rows[amended], scheme, scale, None if tier is None else tier[amended])
    of_lines = np.flatnonzero(scheme.by_line[benefit] & is_paid)
    if of_lines.size:  # to what the curve pays once, the lines add what each of them is paid
        paid, over = pay_lines(rows[of_lines], figures.at(of_lines), scheme)
        numerator[of_lines] = numerator[of_lines] * over + paid * denominator[of_lines]
        denominator[of_lines] = denominator[of_lines] * over
    of_groups = is_of_groups(rows)
    if of_groups.any():
        numerator = choose(of_groups, read_integers(rows["groups_numerator"]), numerator)
        denominator = choose(of_groups, read_integers(rows["groups_denominator"]), denominator)
    multiplier: tuple[Any, Any] = (1, 1)
    gate_factor: tuple[Any, Any] = (1, 1)
    if scheme.multipliers is not None:
        multiplier = multiply_rows(scheme.multipliers, scheme.axes, benefit, rows, figures, is_paid)
    if scheme.gates.bounds:
        gate_factor = scale_by_gates(scheme.gates, scheme.axes, benefit, rows, figures, is_paid)
    scaled = numerator, denominator
    factors = ((multiplier, scheme.multiplies_last[benefit]), (gate_factor, scheme.gates_last[benefit]))
    for factor, is_last in factors:
        scaled = _scale(scaled, factor, ~is_last)
    limited, is_limited = limit_results(rows, figures, *scaled)
    if of_groups.any():  # each group has been limited already
        limited = choose(of_groups, scaled[0], limited[0]), choose(of_groups, scaled[1], limited[1])
        is_limited &= ~of_groups
    earned = limited
    for factor, is_last in factors:
        earned = _scale(earned, factor, is_last)
    return Paid((numerator, denominator), multiplier, gate_factor, limited, earned, is_limited)


def _pay_cuts(rows: pl.DataFrame, scheme: Scheme, scale: Scale, tier: Keys | None) -> tuple[Exact, Exact]:
    """What the versions whose terms hold in each row's window pay on their own days, as a ratio."""
    paid = pay_each_cut(rows, scheme, scale, tier)
    return add_up(paid.cuts["at"].to_numpy(), paid.numerator, paid.denominator, np.arange(len(rows)))


@dataclass(frozen=True)
class PaidCuts:
    """The cuts of rows, each with its figures, its place and what it is paid; as a ratio, with its sign."""

    cuts: pl.DataFrame
    figures: ScaledInputs
    place: Place
    numerator: Exact
    denominator: Exact


def pay_each_cut(rows: pl.DataFrame, scheme: Scheme, scale: Scale = scaled_inputs, tier: Keys | None = None) -> PaidCuts:
    """rows: of amended windows, none of them blocked."""
    cuts = open_cuts(rows)
    benefit = cuts["benefit_key"].to_numpy().astype(np.int64)
    is_graduated = scheme.is_graduated[benefit]
    figures = figures_at_cuts(cuts, scale, is_graduated)
    if tier is not None:  # a version may have fewer tiers
        tier = np.minimum(tier[cuts["at"].to_numpy()], scheme.ladder.first[benefit + 1] - 1 - scheme.ladder.first[benefit])
    place = place_results(cuts, figures, scheme, benefit, np.zeros(len(benefit), dtype=bool), tier)
    place = replace(place, coefficients=amounts_by_days(cuts, place.coefficients, is_graduated))
    numerator, denominator = pay_curves(figures, scheme, benefit, place)
    return PaidCuts(cuts, figures, place, numerator * cuts["sign"].to_numpy().astype(object), denominator)


def _scale(amount: tuple[Exact, Exact], factor: tuple[Any, Any], applies: npt.NDArray[np.bool_]) -> tuple[Exact, Exact]:
    """The amount times the factor in the rows to which it applies."""
    if isinstance(factor[0], int) or not applies.any():
        return amount
    if not applies.all():
        factor = choose(applies, factor[0], 1), choose(applies, factor[1], 1)
    return amount[0] * factor[0], amount[1] * factor[1]


def pay_curves(figures: ScaledInputs, scheme: Scheme, benefit: Keys, place: Place) -> tuple[Exact, Exact]:
    """The curve's payment: Σ over the pay forms of coefficient × what the form multiplies. Slices of `graduated` pay nothing where the measure is ≤ 0."""
    is_graduated, is_rolling = scheme.is_graduated[benefit], scheme.is_rolling[benefit]
    curve, kind = curve_figures(figures, scheme, benefit), scheme.axes.kinds[CURVE][benefit]
    forms = place.coefficients.forms
    unit = axis_unit(kind, curve)
    has_slices = (figures.measure > 0).astype(bool)
    sliced = is_graduated & has_slices
    # slices of another base are E / M of those of the measure
    measure = choose(sliced, figures.measure, 1)
    # the length of x that a share multiplies is prorated like its thresholds
    is_part = is_graduated & in_units(kind)
    length, of_length = (choose(is_part, curve.days, 1), choose(is_part, curve.of_days, 1)) if curve.is_prorated else (1, 1)
    multiplied: dict[str, Any] = {
        "rate": lambda: choose(sliced, unit * figures.base, choose(is_graduated, 0, choose(is_rolling, unit, figures.base))) * of_length,
        "per_unit": lambda: choose(sliced, unit * figures.quantity, choose(is_graduated, 0, figures.quantity)) * of_length,
        "amount": lambda: curve.part * measure * of_length,
        "share": lambda: figures.incentive * measure * length,
        "offset": lambda: choose((kind == GROWTH) | (kind == GROWTH_AMOUNT), figures.baseline, 0),
    }
    by_line = scheme.by_line[benefit]
    if by_line.any():  # lines have a rate and an amount per unit of their own
        forms = {form: choose(by_line, 0, values) if form in ("rate", "per_unit") else values for form, values in forms.items()}
    paid = sum((forms[form] * multiplied[form]() for form in forms), np.zeros(len(benefit), dtype=object))
    return paid, place.coefficients.divisor * (measure * of_length * figures.divisor)


def curve_figures(figures: ScaledInputs, scheme: Scheme, benefit: Keys) -> ScaledInputs:
    """The figures for the curve's thresholds and amounts, which a matrix does not prorate."""
    if not figures.is_prorated or not scheme.is_matrix.any():
        return figures
    is_matrix = scheme.is_matrix[benefit]
    return replace(figures, days=choose(is_matrix, 1, figures.days), of_days=choose(is_matrix, 1, figures.of_days))


def limit_results(rows: pl.DataFrame, figures: ScaledInputs, numerator: Exact, denominator: Exact) -> tuple[tuple[Exact, Exact], npt.NDArray[np.bool_]]:
    """at_most and rate_at_most × max(E, 0) cap the amount, then less than pays_from pays nothing, then at_least raises it. And whether that changed the
    amount."""
    has_rate = rows["rate_at_most"].is_not_null().to_numpy()
    of_base: Exact = np.zeros(len(has_rate), dtype=object)
    if has_rate.any():  # over a divisor that the amount and the part of the base have in common
        of_base = integers(rows["rate_at_most"]) * choose(figures.base > 0, figures.base, 0) * denominator
        finer = choose(has_rate, figures.divisor, 1)
        numerator, denominator = numerator * finer, denominator * finer

    def limit(name: str) -> tuple[npt.NDArray[np.bool_], Exact]:
        return rows[name].is_not_null().to_numpy(), integers(rows[name]) * denominator

    amount = before = numerator * EXACT_SCALE
    is_set, most = limit("at_most")
    amount = choose(is_set & (amount > most), most, amount)
    amount = choose(has_rate & (amount > of_base), of_base, amount) if has_rate.any() else amount
    is_set, least = limit("pays_from")
    amount = choose(is_set & (amount < least), 0, amount)
    is_set, least = limit("at_least")
    amount = choose(is_set & (amount < least), least, amount)
    return (amount, denominator * EXACT_SCALE), (amount != before).astype(bool)


def round_payouts(rows: pl.DataFrame, payout: tuple[Exact, Exact], rounding: Rounding, place: Place, figures: ScaledInputs) -> Exact:
    """Amounts rounded to what is paid in their currency, in ten-thousandths of a unit of money. Members of a placed pool have their parts of its amount.

    figures: of the curve.
    """
    unit = integers(rows["payout_unit"])
    rounded: Exact = round_ratio(payout[0] * 10**4, payout[1] * unit, rounding) * unit
    if parts := divide_pools(rows, place.coefficients, figures):
        here = parts.row
        running = round_ratio(payout[0][here] * parts.up_to * 10**4, payout[1][here] * parts.total * unit[here], rounding) * unit[here]
        rounded[here] = parts.differences(running)
    refuse_large_amounts(rows, choose(rows["reason"].is_null().to_numpy(), rounded, 0), "earns")
    return rounded


def _next_tier(ladder: Ladder, benefit: Keys, piece: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The following piece, or the same one at the end of the ladder."""
    return np.minimum(piece + 1, ladder.first[benefit + 1] - 1)
