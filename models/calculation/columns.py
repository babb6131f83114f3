"""The columns of the calculation's frames: the inputs, what every step adds to the one wide frame, and the tables `calc.*`.

Belongs here: name, type and meaning. Does not belong here: how a column is computed, columns that a module adds and drops again.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from models.agreements.tables.terms_columns import SCHEMAS
from models.curves.vocabulary import PAY_FORMS
from models.money import EXACT, INTEGER, MONEY

DataType = pl.DataType | type[pl.DataType]
Types = Mapping[str, DataType]
TEXT, KEY, COUNT, FLAG, DATE = pl.String, pl.Int32, pl.Int64, pl.Boolean, pl.Date

#: Columns of int_measures_summed that are added up; `missing_…` count the lines on which something is missing.
SUMMED: Types = {
    "amount": pl.Decimal(38, 6), "cost": pl.Decimal(38, 6), "quantity": EXACT, "attribute_value": EXACT, "line_count": COUNT,
    "missing_rates": COUNT, "missing_costs": COUNT, "missing_quantities": COUNT, "missing_attributes": COUNT,
}  # fmt: skip
#: Columns of terms.benefits that the calculation does not read.
_UNREAD = ("definition", "quote", "clause", "position", "has_constant_rate", "share_line_set_key", "share_measure")
_OF_AGREEMENT = ("agreement_id", "currency", "payout_unit", "combine_rule", "combine_group", "priority", "net_of", "pool")
_TERMS = (
    "tiers", "axes", "axis_parts", "tie_breakers", "matrix_columns", "matrix_cells", "multipliers", "multiplier_tiers", "gates", "draws", "windows",
    "window_parts",
    "periods",
)  # fmt: skip

#: The input frames, by name.
INPUTS: Mapping[str, Types] = {
    "benefits": {
        **{name: dtype for name, dtype in SCHEMAS["benefits"].items() if name not in _UNREAD},
        **{name: SCHEMAS["agreements"][name] for name in _OF_AGREEMENT},
    },
    **{table: SCHEMAS[table] for table in _TERMS},
    "participants": {"agreement_key": KEY, "participant_key": KEY, "participant_id": TEXT, "figures_of": TEXT},
    "participations": {"agreement_key": KEY, "participant_key": KEY, "first_day": DATE, "last_day": DATE, "factor": pl.Decimal(18, 6)},
    "measures": {"line_set_key": KEY, "participant_key": KEY, "period_no": KEY, "is_prior": FLAG, "is_after_as_of": FLAG, **SUMMED},
    "groups": {"line_set_key": KEY, "participant_key": KEY, "period_no": KEY, "group_value": TEXT, **SUMMED},
    "runs": {
        "line_set_key": KEY, "participant_key": KEY, "period_no": KEY, "place": COUNT,
        **{name: dtype for name, dtype in SUMMED.items() if not name.startswith("missing_")},
    },
    "lines": {
        "line_set_key": KEY, "participant_key": KEY, "period_no": KEY, "place": COUNT, "date": DATE, "file_no": KEY, "row_no": COUNT,
        **{name: dtype for name, dtype in SUMMED.items() if not name.startswith("missing_")},
    },
    "openings": {
        "agreement_id": TEXT, "benefit_id": TEXT, "participant_key": KEY, "period_no": KEY, "window_start": DATE, "date": DATE, "file_no": KEY,
        "row_no": COUNT, "opening_measure": pl.Decimal(18, 6), "opening_base": pl.Decimal(18, 6), "opening_quantity": pl.Decimal(18, 6),
        "opening_accrued": pl.Decimal(18, 6), "opening_carried": pl.Decimal(18, 6),
    },
    "missing_rates": {
        "line_set_key": KEY, "participant_key": KEY, "period_no": KEY, "is_prior": FLAG, "from_currency": TEXT, "to_currency": TEXT, "first_day": DATE,
    },
    "targets": {
        "agreement_id": TEXT, "benefit_id": TEXT, "participant_id": TEXT, "window_start": DATE, "target": pl.Decimal(18, 6),
        "incentive": pl.Decimal(18, 6), "baseline": pl.Decimal(18, 6),
    },
    "metrics": {"participant_id": TEXT, "metric": TEXT, "date": DATE, "value": EXACT},
}  # fmt: skip

#: The columns that every step adds to the wide frame, in the order of the steps: the step's function, then column: (type, meaning).
#: Up to `forecast_rows` a row is a payout × period, from `_assign_status` on it is a payout. A step keeps all columns that it gets.
STEPS: Mapping[str, Mapping[str, tuple[DataType, str]]] = {
    "list_payouts": {
        "payout_key": (KEY, "number of the payout: benefit × participant × window"),
        "participant_key": (KEY, "who is paid"),
        "participant_id": (TEXT, "who is paid, by the user's own id"),
        "figures_of": (TEXT, "whose rows of targets and metrics are meant: the participant's, in a placed pool the payee's"),
        "days": (COUNT, "of a prorated benefit: the days of the window, clipped to the term, or those on which the participant takes part; else 1"),
        "of_days": (COUNT, "of a prorated benefit: the days of the calendar's window; else 1"),
        "counts_from": (KEY, "the first period whose sums the window adds to its span"),
        "axis_needs_target": (FLAG, "an axis of the benefit needs a target"),
        "axis_needs_baseline": (FLAG, "an axis of the benefit needs a baseline"),
        "axis_needs_positive_baseline": (FLAG, "an axis of the benefit divides by the baseline"),
        "axis_needs_metric": (FLAG, "an axis of the benefit needs a metric"),
        "axis_needs_sums": (TEXT, "the sums of lines that ratios of the benefit need; empty: none"),
    },
    "find_targets": {
        "feed_target": (pl.Decimal(18, 6), "target of the targets feed for this window"),
        "feed_incentive": (pl.Decimal(18, 6), "incentive of the targets feed for this window"),
        "feed_baseline": (pl.Decimal(18, 6), "baseline of the targets feed for this window"),
        "prior_measure": (EXACT, "measure over the same days one year earlier"),
        "prior_missing": (TEXT, "what is missing on a line of the prior year; null: nothing"),
        "target": (EXACT, "T before target_times and before it is prorated"),
        "baseline": (EXACT, "B"),
        "incentive": (EXACT, "K before it is prorated"),
    },
    "measure_periods": {
        "period_no": (KEY, "the period"),
        **{name: (dtype, "sum over the lines of the benefit, in this period") for name, dtype in SUMMED.items() if not name.startswith("missing_")},
        **{name: (dtype, "how many lines of the span do not have it") for name, dtype in SUMMED.items() if name.startswith("missing_")},
        "span_key": (pl.UInt32, "number of the span, over which the measure accumulates"),
        "measure_period": (EXACT, "what the lines bring in this period: the measure before it is counted, or the base where other days are measured"),
        "missing_values": (COUNT, "how many values that are counted lack a rate on a line that decides"),
        "base_period": (EXACT, "base of this period, before `increment`"),
        "measure_to_date": (EXACT, "M: measure of the span up to the end of the period"),
        "base_sum": (EXACT, "base of the span up to the end of the period, before `increment`"),
        "base_to_date": (EXACT, "E: base of the span up to the end of the period"),
        "quantity_to_date": (EXACT, "Q: quantity of the span up to the end of the period"),
        "last_day": (DATE, "last day of the period"),
        "counted_until": (DATE, "last day that counts"),
        "is_last": (FLAG, "the last period of the payout that has begun by `as_of`"),
        "is_end": (FLAG, "the window has ended by `counted_until`"),
        "missing_measure": (FLAG, "something that the measure needs is missing on a line"),
        "missing_base": (FLAG, "something that the base needs is missing on a line"),
        "missing_lines": (TEXT, "what measure, base or a pay form needs and is missing on a line; null: nothing"),
        "missing_metric": (FLAG, "a metric is missing"),
        "missing_prior_target": (FLAG, "the target is the prior year's, and something is missing on one of its lines"),
        "missing_prior_baseline": (FLAG, "the baseline is the prior year's, and something is missing on one of its lines"),
    },
    "find_metrics": {},
    "find_tie_breaks": {},
    "find_reasons": {"reason": (TEXT, "why the result is blocked; null: it is not blocked")},
    "rank_rows": {"tie_count": (COUNT, "how many participants share the rank on the curve's axis")},
    "evaluate_results": {
        "tier": (KEY, "tier reached; 0: below the first"),
        "axis_value": (EXACT, "x: the place on the curve's axis"),
        "curve_payout": (EXACT, "what the curve pays"),
        "multiplier": (EXACT, "factor of `multiply`"),
        "gate_factor": (EXACT, "factor that the gates leave"),
        "limited_payout": (EXACT, "right after the limits, before it is rounded"),
        "earned": (MONEY, "what the span has earned, rounded; null: blocked"),
        "exact_numerator": (INTEGER, "what the span has earned before it is rounded, in payout units; null: not the last period, or a limit changed it"),
        "exact_divisor": (INTEGER, "what exact_numerator is divided by"),
        "effective_target": (EXACT, "T: times target_times, prorated"),
        "effective_incentive": (EXACT, "K: prorated"),
        "attainment": (EXACT, "M / T"),
        "growth": (EXACT, "M / B − 1"),
        "next_tier_from": (EXACT, "where the next tier begins"),
        "gap_to_next_tier": (EXACT, "how much measure is still needed for the next tier"),
    },
    "forecast_rows": {
        "projected_measure": (EXACT, "projected measure of the span at the window's end"),
        "tier_forecast": (KEY, "tier that the projected measure reaches"),
        "tier_accrual": (KEY, "tier that the accrual uses"),
        "accrual_earned": (MONEY, "what the span has earned by the tier that the accrual uses"),
        "projected_earned": (MONEY, "what the span would earn at the window's end by the projected measure"),
    },
    "_assign_status": {
        "own_measure": (EXACT, "measure of the window alone"),
        "span_measure_before": (EXACT, "measure of the span before the window"),
        "status": (TEXT, "open, final or blocked"),
        "status_reason": (TEXT, "why it is blocked, or `combined`"),
    },
    "find_differences": {
        "prior_earned": (MONEY, "what earlier windows of the span earned"),
        "difference": (pl.Decimal(38, 4), "what the window adds to them, with the limits of the agreement"),
    },
    "apply_clawback": {
        "payout": (MONEY, "what the window pays"),
        "carried": (MONEY, "clawback that is still to be set off"),
        "prior_paid_and_owed": (MONEY, "what the accrual to date is measured from"),
    },
    "combine_payouts": {
        "payout_before_group": (MONEY, "payout before the agreements of the group are compared"),
        "is_winner": (FLAG, "this agreement pays the most of its group; null: not compared"),
        "winning_agreement": (TEXT, "the agreement that pays the most; null: not compared"),
    },
    "pay_draws": {},
}
#: Columns that exist only where an agreement of the book needs them.
OPTIONAL: Mapping[str, tuple[DataType, str]] = {
    r"axis_value_\d+": (EXACT, "rank, percentile or metric of the slot"),
    r"axis_divisor_\d+": (COUNT, "what axis_value of the slot is divided by"),
    **{
        rf"{view}_{part}_\d+": (TEXT, f"{part} of x of the slot, by figures of other benefits{how}, a score or sums; an integer")
        for view, how in (("axis", ""), ("projected", " as projected"), ("to_date", " by their targets to date"))
        for part in ("numerator", "denominator")
    },
    r"axis_words_\d+": (TEXT, "what that x is made of, in words"),
    "pool_row": (COUNT, "of a member of a placed pool: a number of the pool in this window and period"),
    "member_measure(_period)?": (EXACT, "of a member of a placed pool: its own measure, where the measure is the pool's"),
    "member_(base|quantity)": (EXACT, "the same for base and quantity"),
    "member_weight": (TEXT, "what the slices pay that the member's lines fill; an integer of a scale of the pool's own"),
    "member_part": (EXACT, "the member's part of what its pool earns"),
    "pool_measure": (EXACT, "measure of the placed pool"),
    "measured_(from|until)": (DATE, "first and last day that are measured where they are not the window's"),
    "axis_missing": (TEXT, "what such an x lacks, in words"),
    "amended_key|cut_of_benefit": (KEY, "where terms change within a window: the benefit whose window it is"),
    "cuts": (pl.List, "the terms of each version up to a day, with the figures up to it and a sign"),
    "cut_reason": (TEXT, "why one of them cannot be computed"),
    "sign": (COUNT, "1 where the days of a version end, -1 where they begin"),
    "cut_day": (DATE, "the last day of a cut"),
    "cut_days|span_days": (COUNT, "the days that an amount is paid for up to the cut, and those of the span"),
    "cut_period|(first|last)_period_of_part": (KEY, "the last slot before a cut, and those of a version's days"),
    "cut_(measure|base|quantity)": (EXACT, "the figures of the span up to the cut"),
    "of_(span|window)": (EXACT, "what the lines of a version's days measure, in the span and in the window"),
    "key_of_window|(|measure_|base_)line_set_key_here": (KEY, "the lines that a window measures in a period"),
    "at|left|ahead": (COUNT, "the row that a cut is of, the days that are left, and those up to the cut"),
    "(amount|cost)_to_date": (pl.Decimal(38, 6), "sum over the benefit's own lines up to the end of the period, for ratios"),
    "units_to_date": (EXACT, "quantity of these lines"),
    "count_to_date": (COUNT, "number of these lines"),
    "opened_to_date": (EXACT, "what opening balances of the span add to the measure"),
    "opening_(measure|base|quantity)": (EXACT, "what an opening balance adds in this period"),
    "opening_carried": (MONEY, "what the window has still to set off when it begins, from before the book"),
    "row": (COUNT, "number of a row, while what is computed for some rows is joined to all"),
    r"tie_break_\d+": (EXACT, "of a benefit that breaks ties: the figure of this place; null: it is missing"),
    "(target|target_times|baseline)_before": (EXACT, "of a target to date: the figure of the span's window before"),
    "weight_(to_date|of_year)_before": (COUNT, "of a target to date: the weights of the span's window before"),
    r"(groups|tier)_(numerator|denominator)": (TEXT, "what groups of lines earn to date, or would at the tier of the placement; an integer"),
    "inclusive|strict|first_slice|last_slice": (KEY, "tier of a line, while its place is looked for"),
    "groups_tier": (KEY, "the highest tier in which a group stands"),
    "measure_sum": (EXACT, "measure of the span up to the end of the period, before multiples or values are counted"),
    "(own_days|own_days_gone)": (COUNT, "of who takes part on some days only: those of the span that have gone, and up to the window's end; null: all days"),
    "days_gone|window_days": (COUNT, "of a target to date: the days of the window that have gone, and all its days"),
    "(earned|tier)_to_date": (EXACT, "what the span has earned by target and baseline to date"),
    **{f"{name}_of_(measure|base)": (dtype, "the same over the lines of a measure or base with a scope of its own") for name, dtype in SUMMED.items()},
}
#: The columns that the explanation adds to a payout: tiers and slices, places on axes, gates, multiplier and matrix cell; what a
#: blocked payout lacks; of a draw what it is against, its balance and what it pays.
EXPLAINED: Types = {
    "measure_name": TEXT, "base_name": TEXT, "target_before_times": EXACT, "whole_incentive": EXACT, "prorated": EXACT, "tier_from": EXACT,
    **{f"next_{form}": EXACT for form in PAY_FORMS},
    "tier_reached": KEY, "next_from": EXACT, "slice_from": EXACT, "slice_to": EXACT, "slice": EXACT, "slice_payout": EXACT,
    "missing": TEXT, "tied_by": TEXT, "x": EXACT, "words": TEXT, "factor_tier": KEY, "next_factor": EXACT, "number": KEY, "corner": KEY, "weight": EXACT,
    "drawn_against": MONEY, "guaranteed": MONEY, "balance_before": MONEY, "balance": MONEY, "blocked_by": TEXT, "drawn": MONEY,
    "cell_payout": EXACT, "group_value": TEXT, "pays": EXACT, "others": COUNT, "line_payout": EXACT,
    "place_tier": KEY, "measure_from": EXACT, "measure_until": EXACT,
}  # fmt: skip

#: The output tables, by name, in the order in which they are computed.
TABLES: Mapping[str, Types] = {
    "payouts": {
        "payout_key": KEY, "benefit_key": KEY, "participant_key": KEY, "window_no": KEY, "window_start": DATE, "window_end": DATE, "span_start": DATE,
        "status": TEXT, "status_reason": TEXT, "measure": EXACT, "base": EXACT, "quantity": EXACT, "target": EXACT, "baseline": EXACT, "incentive": EXACT,
        "axis_value": EXACT, "tier": KEY, "curve_payout": EXACT, "multiplier": EXACT, "gate_factor": EXACT, "earned": MONEY, "prior_earned": MONEY,
        "carried": MONEY, "payout": MONEY, "first_period": KEY, "last_period": KEY, "span_measure_before": EXACT,
        "exact_numerator": INTEGER, "exact_divisor": INTEGER, "days": COUNT, "of_days": COUNT, "pool_measure": EXACT,
    },
    "achievement": {
        "payout_key": KEY, "period_no": KEY, "measure_period": EXACT, "measure_to_date": EXACT, "target": EXACT, "attainment": EXACT, "growth": EXACT,
        "tier_actual": KEY, "tier_forecast": KEY, "tier_accrual": KEY, "projected_measure": EXACT, "next_tier_from": EXACT, "gap_to_next_tier": EXACT,
        "projected_payout": MONEY,
    },
    "accruals": {"payout_key": KEY, "period_no": KEY, "accrued_to_date": MONEY, "accrued_before": MONEY, "accrual": MONEY},
    "payout_groups": {"payout_key": KEY, "group_value": TEXT, "line_count": COUNT, "measure": EXACT, "tier": KEY, "pays": EXACT},
    "payout_pieces": {"payout_key": KEY, "file_no": KEY, "row_no": COUNT, "tier": KEY, "measure": EXACT, "weight": EXACT},
    "calculation_steps": {"payout_key": KEY, "step_no": KEY, "step": TEXT, "formula": TEXT, "inputs": TEXT, "result": EXACT},
}  # fmt: skip


class ColumnsDiffer(Exception):
    """A frame has other columns than columns.py declares: a bug in the program."""


def check_frame(name: str, frame: pl.DataFrame, declared: Types) -> pl.DataFrame:
    """The frame, if its columns and types are those declared, in any order. Only the schema is checked, so it takes no time."""
    found = dict(frame.schema)
    if found != declared:
        differ = sorted(column for column in found.keys() | declared.keys() if found.get(column) != declared.get(column))
        message = ", ".join(f"{column} is {found.get(column, 'missing')}, declared is {declared.get(column, 'nothing')}" for column in differ)
        raise ColumnsDiffer(f"{name}: {message}; the columns of every frame are declared in models/calculation/columns.py")
    return frame


def read_inputs(frames: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The frames of INPUTS with the columns declared; other columns are dropped."""
    chosen = {name: frames[name].select([column for column in declared if column in frames[name].columns]) for name, declared in INPUTS.items()}
    return {name: check_frame(name, frame, INPUTS[name]) for name, frame in chosen.items()}
