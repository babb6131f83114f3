"""What a blocked result lacks, in words: how many lines of how many, and which currency pair on which day.

Belongs here: finding it for blocked results alone, and the words. Does not belong here: why a result is blocked (achievement.py), its figures (incomplete.py).
"""

from __future__ import annotations

import polars as pl

from models.calculation.measures.achievement import MISSING, needs_quantity

#: At most so many currency pairs are listed.
MAX_PAIRS = 5
_NO = {"fx": "no rate", "cost": "no cost", "quantity": "no quantity", "attribute": "no number in {}"}
_KEYS = {"measure": "measure_line_set_key", "base": "base_line_set_key", "quantity": "line_set_key", "ratio": "line_set_key"}


def describe_missing(settled: pl.DataFrame, measures: pl.DataFrame, missing_rates: pl.DataFrame, axes: pl.DataFrame) -> pl.DataFrame:
    """payout_key and `missing` of every blocked payout. settled: one row per payout with its keys and reason. The other frames as in columns.INPUTS."""
    blocked = settled.filter(pl.col("reason").is_not_null())
    described = [_missing_on_lines(blocked.filter(pl.col("reason").is_in(list(_NO))), measures, missing_rates), _missing_figures(blocked, axes)]
    return pl.concat(described)


def _missing_on_lines(blocked: pl.DataFrame, measures: pl.DataFrame, missing_rates: pl.DataFrame) -> pl.DataFrame:
    lines = _line_sets(blocked)
    counts = [
        lines.filter(pl.col("reason") == reason)
        .join(measures, on=["line_set_key", "participant_key", "period_no", "is_prior"], maintain_order="left")
        .group_by("payout_key", "role", "line_set_key", "reason", "is_prior", "attribute", maintain_order=True)
        .agg(pl.col(counter).sum().alias("missing_count"), pl.col("line_count").sum())
        for reason, _, counter in MISSING
    ]
    found = pl.concat(counts).filter(pl.col("missing_count") > 0).unique("payout_key", keep="first", maintain_order=True)
    no = pl.col("reason").replace_strict(_NO, return_dtype=pl.String)
    text = pl.concat_str(
        pl.when("is_prior").then(pl.lit("in the prior year ")).otherwise(pl.lit("")),
        pl.format("{} of {} lines have {}", "missing_count", "line_count", no.str.replace("{}", pl.col("attribute").fill_null(""), literal=True)),
        pl.col("pairs").fill_null(""),
    )
    pairs = _pairs(lines, found, missing_rates)
    return found.join(pairs, on="payout_key", how="left").select("payout_key", text.alias("missing"))


def _line_sets(blocked: pl.DataFrame) -> pl.DataFrame:
    """One row per blocked payout × set of lines that may lack something × period."""
    is_prior = pl.col("missing_lines").is_null()
    needs = {
        "measure": pl.any_horizontal(
            (pl.col("reason") == "fx") & (pl.col("measure") == "distinct"),
            *((pl.col("reason") == reason) & pl.col("measure").is_in(names) for reason, names, _ in MISSING),
        ),
        "base": ~is_prior & pl.any_horizontal((pl.col("reason") == reason) & pl.col("base").is_in(names) for reason, names, _ in MISSING),
        "quantity": ~is_prior & (pl.col("reason") == "quantity") & needs_quantity(),
        "ratio": ~is_prior
        & pl.any_horizontal((pl.col("reason") == reason) & pl.col("axis_needs_sums").str.contains("|".join(names)) for reason, names, _ in MISSING),
    }
    is_elsewhere = (pl.col("role") == "measure") & pl.col("measure_over").is_not_null()
    first = pl.when(is_prior).then("span_first_period").when(is_elsewhere).then("measured_first_period").otherwise("counts_from")
    last = pl.when(is_prior).then("last_period").when(is_elsewhere).then("measured_last_period").otherwise("period_no")
    return (
        pl.concat(
            [
                blocked.filter(needed).with_columns(
                    pl.lit(role).alias("role"), pl.coalesce(pl.when(is_prior).then("prior_line_set_key"), _KEYS[role]).alias("line_set_key")
                )
                for role, needed in needs.items()
            ]
        )
        .with_columns(pl.int_ranges(first, last + 1).alias("period_no"), is_prior.alias("is_prior"))
        .select(
            "payout_key",
            "role",
            "line_set_key",
            "participant_key",
            "reason",
            "is_prior",
            "period_no",
            pl.coalesce("measure_attribute", "measure_times").alias("attribute"),
        )
        .explode("period_no")
        .with_columns(pl.col("period_no").cast(pl.Int32))
    )


def _pairs(lines: pl.DataFrame, found: pl.DataFrame, missing_rates: pl.DataFrame) -> pl.DataFrame:
    """The currency pairs without a rate, each with its first day."""
    listed = (
        lines.filter(pl.col("reason") == "fx")
        .join(found.select("payout_key", "role"), on=["payout_key", "role"])
        .join(missing_rates, on=["line_set_key", "participant_key", "period_no", "is_prior"])
        .group_by("payout_key", "from_currency", "to_currency")
        .agg(pl.col("first_day").min())
        .sort("payout_key", "first_day", "from_currency")
    )
    pair = pl.format("{} to {} on {}", "from_currency", "to_currency", "first_day")
    more = pl.when(pl.len() > MAX_PAIRS).then(pl.lit(" and others")).otherwise(pl.lit(""))
    return listed.group_by("payout_key").agg(pl.concat_str(pl.lit(": "), pair.head(MAX_PAIRS).str.join(", "), more).first().alias("pairs"))


def _missing_figures(blocked: pl.DataFrame, axes: pl.DataFrame) -> pl.DataFrame:
    """Figures of feeds: the row that is missing, or the metrics of which one has no value in the span."""
    of_target = blocked.filter(pl.col("reason").is_in(["target_missing", "baseline_missing", "incentive_missing"])).select(
        "payout_key", pl.format("no {} for {} from {}", pl.col("reason").str.strip_suffix("_missing"), "figures_of", "window_start").alias("missing")
    )
    metrics = axes.drop_nulls("metric").group_by("benefit_key").agg(pl.col("metric").unique().sort().str.join(" or "))
    of_metric = blocked.filter(pl.col("reason") == "metric_missing").join(metrics, on="benefit_key")
    text = pl.format("no value of {} for {} from {} to {}", "metric", "figures_of", "span_start", "counted_until")
    # what other benefits and ratios lack is known where it was looked for
    of_axes = blocked.select("payout_key", missing="axis_missing").drop_nulls("missing") if "axis_missing" in blocked.columns else of_target.clear()
    of_metric = of_metric.select("payout_key", text.alias("missing")).join(of_axes, on="payout_key", how="anti")
    return pl.concat([of_target, of_metric, of_axes])
