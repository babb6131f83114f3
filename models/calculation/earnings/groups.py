"""Groups: benefits that apply their curve and their limits to each group of lines alone (`each`), and add up what the groups earn.

Belongs here: the figures of every group to the end of each period, what it earns, and the exact sum. Does not belong here: sums per group and period (SQL:
int_measures_summed), curves and limits (payouts.py), multiplier, gates and rounding, which are of the sum (payouts.py).

A group changes only in periods in which it has lines, so it is evaluated there alone, unless its place is the participant's. What a payout earns up to a
period is the sum over its groups of the last evaluation by then.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from models.calculation.columns import SUMMED, TABLES
from models.calculation.earnings.payouts import Keys, limit_results, pay_curves, place_results
from models.calculation.measures.achievement import column_of
from models.calculation.measures.added_fractions import add_up
from models.calculation.measures.multiples import count_multiples, rounds_up
from models.curves.axes import as_integers, sum_to_date
from models.curves.compiled import Scheme
from models.curves.inputs import integers, scaled_inputs
from models.curves.pieces import Exact, choose
from models.curves.vocabulary import COLUMNS, CURVE
from models.money import EXACT, as_exact

#: So many groups are evaluated at once.
CHUNK = 50_000
#: The roles of lines: of the benefit, of its measure, of its base.
_ROLES = {"own": "line_set_key", "measure": "measure_line_set_key", "base": "base_line_set_key"}
_GROUP = ("payout_key", "group_value")
#: Sums over the benefit's own lines, for ratios.
_OF_RATIOS = {"amount_to_date": "amount", "cost_to_date": "cost", "units_to_date": "quantity", "count_to_date": "line_count"}
#: Terms that the figures come with.
_TERMS = ("base", "measure_every", "measure_round")
#: The figures of a group up to the end of a period.
_FIGURES = ("measure_to_date", "base_to_date", "quantity_to_date", *_OF_RATIOS, "lines_to_date")


@dataclass(frozen=True)
class Groups:
    """Figures to date: one row per payout × group × period in which the group has lines, a group's periods one after the other.

    `ended`: the groups at the end of the payouts that earn_groups has evaluated, with `pays` and `tier`.
    """

    figures: pl.DataFrame
    ended: list[pl.DataFrame] = field(default_factory=list)

    def at(self, rows: pl.DataFrame, axes: pl.DataFrame) -> pl.DataFrame:
        """The figures at these rows of results; `at` is the place of the result, `until` that of the result at which the group changes next."""
        places = rows.select("payout_key", "period_no", pl.int_range(pl.len(), dtype=pl.Int64).alias("at"))
        return (
            self._at_every_place(rows, axes)
            .join(places, on=["payout_key", "period_no"], maintain_order="left")
            .with_columns(pl.col("at").shift(-1).over(_GROUP).alias("until"))
        )

    def _at_every_place(self, rows: pl.DataFrame, axes: pl.DataFrame) -> pl.DataFrame:
        """The figures; where the place on the curve is the participant's and may change without a line of the group, those of every period from a group's
        first line on."""
        moving = axes.filter(pl.col("slot").is_in((CURVE, COLUMNS)) & pl.col("axis").is_in(("metric", "benefit", "score")))
        places = rows.join(moving, on="benefit_key", how="semi").select("payout_key", "period_no")
        if places.is_empty():
            return self.figures
        of_places = self.figures.join(places, on="payout_key", how="semi")
        every = (
            places.join(of_places.group_by(_GROUP).agg(pl.col("period_no").min().alias("first")), on="payout_key")
            .filter(pl.col("period_no") >= pl.col("first"))
            .drop("first")
            .join(of_places, on=[*_GROUP, "period_no"], how="left", nulls_equal=True)
            .sort(*_GROUP, "period_no")
            .with_columns(pl.col(name).forward_fill().over(_GROUP) for name in (*_FIGURES, *_TERMS))
        )
        return pl.concat([self.figures.join(places, on="payout_key", how="anti"), every.select(self.figures.columns)])


def sum_groups(rows: pl.DataFrame, groups: pl.DataFrame) -> Groups | None:
    """The figures of all groups; None where no benefit has any. rows: of achievement.measure_periods. groups: as in columns.INPUTS."""
    grouped = rows.filter(pl.col("each").is_not_null())
    if grouped.is_empty():
        return None
    measured, base = column_of(pl.col("measure")), column_of(pl.col("base"))
    of_measure = {"measure_to_date": measured, "base_to_date": pl.when(pl.col("base") == "measure").then(measured), "lines_to_date": pl.col("line_count")}
    brings: dict[str, dict[str, pl.Expr]] = {
        "own": {"quantity_to_date": pl.col("quantity").cast(EXACT), **{name: pl.col(column) for name, column in _OF_RATIOS.items()}},
        "measure": of_measure,
        "base": {"base_to_date": pl.when(pl.col("base") != "measure").then(base)},
    }
    keys = grouped.select("payout_key", "period_no", "participant_key", "measure", *_TERMS, *_ROLES.values())
    found = [
        keys.join(
            groups.select("line_set_key", "participant_key", "period_no", "group_value", *SUMMED),
            left_on=[key, "participant_key", "period_no"],
            right_on=["line_set_key", "participant_key", "period_no"],
        ).select("payout_key", "period_no", "group_value", *_TERMS, **brings[role])
        for role, key in _ROLES.items()
    ]
    figures = (
        pl.concat(found, how="diagonal")
        .group_by(*_GROUP, "period_no", *_TERMS)
        .agg(pl.col(name).sum() for name in _FIGURES)
        .sort(*_GROUP, "period_no")
        .with_columns(pl.col(name).cum_sum().over(_GROUP) for name in _FIGURES)
    )
    is_counted = figures["measure_every"].is_not_null()
    return Groups(_count(figures, is_counted) if is_counted.any() else figures)


def _count(figures: pl.DataFrame, is_counted: pl.Series) -> pl.DataFrame:
    """Every group counts its own multiples."""
    counted = figures.filter(is_counted)
    number = count_multiples(integers(counted["measure_to_date"]), integers(counted["measure_every"]), rounds_up(counted))
    counts = pl.DataFrame({"row": np.flatnonzero(is_counted.to_numpy()), "number": as_exact(number, np.ones(len(number), dtype=object))})
    figures = figures.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("row")).join(counts, on="row", how="left", maintain_order="left")
    of_base = pl.when(pl.col("base") == "measure").then("number")
    return figures.with_columns(
        *(pl.coalesce("number", name).alias(name) for name in ("measure_to_date", "quantity_to_date")),
        pl.coalesce(of_base, "base_to_date").alias("base_to_date"),
    ).drop("row", "number")


def count_in_groups(rows: pl.DataFrame, groups: Groups | None) -> pl.DataFrame:
    """The rows with measure_to_date, and what is equal to it, as the sum over groups where these count multiples. One row in, one out."""
    if groups is None or groups.figures["measure_every"].is_null().all():
        return rows
    counted, number = groups.figures.filter(pl.col("measure_every").is_not_null()), pl.col("measure_to_date")
    changes = counted.with_columns((number - number.shift(1).over(_GROUP).fill_null(0)).alias("number"))
    added = changes.group_by("payout_key", "period_no").agg(pl.col("number").sum())
    is_count = pl.col("each").is_not_null() & pl.col("measure_every").is_not_null()
    is_base = is_count & (pl.col("base") == "measure")
    return (
        rows.join(added, on=["payout_key", "period_no"], how="left", maintain_order="left")
        .with_columns(pl.col("number").fill_null(0).cum_sum().over("payout_key"))
        .with_columns(
            *(pl.when(is_count).then("number").otherwise(name).cast(EXACT).alias(name) for name in ("measure_to_date", "quantity_to_date")),
            *(pl.when(is_base).then("number").otherwise(name).cast(EXACT).alias(name) for name in ("base_sum", "base_to_date")),
        )
        .drop("number")
    )


def earn_groups(rows: pl.DataFrame, groups: Groups | None, axes: pl.DataFrame, scheme: Scheme) -> pl.DataFrame:
    """The rows with groups_numerator / groups_denominator, what the groups earn up to the end of the period, and groups_tier, the highest that one of them
    has reached; null where a benefit has no groups, and for blocked rows. One row in, one out; without groups, without these columns.

    With a placement of {tier: n}, tier_numerator / tier_denominator are what they would earn at that tier.
    """
    is_grouped = pl.col("each").is_not_null() & pl.col("reason").is_null()
    if groups is None or rows.filter(is_grouped).is_empty():
        return rows
    grouped = rows.filter(is_grouped)
    found = groups.at(grouped, axes)
    # results of grouped rows are numbered among all rows
    payout = grouped.select(pl.col("payout_key").rle_id()).to_series().to_numpy().astype(np.int64)
    earned = _Earned.of(found, grouped, axes, scheme)
    tiers = _highest_tiers(grouped, found, earned.tier)
    columns = {"groups": earned.added_up(found, payout)}
    placed_at = grouped["placement"].gather(found["at"]) == "tier"
    if placed_at.any():
        some = found.filter(placed_at)
        forced = grouped["placement_tier"].gather(some["at"]).to_numpy().astype(np.int64)
        columns["tier"] = _Earned.of(some, grouped, axes, scheme, forced).added_up(some, payout)
    shows = rows.select(is_grouped).to_series()
    texts = {f"{name}_{part}": values for name, sums in columns.items() for part, values in zip(("numerator", "denominator"), sums, strict=True)}
    own = grouped.select("payout_key", "period_no").with_columns(
        pl.Series(name, [str(value) for value in values], dtype=pl.String) for name, values in texts.items()
    )
    rows = (
        rows.join(own, on=["payout_key", "period_no"], how="left", maintain_order="left")
        .join(tiers, on=["payout_key", "period_no"], how="left", maintain_order="left")
        .with_columns(pl.when(shows).then(pl.col("groups_tier").fill_null(0)).alias("groups_tier"))
    )
    last = found.with_columns(as_exact(earned.numerator, earned.denominator).alias("pays"), pl.Series("tier", earned.tier, dtype=pl.Int32))
    groups.ended.append(last.filter(pl.col("until").is_null()))
    return rows


def list_groups(groups: Groups | None) -> pl.DataFrame:
    """The groups at the end of every payout: the columns of TABLES, and base and quantity."""
    if groups is None or not groups.ended:
        return pl.DataFrame(schema={**TABLES["payout_groups"], "base": EXACT, "quantity": EXACT})
    names = {"measure_to_date": "measure", "base_to_date": "base", "quantity_to_date": "quantity", "lines_to_date": "line_count"}
    return pl.concat(groups.ended).drop("base").rename(names).select(*TABLES["payout_groups"], "base", "quantity").sort(*_GROUP, nulls_last=True)


@dataclass(frozen=True)
class _Earned:
    """What each group earns: a ratio in lowest terms and its tier."""

    numerator: Exact
    denominator: Exact
    tier: Keys

    @staticmethod
    def of(found: pl.DataFrame, rows: pl.DataFrame, axes: pl.DataFrame, scheme: Scheme, tier: Keys | None = None) -> _Earned:
        """What the groups earn, a part of them after the other. rows: the results that `at` numbers. tier: the tier to use instead of the one reached."""
        parts, terms = [], rows.drop(*_FIGURES, *_TERMS, "payout_key", "period_no", strict=False)
        for start in range(0, max(len(found), 1), CHUNK):  # also where no line is there yet
            chunk, forced = found[start : start + CHUNK], None if tier is None else tier[start : start + CHUNK]
            parts.append(_evaluate(chunk.hstack(terms[chunk["at"]]), axes, scheme, forced))
        return _Earned(*(np.concatenate(each) for each in zip(*parts, strict=True)))

    def added_up(self, found: pl.DataFrame, payout: Keys) -> tuple[Exact, Exact]:
        """The sum over the groups of a payout up to each row of results, as a ratio. payout: the number of the payout of every row."""
        ends = found["until"].is_not_null().to_numpy()
        at = np.concatenate([found["at"].to_numpy(), found["until"].filter(found["until"].is_not_null()).to_numpy()])
        return add_up(at, np.concatenate([self.numerator, -self.numerator[ends]]), np.concatenate([self.denominator, self.denominator[ends]]), payout)


def _evaluate(found: pl.DataFrame, axes: pl.DataFrame, scheme: Scheme, tier: Keys | None) -> tuple[Exact, Exact, Keys]:
    found, is_placed = _place_on_ratios(found, axes)
    benefit, figures = found["benefit_key"].to_numpy().astype(np.int64), scaled_inputs(found)
    place = place_results(found, figures, scheme, benefit, ~is_placed, tier)
    numerator, denominator = limit_results(found, figures, *pay_curves(figures, scheme, benefit, place))[0]
    numerator = choose(is_placed, numerator, 0)
    common = np.gcd(numerator, denominator)
    return numerator // common, denominator // common, np.where(is_placed, place.tier, 0)


def _place_on_ratios(found: pl.DataFrame, axes: pl.DataFrame) -> tuple[pl.DataFrame, npt.NDArray[np.bool_]]:
    """The groups with their own ratios as places on the curve; and which have one, or need none: the second sum of the others is not above 0."""
    is_placed = pl.lit(True)
    of_curve = axes.filter((pl.col("axis") == "ratio") & pl.col("slot").is_in((CURVE, COLUMNS))).join(found.select("benefit_key"), on="benefit_key", how="semi")
    for slot, of, to, keys in of_curve.group_by("slot", "ratio_of", "ratio_to").agg("benefit_key").iter_rows():
        is_here, first, second = pl.col("benefit_key").is_in(keys), sum_to_date(of), sum_to_date(to)
        is_placed &= ~is_here | (second > 0)
        found = found.with_columns(
            pl.when(is_here).then(as_integers(sums)).otherwise(f"axis_{part}_{slot}").alias(f"axis_{part}_{slot}")
            for part, sums in (("numerator", first), ("denominator", second))
        )
    return found, found.select(pl.repeat(True, pl.len()) & is_placed).to_series().to_numpy()


def _highest_tiers(rows: pl.DataFrame, found: pl.DataFrame, tier: Keys) -> pl.DataFrame:
    """payout_key, period_no, groups_tier: the highest tier in which a group stands at the end of the period; 0 where it is below the first."""
    reached = found.select(*_GROUP, "period_no", pl.Series("tier", tier, dtype=pl.Int32)).with_columns(pl.col("tier").shift(1).over(_GROUP).alias("before"))
    changes = pl.concat(
        [reached.select("payout_key", "period_no", "tier", change=1), reached.drop_nulls("before").select("payout_key", "period_no", tier="before", change=-1)]
    )
    standing = changes.group_by("payout_key", "period_no", "tier").agg(pl.col("change").sum())
    return (
        rows.select("payout_key", "period_no")
        .join(standing.select("payout_key", "tier").unique(), on="payout_key")
        .join(standing, on=["payout_key", "period_no", "tier"], how="left")
        .sort("payout_key", "tier", "period_no")
        .with_columns(pl.col("change").fill_null(0).cum_sum().over("payout_key", "tier"))
        .filter(pl.col("change") > 0)
        .group_by("payout_key", "period_no")
        .agg(pl.col("tier").max().alias("groups_tier"))
    )
