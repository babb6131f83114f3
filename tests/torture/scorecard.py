"""What a long run came to: results compared, how many at thresholds, which keys of the language took part.

Belongs here: counting and telling. Does not belong here: running anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.torture.drawing import Row

#: Keys whose values are names of the language, not of a book.
WORDS = frozenset(
    [
        "direction", "pool", "include_children", "fx", "returns", "rule", "window", "accumulate", "measure", "base", "by", "method", "boundary", "above",
        "ties", "prorate", "placement", "forecast", "clawback", "amendment", "kind", "rounding", "prior", "target", "baseline", "incentive", "of", "rank",
    ]
)  # fmt: skip
LEAST_COMPARED, LEAST_AT_THRESHOLDS = 10_000, 0.30


@dataclass
class Scorecard:
    """Counts over the books of a run."""

    books: int = 0
    results: int = 0
    at_thresholds: int = 0
    compared: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    differences: int = 0

    def shortfalls(self) -> list[str]:
        """What a whole run promises and this one did not keep."""
        promises = [
            (self.differences == 0, f"{self.differences} differences"),
            (self.results >= LEAST_COMPARED, f"{self.results:,} results compared, {LEAST_COMPARED:,} promised"),
            (self.at_thresholds >= LEAST_AT_THRESHOLDS * self.results, f"{self.share():.0%} at thresholds, {LEAST_AT_THRESHOLDS:.0%} promised"),
        ]
        return [text for kept, text in promises if not kept]

    def share(self) -> float:
        return self.at_thresholds / self.results if self.results else 0.0

    def lines(self) -> Iterator[str]:
        yield f"{self.results:,} results of {self.books} books compared: {', '.join(f'{count:,} {name}' for name, count in sorted(self.statuses.items()))}"
        yield f"at a threshold or one unit beside it: {self.at_thresholds:,} ({self.share():.1%}); by axis " + _told(self.kinds)
        yield "numbers compared: " + _told(self.compared)
        yield f"language ({len(self.keys)} keys and values): " + _told(self.keys)
        yield f"differences: {self.differences}"


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))


def count_keys(documents: Iterable[Row]) -> Counter[str]:
    """How many documents have each key of the language, with its value where that is a word of the language."""
    counts: Counter[str] = Counter()
    for document in documents:
        counts.update(set(_keys(document, "")))
    return counts


def _keys(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            word = str(key)
            below = f"{path}.{word}" if path else word
            if path.endswith(("include", "exclude", "fixed", "participants", "first_days", "approved")):
                yield path
            elif word in WORDS and isinstance(inner, str | bool):
                yield f"{below}={str(inner).lower()}"
            elif word in WORDS and isinstance(inner, int | Decimal):
                yield f"{below}=number"
            elif not isinstance(inner, dict | list):
                yield below
            yield from _keys(inner, below)
    elif isinstance(value, list):
        if not any(isinstance(inner, dict | list) for inner in value):
            yield path
        for inner in value:
            yield from _keys(inner, path)
