"""Steps of draws: what the other benefits pay, what is guaranteed, the balance, and what is paid in advance or taken back.

Belongs here: formulas of draws. Does not belong here: computing numbers (models/calculation/earnings/draws.py), steps of benefits with a curve (steps.py).
"""

from __future__ import annotations

import polars as pl

from models.calculation.earnings.draws import Draws
from models.calculation.explanation.steps import inputs_of, plain, step_rows
from models.currencies import describe_payout_unit


def list_draw_steps(draws: Draws, rounding: str) -> pl.DataFrame:
    """One row per payout of a draw × step: payout_key, step_no, step, formula, inputs, result. The last step is what it pays."""
    rows = draws.rows.join(_words(draws), on="payout_key", how="left", maintain_order="left").with_columns(
        pl.col("against").list.join(" and ").alias("names"), pl.col("words").fill_null("")
    )
    units = {unit: describe_payout_unit(unit) for unit in rows["payout_unit"].unique()}
    rounded = pl.format("rounded {} to {} {}", pl.lit(rounding), pl.col("payout_unit").replace_strict(units, return_dtype=pl.String), "currency")
    is_part, is_short, is_blocked = pl.col("of_days") > 1, pl.col("drawn_against") < pl.col("guaranteed"), pl.col("blocked_by").is_not_null()
    amount = pl.when(is_part).then(pl.lit("g = amount × f")).otherwise(pl.lit("g = amount"))
    capped = pl.when(pl.col("ceiling").is_not_null()).then(pl.lit(", no more than ceiling − balance")).otherwise(pl.lit(""))
    kept = pl.when("recovers").then(pl.format("{}; the balance grows by it", capped)).otherwise(pl.lit("; nothing of it is recovered"))
    takes_back = "E ≥ g: takes back the smaller of balance and E − g, which the balance loses"
    pays = pl.when(is_short).then(pl.format("E < g: pays g − E{}", kept)).otherwise(pl.lit(takes_back))
    blocked = rows.filter(is_blocked)
    paid = rows.filter(~is_blocked)
    steps = [
        step_rows(paid, "against", pl.format("E = payouts of {} whose windows end in this one", "names"), pl.col("words"), "drawn_against"),
        step_rows(
            rows,
            "guarantee",
            pl.concat_str(amount, pl.lit(", "), rounded),
            inputs_of(amount="draw_amount", f=pl.when(is_part).then(pl.format("{}/{}", "days", "of_days"))),
            "guaranteed",
        ),
        step_rows(rows, "balance", pl.lit("what earlier windows paid in advance and have not taken back"), pl.lit(""), "balance_before"),
        step_rows(
            paid,
            "draw",
            pays,
            inputs_of(g=plain("guaranteed"), E=plain("drawn_against"), balance=plain("balance_before"), ceiling="ceiling", balance_after=plain("balance")),
            "drawn",
        ),
        step_rows(blocked, "blocked", pl.lit("nothing is paid: benefit_blocked"), pl.format("no payout of {}, whose own steps say why", "blocked_by"), "drawn"),
    ]
    numbered = pl.concat(step.with_columns(pl.lit(i).alias("rank")) for i, step in enumerate(steps)).sort("payout_key", "rank")
    return numbered.with_columns((pl.int_range(pl.len(), dtype=pl.Int32).over("payout_key") + 1).alias("step_no")).select(
        "payout_key", "step_no", "step", "formula", "inputs", "result"
    )


def _words(draws: Draws) -> pl.DataFrame:
    """payout_key and words: what each of the other benefits pays, by name."""
    sums = draws.parts.group_by("payout_key", "benefit_id", maintain_order=True).agg(pl.col("payout").sum())
    words = pl.format("{} = {}", "benefit_id", plain("payout"))
    return sums.group_by("payout_key", maintain_order=True).agg(words.str.join(", ").alias("words"))
