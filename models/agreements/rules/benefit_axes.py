"""Axes that look at other benefits of the agreement: which ones, and what is wrong with them.

Belongs here: rules of `by: {benefit: …}` and `by: {score: […]}`. Does not belong here: their values (models/calculation/earnings/other_benefits.py).
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.agreements.schema import Agreement, Benefit, BenefitAxis, ScoreAxis, ScorePart, has_curve, parts_of
from models.calendars import SPAN_ORDER
from models.documents import Path

_NEEDS = {"attainment": ("target", "M / T"), "growth": ("baseline", "M / B − 1")}


def score_problems(benefit: Benefit) -> Iterator[tuple[Path, str]]:
    """What is wrong with scores of one benefit alone."""
    for path, axis in _axes(benefit):
        if not isinstance(axis, ScoreAxis):
            continue
        for n, part in enumerate(axis.score):
            if (part.benefit is None) == (part.metric is None):
                yield (*path, "score", n), "a part of a score is either a benefit or a metric: {benefit: volume, weight: 0.7} or {metric: nps, weight: 0.3}"
            elif part.metric and "of" in part.model_fields_set:
                yield (*path, "score", n, "of"), "is a figure of a benefit; a metric has only its value"
        if not any(part.weight for part in axis.score):
            yield (*path, "score"), "at least one weight must be above 0"


def axis_problems(versions: Sequence[Agreement]) -> Iterator[tuple[int, Path, str]]:
    """What is wrong between the benefits of an agreement, over all its versions: (index of the version, key, message)."""
    looks_at: dict[str, set[str]] = defaultdict(set)
    for version in versions:
        for benefit in version.benefits:
            looks_at[benefit.id] |= {part.benefit for _, part in _parts(benefit) if part.benefit}
    if not any(looks_at.values()):
        return
    for i, version in enumerate(versions):
        others = {benefit.id: benefit for benefit in version.benefits}
        for n, benefit in enumerate(version.benefits):
            for path, part in _parts(benefit):
                if part.benefit and (message := _problem_of_part(benefit, part, others, looks_at)):
                    yield i, ("benefits", n, *path), message


def _problem_of_part(benefit: Benefit, part: ScorePart, others: Mapping[str, Benefit], looks_at: Mapping[str, set[str]]) -> str:
    name = str(part.benefit)
    if name == benefit.id:
        return "a benefit cannot look at itself; use by: measure, attainment or growth"
    if name not in others:
        similar = difflib.get_close_matches(name, [other for other in others if other != benefit.id], 1)
        return f"there is no benefit {name} in this version of the agreement" + (f"; did you mean {similar[0]}?" if similar else "")
    other = others[name]
    if not has_curve(other):
        return f"{name} is {'manual' if other.manual else 'a draw'} and has no figures of its own; name a benefit with tiers or a matrix"
    if SPAN_ORDER[other.window] > SPAN_ORDER[benefit.window]:
        return f"{name} has window: {other.window}, which is longer than {benefit.window}; it looks at benefits with the same window or a shorter one"
    if cycle := find_path(looks_at, name, benefit.id):
        return f"a cycle: {' looks at '.join([benefit.id, *cycle])}"
    key, formula = _NEEDS.get(part.of, ("", ""))
    if key and getattr(other, key) is None:
        return f"{name} has no {key}, so it has no {part.of} ({formula}); give it one, or use another `of`: measure, tier or earned"
    return ""


def _axes(benefit: Benefit) -> Iterator[tuple[Path, Any]]:
    if benefit.matrix:
        yield ("matrix", "rows", "by"), benefit.matrix.rows.by
        yield ("matrix", "columns", "by"), benefit.matrix.columns.by
    else:
        yield ("by",), benefit.by
    if benefit.multiply:
        yield ("multiply", "by"), benefit.multiply.by
    yield from ((("requires", i, "by"), gate.by) for i, gate in enumerate(benefit.requires))


def _parts(benefit: Benefit) -> Iterator[tuple[Path, ScorePart]]:
    """Every part of every axis, with the key that names it."""
    for path, axis in _axes(benefit):
        for n, part in enumerate(parts_of(axis)):
            yield (*path, "benefit") if isinstance(axis, BenefitAxis) else (*path, "score", n, "benefit"), part


def find_path(edges: Mapping[str, set[str]], start: str, goal: str) -> list[str]:
    """The ids from `start` to `goal` along the edges; empty where there is no path."""
    paths = [[start]]
    visited = {start}
    while paths:
        path = paths.pop()
        if path[-1] == goal:
            return path
        following = sorted(edges.get(path[-1], set()) - visited)
        visited.update(following)
        paths += [[*path, other] for other in following]
    return []
