"""Which payouts an auditor looks at: a monetary-unit sample that anyone can draw again from its seed.

Belongs here: drawing. Does not belong here: which payouts can be drawn (selection.py).

Every unit of money (ten-thousandths of the book's currency) of every payout has the same chance. The payouts are laid end to end in order of their ids; the
sample takes every interval-th unit, from a start that the seed decides. So a payout as large as the interval is always in it. A payout of 0 has no unit
and no chance: some of those are drawn apart, by the hash of seed and id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """What was drawn, and how. `by_value`, `of_zero`: payout ids in order. Units are ten-thousandths of the book's currency."""

    size: int
    seed: int
    population: int
    units: int
    interval: int
    start: int
    by_value: tuple[str, ...]
    of_zero: tuple[str, ...]

    @property
    def payouts(self) -> list[str]:
        """Every payout that was drawn, in order."""
        return sorted({*self.by_value, *self.of_zero})


def draw_sample(values: Mapping[str, int], size: int, seed: int) -> Sample:
    """Draw about `size` payouts by value, and one in five more from those of 0. `values`: payout id to its size in units, never negative."""
    units = sum(values.values())
    interval = max(1, -(-units // size))
    start = _number(f"{seed}") % interval
    drawn, end = [], 0
    for payout_id, value in sorted(values.items()):
        begin, end = end, end + value
        # the first unit start + n × interval at or after `begin`
        first = start if begin <= start else start + -(-(begin - start) // interval) * interval
        if first < end:
            drawn.append(payout_id)
    zeros = sorted((payout_id for payout_id, value in values.items() if value == 0), key=lambda each: _number(f"{seed}/{each}"))
    return Sample(size, seed, len(values), units, interval, start, tuple(drawn), tuple(sorted(zeros[: -(-size // 5)])))


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest())
