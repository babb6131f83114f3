"""Feeds that agreements need and book.yaml does not have: results would be blocked, or nobody would take part.

Belongs here: what the settings alone can tell. Does not belong here: names that the rows of a feed do not have (assets/transform/unmatched_names.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from models.agreements.parse import Source
from models.agreements.schema import Benefit, MetricAxis, Scope, axes_of, distinct_of, factor_of, parts_of, tie_figures
from models.documents import Path, Problem


def warn_of_missing_feeds(sources: Sequence[Source], feeds: Collection[str]) -> list[Problem]:
    """One warning per place that needs a feed, sorted by file and line."""
    return sorted(
        source.document.problem(path, f"book.yaml has no {feed} feed, so {effect}", "warning")
        for source in sources
        for path, feed, effect in _needs(source)
        if feed not in feeds
    )


def _needs(source: Source) -> Iterator[tuple[Path, str, str]]:
    agreement = source.agreement
    if not isinstance(agreement.participants, list) and set(agreement.participants) - {"partner_id"}:
        yield ("participants",), "partners", "no partner has these attributes and nobody takes part"
    scopes: list[tuple[Path, Scope]] = [(("scope",), agreement.scope)]
    for i, benefit in enumerate(agreement.benefits):
        scopes.append((("benefits", i, "scope"), benefit.scope))
        yield from ((("benefits", i, *path), feed, effect) for path, feed, effect in _benefit_needs(benefit))
    for path, scope in scopes:
        for kind in ("include", "exclude"):
            if set(getattr(scope.products, kind)) - {"product_id"}:
                yield (*path, "products", kind), "products", "no product has these attributes"


def _benefit_needs(benefit: Benefit) -> Iterator[tuple[Path, str, str]]:
    if any(isinstance(axis, MetricAxis) or any(part.metric for part in parts_of(axis)) for axis in axes_of(benefit)):
        yield (), "metrics", "the metric is missing and every result is blocked"
    for prefix, feed in (("product.", "products"), ("partner.", "partners")):
        if (factor_of(benefit) or "").startswith(prefix):
            yield ("measure", "times"), feed, "no line has a number to be multiplied by and every result is blocked"
        if (distinct_of(benefit) or "").startswith(prefix):
            yield ("measure", "distinct"), feed, "no line has a value and every count is 0"
        if (benefit.each or "").startswith(prefix):
            yield ("each",), feed, "no line has a value and all are one group"
    for i, figure in enumerate(tie_figures(benefit)):
        if isinstance(figure, MetricAxis):
            yield ("ties", "then", i), "metrics", "the metric is missing for everyone and breaks no tie"
    for key in ("target", "baseline", "incentive"):
        if getattr(benefit, key) == "feed":
            yield (key,), "targets", f"the {key} is missing and every result is blocked"
    if benefit.accrue.forecast == "feed":
        yield ("accrue", "forecast"), "targets", "the forecast is linear"
