"""Every curve of the benchmark as straight pieces: one row per tier, one formula for all methods.

On the piece that contains its position, a result earns

    base × rate + quantity × per_unit + incentive × share + constant + incentive × rise × (position − start) / run

This module defines the methods once for all rivals: a graduated tier is a line whose constant is what the lower tiers pay. Does not
belong here: finding the piece, and computing with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from benchmarks.rivals.scaled import MONEY, QUANTITY, RATE, scaled

#: What rates and shares are divided by.
ONE = 10**RATE


class Piece(NamedTuple):
    """Holds positions from `low` up to, not including, `high`, both in units of the divisor, moved by one where the border belongs below."""

    tier: int
    is_lowest: bool = False
    low: int = 0
    low_moved: int = 0
    is_highest: bool = False
    high: int = 0
    high_moved: int = 0
    rate: int = 0
    per_unit: int = 0
    share: int = 0
    constant: int = 0
    start: int = 0
    rise: int = 0
    run: int = 1


def pieces(benefit: dict[str, Any]) -> Iterator[Piece]:
    """The pieces of a benefit's curve from below the first tier to above the last."""
    is_by_measure = benefit.get("by", "measure") == "measure"
    starts = [scaled(tier["from"], (QUANTITY if benefit.get("measure") == "quantity" else MONEY) if is_by_measure else RATE) for tier in benefit["tiers"]]
    moved = int(benefit.get("boundary") == "upper_inclusive")
    yield Piece(0, is_lowest=True, high=starts[0], high_moved=moved)
    paid_below = 0
    for place, tier in enumerate(benefit["tiers"]):
        is_last = place + 1 == len(starts)
        rate, per_unit, share = (scaled(tier.get(form, "0"), RATE) for form in ("rate", "per_unit", "share"))
        piece = Piece(
            tier=place + 1,
            low=starts[place],
            low_moved=moved,
            is_highest=is_last,
            high=0 if is_last else starts[place + 1],
            high_moved=0 if is_last else moved,
            rate=rate,
            per_unit=per_unit,
            share=share,
            constant=scaled(tier.get("amount", "0"), MONEY) * ONE,
            start=starts[place],
        )
        match benefit.get("method", "whole"):
            case "graduated":
                paid_below += piece.constant
                yield piece._replace(constant=paid_below - piece.low * (rate + per_unit))
                paid_below += (piece.high - piece.low) * (rate + per_unit)
            case "linear":
                yield from _between_points(piece, benefit)
            case _:
                yield piece


def _between_points(piece: Piece, benefit: dict[str, Any]) -> Iterator[Piece]:
    """A piece of a linear curve; past the last point it holds, goes on rising, or pays nothing."""
    above = benefit.get("above", "hold")
    if not piece.is_highest or (above == "extend" and piece.tier > 1):
        first, second = benefit["tiers"][piece.tier - 1 : piece.tier + 1] if not piece.is_highest else benefit["tiers"][-2:]
        rise, run = (scaled(second[key], RATE) - scaled(first[key], RATE) for key in ("share", "from"))
        yield piece._replace(rise=rise, run=run)
    elif above == "zero":
        yield piece._replace(is_highest=False, high=piece.low, high_moved=1)
        yield Piece(piece.tier, low=piece.low, low_moved=1, is_highest=True)
    else:
        yield piece
