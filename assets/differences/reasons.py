"""Why a payout is another one, in words, from its figures before and now.

Belongs here: sentences about one payout. Does not belong here: finding the payouts (findings.py), tables (sections.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from assets.published.formatting import number, percent, readable
from assets.published.reader import Row

_FIGURES = {"measure": "measure", "target": "target", "baseline": "baseline", "incentive": "incentive"}
_FACTORS = {"multiplier": "multiplier", "gate_factor": "what requirements leave"}
#: More reasons than this are a list that nobody reads.
_MOST = 4


def reason_of(row: Row) -> str:
    """What led from the one amount to the other: the first few of its figures that differ, those that decide first."""
    found = list(_reasons(row))
    return "; ".join(found[:_MOST]) or "other payouts of the participant or of the agreement are otherwise"


def _reasons(row: Row) -> Iterator[str]:
    if row["is_new"]:
        yield "this payout is new" if row["had_agreement"] else "the agreement is new"
        return
    if row["is_gone"]:
        yield "this payout is gone" if row["has_agreement"] else "the agreement is gone"
        return
    before, now = row["before_status"], row["now_status"]
    if now == "blocked" and before != "blocked":
        yield f"blocked: {_words(row['now_status_reason'])}"
    elif before == "blocked" and now != "blocked":
        yield f"no longer blocked ({_words(row['before_status_reason'])})"
    elif row["before_status_reason"] != row["now_status_reason"]:
        yield _words(row["now_status_reason"]) if row["now_status_reason"] else f"no longer {_words(row['before_status_reason'])}"
    if row["before_agreement_version"] != row["now_agreement_version"]:
        yield f"version {row['before_agreement_version']} → {row['now_agreement_version']}"
    for name, words in _FIGURES.items():
        if row[f"before_{name}"] != row[f"now_{name}"]:
            yield f"{words} {_number(row[f'before_{name}'])} → {_number(row[f'now_{name}'])}"
    if row["before_tier"] != row["now_tier"]:
        yield f"tier {_tier(row, 'before')} → {_tier(row, 'now')}"
    yield from (f"tier {each['tier']} {_terms(each['before'], each['now'])}" for each in row["other_tiers"] or ())
    if row["before_axis_value"] != row["now_axis_value"] and not any(row[f"before_{name}"] != row[f"now_{name}"] for name in _FIGURES):
        yield f"place {_number(row['before_axis_value'])} → {_number(row['now_axis_value'])}"
    factors = [name for name in _FACTORS if row[f"before_{name}"] != row[f"now_{name}"]]
    yield from (f"{_FACTORS[name]} {_number(row[f'before_{name}'])} → {_number(row[f'now_{name}'])}" for name in factors)
    if row["before_curve_payout"] == row["now_curve_payout"] and row["before_earned"] != row["now_earned"] and not factors:
        yield "limits"
    if row["before_earned"] == row["now_earned"] or row["before_prior_earned"] != row["now_prior_earned"] or row["before_carried"] != row["now_carried"]:
        yield "what earlier windows earned or what is set off"
    elif row["before_curve_payout"] != row["now_curve_payout"] and not row["other_tiers"]:
        yield "the curve pays otherwise"


def _terms(before: Row, now: Row) -> str:
    """What a tier pays and where it begins, as far as that differs."""
    parts = []
    for form in ("rate", "per_unit", "amount", "share"):
        if before[form] != now[form]:
            shown = percent if form in ("rate", "share") else number
            parts.append(f"pays {shown(before[form])} → {shown(now[form])}{' per unit' if form == 'per_unit' else ''}")
    if before["from_value"] != now["from_value"]:
        parts.append(f"begins at {_number(before['from_value'])} → {_number(now['from_value'])}")
    return " and ".join(parts)


def _tier(row: Row, end: str) -> str:
    tier, rate = row[f"{end}_tier"], row[f"{end}_rate"]
    return f"{'–' if tier is None else tier}{f' ({percent(rate)})' if rate else ''}"


def _number(value: Any) -> str:
    return "none" if value is None else number(readable(Decimal(value), 4))


def _words(code: Any) -> str:
    return str(code or "").replace("_", " ")
