"""Payments of single lines: curves that are paid line by line, at the place that the measure has reached with each (`slices: by_line`, `method: running`).

Belongs here: the place of every line in the order of lines, what it is paid, the exact sum. Does not belong here: lump amounts and shares of an incentive,
which are paid once (payouts.py), the lines themselves (SQL: assets/transform/pool_runs.py).

A line that lies within one tier is added to the base and quantity of that tier. Only a line that crosses a threshold is paid by fractions of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from models.calculation.columns import TABLES
from models.calculation.measures.achievement import column_of
from models.calculation.measures.added_fractions import add_up
from models.calculation.measures.amended_windows import is_amended, open_cuts
from models.calculation.measures.openings import open_lines
from models.curves.axes import read_integers, threshold
from models.curves.compiled import PAYS_LINES, Scheme
from models.curves.inputs import EXACT_SCALE, ScaledInputs, integers, scaled_inputs
from models.curves.pieces import START_SCALE, Exact, choose, exact
from models.curves.vocabulary import CURVE
from models.money import EXACT, as_exact

#: A line among the lines of a run. `scale`: the terms of a version in a run, whose tiers pay the lines of its days; `part_no`: which of the versions.
_LINE = ("run", "scale", "part_no", "place", "period_no", "file_no", "row_no")
_LINE_SETS = ("line_set_key", "measure_line_set_key", "base_line_set_key")
_SUMS = ("own", "paid_base", "paid_quantity")
_IS_RUNNING = pl.col("method") == "running"
_IS_INCLUSIVE = pl.col("boundary") == "lower_inclusive"


def pay_lines(rows: pl.DataFrame, figures: ScaledInputs, scheme: Scheme) -> tuple[Exact, Exact]:
    """What the lines of each row's span are paid, up to the row's period, as a ratio. rows: payout × period, of benefits that pay lines; figures: theirs.

    One row in, one out.
    """
    order = np.lexsort((rows["period_no"].to_numpy(), rows["payout_key"].to_numpy()))
    rows, figures = rows[order], figures.at(order)
    run = _number_runs(rows, figures, scheme.lines["lines"])
    pieces = _cut(rows, scheme, run)
    ends = pl.DataFrame({"run": run, "period_no": rows["period_no"], "at": np.arange(len(rows))})
    found = pieces.sort("period_no").join_asof(ends.sort("period_no"), on="period_no", by="run", strategy="forward", check_sortedness=False)
    found = found.drop_nulls("at")
    paid = add_up(found["at"].to_numpy(), read_integers(found["numerator"]), read_integers(found["denominator"]), run) if len(found) else _nothing(len(rows))
    back = np.argsort(order)
    return paid[0][back], paid[1][back]


def _nothing(length: int) -> tuple[Exact, Exact]:
    return np.zeros(length, dtype=object), np.ones(length, dtype=object) * exact([1] * length)


def list_pieces(settled: pl.DataFrame, scheme: Scheme) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What each line of a payout's own window is paid, by tier (TABLES); and what all lines of its span are paid, by tier: payout_key, tier, line_payout.

    settled: one row per payout. Blocked payouts have none.
    """
    rows = settled.filter(PAYS_LINES & pl.col("reason").is_null())
    if rows.is_empty():
        return pl.DataFrame(schema=TABLES["payout_pieces"]), pl.DataFrame(schema={"payout_key": pl.Int32, "tier": pl.Int32, "line_payout": EXACT})
    pieces = _cut(rows, scheme, np.arange(len(rows)), by_line=True)
    of_run = rows.select("payout_key", "first_period", run=pl.int_range(pl.len(), dtype=pl.Int64))
    pieces = pieces.join(of_run, on="run", maintain_order="left")
    by_tier = pieces.filter(pl.col("tier") > 0).group_by("payout_key", "tier").agg(pl.col("weight").sum().cast(EXACT).alias("line_payout"))
    own = pieces.filter((pl.col("period_no") >= pl.col("first_period")) & pl.col("is_measured"))
    pays_nothing = pl.col("weight").sum().over("payout_key") <= 0
    own = own.with_columns(pl.when(pays_nothing).then("measure").otherwise("weight").cast(EXACT).alias("weight"))
    return own.select(*TABLES["payout_pieces"]).sort("payout_key", "file_no", "row_no", "tier"), by_tier


def pay_parts(rows: pl.DataFrame, scheme: Scheme) -> pl.DataFrame:
    """What the lines of each version's days are paid, by it: at (the row), part_no, numerator and denominator as texts. rows: one per payout."""
    at = np.flatnonzero(scheme.by_line[rows["benefit_key"].to_numpy().astype(np.int64)])
    if not at.size:
        return pl.DataFrame(schema={"at": pl.Int64, "part_no": pl.Int32, "numerator": pl.String, "denominator": pl.String})
    pieces = _cut(rows[at], scheme, np.arange(len(at)))
    return pieces.with_columns(pl.Series("at", at[pieces["run"].to_numpy()], dtype=pl.Int64)).select("at", "part_no", "numerator", "denominator")


def _number_runs(rows: pl.DataFrame, figures: ScaledInputs, lines: pl.DataFrame) -> np.ndarray:
    """The run of each row: rows of one payout, one after the other, that cut lines at the same thresholds. Where lines of a participant do not follow each
    other by period, each row is a run: what counts later may come earlier in the order of lines."""
    is_mixed = (pl.col("period_no") < pl.col("period_no").shift(1).over("line_set_key", "participant_key")).fill_null(False)
    mixed = lines.sort("line_set_key", "participant_key", "place").filter(is_mixed)["participant_key"].unique()
    ones = np.ones(len(rows), dtype=object)
    same = [rows["payout_key"].to_numpy(), *(np.asarray(value) * ones for value in (figures.target, figures.baseline, figures.divisor, figures.days))]
    changes = np.zeros(len(rows), dtype=bool)
    for values in same:
        changes[1:] |= (values[1:] != values[:-1]).astype(bool)
    changes |= rows["participant_key"].is_in(mixed.implode()).to_numpy() | is_amended(rows)
    return np.cumsum(changes) - int(changes[0]) if len(rows) else np.zeros(0, dtype=np.int64)


def _cut(rows: pl.DataFrame, scheme: Scheme, run: np.ndarray, by_line: bool = False) -> pl.DataFrame:
    """What lines are paid: `numerator` / `denominator`, as texts, by run, version, period_no and tier; with by_line each line alone, with `measure`, its
    part in the tier, and `weight`, what that is paid.

    run: of every row, ascending. Lines of all periods of a run's span up to its last row are cut.
    """
    numbered = rows.with_columns(pl.Series("run", run, dtype=pl.Int64))
    runs = numbered.group_by("run", maintain_order=True).agg(pl.all().exclude("period_no").first(), pl.col("period_no").max().alias("until"))
    scales = _list_scales(runs, scheme.lines["benefits"])
    points, starts, divisor = _thresholds(scales, scaled_inputs(scales), scheme)
    lines = _lines_of(scales, scheme.lines["lines"], scheme.lines["openings"])
    terms = scales.select("scale", "method", "boundary")
    # the measure runs through all versions
    lines = lines.join(terms, on="scale", maintain_order="left").with_columns(pl.col("own").cum_sum().over("run").alias("after"))
    lines = lines.with_columns((pl.col("after") - pl.col("own")).alias("before"))
    return _pay(_place(lines, points), points, starts, divisor, by_line)


def _list_scales(runs: pl.DataFrame, benefits: pl.DataFrame) -> pl.DataFrame:
    """One row per run, or per version whose terms hold in it, with its figures and its line sets; `begins` to `until`: the periods whose lines it pays."""
    numbered = runs.with_columns(pl.col("span_first_period").alias("begins"), pl.lit(0, pl.Int32).alias("part_no"))
    amended = is_amended(runs)
    if amended.any():
        versions = open_cuts(runs.filter(amended)).filter(pl.col("sign") > 0).drop("at", "boundary", *_LINE_SETS)
        versions = versions.join(benefits.select("benefit_key", "boundary", *_LINE_SETS), on="benefit_key", maintain_order="left").with_columns(
            pl.col("first_period_of_part").alias("begins"), pl.min_horizontal("last_period_of_part", "until").alias("until"), pl.col("part_no").cast(pl.Int32)
        )
        numbered = pl.concat([numbered.filter(~amended).drop("cuts"), versions], how="diagonal_relaxed")
    return numbered.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("scale"))


def _thresholds(runs: pl.DataFrame, figures: ScaledInputs, scheme: Scheme) -> tuple[pl.DataFrame, Exact, Exact]:
    """One row per scale × tier: the numbers between which a measure lies below, at or above its threshold; the exact thresholds, and their divisor."""
    tiers = scheme.lines["tiers"].select("benefit_key", "tier", "from_value", "rate", "per_unit")
    points = runs.select("scale", "benefit_key", "method", pl.int_range(pl.len()).alias("at")).join(tiers, on="benefit_key").sort("scale", "tier")
    at = points["at"].to_numpy()
    kind = scheme.axes.kinds[CURVE][points["benefit_key"].to_numpy().astype(np.int64)]
    of_tier = figures.at(at)
    starts, _ = threshold(kind, of_tier, integers(points["from_value"]))
    divisor = of_tier.divisor * START_SCALE * exact([1] * len(points))
    # slices of `graduated` begin at 0
    sliced = choose((points["method"] == "running").to_numpy(), starts, choose(starts > 0, starts, 0))
    names: dict[str, Any] = {}
    for name, values in (("place", starts), ("slice", sliced)):
        floor = values * EXACT_SCALE // divisor
        names[f"{name}_floor"], names[f"{name}_ceil"] = floor, -(-values * EXACT_SCALE // divisor)
    one = exact([EXACT_SCALE] * len(points))
    return points.with_columns(as_exact(values, one).alias(name) for name, values in names.items()), sliced, divisor


def _opened(runs: pl.DataFrame, lines: pl.DataFrame, openings: pl.DataFrame) -> list[pl.DataFrame]:
    """Opening balances of the runs, each the first line on its day."""
    if openings.is_empty():
        return []
    is_measure = pl.col("base").is_in(["measure", "increment"])
    return [
        runs.select("run", "scale", "part_no", "agreement_id", "benefit_id", "participant_key", "base", "begins", "until")
        .join(open_lines(lines, openings), on=["agreement_id", "benefit_id", "participant_key"])
        .filter(pl.col("period_no").is_between("begins", "until"))
        .select(
            *_LINE,
            own=pl.col("opening_measure").cast(EXACT),
            paid_base=pl.when(is_measure).then("opening_measure").otherwise("opening_base").cast(EXACT),
            paid_quantity=pl.col("opening_quantity").cast(EXACT),
            is_measured=pl.lit(True),
        )
    ]


def _lines_of(runs: pl.DataFrame, lines: pl.DataFrame, openings: pl.DataFrame) -> pl.DataFrame:
    """The lines of each run in order: what each brings to the measure, and the base and quantity that are paid; `is_measured`: it is one of the measure's."""
    measured = column_of(pl.col("measure"))
    brings: dict[str, dict[str, pl.Expr]] = {
        "line_set_key": {"paid_quantity": pl.col("quantity").cast(EXACT)},
        "measure_line_set_key": {
            "own": measured, "paid_base": pl.when(pl.col("base") == "measure").then(measured), "is_measured": pl.lit(True),
        },
        "base_line_set_key": {"paid_base": pl.when(pl.col("base") != "measure").then(column_of(pl.col("base")))},
    }  # fmt: skip
    found = [
        runs.select("run", "scale", "part_no", "participant_key", "measure", "base", "begins", "until", key)
        .join(lines, left_on=[key, "participant_key"], right_on=["line_set_key", "participant_key"])
        .filter(pl.col("period_no").is_between("begins", "until"))
        .select(*_LINE, **columns)
        for key, columns in brings.items()
    ]
    found += _opened(runs, lines, openings)
    return (
        pl.concat(found, how="diagonal")
        .group_by(_LINE)
        .agg(*(pl.col(name).sum().cast(EXACT) for name in _SUMS), pl.col("is_measured").any())
        .sort("run", "place")
    )


def _place(lines: pl.DataFrame, points: pl.DataFrame) -> pl.DataFrame:
    """`tier`, where the line lies in one, and `last_tier`, the highest that it crosses into."""
    own, after, before = pl.col("own"), pl.col("after"), pl.col("before")
    reached = pl.when(_IS_RUNNING & (own < 0)).then(before).otherwise(after)
    lines = lines.with_columns(reached.alias("reached"), pl.min_horizontal("before", "after").alias("low"), pl.max_horizontal("before", "after").alias("high"))
    for name, value, key, is_exact in (
        ("inclusive", "reached", "place_ceil", True),
        ("strict", "reached", "place_floor", False),
        ("first_slice", "low", "slice_ceil", True),
        ("last_slice", "high", "slice_floor", False),
    ):
        lines = _tier_at(lines, value, points, key, is_exact, name)
    stands = pl.when(_IS_INCLUSIVE).then("inclusive").otherwise("strict")
    is_cut = ~_IS_RUNNING & (own != 0)
    below = ~_IS_RUNNING & (own == 0) & (after < 0)
    return lines.with_columns(
        pl.when(below).then(0).when(is_cut).then("first_slice").otherwise(stands).cast(pl.Int32).alias("tier"),
        pl.when(is_cut).then(pl.max_horizontal("first_slice", "last_slice")).otherwise(None).cast(pl.Int32).alias("last_tier"),
    ).with_columns(pl.coalesce("last_tier", "tier").alias("last_tier"))


def _tier_at(lines: pl.DataFrame, value: str, points: pl.DataFrame, key: str, is_exact: bool, name: str) -> pl.DataFrame:
    """The last tier of the scale whose `key` is up to the value (below it, where not is_exact); 0: none."""
    tiers = points.select("scale", key, pl.col("tier").alias(name)).sort(key, name)
    found = lines.select("scale", pl.col(value).alias("value"), pl.int_range(pl.len(), dtype=pl.Int64).alias("row")).sort("value")
    placed = found.join_asof(tiers, left_on="value", right_on=key, by="scale", allow_exact_matches=is_exact, check_sortedness=False).sort("row")
    return lines.with_columns(placed[name].fill_null(0))


def _pay(lines: pl.DataFrame, points: pl.DataFrame, starts: Exact, divisor: Exact, by_line: bool) -> pl.DataFrame:
    rates = points.select("scale", "tier", "rate", "per_unit")
    is_crossing = pl.col("last_tier") > pl.col("tier")
    within = lines.filter(~is_crossing)
    keys = [*_LINE, "tier", "is_measured"] if by_line else ["run", "scale", "part_no", "period_no", "tier"]
    if not by_line:
        within = within.filter(pl.col("tier") > 0).group_by(keys).agg(pl.col(name).sum().cast(EXACT) for name in _SUMS)
    within = within.join(rates, on=["scale", "tier"], how="left", maintain_order="left")
    simple = _paid(within)
    found = [_terms(within.with_columns(pl.col("own").alias("measure")), keys, simple, exact([EXACT_SCALE**2] * len(within)), by_line)]
    crossing = lines.filter(is_crossing).with_columns(pl.int_ranges("tier", pl.col("last_tier") + 1).alias("tier")).explode("tier")
    if len(crossing):
        crossing = crossing.with_columns(pl.col("tier").cast(pl.Int32)).join(rates, on=["scale", "tier"], how="left", maintain_order="left")
        part, of = _parts(crossing, points, starts, divisor)
        numerator, denominator = _paid(crossing) * part, EXACT_SCALE**2 * of
        common = np.gcd(numerator, denominator)
        lies = as_exact(integers(crossing["own"]) * part, of * EXACT_SCALE)
        found.append(_terms(crossing.with_columns(lies.alias("measure")), keys, numerator // common, denominator // common, by_line))
    return pl.concat(found)


def _paid(lines: pl.DataFrame) -> Exact:
    """rate × base + per_unit × quantity, in 1/EXACT_SCALE²."""
    paid: Exact = integers(lines["rate"]) * integers(lines["paid_base"]) + integers(lines["per_unit"]) * integers(lines["paid_quantity"])
    return paid


def _parts(crossing: pl.DataFrame, points: pl.DataFrame, starts: Exact, divisor: Exact) -> tuple[Exact, Exact]:
    """The part of each line that lies in its tier, as a ratio. crossing: one row per line × tier."""
    numbered = points.select("scale", "tier", pl.int_range(pl.len(), dtype=pl.Int64).alias("point"))
    own = crossing.select("scale", "tier").join(numbered, on=["scale", "tier"], how="left", maintain_order="left")["point"]
    following = crossing.select("scale", pl.col("tier") + 1).join(numbered, on=["scale", "tier"], how="left", maintain_order="left")["point"]
    # any point of the scale says the divisor
    unit = divisor[pl.select(pl.coalesce(own, following)).to_series().to_numpy()]
    low, high = (integers(crossing[name]) * (unit // EXACT_SCALE) for name in ("low", "high"))
    first = choose(own.is_null().to_numpy(), low, np.maximum(starts[own.fill_null(0).to_numpy()], low))
    last = choose(following.is_null().to_numpy(), high, np.minimum(starts[following.fill_null(0).to_numpy()], high))
    length = last - first
    return choose(length > 0, length, 0), high - low


def _terms(lines: pl.DataFrame, keys: list[str], numerator: Exact, denominator: Exact, by_line: bool) -> pl.DataFrame:
    if by_line:
        return lines.select(*keys, "measure").with_columns(as_exact(numerator, denominator).alias("weight"))
    texts = {"numerator": numerator, "denominator": denominator}
    return lines.select(keys).with_columns(pl.Series(name, [str(value) for value in values], dtype=pl.String) for name, values in texts.items())
