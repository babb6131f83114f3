"""What the agreements of a run would pay on other volumes: the calculation of the run on their lines and sums, changed.

Belongs here: which agreements are computed together, volumes, months drawn anew. Does not belong here: the tables of all variants (variants.py), the
calculation (models/calculation), what is told of it (costs.py).

Volumes scale lines and sums, month by month. Draws put months in the place of others. Targets, metrics, the year before and which lines count stay. Where
single lines decide (`running`, `by_line`, placed pools, agreements that are net of others and those others) it is lines that are changed, else sums of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from assets.runtime.context import RunContext
from assets.runtime.warehouse import open_warehouse
from assets.simulation.variants import keep_history, make_variants
from assets.transform.calculate import calculate_payouts, period_of_as_of
from assets.transform.dbt import build_sums, read_variables

if TYPE_CHECKING:
    import duckdb

Cost = dict[str, Decimal]
#: So many results (payout × period) are computed at once, on so many lines.
_RESULTS_AT_ONCE, _LINES_AT_ONCE = 60_000, 1_000_000
#: A factor has so many decimals.
_FINEST = Decimal("1e-12")
_PAIRS = dict.fromkeys(("period_no", "source", "target", "becomes"), pl.Int32)
#: Agreements of which each line decides.
_OF_LINES = """
    select distinct agreement_id from terms.benefits join terms.agreements using (agreement_key)
    where slices is not null or method = 'running' or (pool = 'placed' and method = 'graduated')"""
_NETS = "select distinct above.agreement_id, nets.agreement_id from terms.nets join terms.agreements as above using (agreement_key)"
#: What else an agreement looks at: those of its group, and the one whose draw it goes on with.
_LOOKS_AT = f"""
    {_NETS}
    union
    select agreements.agreement_id, same.agreement_id from terms.agreements join terms.agreements as same using (combine_group)
    union
    select agreement_id, from_agreement_id from terms.draws join terms.benefits using (benefit_key) join terms.agreements using (agreement_key)
    where from_agreement_id is not null"""
#: The months of the windows of all versions: a later one may measure what was sold before it.
_SPANS = """
    with spans as (
        select agreement_id, min(first_period) as first_period, least(max(last_period), $1) as last_period
        from terms.agreements join terms.benefits using (agreement_key) join terms.windows using (benefit_key) group by all
    )
    select agreement_key, agreement_id, returns, coalesce(first_period, 1)::integer as first_period, coalesce(last_period, 0)::integer as last_period
    from terms.agreements left join spans using (agreement_id)
    where agreement_id in (select unnest($2)) order by agreement_key"""
#: Slots with which something of an agreement begins.
_CUTS = """
    select distinct agreement_key, period_no from (
        select benefit_key, unnest([first_period, last_period + 1, measured_first_period, measured_last_period + 1])::integer as period_no from terms.windows
        union
        select benefit_key, unnest([first_period, last_period + 1])::integer from terms.window_parts
    ) join terms.benefits using (benefit_key) order by all"""
_RESULTS = """
    select sum(last_period - first_period + 1)
    from history.windows join history.benefits using (benefit_key) join history.int_participants using (agreement_key)"""
_COSTS = """
    select (benefit_key // $1)::integer as n, currency, coalesce(sum(payout), 0)::decimal(38, 4)
    from calc.payouts join terms.benefits using (benefit_key) join terms.agreements using (agreement_key)
    where split_part(agreement_id, chr(31), 2) in (select unnest($2)) group by all order by all"""
#: Conditions over what grows with the volume.
_CONDITIONED = """
    select distinct agreement_id
    from terms.conditions join terms.scopes using (condition_key) join terms.line_sets using (scope_key) join terms.agreements using (agreement_key)
    where list_has_any(column_names, ['amount', 'quantity', 'cost']) order by all"""


@dataclass(frozen=True)
class WhatIf:
    """Some agreements, with what a run computes them from in a folder of its own. `asked`: those of which the cost is told, beside others that they look at.

    spans: agreement_key, agreement_id, first_period and last_period, as far as they have begun. months: what draws put in the place of what.
    left_out: agreements whose months cannot be drawn, and why. notes: what stays as it is though it hangs on the volume.
    """

    context: RunContext
    variables: dict[str, Any]
    asked: frozenset[str]
    of_lines: frozenset[str]
    spans: pl.DataFrame
    months: Sequence[Months]
    left_out: Mapping[str, str]
    notes: Mapping[str, str]

    def cost(self) -> Cost:
        """What they pay, by currency."""
        return self.costs_at([Decimal(1)])[0]

    def costs_at(self, factors: Sequence[Decimal]) -> list[Cost]:
        """What they pay at so many times the volume, for each factor."""
        span = ["first_period", "last_period"]
        ranges = self.spans.select("agreement_key", pl.struct(span).rank("dense").cast(pl.Int32).alias("range_no"), *span)
        own = ranges.unique("range_no").with_columns(pl.int_ranges("first_period", pl.col("last_period") + 1, dtype=pl.Int32).alias("period_no"))
        stays = own.explode("period_no").drop_nulls("period_no").select("range_no", "period_no", becomes="period_no", copy=pl.lit(0, pl.Int32))

        def moves(start: int, stop: int) -> pl.DataFrame:
            return stays.join(_numbers("n", stop - start), how="cross")

        return self._costs(ranges, [factor.quantize(_FINEST).as_integer_ratio() for factor in factors], moves, self.asked)

    def costs_of_draws(self, seed: int, draws: int) -> list[Cost]:
        """What they pay where each month of a participant is one of its own months, drawn with replacement; the same for all that is measured.

        What is drawn for a participant depends on the seed and its id alone, so two plans see the same months. Agreements that are net of each other see
        the same lines, so that all participants draw the same months there.
        """
        ranges = pl.concat([each.ranges(n) for n, each in enumerate(self.months)]) if self.months else self.spans.clear()
        drawn = [each.draw(seed, draws) for each in self.months]

        def moves(start: int, stop: int) -> pl.DataFrame:
            return pl.concat(each.moves(n, of[:, start:stop]) for n, (each, of) in enumerate(zip(self.months, drawn, strict=True)))

        return self._costs(ranges, [(1, 1)] * draws, moves, self.asked - set(self.left_out))

    def _costs(self, ranges: pl.DataFrame, ratios: Sequence[tuple[int, int]], moves: Callable[[int, int], pl.DataFrame], asked: frozenset[str]) -> list[Cost]:
        """What is paid on each volume, some of them at once."""
        costs: list[Cost] = [{} for _ in ratios]
        if self.spans.is_empty() or ranges.is_empty():
            return costs
        with open_warehouse(self.context) as con:
            at_once = self._count_at_once(con)
            for start in range(0, len(ratios), at_once):
                some = ratios[start : start + at_once]
                variants = _numbers("n", len(some)).with_columns(
                    pl.Series(name, [str(ratio[place]) for ratio in some]) for place, name in enumerate(("numerator", "denominator"))
                )
                apart = make_variants(con, ranges, variants, moves(start, start + len(some)))
                if self.of_lines:
                    self._add_lines(con)
                calculate_payouts(self.context, self.variables)
                for n, currency, amount in con.execute(_COSTS, [apart, sorted(asked)]).fetchall():
                    costs[start + n][currency] = amount
        return costs

    def _add_lines(self, con: duckdb.DuckDBPyConnection) -> None:
        """Add the sums of single lines to those of others."""
        con.execute("create or replace temp table others as from intermediate.int_measures_summed")
        build_sums(self.context, self.variables)
        con.execute("insert into intermediate.int_measures_summed by name from others")

    def _count_at_once(self, con: duckdb.DuckDBPyConnection) -> int:
        results, lines = (
            int(con.execute(query).fetchall()[0][0] or 0)
            for query in (_RESULTS, "select (select count(*) from history.int_lines_credited) + (select count(*) from history.int_lines_to_net)")
        )
        return max(1, min(_RESULTS_AT_ONCE // max(1, results), _LINES_AT_ONCE // max(1, lines)))


@dataclass(frozen=True)
class Months:
    """Months that are drawn together: of agreements with the same ones. count: how many they are.

    pairs: source, target, period_no and becomes, the slots of a month and what they become in the place of another. people: participant_key and
    participant_id. together: agreements that are net of each other, whose participants all draw the same months.
    """

    agreement_keys: Sequence[int]
    first_period: int
    last_period: int
    count: int
    pairs: pl.DataFrame
    people: pl.DataFrame
    together: bool

    def ranges(self, range_no: int) -> pl.DataFrame:
        columns = {"agreement_key": self.agreement_keys, "range_no": range_no, "first_period": self.first_period, "last_period": self.last_period}
        return pl.DataFrame(columns, dict.fromkeys(columns, pl.Int32))

    def draw(self, seed: int, draws: int) -> np.ndarray:
        """For each participant and draw, the number of the month that comes in the place of each."""
        names = [""] if self.together else self.people["participant_id"].to_list()
        drawn = np.array([draw_months(seed, name, draws, self.count) for name in names], dtype=np.int16).reshape(len(names), draws, self.count)
        return np.broadcast_to(drawn, (len(self.people), draws, self.count))

    def moves(self, range_no: int, drawn: np.ndarray) -> pl.DataFrame:
        people, n, target = (places.ravel() for places in np.indices(drawn.shape))
        columns = {"participant_key": self.people["participant_key"].to_numpy()[people], "n": n, "target": target, "source": drawn.ravel()}
        found = pl.DataFrame(columns, dict.fromkeys(columns, pl.Int32)).join(self.pairs, on=["source", "target"])
        found = found.select("n", "participant_key", "period_no", "becomes", copy=1 + pl.col("becomes"))
        others = pl.DataFrame({"period_no": range(self.first_period, self.last_period + 1)}, {"period_no": pl.Int32}).join(
            self.pairs, on="period_no", how="anti"
        )
        stays = _numbers("n", drawn.shape[1]).join(self.people.select("participant_key"), how="cross").join(others, how="cross")
        stays = stays.select("n", "participant_key", "period_no", becomes="period_no", copy=pl.lit(0, pl.Int32))
        return pl.concat([found, stays]).with_columns(range_no=pl.lit(range_no, pl.Int32))


def read_what_if(context: RunContext, agreements: Collection[str], folder: Path) -> WhatIf:
    """The agreements as the run that is in the warehouse computes them. `folder`: a new one, in that of the book."""
    folder.mkdir(parents=True)
    with open_warehouse(context) as con:
        known = {name for (name,) in con.execute("select distinct agreement_id from terms.agreements").fetchall()}
        asked = frozenset(agreements) & known
        chosen = _reached(asked, con.execute(_LOOKS_AT).fetchall())
        nets = [(above, below) for above, below in con.execute(_NETS).fetchall() if above in chosen]
        of_lines = {name for pair in nets for name in pair} | ({name for (name,) in con.execute(_OF_LINES).fetchall()} & chosen)
        spans = con.sql(_SPANS, params=[period_of_as_of(con), sorted(chosen)]).pl()
        periods = con.sql("select period_no, fiscal_year, number, first_day, period_first_day from terms.periods order by period_no").pl()
        cuts = con.sql(_CUTS).pl()
        people = con.sql("select agreement_key, participant_key, participant_id from intermediate.int_participants order by participant_key").pl()
        conditioned = {name for (name,) in con.execute(_CONDITIONED).fetchall()} & asked
        variables = read_variables(context)
        keep_history(con, folder / context.warehouse.name, chosen, of_lines)
    months, left_out = _group_months(spans, cuts, periods, people, _components(nets))
    notes = dict.fromkeys(sorted(conditioned), "has conditions over amounts or quantities: on other volumes they hold for the lines for which they hold today")
    there = replace(context, folder=folder, made_from=(*context.made_from, context.folder))
    return WhatIf(there, variables, asked, frozenset(of_lines), spans, months, {name: why for name, why in left_out.items() if name in asked}, notes)


def _reached(names: Collection[str], pairs: Sequence[tuple[str, str]]) -> set[str]:
    """The names, and all that they lead to."""
    found: set[str] = set(names)
    while more := {other for name, other in pairs if name in found} - found:
        found |= more
    return found


def _components(nets: Sequence[tuple[str, str]]) -> dict[str, str]:
    """For each agreement that is net of another or is taken off from one, a name that all have that hang together."""
    both = [*nets, *((below, above) for above, below in nets)]
    return {name: min(_reached([name], both)) for name, _ in both}


def _group_months(
    spans: pl.DataFrame, cuts: pl.DataFrame, periods: pl.DataFrame, people: pl.DataFrame, components: Mapping[str, str]
) -> tuple[list[Months], dict[str, str]]:
    """The months that agreements draw, and those agreements that have none which could be drawn.

    cuts: agreement_key and period_no, the slots with which something of the agreement begins.
    """
    alone = pl.col("agreement_id").replace_strict(components, default=None, return_dtype=pl.String)
    named = spans.with_columns(pl.coalesce(alone, "agreement_id").alias("component"), alone.is_not_null().alias("together"))
    named = named.with_columns(pl.col("first_period").max().over("component"), pl.col("last_period").min().over("component"))
    within = periods.filter(pl.col("first_day") > pl.col("period_first_day"))
    of = named.select("agreement_key", "component").join(cuts.join(within, on="period_no", how="semi"), on="agreement_key")
    named = named.join(of.group_by("component").agg(pl.col("period_no").unique().sort().alias("cuts")), on="component", how="left")
    by = pl.when("together").then("component")
    found: list[Months] = []
    left_out: dict[str, str] = {}
    for (first, last, *_), group in named.group_by("first_period", "last_period", "cuts", by, maintain_order=True):
        together, own = bool(group["together"][0]), group["cuts"][0]
        count, pairs = _pair_months(periods, first, last, [] if own is None else own.to_list())
        if pairs is None or (together and group["returns"].n_unique() > 1):
            why = "has windows or terms that begin within some months" if pairs is None else "is net of one that counts returns in other months"
            left_out |= dict.fromkeys(group["agreement_id"], why)
            count, pairs = 0, pl.DataFrame(schema=_PAIRS)
        paid = people.join(group, on="agreement_key", how="semi").select("participant_key", "participant_id").unique(maintain_order=True)
        found.append(Months(group["agreement_key"].to_list(), first, last, count, pairs, paid, together))
    return found, left_out


def _pair_months(periods: pl.DataFrame, first: int, last: int, cuts: Sequence[int]) -> tuple[int, pl.DataFrame | None]:
    """How many months lie in the range as a whole, and where their slots go when one is in the place of another; None where the cuts are not those of every
    month. Slots between two cuts go to slots between the same cuts, of which there may be fewer."""
    month = ["fiscal_year", "number"]
    whole = periods.join(periods.filter(~pl.col("period_no").is_between(first, last)), on=month, how="anti", maintain_order="left")
    if whole.is_empty():
        return 0, pl.DataFrame(schema=_PAIRS)
    slots = whole.select("period_no", month_no=pl.struct(month).rle_id().cast(pl.Int32)).with_columns(
        pl.col("period_no").is_in(list(cuts)).cast(pl.Int32).cum_sum().over("month_no").alias("part")
    )
    slots = slots.with_columns(pl.int_range(pl.len()).over("month_no", "part").alias("place"), pl.len().over("month_no", "part").alias("places"))
    if slots.group_by("month_no").agg(pl.col("part").max())["part"].n_unique() > 1:
        return 0, None
    pairs = slots.join(slots, on="part", suffix="_there").filter(pl.min_horizontal("place", pl.col("places_there") - 1) == pl.col("place_there"))
    return slots["month_no"].n_unique(), pairs.select("period_no", source="month_no", target="month_no_there", becomes="period_no_there")


def draw_months(seed: int, participant: str, draws: int, months: int) -> np.ndarray:
    """For each draw, one month after the other, the number of the month that becomes it."""
    own = int.from_bytes(hashlib.sha256(participant.encode()).digest()[:8], "big")
    return np.random.Generator(np.random.PCG64([seed, own])).integers(0, max(1, months), draws * months)


def percentile(costs: Sequence[Decimal], percent: int) -> Decimal:
    """The smallest cost that so many percent of the draws do not exceed."""
    ordered = sorted(costs)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _numbers(name: str, count: int) -> pl.DataFrame:
    return pl.DataFrame({name: range(count)}, {name: pl.Int32})
