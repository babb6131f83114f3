"""Amendments from a day on: versions of an agreement whose terms change within windows.

Belongs here: what such versions may change. Does not belong here: amendments that rule whole windows (agreements.py).
"""

from __future__ import annotations

import copy
from decimal import Decimal

from tests.torture.curves import draw_form, draw_limits, kind_of
from tests.torture.drawing import Draw, Row
from tests.torture.scopes import draw_scope

_FIGURES = ("target", "baseline", "incentive")


def amend_from_days(d: Draw, agreement: Row) -> list[Row]:
    """The agreement with one or two versions from a day on; alone where one of its benefits cannot have them."""
    if agreement.get("pool") == "placed" or not all(map(may_change, agreement["benefits"])):
        return [agreement]
    versions = [agreement]
    for number in range(2, d.pick([2, 2, 3]) + 1):
        version = copy.deepcopy(versions[-1])
        version |= {"version": number, "effective": d.day(agreement["term"]["from"], agreement["term"]["to"]), "amendment": "from_date"}
        if d.chance(0.15):
            version["amendment"] = "restate"
        if d.chance(0.3):
            version["scope"] = draw_scope(d)
            for benefit in version["benefits"]:  # a scope inside was drawn within another
                benefit.pop("scope", None)
        if d.chance(0.2) and "limits" in version:
            version["limits"] = {**version["limits"], "at_most": d.number(5, 400, 0)}
        for benefit in version["benefits"]:
            _amend(d, benefit)
        if d.chance(0.1) and len(version["benefits"]) > 1 and "benefit" not in str(version["benefits"]):
            version["benefits"].pop(d.rng.randrange(2))
        versions.append(version)
    return versions


def may_change(benefit: Row) -> bool:
    """Whether the terms of a benefit may change within a window."""
    measure, base = benefit.get("measure", "amount"), benefit.get("base", "measure")
    if benefit.get("method") == "graduated" and "slices" not in benefit:
        has_units = any("per_unit" in tier for tier in benefit["tiers"])
        if base != "measure" or isinstance(measure, dict) or (has_units and measure != "quantity"):
            return False
    inside = any(isinstance(part, dict) and "scope" in part for part in (measure, base))
    return not inside and benefit.get("method") != "rolling" and "each" not in benefit


def _amend(d: Draw, benefit: Row) -> None:
    """Other values of the same benefit."""
    kind, method = kind_of(benefit.get("by", "measure")), benefit.get("method", "whole")
    for tier in benefit.get("tiers", []):
        for form in sorted(set(tier) - {"from"}):  # a set has another order in every process
            if d.chance(0.7):
                tier[form] = draw_form(d, form, kind, method)
    if "tiers" in benefit and len(benefit["tiers"]) > 2 and d.chance(0.3) and "tier" not in str(benefit.get("accrue")):
        benefit["tiers"].pop()
    if kind == "measure" and d.chance(0.4):
        for tier in benefit.get("tiers", []):
            tier["from"] *= 2
    for form in {"rate", "amount", "share"} & set(benefit.get("matrix", {})):
        benefit["matrix"][form] = [[value * 2 for value in line] for line in benefit["matrix"][form]]
    for figure in _FIGURES:
        if isinstance(benefit.get(figure), Decimal | int) and d.chance(0.6):
            benefit[figure] = benefit[figure] * d.pick([2, Decimal("0.5"), Decimal("1.25")])
    if isinstance(benefit.get("target"), dict) and "year" in benefit["target"]:
        benefit["target"]["year"] *= 2
    if d.chance(0.3):
        is_of_money = "rate_at_most" in benefit.get("limits", {})
        benefit["limits"] = draw_limits(d, d.pick([20, 100, 400]), is_of_money)
    for key in ("requires", "multiply"):
        if key in benefit and d.chance(0.3) and not any("benefit" in str(gate) for gate in benefit.get("requires", [])) and "order" not in benefit:
            benefit.pop(key)
    if d.chance(0.3):
        benefit["settle"] = {"clawback": d.pick(["pay", "carry", "none"])}
    if d.chance(0.2):
        benefit["boundary"] = d.pick(["lower_inclusive", "upper_inclusive"])
