"""The curve of a benefit with one participant's position on it, for pages that explain payouts.

Belongs here: which values of a payout the drawing needs. Does not belong here: drawing (assets/drawings/).
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pydantic import TypeAdapter

from assets.drawings.benefits import draw_place
from assets.published.explanation import Explanation
from models.agreements.lint.payments import CurveInputs
from models.agreements.schema import Benefit

_DECIMAL = re.compile(r"-?\d+\.\d+")
_NAMES = ("id", "clause", "quote", "scope", "metric", "of")
#: Columns of a payout that decide its position on the curve, in addition to the measure.
_INPUTS = ("base", "quantity", "target", "baseline", "incentive")


def draw_curve(e: Explanation) -> str | None:
    """The payout along its axis as SVG, with base and quantity moving with the measure. None if there is no position, or no curve along the axis."""
    payout = e.payout
    if payout["axis_value"] is None or payout["measure"] is None:
        return None
    benefit = read_benefit(e.benefit["definition"])
    inputs = CurveInputs(Fraction(payout["measure"]), **{name: None if payout[name] is None else Fraction(payout[name]) for name in _INPUTS})
    column = next((step["result"] for step in e.steps if step["step"] == "axis" and step["formula"].startswith("columns: ")), None)
    title = "What the curve pays, and where this participant is on it"
    return draw_place(title, benefit, payout["currency"], inputs, payout["axis_value"], payout["curve_payout"] or Decimal(0), column)


def read_benefit(definition: str) -> Benefit:
    """A benefit as dim_benefit has it."""
    return TypeAdapter(Benefit).validate_python(_with_numbers(json.loads(definition)))


def _with_numbers(value: Any) -> Any:
    """Turn text into decimals, apart from names. Decimals are text in JSON, so that they stay exact."""
    if isinstance(value, dict):
        return {key: each if key in _NAMES else _with_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_numbers(each) for each in value]
    return Decimal(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else value
