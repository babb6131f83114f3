"""Calculation steps: every payout told in order, each step with its formula, its numbers and its result.

Belongs here: the telling. Does not belong here: any figure of its own; all come from the frames the payouts came from, so the steps cannot
disagree with them. Re-adding them gives the payout: the curve's parts add up to curve_payout, round gives earned, prior and carry give payout.
"""

from __future__ import annotations

import polars as pl

from models.curves import PAY_FORMS
from models.money import FIGURE

#: More tiers than a benefit may have.
MOST_TIERS = 10_000
#: The order in which steps are told; a graduated curve has one `slice` per tier reached.
ORDER = ("measure", "base", "target", "baseline", "incentive", "axis", "tier", "slice", "curve", "limit", "round", "prior", "carry")

AXES = {"measure": "x = M", "attainment": "x = M / T", "growth": "x = M / B − 1", "growth_amount": "x = M − B"}
THRESHOLDS = {
    "measure": "",
    "attainment": " (thresholds from × T)",
    "growth": " (thresholds (1 + from) × B)",
    "growth_amount": " (thresholds B + from)",
}
FORMS = {form: form for form in PAY_FORMS}
PAID = {"rate": pl.lit("rate × E"), "per_unit": pl.lit("per_unit × Q"), "amount": pl.lit("amount"), "share": pl.lit("share × K")}
# slices carry the names of measure and base as agreed
_OF_BASE = pl.when(pl.col("base") == "measure").then(pl.lit("rate × slice")).otherwise(pl.lit("rate × slice × E / M"))
_OF_QUANTITY = pl.when(pl.col("measure") == "quantity").then(pl.lit("per_unit × slice")).otherwise(pl.lit("per_unit × slice × Q / M"))
SLICED = {"rate": _OF_BASE, "per_unit": _OF_QUANTITY, "amount": pl.lit("amount"), "share": pl.lit("share × length of x × K")}
SOURCES = {"number": "as agreed", "feed": "row of the targets feed for this window", "prior": "same days one year earlier"}


def list_steps(payouts: pl.DataFrame, slices: pl.DataFrame, rounding: str) -> pl.DataFrame:
    """One row per payout × step: payout_key, step_no, step, formula, inputs, result.

    payouts: one row per payout with its figures, tier and money. slices: curve_slices, one row per graduated payout × tier reached.
    """
    p = payouts
    is_blocked = pl.col("status") == "blocked"
    paid = p.filter(~is_blocked)
    steps = [
        _tell(
            p,
            "measure",
            pl.format("M = sum of {} over {} lines", "measure_name", "line_count"),
            pl.format("from {} to {}", "span_start", "window_end"),
            "measure",
        ),
        _tell(p.filter(pl.col("base_name") != "measure"), "base", _base_formula(), _inputs(base="base_name"), "base"),
        *(
            _tell(p.filter(pl.col(f"{name}_source") != "none"), name, _source_formula(name, letter), inputs, name)
            for name, letter, inputs in (
                ("target", "T", _prior_inputs()),
                ("baseline", "B", pl.lit("")),
                ("incentive", "K", pl.lit("")),
            )
        ),
        _tell(paid, "axis", pl.col("by_axis").replace_strict(AXES), _axis_inputs(), "axis_value"),
        _tell(paid, "tier", _tier_formula(), _inputs(x="axis_value", from_="tier_from", next="next_tier_from"), pl.col("tier").cast(FIGURE)),
        _tell(
            slices,
            "slice",
            pl.format("tier {}: {}{}", "tier", _sum_of_forms(SLICED), pl.col("by_axis").replace_strict(THRESHOLDS)),
            _inputs(from_="slice_from", to="slice_to", slice="slice", **FORMS),
            "slice_payout",
        ),
        _tell(paid, "curve", _curve_formula(), _curve_inputs(), "curve_payout"),
        _tell(
            paid.filter(pl.any_horizontal(pl.col("at_most", "at_least", "pays_from").is_not_null())),
            "limit",
            pl.lit("at_most clips, then less than pays_from pays 0, then at_least lifts"),
            _inputs(at_most="at_most", pays_from="pays_from", at_least="at_least"),
            "limited_payout",
        ),
        _tell(paid, "round", pl.format("rounded {} to {} decimals of {}", pl.lit(rounding), "minor_units", "currency"), pl.lit(""), "earned"),
        _tell(
            paid.filter(pl.col("accumulate") != "window"),
            "prior",
            pl.lit("earned by the span − earned by its earlier windows"),
            _inputs(earned="earned", prior_earned="prior_earned"),
            pl.col("earned") - pl.col("prior_earned"),
        ),
        _tell(
            paid.filter((pl.col("payout") != pl.col("earned") - pl.col("prior_earned")) | (pl.col("carried") != 0)),
            "carry",
            pl.format("clawback: {}; what was paid too much before is set off, what is left is carried", "clawback"),
            _inputs(difference=pl.col("earned") - pl.col("prior_earned"), carried="carried"),
            "payout",
        ),
        _tell(p.filter(is_blocked), "blocked", pl.format("nothing is paid: {}", "status_reason"), pl.lit(""), "payout"),
    ]
    return (
        pl.concat(steps)
        .with_columns(pl.col("step").replace_strict({s: i for i, s in enumerate((*ORDER, "blocked"))}, return_dtype=pl.Int64).alias("rank"))
        # one number to sort by: a payout's steps in order, its slices by tier
        .sort((pl.col("payout_key").cast(pl.Int64) * (len(ORDER) + 1) + pl.col("rank")) * MOST_TIERS + pl.col("detail"))
        .with_columns(pl.int_range(pl.len(), dtype=pl.Int32).alias("row"))
        .with_columns((pl.col("payout_key") != pl.col("payout_key").shift(1)).fill_null(True).alias("is_first"))
        .with_columns((pl.col("row") - pl.when("is_first").then("row").forward_fill() + 1).alias("step_no"))
        .select("payout_key", "step_no", "step", "formula", "inputs", "result")
    )


def _tell(rows: pl.DataFrame, step: str, formula: pl.Expr, inputs: pl.Expr, result: str | pl.Expr) -> pl.DataFrame:
    value = pl.col(result) if isinstance(result, str) else result
    detail = pl.col("tier") if step == "slice" else pl.lit(0)
    return rows.select(
        "payout_key",
        pl.lit(step).alias("step"),
        formula.cast(pl.String).alias("formula"),
        inputs.alias("inputs"),
        value.cast(FIGURE).alias("result"),
        detail.cast(pl.Int32).alias("detail"),
    )


def _inputs(**named: str | pl.Expr) -> pl.Expr:
    """`name = value` for every value that is there, joined by commas; numbers without the zeros at their end."""
    parts = []
    for name, column in named.items():
        value = pl.col(column) if isinstance(column, str) else column
        parts.append(pl.format("{} = {}", pl.lit(name.rstrip("_")), _plain(value)))
    return pl.concat_str(parts, separator=", ", ignore_nulls=True)


def _plain(value: pl.Expr) -> pl.Expr:
    text = value.cast(pl.String)
    return pl.when(text.str.contains(".", literal=True)).then(text.str.strip_chars_end("0").str.strip_chars_end(".")).otherwise(text)


def _prior_inputs() -> pl.Expr:
    is_prior = pl.col("target_source") == "prior"
    return pl.when(is_prior).then(_inputs(prior="prior_measure", times="target_times")).otherwise(pl.lit(""))


def _base_formula() -> pl.Expr:
    return pl.when(pl.col("base_name") == "increment").then(pl.lit("E = max(M − B, 0)")).otherwise(pl.format("E = sum of {}", "base_name"))


def _source_formula(name: str, letter: str) -> pl.Expr:
    source = pl.col(f"{name}_source")
    times = pl.lit(" × times") if name == "target" else pl.lit("")
    told = pl.format("{} = {}", pl.lit(letter), source.replace_strict(SOURCES, default="", return_dtype=pl.String))
    return pl.when(source == "prior").then(pl.concat_str(told, times)).otherwise(told)


def _axis_inputs() -> pl.Expr:
    by = pl.col("by_axis")
    return (
        pl.when(by == "attainment")
        .then(_inputs(M="measure", T="target"))
        .when(by.is_in(["growth", "growth_amount"]))
        .then(_inputs(M="measure", B="baseline"))
        .otherwise(_inputs(M="measure"))
    )


def _tier_formula() -> pl.Expr:
    includes = (pl.col("method") == "linear") | (pl.col("boundary") == "lower_inclusive")
    return pl.when(includes).then(pl.lit("the last tier with from ≤ x")).otherwise(pl.lit("the last tier with from < x"))


def _sum_of_forms(told: dict[str, pl.Expr]) -> pl.Expr:
    """The pay forms that a tier has, each as it pays, joined by plus signs."""
    return pl.concat_str([pl.when(pl.col(form).is_not_null()).then(text) for form, text in told.items()], separator=" + ", ignore_nulls=True)


def _curve_formula() -> pl.Expr:
    method = pl.col("method")
    return (
        pl.when(pl.col("tier") == 0)
        .then(pl.lit("below the first tier: 0"))
        .when(method == "graduated")
        .then(pl.lit("sum of the slices"))
        .when(method == "linear")
        .then(pl.format("{} at x, on the line between the points", _sum_of_forms(PAID)))
        .otherwise(_sum_of_forms(PAID))
    )


def _curve_inputs() -> pl.Expr:
    """The numbers of the tier reached, what they multiply, and for a line the point it runs to."""
    multiplied = {"E": ("rate", "base"), "Q": ("per_unit", "quantity"), "K": ("share", "incentive")}
    values = {letter: pl.when(pl.col(form).is_not_null()).then(column) for letter, (form, column) in multiplied.items()}
    here = _inputs(**FORMS, **values)
    there = _inputs(x="axis_value", from_="tier_from", to="next_tier_from", **{f"{form}_at_to": f"next_{form}" for form in FORMS})
    return (
        pl.when((pl.col("tier") == 0) | (pl.col("method") == "graduated"))
        .then(pl.lit(""))
        .when((pl.col("method") == "linear") & pl.col("next_tier_from").is_not_null())
        .then(pl.concat_str(here, there, separator=", "))
        .otherwise(here)
    )
