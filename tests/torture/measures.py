"""What may be said of a measure besides its name: lines that are multiplied, multiples that are counted, figures that break ties.

Belongs here: changing a benefit that has been drawn. Does not belong here: measures by name, scopes (agreements.py), curves (curves.py).

Each benefit has a generator of its own, so that nothing else of a seed's book changes.
"""

from __future__ import annotations

import random
from decimal import Decimal

from tests.torture.drawing import Draw, Row

MONEY = ("amount", "margin")


def refine_measure(d: Draw, benefit: Row) -> None:
    """Changes some benefits to ones that measure in another way, where the language allows it."""
    own = Draw(random.Random(repr(benefit)), d.features)
    if own.chance(0.15, "times"):
        _multiply_lines(own, benefit)
    if own.chance(0.2, "every") and not {"target", "baseline"} & set(benefit) and benefit.get("method") != "rolling":
        _count_multiples(own, benefit)
    if own.chance(0.25, "distinct") and not {"target", "baseline"} & set(benefit) and benefit.get("method") != "rolling":
        _count_values(own, benefit)
    if own.chance(0.25, "over"):
        _see_other_days(own, benefit)
    if "by_line" in own.features and own.chance(0.5):
        _pay_lines(own, benefit)
    if benefit.get("by") == "rank" and "tiers" in benefit and own.chance(0.6, "ties_then"):
        figures = own.some(["quantity", "amount", "margin", "count", "points", {"metric": "nps"}, {"metric": "quality"}], 1, 3)
        benefit["ties"] = {"then": own.rng.sample(figures, len(figures))}


def _multiply_lines(d: Draw, benefit: Row) -> None:
    measure = benefit.get("measure", "amount")
    of = measure if isinstance(measure, dict) else {"of": measure}
    if of["of"] == "points":
        return
    benefit["measure"] = of | {"times": d.pick(["product.weight", "product.weight", "points"])}
    benefit.get("limits", {}).pop("rate_at_most", None)
    if not benefit.get("limits", True):
        benefit.pop("limits")


def _count_values(d: Draw, benefit: Row) -> None:
    """One of each attribute that lines, products and partners have. Thresholds are far above most counts, which then decide who is below the first."""
    benefit["measure"] = {"distinct": d.pick(["product_id", "channel", "product.category", "partner.region", "partner_id", "transaction_id", "points"])}
    if benefit.get("by", "measure") == "measure" and "tiers" in benefit:
        for number, tier in enumerate(benefit["tiers"]):
            tier["from"] = Decimal(number if number < 2 else 2 * number)
    accrue = benefit.get("accrue", {})
    if accrue.get("placement") == "forecast":
        accrue["placement"] = "actual"
    accrue.pop("forecast", None)
    _pay_on_money(d, benefit)


def _pay_lines(d: Draw, benefit: Row) -> None:
    """Each line by itself, where the curve has thresholds on the measure that lines add up."""
    measure = benefit.get("measure", "amount")
    is_counted = isinstance(measure, dict) and {"every", "distinct", "over"} & set(measure)
    if is_counted or "tiers" not in benefit or not isinstance(benefit.get("by", "measure"), str) or benefit.get("by") in ("rank", "percentile"):
        return
    if benefit.get("method") == "graduated" and d.chance(0.7):
        benefit["slices"] = "by_line"
    elif benefit.get("base") != "increment" and not any({"amount", "share"} & set(tier) for tier in benefit["tiers"]):
        benefit["method"] = "running"
        benefit.pop("above", None)
        places = [tier["from"] for tier in benefit["tiers"]]
        benefit["tiers"] = [tier for n, tier in enumerate(benefit["tiers"]) if tier["from"] not in places[:n]]
    if "slices" in benefit or benefit.get("method") == "running":
        benefit.pop("accrue", None)


def _see_other_days(d: Draw, benefit: Row) -> None:
    """Where nothing compares or cuts the measure of the window's own days."""
    measure, base = benefit.get("measure", "amount"), benefit.get("base", "measure")
    of = measure if isinstance(measure, dict) else {"of": measure}
    target, forecast = benefit.get("target"), benefit.get("accrue", {}).get("forecast", "linear")
    is_compared = "baseline" in benefit or (isinstance(target, dict) and "prior" in target) or base == "increment" or "distinct" in of
    is_cut = benefit.get("method") in ("graduated", "rolling") or benefit.get("accumulate", "window") != "window" or benefit.get("prorate") == "days"
    if not (is_compared or is_cut) and forecast == "linear":
        benefit["measure"] = of | {"over": d.pick(["prior_year", {"trailing": d.pick([1, 2, 4, 12, 26])}])}
        if base == "measure":
            benefit["base"] = d.pick(["amount", "quantity"])
        if (benefit["base"]["of"] if isinstance(benefit["base"], dict) else benefit["base"]) not in MONEY:
            benefit.get("limits", {}).pop("rate_at_most", None)


def _count_multiples(d: Draw, benefit: Row) -> None:
    measure = benefit.get("measure", "amount")
    of = measure if isinstance(measure, dict) else {"of": measure}
    benefit["measure"] = of | {"every": d.pick([1, Decimal("0.7"), 2])} | ({"round": d.pick(["down", "up"])} if d.chance(0.6) else {})
    _pay_on_money(d, benefit)


def _pay_on_money(d: Draw, benefit: Row) -> None:
    base = benefit.get("base", "measure")
    if base == "measure":
        benefit["base"] = d.pick(["amount", "margin"])
    elif (base["of"] if isinstance(base, dict) else base) not in MONEY:
        benefit["base"] = "amount"
