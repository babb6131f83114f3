"""The figures of each result as exact integers: the inputs of curves, gates and multipliers.

All figures of a row are integers over one divisor of that row, so that a projection (M × days / days elapsed) or a part of a window
(T × days / days) is an integer too. Belongs here: that form, and scaling by a part of a window. Does not belong here: projections
(forecasts.py), sums (achievement.py).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from models.curves.pieces import Exact, choose, exact

#: ScaledInputs are integers in this fraction of a unit: a measure (12 decimals) times a target's factor (6 decimals) is an integer.
SCALE = 10**18
#: Values of type EXACT are integers in this fraction of a unit, and one of its steps is EXACT_STEP steps of SCALE.
EXACT_SCALE = 10**12
EXACT_STEP = SCALE // EXACT_SCALE


@dataclass(frozen=True)
class ScaledInputs:
    """The figures of each row as integers in 1/divisor; 0 where the row is blocked or does not need them.

    days / of_days is the part of the calendar's window that the term leaves, where the benefit is prorated; else 1.
    """

    measure: Exact
    base: Exact
    quantity: Exact
    target: Exact
    baseline: Exact
    incentive: Exact
    divisor: Any = SCALE
    days: Any = 1
    of_days: Any = 1

    @property
    def is_prorated(self) -> bool:
        """Whether any row may be prorated."""
        return isinstance(self.of_days, np.ndarray)

    @property
    def part(self) -> Any:
        """The part of the window as an integer in 1/divisor."""
        return self.divisor // self.of_days * self.days if self.is_prorated else self.divisor

    def at(self, rows: npt.NDArray[np.int64]) -> ScaledInputs:
        """The figures of the rows with these indexes."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self)}
        return ScaledInputs(**{name: value[rows] if isinstance(value, np.ndarray) else value for name, value in arrays.items()})

    def unscaled(self) -> ScaledInputs:
        """The same figures for what is not prorated: thresholds and amounts count in full."""
        return replace(self, days=1, of_days=1)


def scaled_inputs(rows: pl.DataFrame) -> ScaledInputs:
    """The figures of rows of achievement.measure_periods. Where a window is prorated, K is prorated too, and so is T, unless it is the prior year's:
    that is the same days' already. Rows with `window_days` get target and baseline to date (accrual_targets.py).
    """

    def scaled(name: str) -> Exact:
        return integers(rows[name]) * EXACT_STEP

    # a target has its own 12 decimals and the factor's 6
    times = integers(rows["target_times"].cast(pl.Decimal(38, 6)))
    whole = ScaledInputs(
        scaled("measure_to_date"), scaled("base_to_date"), scaled("quantity_to_date"), integers(rows["target"]) * times, scaled("baseline"), scaled("incentive")
    )
    if (rows["weight_of_year"] != 1).any() or (rows["weight_to_date"] != 1).any():
        whole = _finer(whole, integers(rows["weight_of_year"]), integers(rows["weight_to_date"]))
    if "window_days" in rows.columns:
        return _figures_to_date(rows, whole)
    if (rows["days"] == rows["of_days"]).all():
        return whole
    days, of_days = integers(rows["days"]), integers(rows["of_days"])
    return ScaledInputs(
        whole.measure * of_days,
        whole.base * of_days,
        whole.quantity * of_days,
        whole.target * choose((rows["target_source"] == "prior").to_numpy(), of_days, days),
        whole.baseline * of_days,
        whole.incentive * days,
        whole.divisor * of_days,
        days,
        of_days,
    )


def _finer(figures: ScaledInputs, by: Exact, target_times: Exact) -> ScaledInputs:
    """The same figures over a divisor that is so many times as large; the target times `target_times` / `by`."""
    return ScaledInputs(
        figures.measure * by,
        figures.base * by,
        figures.quantity * by,
        figures.target * target_times,
        figures.baseline * by,
        figures.incentive * by,
        figures.divisor * by,
    )


def _figures_to_date(rows: pl.DataFrame, whole: ScaledInputs) -> ScaledInputs:
    """Target and baseline: those before + (the window's own − those before) × days gone / days of the window. All other figures as they are."""
    gone, days = integers(rows["days_gone"]), integers(rows["window_days"])
    # the window before may be of an earlier version of the terms, with weights of its own
    of_year = integers(rows["weight_of_year_before"].fill_null(1))
    whole = _finer(whole, of_year, of_year)
    units = whole.divisor // SCALE

    def to_date(own: Exact, before: Exact, has_before: pl.Series) -> Exact:
        return choose(has_before.to_numpy(), before * (days - gone) + own * gone, own * days)

    times = integers(rows["target_times_before"].cast(pl.Decimal(38, 6))) * integers(rows["weight_to_date_before"])
    target = to_date(whole.target, integers(rows["target_before"]) * times * (units // of_year), rows["target_before"].is_not_null())
    baseline = to_date(whole.baseline, integers(rows["baseline_before"]) * EXACT_STEP * units, rows["baseline_before"].is_not_null())
    increment = whole.measure * days - baseline
    return replace(
        whole,
        measure=whole.measure * days,
        base=choose((rows["base"] == "increment").to_numpy(), choose(increment > 0, increment, 0), whole.base * days),
        quantity=whole.quantity * days,
        target=target,
        baseline=baseline,
        incentive=whole.incentive * days,
        divisor=whole.divisor * days,
    )


def integers(series: pl.Series) -> Exact:
    """A column as integers of any size, in units of its last decimal; null is 0."""
    return exact((series.to_physical() if series.dtype.is_decimal() else series).fill_null(0).to_list())
