"""What every step of the calculation reads: the columns that a value is computed from. Column lineage is made of it.

Belongs here: the columns that columns.py declares, with those they come from. Does not belong here: how they are computed, lineage of SQL
(assets/lineage/).

`table.column` is a column of an input frame (columns.INPUTS). A name without a table is a column of the wide frame. What matters most stands first.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping

from models.calculation.columns import INPUTS, OPTIONAL, STEPS, SUMMED, TABLES

Reads = Mapping[str, tuple[str, ...]]

#: The key of what a step reads without computing a value from it: keys, order, whether a result is blocked, figures read together with others.
ALONG = ""
#: The node of a column of the wide frame is `calculation.<column>`.
WIDE = "calculation"
#: The columns of OPTIONAL that hold a place on an axis, one per slot.
_PLACES = "axis_value_n axis_divisor_n"
#: The same for places that are ratios: of other benefits' figures, scores and sums.
_RATIOS = "axis_numerator_n axis_denominator_n"
_VIEWED = "projected_numerator_n projected_denominator_n to_date_numerator_n to_date_denominator_n"

_SUMS = " ".join(SUMMED)
_VALUES = " ".join(name for name in SUMMED if not name.startswith("missing_"))
_MISSING = " ".join(name for name in SUMMED if name.startswith("missing_"))
_TARGET = "target target_times weight_to_date weight_of_year"
_FIGURES = f"measure_to_date base_to_date quantity_to_date {_TARGET} baseline incentive days of_days"
_AXIS = f"measure_to_date {_TARGET} baseline days of_days {_PLACES} {_RATIOS} axes.axis"
_TARGET_ROW = "agreement_id benefit_id participant_id window_start"
_LADDER = "tiers.tier tiers.from_value boundary"
_MATRIX = "matrix_columns.from_value matrix_cells.rate matrix_cells.amount matrix_cells.share matrix_method"
_FORMS = "tiers.rate tiers.per_unit tiers.amount tiers.share"
_GATES = "gates.at_least gates.above gates.at_most gates.below gates.otherwise"
_MULTIPLIER = "multiplier_tiers.from_value multiplier_tiers.factor multipliers.method multipliers.boundary multipliers.above"
_LIMITS = "at_most rate_at_most base_to_date at_least pays_from scaling_order"
_PAYS = f"{_AXIS} {_FIGURES} {_LADDER} {_FORMS} {_MATRIX} {_GATES} {_MULTIPLIER} {_LIMITS} method above ties tie_count payout_unit"
#: What the figures of other benefits are computed from, apart from those of benefits that they look at themselves.
_SEEN = _PAYS.replace(f"{_RATIOS} ", "")
_PARTS = "axis_parts.of_benefit axis_parts.figure axis_parts.metric axis_parts.weight axis_parts.at_most metrics.value metrics.date span_start counted_until"
_OF_LINES = "axes.ratio_of axes.ratio_to amount_to_date cost_to_date count_to_date units_to_date"
_MEMBERS = "member_measure member_measure_period member_base member_quantity"
_PROJECTS = "forecast placement feed_target counted_until span_start window_end is_end own_days own_days_gone"


def _of(frame: str, names: str) -> str:
    return " ".join(f"{frame}.{name}" for name in names.split())


_OWN_DAYS = _of("participations", "first_day last_day")
_PRIOR = f"measure span_first_period last_period {_of('measures', 'is_prior is_after_as_of')}"
_SUM_KEYS = f"participant_key measure_line_set_key {_of('measures', 'line_set_key participant_key period_no')}"

_DRAWS = f"{_of('draws', 'draw_amount recovers ceiling')} days of_days payout_unit"

_GROUPS = _of("groups", "group_value quantity amount line_count missing_quantities missing_rates")

_GROUP_KEYS = f"payout_key line_set_key base_line_set_key each {_of('groups', 'line_set_key participant_key period_no')} {_SUM_KEYS}"
_GROUP_SUMS = f"groups.group_value {_of('groups', _VALUES)} measure base measure_every measure_round"
_OF_GROUPS = "groups_numerator groups_denominator groups_tier"
_AT_TIER = "tier_numerator tier_denominator"

#: Where terms change within a window: which version holds, and how the window is cut.
_CUTS = _of("window_parts", "benefit_key window_no part_no part_benefit_key first_period last_period first_day last_day weight_to_date weight_of_year")
_OF_CUTS = f"{_of('window_parts', 'part_benefit_key first_day last_day weight_to_date weight_of_year')} window_start window_end span_start counted_until"

_OF_OWN_LINES = _of("lines", f"{_VALUES} place period_no line_set_key participant_key")

_READS: Mapping[str, Mapping[str, str]] = {
    "list_payouts": {
        ALONG: f"{_CUTS} benefits.benefit_key benefits.agreement_key benefits.series_key windows.benefit_key windows.window_start participants.agreement_key "
        f"{_of('participations', 'agreement_key participant_key first_day last_day')}",
        "payout_key": "benefits.series_key participants.participant_key windows.window_start",
        "participant_key": "participants.participant_key",
        "participant_id": "participants.participant_id",
        "figures_of": "participants.figures_of",
        **dict.fromkeys(
            ("days", "of_days"),
            f"benefits.prorate windows.window_start windows.window_end windows.whole_start windows.whole_end participations.factor {_OWN_DAYS}",
        ),
        "counts_from": "windows.window_start windows.span_start windows.first_period windows.span_first_period",
        **dict.fromkeys(("axis_needs_target", "axis_needs_baseline", "axis_needs_positive_baseline", "axis_needs_metric"), "axes.axis axes.rank_of"),
        "axis_needs_sums": "axes.ratio_of axes.ratio_to",
    },
    "find_targets": {
        ALONG: f"payout_key figures_of {_TARGET_ROW} {_of('targets', _TARGET_ROW)} {_SUM_KEYS}",
        **{f"feed_{name}": f"targets.{name}" for name in ("target", "incentive", "baseline")},
        "prior_measure": f"{_of('measures', _VALUES)} target_source baseline_source prior_line_set_key {_PRIOR}",
        "prior_missing": f"target_source baseline_source prior_line_set_key {_PRIOR} {_of('measures', _MISSING)}",
        **{name: f"{name}_value feed_{name} prior_measure {name}_source" for name in ("target", "baseline", "incentive")},
    },
    "measure_periods": {
        ALONG: f"payout_key benefit_key agreement_key line_set_key base_line_set_key measures.is_prior periods.period_no {_SUM_KEYS} "
        f"{_of('groups', 'line_set_key participant_key period_no')} {_of('participations', 'agreement_key participant_key')} "
        f"agreement_id benefit_id {_of('openings', 'agreement_id benefit_id participant_key period_no')}",
        "period_no": "counts_from first_period last_period",
        **{name: f"measures.{name} measure_over measured_first_period measured_last_period" for name in SUMMED},
        "span_key": "benefit_key participant_key span_start",
        "measure_period": f"{_VALUES} measure base measure_over openings.opening_measure",
        "base_period": f"measure_period base {_VALUES} openings.opening_base",
        "opened_to_date": "openings.opening_measure",
        "measure_sum": f"{_VALUES} measure",
        "measured_from": "measured_first_period periods.first_day",
        "measured_until": "measured_last_period periods.last_day",
        "missing_values": f"measure_distinct {_GROUPS}",
        "measure_to_date": f"{_VALUES} measure measure_every measure_round measure_over measured_first_period measured_last_period measure_distinct {_GROUPS} "
        "openings.opening_measure",
        "base_sum": "base_period base measure_to_date",
        "base_to_date": "base_sum base measure_to_date baseline",
        "quantity_to_date": "quantity measure_to_date openings.opening_quantity",
        "last_day": "periods.last_day",
        "counted_until": "last_day window_end",
        **dict.fromkeys(("own_days", "own_days_gone"), f"{_OWN_DAYS} span_start window_end counted_until"),
        "is_last": "period_no",
        "is_end": "counted_until window_end",
        "missing_measure": f"measure missing_values {_MISSING}",
        "missing_base": f"measure base {_MISSING}",
        "missing_lines": f"measure missing_values measure_every base pays_per_unit axis_needs_sums {_MISSING}",
        **{f"{name}_to_date": column for name, column in (("amount", "amount"), ("cost", "cost"), ("units", "quantity"), ("count", "line_count"))},
        "missing_metric": "",
        **{f"missing_prior_{name}": f"{name}_source prior_missing" for name in ("target", "baseline")},
    },
    "count_in_groups": {
        ALONG: f"{_GROUP_KEYS} period_no",
        **dict.fromkeys(("measure_to_date", "quantity_to_date", "base_sum", "base_to_date"), _GROUP_SUMS),
    },
    "add_members": {
        ALONG: "payout_key benefit_key window_no period_no",
        "pool_row": "pool",
        **{name: f"measures.participant_key {_of('measures', _VALUES)}" for name in _MEMBERS.split()},
    },
    "find_metrics": {
        ALONG: "benefit_key figures_of axes.benefit_key axes.slot axes.metric metrics.participant_id metrics.metric",
        **dict.fromkeys(("axis_value_n", "missing_metric"), "axes.axis metrics.value metrics.date span_start counted_until"),
        "axis_divisor_n": "axes.axis",
    },
    "find_tie_breaks": {
        ALONG: f"benefit_key figures_of participant_key period_no span_first_period {_of('tie_breakers', 'benefit_key place line_set_key metric')} "
        f"{_of('measures', 'line_set_key participant_key period_no is_prior')} metrics.participant_id metrics.metric",
        "tie_break_n": f"tie_breakers.measure {_of('measures', _SUMS)} metrics.value metrics.date span_start counted_until",
    },
    "find_reasons": {
        "reason": "axis_needs_target axis_needs_baseline axis_needs_positive_baseline base target weight_to_date baseline incentive pays_share "
        "missing_lines missing_metric missing_prior_target missing_prior_baseline prior_missing",
    },
    "rank_rows": {
        ALONG: f"benefit_key window_no period_no axes.benefit_key axes.slot {_FIGURES}",
        **dict.fromkeys(
            (*_PLACES.split(), "tie_count"),
            "axes.axis axes.rank_of measure_to_date target weight_to_date baseline missing_measure missing_prior_target missing_prior_baseline tie_break_n",
        ),
    },
    "find_ratios": {
        ALONG: "benefit_key agreement_id participant_key figures_of pool_row window_end period_no payout_key axes.benefit_key axes.slot axes.axis "
        "axis_parts.benefit_key axis_parts.slot axis_parts.part_no metrics.participant_id metrics.metric",
        **dict.fromkeys((*_RATIOS.split(), "axis_words_n"), f"{_OF_LINES} {_PARTS} {_SEEN}"),
        **dict.fromkeys(_VIEWED.split(), f"{_PARTS} {_SEEN} forecast feed_target window_start is_end"),
        **dict.fromkeys(("reason", "axis_missing"), f"reason each {_OF_LINES} {_PARTS}"),
    },
    "earn_groups": {
        ALONG: f"reason each benefit_key period_no tie_count {_GROUP_KEYS} axes.benefit_key axes.slot",
        **dict.fromkeys(
            ("groups_numerator", "groups_denominator"), f"{_GROUP_SUMS} {_OF_LINES} {_AXIS} {_FIGURES} {_LADDER} {_FORMS} {_MATRIX} {_LIMITS} method above"
        ),
        "groups_tier": f"{_GROUP_SUMS} {_OF_LINES} {_AXIS} {_LADDER} matrix_columns.from_value",
        **dict.fromkeys(_AT_TIER.split(), f"{_GROUP_SUMS} placement placement_tier {_FORMS} {_LIMITS}"),
    },
    "weigh_slices": {
        ALONG: f"pool_row pool method reason span_first_period period_no benefit_key measure_line_set_key "
        f"{_of('runs', 'line_set_key participant_key period_no place')} tiers.benefit_key",
        "member_weight": f"member_measure measure {_of('runs', _VALUES)} {_FIGURES} {_LADDER} {_FORMS}",
    },
    "evaluate_results": {
        ALONG: "reason payout_key participant_key period_no benefit_key is_last tiers.benefit_key pool_row participant_id measure base span_first_period "
        "line_set_key measure_line_set_key base_line_set_key",
        "member_part": f"{_MEMBERS} member_weight {_FIGURES} {_FORMS}",
        "tier": f"{_AXIS} {_LADDER} matrix_columns.from_value groups_tier",
        "axis_value": f"{_AXIS} {_OF_GROUPS}",
        "curve_payout": f"{_OF_GROUPS} {_OF_OWN_LINES} {_OF_CUTS} slices "
        f"base_to_date {_FORMS} {_FIGURES} tier axis_value {_AXIS} {_LADDER} {_MATRIX} method above ties tie_count",
        "multiplier": f"{_AXIS} {_MULTIPLIER}",
        "gate_factor": f"{_AXIS} {_GATES}",
        "limited_payout": f"curve_payout multiplier gate_factor {_LIMITS}",
        "earned": "limited_payout multiplier gate_factor scaling_order payout_unit member_part",
        **dict.fromkeys(("exact_numerator", "exact_divisor"), f"limited_payout multiplier gate_factor measure_to_date payout_unit {_LIMITS}"),
        "effective_target": f"{_TARGET} target_source days of_days",
        "effective_incentive": "incentive days of_days",
        "attainment": "measure_to_date effective_target",
        "growth": "measure_to_date baseline days of_days",
        "next_tier_from": f"tier tiers.from_value {_AXIS}",
        "gap_to_next_tier": f"next_tier_from {_AXIS}",
    },
    "forecast_rows": {
        ALONG: f"reason payout_key period_no series_key window_no window_start missing_measure missing_prior_target missing_prior_baseline benefit_key "
        f"axes.slot axes.benefit_key axes.rank_of axis_needs_positive_baseline base pool_row participant_id "
        f"{_SUM_KEYS}",
        "projected_measure": f"measure_to_date measure measure_over measure_sum measure_every measure_round {_PROJECTS} {_PRIOR} {_of('measures', _SUMS)}",
        "tier_forecast": f"{_OF_GROUPS} tier projected_measure {_AXIS} {_VIEWED} {_LADDER}",
        "tier_accrual": f"{_OF_GROUPS} tier tier_forecast placement placement_tier target_source baseline_source {_AXIS} {_VIEWED} {_LADDER}",
        "accrual_earned": f"{_OF_OWN_LINES} {_OF_CUTS} slices {_OF_GROUPS} {_AT_TIER} earned projected_measure placement placement_tier "
        f"target_source baseline_source {_PROJECTS} {_PAYS} {_VIEWED}",
        "projected_earned": f"{_OF_OWN_LINES} {_OF_CUTS} slices {_OF_GROUPS} {_MEMBERS} member_weight earned projected_measure {_PROJECTS} {_PAYS} {_VIEWED}",
    },
    "_assign_status": {
        ALONG: "payout_key is_last",
        "own_measure": "measure_period",
        "span_measure_before": "measure_to_date measure_sum own_measure measure_over",
        "status": "reason window_end",
        "status_reason": "reason",
    },
    "find_differences": {
        ALONG: "series_key participant_key span_start",
        "prior_earned": "earned",
        "difference": "earned prior_earned",
    },
    "limit_differences": {
        ALONG: "payout_key agreement_id participant_key limited_until window_end benefit_key",
        "difference": "difference limited_to lifted_to earned",
    },
    "open_windows": {
        ALONG: f"agreement_id benefit_id participant_key window_start {_of('openings', 'agreement_id benefit_id participant_key window_start')}",
        "opening_carried": "openings.opening_carried",
    },
    "apply_clawback": {
        ALONG: "series_key participant_key span_start span_end window_end earned",
        "payout": "difference carried clawback opening_carried",
        "carried": "difference clawback opening_carried",
        "prior_paid_and_owed": "prior_earned carried opening_carried",
    },
    "combine_payouts": {
        ALONG: "participant_key whole_start combine_group agreement_id",
        "payout_before_group": "payout",
        **dict.fromkeys(("is_winner", "winning_agreement"), "payout combine_rule combine_group priority status agreement_id"),
        "payout": "payout_before_group is_winner",
        "status_reason": "is_winner",
    },
    "forget_changed": dict.fromkeys(("exact_numerator", "exact_divisor"), "exact_numerator exact_divisor payout earned window_start span_start"),
    "pay_draws": {
        ALONG: f"payout_key agreement_id benefit_id participant_key window_start window_end {_of('draws', 'benefit_key against first_agreement_id')}",
        **dict.fromkeys(("payout", "payout_before_group", "carried", "earned"), f"payout status opening_carried {_DRAWS}"),
        **dict.fromkeys(("status", "status_reason"), "status"),
        **dict.fromkeys(("exact_numerator", "exact_divisor", "axis_value", "curve_payout", "limited_payout"), ""),
    },
    "hide_incomplete": {
        ALONG: "reason measure base measure_every measure_over missing_measure missing_base missing_quantities missing_prior_target "
        "missing_prior_baseline prior_missing",
        **dict.fromkeys(("measure_period", "measure_to_date", "quantity_to_date", "prior_measure", "effective_target", "baseline", "attainment", "growth"), ""),
        "base_to_date": "baseline",
    },
    "limit_accruals": {
        ALONG: "payout_key period_no agreement_id participant_key limited_until window_end benefit_key",
        "accrual_earned": "accrual_earned limited_to is_end",
    },
}

#: Columns of the output tables that are not those of the wide frame with the same name.
_OUTPUTS: Mapping[str, Mapping[str, str]] = {
    "payouts": {
        "measure": "measure_to_date member_measure", "base": "base_to_date member_base", "quantity": "quantity_to_date member_quantity",
        "pool_measure": "measure_to_date pool_row", "target": "effective_target", "incentive": "effective_incentive",
    },
    "achievement": {
        "target": "effective_target", "tier_actual": "tier", "measure_period": "measure_period member_measure_period",
        "measure_to_date": "measure_to_date member_measure",
        "projected_payout": "projected_earned limited_to prior_paid_and_owed clawback status payout is_end combine_rule combine_group priority "
        f"carried {_DRAWS}",
    },
    "payout_pieces": {
        "file_no": "lines.file_no openings.file_no", "row_no": "lines.row_no openings.row_no",
        "measure": f"{_OF_OWN_LINES} measure {_LADDER} {_TARGET} baseline",
        "weight": f"{_OF_OWN_LINES} measure base {_LADDER} {_FORMS} {_TARGET} baseline",
    },
    "payout_groups": {
        "group_value": "groups.group_value window_parts.part_no", "line_count": "groups.line_count measures.line_count",
        "measure": f"{_GROUP_SUMS} {_of('measures', _VALUES)}", "tier": f"groups_tier {_AXIS} {_LADDER}",
        "pays": f"groups_numerator groups_denominator {_FIGURES} {_AXIS} {_LADDER} {_FORMS} {_MATRIX} {_OF_CUTS}",
    },
    "accruals": {
        "accrued_to_date": "accrual_earned prior_paid_and_owed clawback status payout is_end combine_rule combine_group priority "
        f"carried {_DRAWS}",
        "accrued_before": "accrued_to_date openings.opening_accrued openings.period_no",
        "accrual": "accrued_to_date accrued_before",
    },
    "calculation_steps": {
        "step_no": "method by_axis status",
        "step": "method by_axis status",
        "formula": "method by_axis measure base status_reason window_parts.version",
        "inputs": f"status_reason missing_lines axis_words_n axis_missing {_AXIS} {_FIGURES} {_LADDER} {_FORMS} {_MATRIX} {_GATES} {_MULTIPLIER} {_LIMITS} "
        f"earned prior_earned limited_to lifted_to carried {_DRAWS}",
        "result": f"{_FIGURES} {_AXIS} tier curve_payout multiplier gate_factor limited_payout earned prior_earned difference payout {_LADDER} {_FORMS} "
        f"{_DRAWS}",
    },
}  # fmt: skip
#: What is computed from several columns, in words.
_MEANINGS = {
    "calc.accruals.accrued_to_date": "what the span has earned by `accrue`, minus what its earlier windows were paid",
    "calc.achievement.projected_payout": "what the span would earn at the window's end, minus what its earlier windows were paid",
    "calc.accruals.accrued_before": "accrued_to_date of the period before",
    "calc.accruals.accrual": "accrued_to_date - accrued_before",
    **{f"calc.calculation_steps.{name}": "the formula of the step, with its numbers" for name in ("step_no", "step", "formula", "inputs", "result")},
}
#: Of `accruals` only its own columns have these names.
_OWN = {"accruals": ("accrued_to_date", "accrued_before")}


def list_reads(step: str) -> Reads:
    """The columns of a step, each with what it is computed from; under ALONG what the step reads besides."""
    return {column: tuple(dict.fromkeys(names.split())) for column, names in _READS[step].items()}


def list_steps() -> tuple[str, ...]:
    """The steps whose reads are declared, in their order."""
    return tuple(_READS)


def column_graph() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Every column of the wide frame and of the output tables, with what it is in words and the columns it comes from.

    Its nodes are `calculation.<column>`, `<input frame>.<column>` and `calc.<table>.<column>`.
    """
    meanings = {name: meaning for added in STEPS.values() for name, (_, meaning) in added.items()}
    meanings |= {pattern.replace(r"\d+", "n"): meaning for pattern, (_, meaning) in OPTIONAL.items()}
    graph: dict[str, tuple[str, tuple[str, ...]]] = {}
    for column, source in _given_columns().items():
        graph[f"{WIDE}.{column}"] = (f"{column} as agreed", (source,))
    for step in _READS:
        for column, names in list_reads(step).items():
            if column != ALONG:
                before = graph.get(f"{WIDE}.{column}", ("", ()))[1]
                added = [_node(name) for name in names if name != column]
                graph[f"{WIDE}.{column}"] = (meanings.get(column, column), tuple(dict.fromkeys((*before, *added))))
    for table, columns in TABLES.items():
        for column in columns:
            origins = _OUTPUTS.get(table, {}).get(column, column).split()
            found = tuple(f"calc.{table}.{name}" if name in _OWN.get(table, ()) and name != column else _node(name) for name in origins)
            graph[f"calc.{table}.{column}"] = (_MEANINGS.get(f"calc.{table}.{column}") or meanings.get(origins[0], column), found)
    return graph


def frames_joined() -> frozenset[str]:
    """The columns of input frames by which rows are joined, ordered and chosen: they decide which rows the output tables have."""
    return frozenset(name for step in _READS for name in list_reads(step).get(ALONG, ()) if "." in name)


def is_read(name: str, declared: Container[str]) -> bool:
    """Whether a column of the wide frame is among those declared; places on axes are numbered."""
    return name in declared or re.sub(r"_\d+$", "_n", name) in declared


def _given_columns() -> dict[str, str]:
    """The columns that the wide frame begins with: of windows and benefits."""
    return {column: f"{frame}.{column}" for frame in ("windows", "benefits") for column in INPUTS[frame]}


def _node(name: str) -> str:
    return name if "." in name else f"{WIDE}.{name}"
