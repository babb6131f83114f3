"""What `each` refuses: whatever is a figure of the participant and not of a group of lines.

Belongs here: rules between `each` and other keys. Does not belong here: rules of other keys (rules.py), what groups earn
(models/calculation/earnings/groups.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from models.agreements.schema import Benefit, axes_of, axis_name, distinct_of, over_of
from models.curves.vocabulary import FIGURES
from models.documents import Path

Finding = tuple[Path, str]


def group_problems(benefit: Benefit) -> Iterator[Finding]:
    """What keeps the curve of a benefit with `each` from being applied to every group of lines alone."""
    if benefit.each is None:
        return
    says = "each applies the curve to groups of lines"
    for figure in FIGURES:
        if getattr(benefit, figure) is not None:
            yield (figure,), f"{says}, and {figure} is a figure of the participant's whole window; remove {figure}, or each"
    for place, axis in _axes(benefit):
        if axis_name(axis) in ("rank", "percentile"):
            yield place, f"{says}, and a {axis_name(axis)} compares participants; use by: measure, or remove each"
    if benefit.accumulate != "window":
        yield ("accumulate",), f"{says} of one window, so it cannot accumulate; use a longer window, or remove each"
    if benefit.prorate == "days":
        yield ("prorate",), f"{says}, which the days of the window do not shorten; remove prorate, or each"
    for key, is_there in (("distinct", distinct_of(benefit) is not None), ("over", over_of(benefit) is not None)):
        if is_there:
            yield ("measure", key), f"{says} of the window's own days, which {key} does not add up; remove {key}, or each"
    if "order" in benefit.model_fields_set and benefit.order[:1] != ["limits"]:
        yield ("order",), f"{says}, with limits on each group before multiply and requires; write order: [limits, multiply, requires], or remove it"


def _axes(benefit: Benefit) -> Iterator[tuple[Path, object]]:
    matrix = benefit.matrix
    own: list[Path] = [("matrix", "rows", "by"), ("matrix", "columns", "by")] if matrix else [("by",), ("by",)]
    paths: list[Path] = [*own, ("multiply", "by"), *(("requires", i, "by") for i in range(len(benefit.requires)))]
    return ((path, axis) for path, axis in zip(paths, axes_of(benefit), strict=True) if axis is not None)
