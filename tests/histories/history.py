"""One history: what has arrived of it, what is still to come, and what may explain a difference of a closed period.

Belongs here: its state between steps. Does not belong here: what happens to it (events.py).
"""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.torture.drawing import Draw, Row
from tests.torture.people import Cluster

#: Figures of a payout that lines of other days, participants or agreements decide: a difference there is explained by `reference`.
CROSSED = ("prior", "rank", "percentile", "seasonal")


@dataclass
class History:
    """State of one history.

    documents: the agreements drawn, first versions first; `written` those on file, by id and version. lines: to come; `delivered` by business key, as
    they stand now. feeds: partners, assignments, metrics and targets as they stand. payments, disputes: by their number.
    batched: lines of approved payment batches that no payment has confirmed. files: (feed, name, rows) of this step.
    allowed: reasons that events since the last close may have given; told: what happened, for who reads a failure.
    """

    seed: int
    dice: Draw
    cluster: Cluster
    documents: list[Row]
    lines: list[Row]
    feeds: dict[str, list[Row]]
    written: dict[tuple[str, int], Row] = field(default_factory=dict)
    delivered: dict[tuple[str, int], Row] = field(default_factory=dict)
    held: list[Row] = field(default_factory=list)
    payments: dict[str, Row] = field(default_factory=dict)
    disputes: dict[str, Row] = field(default_factory=dict)
    batched: list[Row] = field(default_factory=list)
    adjustments: int = 0
    corrections: set[tuple[str, ...]] = field(default_factory=set)
    files: list[tuple[str, str, list[Row]]] = field(default_factory=list)
    sent: list[tuple[str, list[Row]]] = field(default_factory=list)
    allowed: set[str] = field(default_factory=set)
    message: list[str] = field(default_factory=list)
    returns: int = 0

    @property
    def name(self) -> str:
        return self.cluster.name

    def agreements(self) -> list[str]:
        return list(dict.fromkeys(agreement for agreement, _ in self.written))

    def latest(self, agreement: str) -> Row:
        return copy.deepcopy(self.written[agreement, max(version for name, version in self.written if name == agreement)])

    def send(self, feed: str, rows: list[Row]) -> None:
        """A file of this step."""
        if rows:
            self.files.append((feed, f"{self.name}-{len(self.files)}", rows))
            self.sent.append((feed, rows))

    def deliver(self, rows: list[Row], as_of: dt.date) -> None:
        """Transactions arrive; what they may explain is their type, where they are not of the newest days."""
        self.send("transactions", rows)
        for row in rows:
            self.delivered[row["transaction_id"], row["line"]] = row
            self.allowed.add("return" if row["type"] == "return" else "late")

    def says(self, word: str) -> bool:
        """Whether any agreement on file uses the word as key or value."""
        return word in set(_words(list(self.written.values())))

    @property
    def is_crossed(self) -> bool:
        return any(map(self.says, CROSSED)) or any("combine" in document for document in self.written.values())


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)
    else:
        yield str(value)
