"""What the agreements of a run would pay on other volumes: the calculation on its sums, changed.

Belongs here: the frames of the scratch book's warehouse, scaling and drawing its sums. Does not belong here: the calculation (models/calculation), what is
told of it (costs.py).

The sums of lines are scaled or drawn, month by month. What hangs on single lines (groups of `each`, lines of `by_line` and `running`) stays as it was, and
so do targets, metrics and the year before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal, localcontext

import numpy as np
import polars as pl

from assets.runtime.context import RunContext
from assets.runtime.warehouse import open_warehouse
from assets.transform.calculate import read_frames
from models.calculation.ranks import RANKED
from models.calculation.results import compute_results
from models.currencies import Rounding

#: Sums that grow with the volume. Counts of lines stay.
_SCALED = ("amount", "cost", "quantity", "attribute_value")
Cost = dict[str, Decimal]
#: So many participants are computed at once.
_AT_ONCE = 4_000


@dataclass(frozen=True)
class WhatIf:
    """The frames of the calculation for some agreements. `left_out`: those that are net of others, whose lines a scaled sum does not say."""

    frames: Mapping[str, pl.DataFrame]
    as_of: dt.date
    as_of_period: int
    rounding: Rounding
    left_out: Sequence[str] = ()

    def cost(self) -> Cost:
        """What they pay, by currency."""
        return cost_of_each([self])[0]

    def scaled(self, factor: Decimal) -> WhatIf:
        """The same with so many times the volume."""
        measures = self.frames["measures"]
        now = measures.filter(~pl.col("is_prior"))
        columns = [pl.Series(name, _times(now[name].to_list(), factor, now[name].dtype), dtype=now[name].dtype) for name in _SCALED]
        return replace(self, frames={**self.frames, "measures": pl.concat([measures.filter("is_prior"), now.with_columns(columns)])})

    def drawn(self, generator: np.random.Generator) -> WhatIf:
        """The same where each month of a participant is one of its own months, drawn with replacement; the same for all that is measured."""
        measures = self.frames["measures"]
        windows = self.frames["windows"].join(self.frames["benefits"], on="benefit_key", how="semi")
        first, last = (windows.select(pl.col("first_period").min(), pl.col("last_period").max())).row(0)
        if first is None:
            return self
        is_drawn = ~pl.col("is_prior") & pl.col("period_no").is_between(first, min(last, self.as_of_period))
        now = measures.filter(is_drawn)
        if now.is_empty():
            return self
        periods = np.unique(now["period_no"].to_numpy())
        people = now["participant_key"].unique().sort()
        sources = generator.choice(periods, size=(len(people), len(periods)))
        drawn = pl.DataFrame(
            {
                "participant_key": np.repeat(people.to_numpy(), len(periods)),
                "period_no": sources.reshape(-1),
                "becomes": np.tile(periods, len(people)),
            },
            schema_overrides={"participant_key": now["participant_key"].dtype, "period_no": now["period_no"].dtype, "becomes": now["period_no"].dtype},
        )
        moved = now.join(drawn, on=["participant_key", "period_no"]).drop("period_no").rename({"becomes": "period_no"}).select(measures.columns)
        kept = measures.filter(~is_drawn)
        return replace(self, frames={**self.frames, "measures": pl.concat([kept, moved]).sort("line_set_key", "participant_key", "period_no")})


def cost_of_each(variants: Sequence[WhatIf]) -> list[Cost]:
    """What each of them pays; they differ in their measures alone. Where nobody looks at others, many are computed at once, as participants of their own."""
    first = variants[0]
    at_once = max(1, _AT_ONCE // max(1, first.frames["participants"].height)) if _is_each_alone(first.frames) else 1
    costs: list[Cost] = []
    for start in range(0, len(variants), at_once):
        costs += _cost_together(variants[start : start + at_once])
    return costs


def _is_each_alone(frames: Mapping[str, pl.DataFrame]) -> bool:
    """Whether what a participant is paid follows from its own rows, and from one benefit after the other."""
    benefits = frames["benefits"]
    keys = benefits.select("benefit_key")
    axes = frames["axes"].join(keys, on="benefit_key", how="semi")["axis"]
    looks = [frames[name].join(keys, on="benefit_key", how="semi").height for name in ("axis_parts", "tie_breakers", "draws")]
    is_ranked = axes.is_in(list(RANKED)).any()
    return not is_ranked and not any(looks) and (benefits["pool"] == "each").all() and not (benefits["combine_rule"] == "best").any()


def _cost_together(variants: Sequence[WhatIf]) -> list[Cost]:
    first = variants[0]
    keys = [key for frame in first.frames.values() if "participant_key" in frame.columns for key in frame["participant_key"].unique().to_list()]
    apart = 1 + max(keys, default=0)
    stacked = {
        name: pl.concat([each.frames[name].with_columns(pl.col("participant_key") + n * apart) for n, each in enumerate(variants)])
        if "participant_key" in frame.columns
        else frame
        for name, frame in first.frames.items()
    }
    name, payouts = next(compute_results(stacked, first.as_of, first.as_of_period, first.rounding))
    assert name == "payouts", "payouts are computed first"
    currencies = first.frames["benefits"].select("benefit_key", "currency")
    numbered = payouts.join(currencies, on="benefit_key").with_columns(pl.col("participant_key") // apart)
    costs: list[Cost] = [{currency: Decimal(0) for currency in sorted(set(currencies["currency"]))} if payouts.height else {} for _ in variants]
    for n, currency, amount in numbered.group_by("participant_key", "currency").agg(pl.col("payout").sum()).iter_rows():
        costs[n][currency] = amount or Decimal(0)
    return costs


def read_what_if(context: RunContext, agreements: Collection[str]) -> WhatIf:
    """The agreements as the run that the scratch book has just made computes them, with those that they compete with."""
    with open_warehouse(context) as con:
        levels = con.execute("select agreement_id, net_level, combine_group from terms.agreements").fetchall()
        frames, as_of_period = read_frames(con)
    groups = {group for name, _, group in levels if name in agreements and group is not None}
    chosen = {name for name, level, group in levels if not level and (name in agreements or group in groups)}
    benefits = frames["benefits"].filter(pl.col("agreement_id").is_in(sorted(chosen)))
    keys = benefits.select("agreement_key").unique()
    frames = {**frames, "benefits": benefits, "participants": frames["participants"].join(keys, on="agreement_key", how="semi")}
    left_out = sorted({name for name, level, _ in levels if level and name in agreements})
    return WhatIf(frames, context.as_of, as_of_period, context.book.rounding, left_out)


def percentile(costs: Sequence[Decimal], percent: int) -> Decimal:
    """The smallest cost that so many percent of the draws do not exceed."""
    ordered = sorted(costs)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _times(values: Sequence[Decimal | None], factor: Decimal, dtype: pl.DataType) -> list[Decimal | None]:
    unit = Decimal(1).scaleb(-(dtype.scale if isinstance(dtype, pl.Decimal) else 0))
    with localcontext() as context:
        context.prec = 60
        return [None if value is None else (value * factor).quantize(unit, ROUND_HALF_UP) for value in values]
