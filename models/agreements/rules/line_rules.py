"""What benefits refuse that pay each line by itself: `slices: by_line` and `method: running`.

Belongs here: rules between these and other keys. Does not belong here: what a line is paid (models/calculation/earnings/line_payments.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from models.agreements.schema import Benefit, axis_name, base_of, counts_multiples, distinct_of, over_of
from models.documents import Path

Finding = tuple[Path, str]
_AXES = ("measure", "attainment", "growth", "growth_amount")


def line_problems(benefit: Benefit, forms: set[str]) -> Iterator[Finding]:
    """What keeps lines from being paid one by one. forms: the pay forms of the tiers."""
    is_running = benefit.method == "running"
    if benefit.slices and benefit.method != "graduated":
        yield ("slices",), "slices: by_line is allowed with method: graduated only, whose tiers pay slices; remove slices, or write method: graduated"
    if not (is_running or benefit.slices):
        return
    key: Path = ("method",) if is_running else ("slices",)
    says = "method: running pays each line by itself" if is_running else "slices: by_line pays each line by itself"
    if is_running:
        for form in sorted(forms & {"amount", "share"}):
            yield ("tiers",), f"{says} and takes only rate and per_unit; {form} cannot be added to it"
        if benefit.matrix:
            yield ("matrix",), f"{says}, at one place; a matrix has two. Write tiers"
        elif axis_name(benefit.by) not in _AXES:
            yield ("by",), f"{says}, at the place of the measure, which a {axis_name(benefit.by)} has none of; use whole or linear"
        if base_of(benefit)[0] == "increment":
            yield ("base",), f"{says}, and an increment is not of lines; use base: measure, amount, quantity or margin"
    counted = (("every", counts_multiples(benefit)), ("distinct", distinct_of(benefit) is not None), ("over", over_of(benefit) is not None))
    for name, is_there in counted:
        if is_there:
            yield ("measure", name), f"{says}, which {name} does not add up line by line; remove {name}, or {key[0]}"
    if benefit.each is not None:
        yield ("each",), f"{says} in the order of the whole window, not of groups; remove each, or {key[0]}"
    if benefit.accrue.placement == "forecast":
        yield ("accrue", "placement"), f"{says}, and lines to come have no order yet, so forecast is not possible; use placement: actual"
    if benefit.accrue.forecast != "linear":
        yield ("accrue", "forecast"), f"{says}, and lines to come are not projected, so forecast: {benefit.accrue.forecast} has no effect; remove it"
