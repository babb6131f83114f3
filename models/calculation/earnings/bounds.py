"""Bounds: an amount that does not fit the column it is published in ends the run, with the name of its payout.

Belongs here: the message. Does not belong here: the type of money (models/money.py), figures that the engine refuses (assets/transform/magnitudes.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from models.money import MOST_MONEY, AmountTooLarge


def refuse_large_amounts(rows: pl.DataFrame, ten_thousandths: npt.NDArray[Any], does: str) -> None:
    """Raises AmountTooLarge for the first amount with more than 14 digits before the point. rows: one per amount; does: what the payout does with it."""
    large = np.flatnonzero((abs(ten_thousandths) >= MOST_MONEY).astype(bool))
    if large.size:
        row = rows.row(int(large[0]), named=True)
        key = "/".join(str(row[name]) for name in ("agreement_id", "benefit_id", "participant_id", "window_start"))
        raise AmountTooLarge(
            f"the payout {key} {does} {int(ten_thousandths[large[0]]) // 10_000:,} {row['currency']}, "
            "and a payout has at most 14 digits before the point (DECIMAL(18,4)). "
            "Look for a wrong decimal mark or unit in the amounts and quantities of its lines, or in its rates; "
            "if they are right, cap it with limits.at_most or settle it in shorter windows"
        )
