"""The keys and values that this reference computes. Anything else is refused, so that silence never passes for agreement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.reference.axes import LOOKS, OWN, all_axes
from tests.reference.earning import ORDER
from tests.reference.read import NotCovered, Row

AGREEMENT = {
    "agreement", "version", "effective", "amendment", "approved", "changed_by", "review_by", "title", "direction", "currency", "term", "participants", "pool",
    "payee", "windows", "include_children", "document", "scope", "fx", "returns", "combine", "limits", "benefits",
}  # fmt: skip
BENEFIT = {
    "id", "clause", "quote", "window", "accumulate", "measure", "base", "by", "target", "baseline", "incentive", "method", "boundary", "above",
    "ties", "tiers", "matrix", "each", "slices", "requires", "multiply", "limits", "order", "prorate", "scope", "settle", "accrue", "manual", "draw",
}  # fmt: skip
VALUES = {
    "method": {"whole", "graduated", "linear", "rolling", "total", "running"}, "prorate": {"none", "days"}, "ties": {"min", "share"},
    "boundary": {"lower_inclusive", "upper_inclusive"}, "above": {"hold", "extend", "zero"}, "accumulate": {"window", "quarter", "half_year", "year", "term"},
    "slices": {"by_line"},
    "window": {"month", "quarter", "half_year", "year", "term"},
}  # fmt: skip
AGREEMENT_VALUES = {"returns": {"posted", "original"}, "amendment": {"next_window", "restate", "from_date"}, "pool": {"each", "together", "placed"}}


def refuse_unknown(agreement: Row) -> None:
    """Raises NotCovered for what is not in the language, or not together."""
    name = str(agreement["agreement"])
    _keys(name, agreement, AGREEMENT)
    for key, allowed in AGREEMENT_VALUES.items():
        _one_of(f"{name}: {key}", agreement.get(key), allowed)
    fx = agreement.get("fx", "transaction_date")
    _one_of(f"{name}: fx", "fixed" if isinstance(fx, dict) and set(fx) == {"fixed"} else fx, {"transaction_date", "period_end", "fixed"})
    combine = agreement.get("combine") or {}
    _keys(name, combine, {"group", "rule", "priority", "agreements"})
    _one_of(f"{name}: combine", combine.get("rule"), {"all", "best", "exclusive", "net_of"})
    if combine.get("rule") in ("best", "exclusive") and "group" not in combine:
        raise NotCovered(f"{name}: {combine['rule']} without a group")
    _scope(name, agreement)
    for benefit in agreement["benefits"]:
        _benefit(f"{name} {benefit['id']}", benefit)


def _benefit(name: str, benefit: Row) -> None:
    _keys(name, benefit, BENEFIT)
    _keys(name, benefit.get("draw", {}), {"amount", "against", "recover", "ceiling", "from"})
    if isinstance(benefit.get("ties"), dict):
        _keys(name, benefit["ties"], {"then"})
    for key, allowed in VALUES.items():
        _one_of(f"{name}: {key}", None if isinstance(benefit.get(key), dict) else benefit.get(key), allowed)
    for part, more in ((benefit.get("measure"), {"every", "round", "times", "over", "distinct"}), (benefit.get("base"), set())):
        if isinstance(part, dict):
            _keys(name, part, {"of", "scope", *more})
    for part in (benefit, benefit.get("measure"), benefit.get("base")):
        if isinstance(part, dict):
            _scope(name, part)
    for kind, of in all_axes(benefit):
        if kind not in (*OWN, *LOOKS, "rank", "percentile", "metric") or (kind == "rank" and of not in OWN):
            raise NotCovered(f"{name}: by {kind} {of}")
    if "each" in benefit and ({"target", "baseline", "incentive", "prorate", "accumulate"} & set(benefit) - _said(benefit)):
        raise NotCovered(f"{name}: each with what is not of a group")
    if sorted(benefit.get("order", ORDER)) != sorted(ORDER):
        raise NotCovered(f"{name}: order {benefit['order']}")
    for gate in benefit.get("requires", []):
        _keys(name, gate, {"by", "at_least", "above", "at_most", "below", "otherwise"})
    if "multiply" in benefit:
        _keys(name, benefit["multiply"], {"by", "method", "boundary", "above", "tiers"})
        _one_of(f"{name}: multiply", benefit["multiply"].get("method"), {"whole", "linear"})
    if "matrix" in benefit:
        _keys(name, benefit["matrix"], {"rows", "columns", "method", "rate", "amount", "share"})
        _one_of(f"{name}: matrix", benefit["matrix"].get("method"), {"whole", "linear"})
    if ("matrix" in benefit) == ("tiers" in benefit):
        raise NotCovered(f"{name}: either tiers or a matrix")
    placement = benefit.get("accrue", {}).get("placement", "actual")
    whole = "matrix" not in benefit and benefit.get("method", "whole") == "whole"
    if isinstance(placement, dict) and not (whole and 1 <= placement["tier"] <= len(benefit["tiers"])):
        raise NotCovered(f"{name}: placement {placement}")
    _one_of(f"{name}: placement", "tier" if isinstance(placement, dict) else placement, {"actual", "forecast", "tier"})
    _one_of(f"{name}: forecast", benefit.get("accrue", {}).get("forecast"), {"linear", "seasonal", "feed"})
    if benefit.get("prorate") == "days" and benefit.get("accumulate", "window") != "window":
        raise NotCovered(f"{name}: prorate with accumulate")
    _one_of(f"{name}: clawback", benefit.get("settle", {}).get("clawback"), {"pay", "carry", "none"})


def _said(benefit: Row) -> set[str]:
    """Keys that are written and say no more than their default."""
    return {key for key, value in (("prorate", "none"), ("accumulate", "window")) if benefit.get(key) == value}


def _scope(name: str, part: Row) -> None:
    scope = part.get("scope") or {}
    _keys(name, scope, {"products", "types", "where"})
    _keys(name, scope.get("products") or {}, {"include", "exclude"})


def _keys(name: str, part: Row, allowed: set[str]) -> None:
    if unknown := set(part) - allowed:
        raise NotCovered(f"{name}: {sorted(unknown)}")


def _one_of(name: str, value: Any, allowed: Iterable[str]) -> None:
    if value is not None and value not in allowed:
        raise NotCovered(f"{name} {value}")
