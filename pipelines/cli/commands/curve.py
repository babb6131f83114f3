"""The curve of a benefit with one participant's place on it, for the page that explains a payout.

Belongs here: which figures of a payout the drawing needs. Does not belong here: drawing (drawings/).
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pydantic import TypeAdapter

from assets.published.explanation import Explanation
from models.agreements.payments import CurveInputs
from models.agreements.schema import Benefit
from pipelines.drawings.benefits import draw_place

_DECIMAL = re.compile(r"-?\d+\.\d+")
_NAMES = ("id", "clause", "quote", "scope", "metric", "of")
#: Of a payout, what stands behind its place on the curve, beside the measure.
_FIGURES = ("base", "quantity", "target", "baseline", "incentive")


def draw_curve(e: Explanation) -> str | None:
    """The payout along its axis as SVG, base and quantity moving with the measure; None where there is no place, or the payment has no curve along it."""
    payout = e.payout
    if payout["axis_value"] is None or payout["measure"] is None:
        return None
    benefit = TypeAdapter(Benefit).validate_python(_with_numbers(json.loads(e.benefit["definition"])))
    figures = CurveInputs(Fraction(payout["measure"]), **{name: None if payout[name] is None else Fraction(payout[name]) for name in _FIGURES})
    column = next((step["result"] for step in e.steps if step["step"] == "axis" and step["formula"].startswith("columns: ")), None)
    title = "What the curve pays, and where this participant stands"
    return draw_place(title, benefit, payout["currency"], figures, payout["axis_value"], payout["curve_payout"] or Decimal(0), column)


def _with_numbers(value: Any) -> Any:
    """Decimals stand in JSON as text, so that they stay exact; what is a name stays one."""
    if isinstance(value, dict):
        return {key: each if key in _NAMES else _with_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_numbers(each) for each in value]
    return Decimal(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else value
