"""Placed pools: what a benefit may not have where all members have one place on its curve.

Belongs here: these refusals. Does not belong here: sums and parts of pools (models/calculation/places/placed_pools.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from models.agreements.schema import Benefit, MetricAxis, axes_of, axis_name, counts_multiples, distinct_of, parts_of
from models.documents import Path


def placed_problems(benefit: Benefit, payee: str | None) -> Iterator[tuple[Path, str]]:
    """(key, message) of what does not go with pool: placed. payee: whose rows of targets and metrics are meant."""
    says = "pool: placed gives all members one place"
    axes = [axis for axis in axes_of(benefit) if axis is not None]
    for name in dict.fromkeys(map(axis_name, axes)):
        if name in ("rank", "percentile"):
            yield ("by",), f"{says}, so {name} cannot compare them; use pool: each, or another axis"
    if benefit.method == "rolling":
        yield ("method",), f"{says}, which method: rolling does not part among them; use whole, graduated, linear or total, or pool: each"
    if benefit.method == "running" or benefit.slices:
        key = "method" if benefit.method == "running" else "slices"
        yield (key,), f"{says}, and what each of their lines is paid by itself is not computed for it; use pool: together or each"
    if benefit.each is not None:
        yield ("each",), f"{says}, so each cannot give groups of lines places of their own; use pool: together or each, or remove each"
    for key, is_there in (("every", counts_multiples(benefit)), ("distinct", distinct_of(benefit) is not None)):
        if is_there:
            yield ("measure", key), f"{says}, and what {key} counts for all of them is not the sum of what it counts for each; use pool: together or each"
    if payee is None:
        for figure in ("target", "baseline", "incentive"):
            if getattr(benefit, figure) == "feed":
                yield (figure,), f"{says}, so {figure}: feed needs payee of the agreement, which says whose rows are meant"
        if benefit.accrue.forecast == "feed":
            yield ("accrue", "forecast"), f"{says}, so forecast: feed needs payee of the agreement, which says whose rows are meant"
        if any(isinstance(axis, MetricAxis) or any(part.metric for part in parts_of(axis)) for axis in axes):
            yield ("by",), f"{says}, so a metric needs payee of the agreement, which says whose values are meant"
