"""The seeded dice, and the parts of the language that a book may use.

Belongs here: drawing as such. Does not belong here: what is drawn.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Row = dict[str, Any]

#: Parts of the language that can be left out of a book, one by one; everything else is always in.
FEATURES = frozenset(
    [
        "where", "rank", "percentile", "metric", "matrix", "requires", "multiply", "order", "prorate", "rolling", "total", "own_scope", "attribute",
        "returns_original", "fx_rule", "amendments", "best", "exclusive", "net_of", "forecast", "placement_tier", "versions", "week_calendar",
        "sum_limits", "rate_at_most", "ratio", "other_benefits", "every", "ties_then", "times", "credits", "participations", "distinct", "over", "today",
    ]
)  # fmt: skip
#: Drawn only where a book is asked for them, so that the seeds of tests keep their books.
ON_REQUEST = frozenset(["placed", "term_windows", "draws", "from_date", "by_line"])
MINOR_UNITS = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}


@dataclass(frozen=True)
class Draw:
    """Random choices that a seed repeats, within `features`."""

    rng: random.Random
    features: frozenset[str]

    def chance(self, probability: float, feature: str | None = None) -> bool:
        """Whether it happens; never where the book leaves the feature out."""
        return self.rng.random() < probability and (feature is None or feature in self.features)

    def pick(self, options: Sequence[Any]) -> Any:
        return self.rng.choice(options)

    def weigh(self, options: Sequence[tuple[Any, float, str | None]]) -> Any:
        """One of (value, weight, feature it needs)."""
        known = [(value, weight) for value, weight, feature in options if feature is None or feature in self.features]
        return self.rng.choices([value for value, _ in known], [weight for _, weight in known])[0]

    def some(self, options: Sequence[Any], least: int, most: int) -> list[Any]:
        """Between `least` and `most` of them, in their order."""
        chosen = self.rng.sample(range(len(options)), min(len(options), self.rng.randint(least, most)))
        return [options[i] for i in sorted(chosen)]

    def number(self, low: float, high: float, decimals: int) -> Decimal:
        """An exact number with so many decimals."""
        scale = 10**decimals
        return Decimal(self.rng.randint(round(low * scale), round(high * scale))).scaleb(-decimals)

    def day(self, first: dt.date, last: dt.date) -> dt.date:
        return first + dt.timedelta(days=self.rng.randint(0, max(0, (last - first).days)))
