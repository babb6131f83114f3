"""Calculation steps: how every payout was computed, step by step, each with its formula, its numbers and its result.

Belongs here: formulas and their order. Does not belong here: computing numbers. All come from the frames of the payouts, so the steps cannot
disagree with those. The steps add up to the payout: slices or corners of a cell add up to `curve`; times `multiply` and every `require` and within
the `limit`, in the benefit's order, this is rounded; `prior`, `carry` and `combine` then give the payout.
"""

from __future__ import annotations

from itertools import permutations

import polars as pl

from models.calculation.explanation.traces import Traces
from models.calculation.measures.achievement import is_counted
from models.calculation.places.placed_pools import IS_PLACED
from models.currencies import describe_payout_unit
from models.curves.compiled import PAYS_LINES
from models.curves.vocabulary import COLUMNS, CURVE, FIRST_GATE, GRID_FORMS, MULTIPLY, PAY_FORMS, SCALING_STEPS
from models.money import EXACT

#: An upper bound for tiers, slots and corners of a benefit.
MOST_TIERS = 10_000
#: The order of the steps. There is an `axis` per slot, a `slice` per tier reached, a `cell` per corner, a `version` per part of an amended window,
#: a `require` per gate.
ORDER = (
    "measure", "base", "quantity", "target", "baseline", "incentive", "prorate", "axis", "tier", "cell", "slice", "group", "version", "curve", "multiply",
    "require", "limit", "part", "round", "prior", "limit_all", "carry", "combine",
)  # fmt: skip

AXES = {
    "measure": "x = M",
    "attainment": "x = M / T",
    "growth": "x = M / B − 1",
    "growth_amount": "x = M − B",
    "rank": "x = 1 + how many have a larger",
    "percentile": "x = share of the other participants with a smaller measure; alone: 1",
    "metric": "x = last value of the metric",
    "benefit": "x = figure of another benefit, in its window that ends on the same day",
    "score": "x = Σ weight × min(x, at_most) / Σ weight",
    "ratio": "x = sum / sum, over the lines of the benefit",
}
#: What a slot of terms.axes is for; from FIRST_GATE on: the gates.
SLOTS = {CURVE: "", COLUMNS: "columns: ", MULTIPLY: "multiply: "}
THRESHOLDS = {
    "measure": "",
    "attainment": " (thresholds from × T)",
    "growth": " (thresholds (1 + from) × B)",
    "growth_amount": " (thresholds B + from)",
}
FORMS = {form: form for form in PAY_FORMS}
#: The steps that a benefit may put in another order, by the keys of the language.
SCALING = dict(zip(SCALING_STEPS, ("multiply", "require", "limit"), strict=True))
# in a prorated window, terms are shown as agreed and scaled where they are used
_HAS_GROUPS = pl.col("each").is_not_null()
_IS_PRORATED = (pl.col("of_days") > 1) & (pl.col("method") != "matrix")
_SCALES_FROM = _IS_PRORATED & pl.col("by_axis").is_in(["measure", "growth_amount"])
_PART = pl.format("{}/{}", "days", "of_days")
_FROM = pl.when(_SCALES_FROM).then(pl.lit("from × f")).otherwise(pl.lit("from"))
_AMOUNT = pl.when(_IS_PRORATED).then(pl.lit("amount × f")).otherwise(pl.lit("amount"))
IN_CELL = {"rate": pl.lit("rate × E"), "amount": pl.lit("amount"), "share": pl.lit("share × K")}
IN_GROUP = {"rate": IN_CELL["rate"], "per_unit": pl.lit("per_unit × Q"), "amount": pl.lit("amount")}
PAID = {"rate": IN_CELL["rate"], "per_unit": pl.lit("per_unit × Q"), "amount": _AMOUNT, "share": IN_CELL["share"]}
# in slices, `measure` and `base` are still the names
_OF_BASE = pl.when(pl.col("base") == "measure").then(pl.lit("rate × slice")).otherwise(pl.lit("rate × slice × E / M"))
_IS_QUANTITY = (pl.col("measure") == "quantity") | is_counted()
_OF_QUANTITY = (
    pl.when(PAYS_LINES)
    .then(pl.lit("per_unit × quantity of the lines in it"))
    .when(_IS_QUANTITY)
    .then(pl.lit("per_unit × slice"))
    .otherwise(pl.lit("per_unit × slice × Q / M"))
)
_RATE = (
    pl.when(PAYS_LINES)
    .then(pl.lit("rate × base of the lines in it"))
    .when(pl.col("method") == "graduated")
    .then(_OF_BASE)
    .when(pl.col("method") == "rolling")
    .then(pl.lit("rate × the measure up to the next threshold"))
    .otherwise(pl.lit("rate × E"))
)
SLICED = {"rate": _RATE, "per_unit": _OF_QUANTITY, "amount": _AMOUNT, "share": pl.lit("share × length of x × K")}
#: Bounds of a gate as signs.
BOUNDS = {"at_least": "≥", "above": ">", "at_most": "≤", "below": "<"}
SOURCES = {"number": "as agreed", "feed": "row of the targets feed for this window", "prior": "same days one year earlier", "year": "target of the year"}


def list_steps(
    payouts: pl.DataFrame, slices: pl.DataFrame, traces: Traces, missing: pl.DataFrame, groups: pl.DataFrame, parts: pl.DataFrame, rounding: str
) -> pl.DataFrame:
    """One row per payout × step: payout_key, step_no, step, formula, inputs, result.

    payouts: one row per payout with its figures, tier and money. slices: of cut_slices, one row per payout × tier that pays. traces: of trace_results.
    missing: of describe_missing. groups: of list_largest. parts: of amended_payouts.list_parts, with what their tiers pay.
    """
    is_blocked = pl.col("status") == "blocked"
    paid = payouts.filter(~is_blocked)
    has_limits = pl.any_horizontal(pl.col("at_most", "rate_at_most", "at_least", "pays_from").is_not_null())
    has_rate = pl.col("rate_at_most").is_not_null()
    moves = (pl.col("payout_before_group") != pl.col("difference")) | (pl.col("carried") != 0)
    until = pl.format(" in the span until {}", "limited_until")
    lacking = payouts.filter(is_blocked).join(missing, on="payout_key", how="left", maintain_order="left")
    blocked = step_rows(lacking, "blocked", pl.format("nothing is paid: {}", "status_reason"), pl.col("missing").fill_null(""), "payout")
    payout_units = pl.col("payout_unit").replace_strict({unit: describe_payout_unit(unit) for unit in paid["payout_unit"].unique()}, return_dtype=pl.String)
    steps = [
        *_figures(payouts),
        *_places(paid, traces),
        *_slices_and_cells(slices, traces),
        *([step_rows(groups, "group", _group_formula(), _group_inputs(), "pays", "place")] if len(groups) else []),
        *([step_rows(parts, "version", _part_formula(), _part_inputs(), "pays", "part_no")] if len(parts) else []),
        step_rows(paid, "curve", _curve_formula(paid), _curve_inputs(paid), "curve_payout"),
        *_scaling(traces),
        step_rows(
            paid.filter(has_limits & ~_HAS_GROUPS),
            "limit",
            pl.format(
                "{}, then less than pays_from pays 0, then at_least lifts",
                pl.when(has_rate).then(pl.lit("at_most and rate_at_most × max(E, 0) clip")).otherwise(pl.lit("at_most clips")),
            ),
            inputs_of(at_most="at_most", rate_at_most="rate_at_most", E=pl.when(has_rate).then("base"), pays_from="pays_from", at_least="at_least"),
            "limited_payout",
        ),
        *_parts(paid),
        step_rows(paid, "round", pl.format("rounded {} to {} {}", pl.lit(rounding), payout_units, "currency"), pl.lit(""), "earned"),
        step_rows(
            paid.filter(pl.col("accumulate") != "window"),
            "prior",
            pl.lit("earned by the span − earned by its earlier windows"),
            inputs_of(earned="earned", prior_earned="prior_earned"),
            pl.col("earned") - pl.col("prior_earned"),
        ),
        step_rows(
            paid.filter(pl.col("limited_until").is_not_null()),
            "limit_all",
            pl.concat_str(pl.lit("its part of what all benefits of the agreement earn, within its limits"), until),
            inputs_of(difference=pl.col("earned") - pl.col("prior_earned"), at_most="limited_to", at_least="lifted_to"),
            "difference",
        ),
        step_rows(
            paid.filter(moves),
            "carry",
            pl.format("clawback: {}; what was paid too much before is set off, what is left is carried", "clawback"),
            inputs_of(difference="difference", carried="carried"),
            "payout_before_group",
        ),
        step_rows(
            paid.filter(pl.col("is_winner").is_not_null()),
            "combine",
            pl.format("best of group {}: the agreement that pays the most, {}, stands", "combine_group", "winning_agreement"),
            inputs_of(payout="payout_before_group"),
            "payout",
        ),
        blocked,
    ]
    return (
        pl.concat(steps)
        .join(payouts.filter(pl.col("scaling_order") != ", ".join(SCALING)).select("payout_key", "scaling_order"), on="payout_key", how="left")
        .with_columns(_rank_of_step().alias("rank"))
        # one number to sort by: a payout's steps in order, those of one kind by tier, slot or corner
        .sort((pl.col("payout_key").cast(pl.Int64) * (len(ORDER) + 1) + pl.col("rank")) * MOST_TIERS + pl.col("detail"))
        .with_columns(pl.int_range(pl.len(), dtype=pl.Int32).alias("row"))
        .with_columns((pl.col("payout_key") != pl.col("payout_key").shift(1)).fill_null(True).alias("is_first"))
        .with_columns((pl.col("row") - pl.when("is_first").then("row").forward_fill() + 1).alias("step_no"))
        .select("payout_key", "step_no", "step", "formula", "inputs", "result")
    )


def _rank_of_step() -> pl.Expr:
    """The place of a step in ORDER; multiplier, gates and limits are in the benefit's own order."""
    rank = pl.col("step").replace_strict({s: i for i, s in enumerate((*ORDER, "blocked"))}, return_dtype=pl.Int64)
    has_own_order = pl.col("scaling_order").is_not_null()
    for key, step in SCALING.items():
        places = {", ".join(order): ORDER.index("multiply") + order.index(key) for order in permutations(SCALING)}
        own = pl.col("scaling_order").replace_strict(places, return_dtype=pl.Int64)
        rank = pl.when(has_own_order & (pl.col("step") == step)).then(own).otherwise(rank)
    return rank


def _figures(payouts: pl.DataFrame) -> list[pl.DataFrame]:
    """Sums and agreed figures, also where the result is blocked."""
    multiplied = pl.format("{} × {}", pl.col("measure_name").str.strip_suffix("_times"), "measure_times")
    of_measure = pl.coalesce("measure_attribute", multiplied, "measure_name")
    net = pl.when(pl.col("net_of").is_not_null()).then(pl.format(", amounts net of what {} pays on them", "net_of")).otherwise(pl.lit(""))
    of_pool = pl.when(IS_PLACED).then(pl.lit(" of all members")).otherwise(pl.lit(""))
    summed = pl.format("M = {}sum of {} over {} lines{}{}", _multiples(), of_measure, "line_count", of_pool, net)
    counted = pl.format("M = distinct values of {} over {} lines, with a quantity above 0, or an amount without one", "measure_distinct", "line_count")
    sums = pl.when(pl.col("measure_distinct").is_not_null()).then(counted).otherwise(summed)
    return [
        step_rows(payouts, "measure", sums, _measure_inputs(payouts), "measure"),
        step_rows(payouts.filter(pl.col("base_name") != "measure"), "base", _base_formula(), inputs_of(base="base_name"), "base"),
        step_rows(payouts.filter("pays_per_unit"), "quantity", _quantity_formula(), _span_inputs(), "quantity"),
        *(
            step_rows(payouts.filter(pl.col(f"{name}_source") != "none"), name, _source_formula(name, letter), inputs, value)
            for name, letter, inputs, value in (
                ("target", "T", _target_inputs(), "target"),
                ("baseline", "B", pl.lit(""), "baseline"),
                ("incentive", "K", pl.lit(""), "incentive"),
            )
        ),
        step_rows(
            payouts.filter(pl.col("of_days") > 1),
            "prorate",
            pl.format(
                "f = days of the term in the window / days of the window; {}K, amounts and thresholds in units of the measure count × f", _prorated_target()
            ),
            inputs_of(days="days", of_days="of_days"),
            pl.col("prorated"),
        ),
    ]


def _places(paid: pl.DataFrame, traces: Traces) -> list[pl.DataFrame]:
    """The place on every axis, and the tier of the curve."""
    is_plain = pl.col("by_axis").is_in(list(AXES)[:4]) & ~_HAS_GROUPS
    used_for = pl.col("slot").replace_strict(SLOTS, default=None, return_dtype=pl.String)
    what = pl.when(pl.col("axis") == "rank").then(pl.format(" {}", "rank_of")).when(pl.col("axis") == "metric").then(pl.format(" {}", "metric"))
    breaks_ties = (pl.col("axis") == "rank") & pl.col("ties_then").is_not_null()
    formula = pl.concat_str(
        used_for.fill_null(pl.format("gate {}: ", pl.col("slot") - FIRST_GATE + 1)),
        pl.col("axis").replace_strict(AXES, return_dtype=pl.String),
        what.fill_null(""),
        pl.when(breaks_ties).then(pl.format("; among equals the larger {}", "ties_then")).otherwise(pl.lit("")),
    )
    tied = pl.when(breaks_ties).then(pl.format(", among equals {}", "tied_by")).otherwise(pl.lit(""))
    return [
        step_rows(paid.filter(is_plain), "axis", pl.col("by_axis").replace_strict(AXES, return_dtype=pl.String), _axis_inputs("by_axis"), "axis_value"),
        step_rows(traces.axes, "axis", formula, pl.concat_str(_axis_inputs("axis", pl.col("words")), tied), "x", "slot"),
        step_rows(
            paid,
            "tier",
            pl.when(_HAS_GROUPS).then(pl.format("the highest tier that a group of {} has reached", "each")).otherwise(_tier_formula()),
            inputs_of(x="axis_value", from_="tier_from", next="next_tier_from", f=pl.when(_SCALES_FROM).then(_PART)),
            pl.col("tier").cast(EXACT),
        ),
    ]


def _slices_and_cells(slices: pl.DataFrame, traces: Traces) -> list[pl.DataFrame]:
    """What each tier reached, or each corner of a matrix cell, pays."""
    units = pl.col("by_axis").replace_strict(THRESHOLDS, default="", return_dtype=pl.String)
    pays, is_line = _sum_of_forms({form: IN_CELL[form] for form in GRID_FORMS}), pl.col("matrix_method") == "linear"
    cell = pl.format("row {}, column {}: {}", "tier", "column_no", pl.when(is_line).then(pl.format("({}) × weight", pays)).otherwise(pays))
    weight = pl.when(is_line).then("weight")
    part = pl.when(_IS_PRORATED & pl.col("amount").is_not_null()).then(_PART)
    # a line is cut by itself: where a tier begins is agreed, not how much of the measure lies in it
    ends = {name: pl.when(~PAYS_LINES).then(column) for name, column in (("from_", "slice_from"), ("to", "slice_to"), ("slice", "slice"))}
    slice_inputs = inputs_of(**ends, **FORMS, f=part)
    return [
        step_rows(slices, "slice", pl.format("tier {}: {}{}", "tier", _sum_of_forms(SLICED), units), slice_inputs, "slice_payout", "tier"),
        *(
            [step_rows(traces.cells, "cell", cell, inputs_of(**{form: form for form in GRID_FORMS}, weight=weight), "cell_payout", "corner")]
            if len(traces.cells)
            else []
        ),
    ]


def _scaling(traces: Traces) -> list[pl.DataFrame]:
    """The factors of multiplier and gates."""
    is_line = pl.col("method") == "linear"
    steps = []
    if len(traces.multipliers):
        point = inputs_of(x="x", from_="from_value", factor="factor", to=pl.when(is_line).then("next_from"), factor_at_to=pl.when(is_line).then("next_factor"))
        reached = pl.when(is_line).then(pl.lit("× the factor at x, on the line between the points")).otherwise(pl.lit("× the factor of the tier reached"))
        formula = pl.when(pl.col("factor_tier") == 0).then(pl.lit("below the first factor: × 0")).otherwise(reached)
        steps.append(step_rows(traces.multipliers, "multiply", formula, point, "multiplier"))
    if len(traces.gates):
        bounds = pl.concat_str(
            [pl.when(pl.col(name).is_not_null()).then(pl.format("x {} {}", pl.lit(sign), plain(pl.col(name)))) for name, sign in BOUNDS.items()],
            separator=" and ",
            ignore_nulls=True,
        )
        formula = pl.format("gate {}: × 1 where {}, else × {}", "number", bounds, plain(pl.col("otherwise")))
        steps.append(step_rows(traces.gates, "require", formula, inputs_of(x="x"), "factor", "slot"))
    return steps


def _parts(paid: pl.DataFrame) -> list[pl.DataFrame]:
    """The part of a placed pool's amount that a member has."""
    if "member_part" not in paid.columns:
        return []
    own = inputs_of(M="member_measure", E=pl.when(pl.col("base_name") != "measure").then("member_base"), Q=pl.when("pays_per_unit").then("member_quantity"))
    is_sliced = (pl.col("method") == "graduated") & (pl.col("measure") > 0)
    formula = (
        pl.when(pl.col("measure") <= 0)
        .then(pl.lit("equal parts of the pool's amount"))
        .when(is_sliced)
        .then(pl.lit("part of the pool's amount, by what the slices pay that the member's own lines fill"))
        .otherwise(pl.lit("part of the pool's amount, by what the curve pays on the member's own figures at the pool's place"))
    )
    return [step_rows(paid.filter(pl.col("member_part").is_not_null()), "part", formula, own, "member_part")]


def step_rows(rows: pl.DataFrame, step: str, formula: pl.Expr, inputs: pl.Expr, result: str | pl.Expr, order: str | None = None) -> pl.DataFrame:
    """One row per row. `order` sorts the steps of one kind within a payout."""
    value = pl.col(result) if isinstance(result, str) else result
    detail = pl.col(order) if order else pl.lit(0)
    return rows.select(
        "payout_key",
        pl.lit(step).alias("step"),
        formula.cast(pl.String).alias("formula"),
        inputs.alias("inputs"),
        value.cast(EXACT).alias("result"),
        detail.cast(pl.Int32).alias("detail"),
    )


def inputs_of(**named: str | pl.Expr) -> pl.Expr:
    """`name = value` for every value that is there, joined by commas; numbers without the zeros at their end."""
    parts = []
    for name, column in named.items():
        value = pl.col(column) if isinstance(column, str) else column
        parts.append(pl.format("{} = {}", pl.lit(name.rstrip("_")), plain(value)))
    return pl.concat_str(parts, separator=", ", ignore_nulls=True)


def plain(value: pl.Expr | str) -> pl.Expr:
    """A number as text, without the zeros at its end."""
    text = (pl.col(value) if isinstance(value, str) else value).cast(pl.String)
    return pl.when(text.str.contains(".", literal=True)).then(text.str.strip_chars_end("0").str.strip_chars_end(".")).otherwise(text)


def _span_inputs() -> pl.Expr:
    return pl.format("from {} to {}", "span_start", "window_end")


def _multiples() -> pl.Expr:
    """What is counted of a sum, if it is not the sum itself."""
    kind = pl.when(pl.col("measure_round") == "up").then(pl.lit("begun")).otherwise(pl.lit("full"))
    counted = pl.format("{} multiples of {} in the ", kind, plain(pl.col("measure_every")))
    return pl.when(pl.col("measure_every").is_not_null()).then(counted).otherwise(pl.lit(""))


def _measure_inputs(payouts: pl.DataFrame) -> pl.Expr:
    days = _span_inputs()
    if "measured_from" in payouts.columns:
        until = pl.min_horizontal("measured_until", "window_end")
        days = pl.when(pl.col("measure_over").is_null()).then(days).otherwise(pl.format("from {} to {}", "measured_from", until))
    if "opened_to_date" in payouts.columns:
        opened = pl.format("{}, of it opening balance = {}", days, plain("opened_to_date"))
        days = pl.when(pl.col("opened_to_date") != 0).then(opened).otherwise(days)
    if "measure_sum" not in payouts.columns:
        return days
    counted = pl.format("{}, sum = {}", days, plain(pl.col("measure_sum")))
    return pl.when(pl.col("measure_every").is_not_null()).then(counted).otherwise(days)


def _quantity_formula() -> pl.Expr:
    is_count = pl.col("measure_every").is_not_null() | pl.col("measure_distinct").is_not_null()
    return pl.when(is_count).then(pl.lit("Q = M")).otherwise(pl.lit("Q = sum of quantity"))


def _prorated_target() -> pl.Expr:
    return pl.when(pl.col("target_source") == "prior").then(pl.lit("")).otherwise(pl.lit("T, "))


def _target_inputs() -> pl.Expr:
    is_prior = pl.col("target_source") == "prior"
    of_year = inputs_of(year="target_before_times", weights=pl.format("{} of {}", "weight_to_date", "weight_of_year"))
    return (
        pl.when(is_prior)
        .then(inputs_of(prior="prior_measure", times="target_times"))
        .when(pl.col("target_source") == "year")
        .then(of_year)
        .otherwise(pl.lit(""))
    )


def _base_formula() -> pl.Expr:
    return pl.when(pl.col("base_name") == "increment").then(pl.lit("E = max(M − B, 0)")).otherwise(pl.format("E = sum of {}", "base_name"))


def _source_formula(name: str, letter: str) -> pl.Expr:
    source = pl.col(f"{name}_source")
    times = pl.lit(" × times") if name == "target" else pl.lit("")
    formula = pl.format("{} = {}", pl.lit(letter), source.replace_strict(SOURCES, default="", return_dtype=pl.String))
    of_weights = pl.concat_str(formula, pl.lit(" × weights to date / weights of the year"))
    today = pl.when(pl.col("prior_line_set_key").is_null()).then(pl.lit("")).otherwise(pl.lit(", credited by the hierarchy of the window's last day"))
    return pl.when(source == "prior").then(pl.concat_str(formula, times, today)).when(source == "year").then(of_weights).otherwise(formula)


def _axis_inputs(axis: str, words: pl.Expr | None = None) -> pl.Expr:
    by = pl.col(axis)
    return (
        pl.when(by == "attainment")
        .then(inputs_of(M="measure", T="target"))
        .when(by.is_in(["growth", "growth_amount"]))
        .then(inputs_of(M="measure", B="baseline"))
        .when(by == "metric")
        .then(pl.lit(""))
        .when(by.is_in(["benefit", "score", "ratio"]))
        .then(pl.lit("") if words is None else words)
        .otherwise(inputs_of(M="measure"))
    )


def _tier_formula() -> pl.Expr:
    includes = (
        (pl.col("method") == "linear")
        | (pl.col("by_axis") == "rank")
        | (pl.col("matrix_method") == "linear").fill_null(False)
        | (pl.col("boundary") == "lower_inclusive")
    )
    return pl.format("the last tier with {} {} x", _FROM, pl.when(includes).then(pl.lit("≤")).otherwise(pl.lit("<")))


def _sum_of_forms(formulas: dict[str, pl.Expr]) -> pl.Expr:
    """The formulas of the pay forms that a tier has, joined by plus signs."""
    return pl.concat_str([pl.when(pl.col(form).is_not_null()).then(text) for form, text in formulas.items()], separator=" + ", ignore_nulls=True)


def _has_parts(rows: pl.DataFrame) -> pl.Expr:
    return pl.col("cuts").is_not_null() if "cuts" in rows.columns else pl.lit(False)


def _curve_formula(rows: pl.DataFrame) -> pl.Expr:
    method = pl.col("method")
    return (
        pl.when(_HAS_GROUPS)
        .then(pl.format("sum of what the groups of {} pay", "each"))
        .when(_has_parts(rows))
        .then(pl.lit("sum of what each version pays on its own days"))
        .when((pl.col("tier") == 0) & (method != "running"))
        .then(pl.lit("below the first tier: 0"))
        .when((pl.col("ties") == "share") & (pl.col("tie_count") > 1))
        .then(pl.format("mean of {} over the {} ranks that are shared", _sum_of_forms(PAID), "tie_count"))
        .when(method.is_in(["graduated", "rolling", "total", "running"]))
        .then(pl.lit("sum of the slices"))
        .when(method == "matrix")
        .then(pl.when(pl.col("matrix_method") == "linear").then(pl.lit("sum of the corners")).otherwise(pl.lit("the cell")))
        .when(method == "linear")
        .then(
            pl.format(
                "{} at x, on the line between the points{}", _sum_of_forms(PAID), pl.when(_SCALES_FROM).then(pl.lit(" at from × f")).otherwise(pl.lit(""))
            )
        )
        .otherwise(_sum_of_forms(PAID))
    )


def _part_formula() -> pl.Expr:
    """What a version pays on its own days."""
    method = pl.col("method")
    by_days = {"amount": pl.lit("amount × days"), "share": pl.lit("share × K × days")}
    pays = (
        pl.when(PAYS_LINES)
        .then(pl.lit("what its tiers pay the lines of its days, each by itself, and lump sums of those reached between M_from and M_until"))
        .when(method == "graduated")
        .then(pl.lit("what its slices pay up to M_until − what they pay up to M_from"))
        .when(pl.col("tier") == 0)
        .then(pl.lit("below the first tier: 0"))
        .when(method == "whole")
        .then(pl.format("tier {}: {}", "tier", _sum_of_forms({"rate": pl.lit("rate × E"), "per_unit": pl.lit("per_unit × Q"), **by_days})))
        .otherwise(pl.format("tier {}: {} at its own place, on E of its days", "tier", method))
    )
    return pl.format("version {}, {} to {}: {}", "version", "first_day", "last_day", pays)


def _part_inputs() -> pl.Expr:
    is_graduated, is_whole = pl.col("method").is_in(["graduated", "running"]), pl.col("method") == "whole"
    forms = {form: pl.when(is_whole).then(form) for form in FORMS}
    has_lump = pl.col("amount").is_not_null() | pl.col("share").is_not_null() | (pl.col("method") == "matrix")
    return inputs_of(
        x=pl.when(~is_graduated).then("x"),
        M_from=pl.when(is_graduated).then(pl.col("measure_from").fill_null(0)),
        M_until=pl.when(is_graduated).then("measure_until"),
        T="effective_target",
        **forms,
        E=pl.when(~is_graduated).then("base"),
        Q=pl.when(~is_graduated & pl.col("pays_per_unit")).then("quantity"),
        K=pl.when(pl.col("share").is_not_null()).then("effective_incentive"),
        days=pl.when(~is_graduated & has_lump).then(pl.format("{}/{}", "own_days", "span_days")),
    )


def _group_formula() -> pl.Expr:
    """How one of the largest groups is paid, or that it is the sum of the others."""
    method = pl.col("method")
    has_limits = pl.any_horizontal(pl.col("at_most", "rate_at_most", "at_least", "pays_from").is_not_null())
    of_tier = (
        pl.when(pl.col("tier") == 0)
        .then(pl.lit("below the first tier: 0"))
        .when(method.is_in(["whole", "total"]))
        .then(pl.format("tier {}: {}", "tier", _sum_of_forms(IN_GROUP)))
        .otherwise(pl.format("tier {}: {} at its own place", "tier", method))
    )
    limited = pl.when(has_limits).then(pl.lit(", within the limits")).otherwise(pl.lit(""))
    name = pl.coalesce(pl.col("group_value"), pl.lit("none"))
    return (
        pl.when(pl.col("others").is_not_null())
        .then(pl.format("all other groups together: {}", "others"))
        .otherwise(pl.format("{} {}: {}{}", "each", name, of_tier, limited))
    )


def _group_inputs() -> pl.Expr:
    has_base, is_whole = pl.col("base_name") != "measure", pl.col("method") == "whole"
    forms = {form: pl.when(is_whole).then(form) for form in FORMS if form != "share"}
    limits = {name: name for name in ("at_most", "rate_at_most", "pays_from", "at_least")}
    inputs = inputs_of(M="measure", E=pl.when(has_base).then("base"), Q=pl.when("pays_per_unit").then("quantity"), **forms, **limits)
    return pl.when(pl.col("others").is_not_null()).then(pl.lit("")).otherwise(inputs)


def _curve_inputs(rows: pl.DataFrame) -> pl.Expr:
    """The numbers of the tier reached, what they multiply, and for a linear curve the next point."""
    multiplied = {"E": ("rate", "base"), "Q": ("per_unit", "quantity"), "K": ("share", "incentive")}
    values = {letter: pl.when(pl.col(form).is_not_null()).then(column) for letter, (form, column) in multiplied.items()}
    uses_part = _IS_PRORATED & (pl.col("amount").is_not_null() | (_SCALES_FROM & (pl.col("method") == "linear")))
    here = inputs_of(**FORMS, **values, f=pl.when(uses_part).then(_PART))
    there = inputs_of(x="axis_value", from_="tier_from", to="next_tier_from", **{f"{form}_at_to": f"next_{form}" for form in FORMS})
    return (
        pl.when(_HAS_GROUPS | _has_parts(rows) | (pl.col("tier") == 0) | pl.col("method").is_in(["graduated", "rolling", "total", "running", "matrix"]))
        .then(pl.lit(""))
        .when((pl.col("method") == "linear") & pl.col("next_tier_from").is_not_null())
        .then(pl.concat_str(here, there, separator=", "))
        .otherwise(here)
    )
