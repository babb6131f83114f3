"""What is proposed for a file: the lines of one feed in book.yaml, how each is known, and what a person has to decide.

Belongs here: the types. Does not belong here: finding it (propose.py), writing it (pipelines/cli/proposed_feed.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from models.feeds.columns import FEEDS


@dataclass(frozen=True)
class Undecided:
    """A line that a person has to judge: it is written as a comment. `name`: a setting, or a canonical column if `is_column`."""

    name: str
    value: Any
    why: str
    is_column: bool = False


@dataclass
class Proposal:
    """The lines of one feed. `reasons`: how a setting or a column is known, by its name. `stated_total`: the amount in the file's last line of totals."""

    feed: str
    rows: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    key: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    undecided: list[Undecided] = field(default_factory=list)
    stated_total: Decimal | None = None

    def add(self, name: str, value: Any, why: str = "") -> None:
        """A setting of the feed, and how it is known."""
        self.settings[name] = value
        if why:
            self.reasons[name] = why

    def ask(self, name: str, value: Any, why: str, is_column: bool = False) -> None:
        """Leave a line to a person."""
        self.undecided.append(Undecided(name, value, why, is_column))

    @property
    def missing(self) -> list[str]:
        """Required columns that nothing was found for."""
        given = set(self.columns) | set(self.defaults)
        if "unpivot" in self.settings:  # it gives the rate, and the side that is not given
            given |= {"rate", *(("from_currency", "to_currency") if given & {"from_currency", "to_currency"} else ())}
        return [column.name for column in FEEDS[self.feed].columns if column.required and column.name not in given]

    def feed_settings(self, files: str) -> dict[str, Any]:
        """The feed as book.yaml has it."""
        written = {"files": files, **self.settings, "columns": self.columns, "defaults": self.defaults, "key": self.key}
        return {name: value for name, value in written.items() if value not in ({}, [])}
