"""Terms that change within a window (`amendment: from_date`): what versions must have in common for that, and what does not go with it.

Belongs here: these refusals. Does not belong here: which days a version has (versions.py), what it pays on them
(models/calculation/measures/amended_windows.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from models.agreements.rules.rules import pay_forms
from models.agreements.schema import NO_SCOPE, Agreement, Benefit, axes_of, base_of, counts_multiples, distinct_of, measure_of
from models.agreements.versions import OwnedWindows, window_parts
from models.curves.vocabulary import COLUMNS
from models.documents import Path

SAYS = "amendment: from_date lets the measure run through"
WAY_OUT = "use amendment: next_window or restate"
#: What an agreement keeps besides what no version may change. Who joins or leaves on a day has rows of the feed participations.
_KEPT: dict[str, str] = {
    "participants": "with other participants; who joins or leaves on a day goes into the feed participations",
    "windows": f"with other windows; {WAY_OUT}",
    "combine": f"with another combine; {WAY_OUT}",
    "returns": f"with another rule for returns; {WAY_OUT}",
}
#: What a benefit keeps, by key.
_KEPT_BY_BENEFITS: dict[str, Callable[[Benefit], Any]] = {
    "window": lambda benefit: benefit.window,
    "accumulate": lambda benefit: benefit.accumulate,
    "method": lambda benefit: (benefit.method, benefit.matrix and benefit.matrix.method),
    "slices": lambda benefit: benefit.slices,
    "measure": lambda benefit: benefit.measure,
    "base": lambda benefit: benefit.base,
    "by": lambda benefit: axes_of(benefit)[: COLUMNS + 1],
}


def from_date_problems(versions: Sequence[Agreement], owned: Sequence[OwnedWindows]) -> Iterator[tuple[int, Path, str]]:
    """(index of the version, key, message). versions: of one agreement, sorted; owned: their windows."""
    for i, version in enumerate(versions):
        if version.amendment != "from_date":
            continue
        if version.term.from_ != versions[max(i - 1, 0)].term.from_:
            yield i, ("term", "from"), f"{SAYS}, so all versions have one first day; write {versions[i - 1].term.from_}"
        if version.pool == "placed":
            yield i, ("amendment",), f"from_date is not computed for pool: placed, whose members share one window; {WAY_OUT}"
        for n, benefit in enumerate(version.benefits):
            yield from ((i, ("benefits", n, *path), message) for path, message in _alone(benefit))
        for j in sorted(_before(versions, owned, i)):
            yield from ((i, path, message) for path, message in _differences(versions[j], version))


def _before(versions: Sequence[Agreement], owned: Sequence[OwnedWindows], i: int) -> set[int]:
    """The versions that a version has a window in common with, and the one before it."""
    shared = {part.version for benefit_id, windows in owned[i].items() for window in windows for part in window_parts(versions, benefit_id, window)}
    return (shared | ({i - 1} if i else set())) - {i}


def _differences(before: Agreement, version: Agreement) -> Iterator[tuple[Path, str]]:
    for key, message in _KEPT.items():
        if getattr(version, key) != getattr(before, key):
            yield (key,), f"{SAYS} from version {before.version}, which cannot be done {message}"
    earlier = {benefit.id: benefit for benefit in before.benefits}
    for n, benefit in enumerate(version.benefits):
        other = earlier.get(benefit.id)
        for key, of in _KEPT_BY_BENEFITS.items():
            if other and of(benefit) != of(other):
                key = "matrix" if benefit.matrix and key in ("method", "by") else key
                yield ("benefits", n, key), f"{SAYS} from version {before.version}, so {key} stays the same; {WAY_OUT}, or give the benefit another id"
        if other and other.method == benefit.method == "graduated" and not other.slices:
            yield from ((("benefits", n, *path), message) for path, message in _slices(other, f" in version {before.version}"))


def _alone(benefit: Benefit) -> Iterator[tuple[Path, str]]:
    if benefit.method == "rolling":
        yield ("method",), f"{SAYS}, but method: rolling pays every tier on the measure from its first unit up; {WAY_OUT}, or method: graduated or total"
    if benefit.each is not None:
        yield ("each",), f"{SAYS}, but each gives groups of lines places of their own; {WAY_OUT}, or remove each"
    if benefit.method == "graduated" and not benefit.slices:  # a line that is paid by itself has a base and a quantity of its own
        yield from _slices(benefit, "")


def _slices(benefit: Benefit, where: str) -> Iterator[tuple[Path, str]]:
    """Slices are filled by the measure, so what they pay must be of the measure too."""
    says = f"{SAYS}, and method: graduated pays slices of it{where}"
    measure, scope = measure_of(benefit)
    if base_of(benefit)[0] != "measure":
        yield ("base",), f"{says}, which have no base of their own; remove base, or amendment: next_window or restate"
    if "per_unit" in pay_forms(benefit) and (measure != "quantity" or scope is not NO_SCOPE):
        yield ("tiers",), f"{says}, so per_unit needs measure: quantity; pay a rate, or amendment: next_window or restate"
    for key, is_there in (("every", counts_multiples(benefit)), ("distinct", distinct_of(benefit) is not None)):
        if is_there:
            yield ("measure", key), f"{says}, which {key} counts only as a whole; use method: whole, or amendment: next_window or restate"
