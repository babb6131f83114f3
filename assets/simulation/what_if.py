"""What the agreements of a run would pay on other volumes: the calculation on its sums, changed.

Belongs here: the frames of the scratch book's warehouse, scaling and drawing its sums. Does not belong here: the calculation (models/calculation), what is
told of it (costs.py).

The sums of lines are scaled or drawn, month by month. Targets, metrics and the year before stay as they were. Agreements of which sums do not say what
they pay (net of others, groups of `each`, lines of `by_line` and `running`) are left out.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
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
    """The frames of the calculation for some agreements. `left_out`: those that hang on more than sums, and on what."""

    frames: Mapping[str, pl.DataFrame]
    as_of: dt.date
    as_of_period: int
    rounding: Rounding
    left_out: Mapping[str, str] = field(default_factory=dict)

    def cost(self) -> Cost:
        """What they pay, by currency."""
        return self.costs_at([Decimal(1)])[0]

    def costs_at(self, factors: Sequence[Decimal]) -> list[Cost]:
        """What they pay at so many times the volume, for each factor."""
        measures = self.frames["measures"]
        now = measures.filter(~pl.col("is_prior"))
        scaled = [
            now.with_columns(pl.Series(name, _times(now[name].to_list(), factor, now[name].dtype), dtype=now[name].dtype) for name in _SCALED)
            for factor in factors
        ]
        return self._costs([pl.concat([measures.filter("is_prior"), each]) for each in scaled])

    def costs_of_draws(self, seed: int, draws: int) -> list[Cost]:
        """What they pay where each month of a participant is one of its own months, drawn with replacement; the same for all that is measured.

        What is drawn for a participant depends on the seed and its id alone, so two plans see the same months.
        """
        measures = self.frames["measures"]
        windows = self.frames["windows"].join(self.frames["benefits"], on="benefit_key", how="semi")
        first, last = (windows.select(pl.col("first_period").min(), pl.col("last_period").max())).row(0)
        months = pl.Series("period_no", range(first or 0, min(last or -1, self.as_of_period) + 1), dtype=measures["period_no"].dtype)
        is_drawn = ~pl.col("is_prior") & pl.col("period_no").is_in(months.implode())
        now, kept = measures.filter(is_drawn), measures.filter(~is_drawn)
        if now.is_empty():
            return self._costs([measures]) * draws
        people = (
            self.frames["participants"].select("participant_key", "participant_id").unique().join(now, on="participant_key", how="semi").sort("participant_key")
        )
        drawn = pl.DataFrame(
            {
                "draw": np.tile(np.repeat(np.arange(draws), len(months)), len(people)),
                "participant_key": np.repeat(people["participant_key"].to_numpy(), draws * len(months)),
                "period_no": np.concatenate([months.to_numpy()[draw_months(seed, each, draws, len(months))] for each in people["participant_id"]]),
                "becomes": np.tile(months.to_numpy(), draws * len(people)),
            },
            schema_overrides={"participant_key": now["participant_key"].dtype, "period_no": now["period_no"].dtype, "becomes": now["period_no"].dtype},
        )
        moved = now.join(drawn, on=["participant_key", "period_no"]).drop("period_no").rename({"becomes": "period_no"})
        of_draws = moved.select("draw", *measures.columns).partition_by("draw", as_dict=True, include_key=False)
        empty = now.clear()
        return self._costs([pl.concat([kept, of_draws.get((n,), empty)]) for n in range(draws)])

    def _costs(self, variants: Sequence[pl.DataFrame]) -> list[Cost]:
        """What is paid on each of these measures. Where nobody looks at others, many are computed at once, as participants of their own."""
        at_once = max(1, _AT_ONCE // max(1, self.frames["participants"].height)) if _is_each_alone(self.frames) else 1
        return [cost for start in range(0, len(variants), at_once) for cost in self._costs_together(variants[start : start + at_once])]

    def _costs_together(self, variants: Sequence[pl.DataFrame]) -> list[Cost]:
        keys = [frame["participant_key"].max() for frame in self.frames.values() if "participant_key" in frame.columns and frame.height]
        apart = 1 + max((int(key) for key in keys if isinstance(key, int)), default=0)

        def moved(frame: pl.DataFrame, n: int) -> pl.DataFrame:
            return frame.with_columns(pl.col("participant_key") + n * apart)

        stacked = {
            name: pl.concat([moved(frame, n) for n in range(len(variants))]) if "participant_key" in frame.columns else frame
            for name, frame in self.frames.items()
            if name != "measures"
        }
        stacked["measures"] = pl.concat([moved(frame, n) for n, frame in enumerate(variants)]).sort("line_set_key", "participant_key", "period_no")
        name, payouts = next(compute_results(stacked, self.as_of, self.as_of_period, self.rounding))
        assert name == "payouts", "payouts are computed first"
        currencies = self.frames["benefits"].select("benefit_key", "currency")
        numbered = payouts.join(currencies, on="benefit_key").with_columns(pl.col("participant_key") // apart)
        costs: list[Cost] = [{currency: Decimal(0) for currency in sorted(set(currencies["currency"]))} if payouts.height else {} for _ in variants]
        for n, currency, amount in numbered.group_by("participant_key", "currency").agg(pl.col("payout").sum()).iter_rows():
            costs[n][currency] = amount or Decimal(0)
        return costs


def draw_months(seed: int, participant: str, draws: int, months: int) -> np.ndarray:
    """For each draw, one month after the other, the number of the month that it becomes."""
    own = int.from_bytes(hashlib.sha256(participant.encode()).digest()[:8], "big")
    return np.random.Generator(np.random.PCG64([seed, own])).integers(0, months, draws * months)


def _is_each_alone(frames: Mapping[str, pl.DataFrame]) -> bool:
    """Whether what a participant is paid follows from its own rows, and from one benefit after the other."""
    benefits = frames["benefits"]
    keys = benefits.select("benefit_key")
    axes = frames["axes"].join(keys, on="benefit_key", how="semi")["axis"]
    looks = [frames[name].join(keys, on="benefit_key", how="semi").height for name in ("axis_parts", "tie_breakers", "draws")]
    is_ranked = axes.is_in(list(RANKED)).any()
    return not is_ranked and not any(looks) and (benefits["pool"] == "each").all() and not (benefits["combine_rule"] == "best").any()


def read_what_if(context: RunContext, agreements: Collection[str]) -> WhatIf:
    """The agreements as the run that the scratch book has just made computes them, with those that they compete with."""
    with open_warehouse(context) as con:
        levels = con.execute("select agreement_id, net_level, combine_group from terms.agreements").fetchall()
        frames, as_of_period = read_frames(con)
    groups = {group for name, _, group in levels if name in agreements and group is not None}
    hangs_on_lines = pl.col("slices").is_not_null() | pl.col("each").is_not_null() | (pl.col("method") == "running").fill_null(value=False)
    of_lines = set(frames["benefits"].filter(hangs_on_lines)["agreement_id"])
    chosen = {name for name, level, group in levels if not level and name not in of_lines and (name in agreements or group in groups)}
    benefits = frames["benefits"].filter(pl.col("agreement_id").is_in(sorted(chosen)))
    keys = benefits.select("agreement_key").unique()
    frames = {**frames, "benefits": benefits, "participants": frames["participants"].join(keys, on="agreement_key", how="semi")}
    left_out = dict.fromkeys(sorted(of_lines & set(agreements)), "pays single lines or groups")
    left_out |= dict.fromkeys(sorted({name for name, level, _ in levels if level and name in agreements}), "is net of other agreements")
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
