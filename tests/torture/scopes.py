"""Which lines count: scopes drawn, and read back to make a line that counts.

Belongs here: scopes and conditions. Does not belong here: who is credited (that is the reference's to say).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from tests.torture.drawing import Draw, Row
from tests.torture.lines import BRANDS, CATEGORIES

TYPES = ["sale", "return", "credit", "adjustment"]


def _known(column: str, holds: Callable[[Any], bool]) -> Callable[[Row], bool]:
    """A condition on one column: nothing known, nothing counted."""
    return lambda row: row[column] is not None and holds(row[column])


#: SQL conditions, and the same in Python.
CONDITIONS: dict[str, Callable[[Row], bool]] = {
    "channel = 'retail'": _known("channel", lambda value: value == "retail"),
    "channel <> 'online'": _known("channel", lambda value: value != "online"),
    "channel IN ('retail', 'online')": _known("channel", lambda value: value in ("retail", "online")),
    "channel IS NULL OR channel = 'online'": lambda row: row["channel"] in (None, "online"),
    "NOT (channel = 'online')": _known("channel", lambda value: value != "online"),
    "channel = 'retail' OR type = 'return'": lambda row: row["channel"] == "retail" or row["type"] == "return",
    "amount > 0": _known("amount", lambda value: value > 0),
    "amount BETWEEN -200 AND 400.50": _known("amount", lambda value: -200 <= value <= Decimal("400.5")),
    "quantity >= 2": _known("quantity", lambda value: value >= 2),
    "product_id IS NOT NULL": lambda row: row["product_id"] is not None,
    "date >= DATE '2024-09-15'": _known("date", lambda value: value >= dt.date(2024, 9, 15)),
    "type <> 'credit' AND amount <> 0": lambda row: row["type"] != "credit" and row["amount"] != 0,
}  # fmt: skip


def draw_scope(d: Draw, outer: Row | None = None) -> Row:
    """A scope that leaves something of the outer one."""
    products: Row = {}
    outside = {key: _listed(values) for key, values in ((outer or {}).get("products") or {}).get("include", {}).items()}
    if d.chance(0.5):
        include: Row = {}
        if d.chance(0.7):
            include["category"] = d.some(outside.get("category", CATEGORIES), 1, 2)
            if len(include["category"]) == 1 and not outer and d.chance(0.3):
                include["category"] = include["category"][0]
        if not include or d.chance(0.2):
            include["brand"] = d.some(outside.get("brand", BRANDS), 2, 3)
        products["include"] = include
    if d.chance(0.4):
        products["exclude"] = d.pick([{"product_id": ["PR-05", "PR-06"]}, {"brand": ["D"]}, {"product_id": ["PR-07"], "category": ["household"]}])
    scope: Row = {"products": products} if products else {}
    if d.chance(0.35):
        types = (outer or {}).get("types", TYPES)
        scope["types"] = [types[0], *d.some(types[1:], 0, 3)]
    if d.chance(0.25, "where"):
        scope["where"] = d.pick(sorted(CONDITIONS))
    return scope


def _listed(values: Any) -> list[Any]:
    """One value may stand without its list."""
    return values if isinstance(values, list) else [values]


def scopes_of(agreement: Row, benefit: Row) -> list[Row]:
    """Everything a line has to meet to count in the measure."""
    own = benefit.get("measure")
    scopes = [agreement.get("scope"), benefit.get("scope"), own.get("scope") if isinstance(own, dict) else None]
    return [scope for scope in scopes if scope]


def counts(scopes: Iterable[Row], line: Row, product: Row | None) -> bool:
    """Whether the line is in all of them."""
    return all(_counts(scope, line, product) for scope in scopes)


def _counts(scope: Row, line: Row, product: Row | None) -> bool:
    products, of = scope.get("products") or {}, product or {}
    included = all(of.get(key) in _listed(values) for key, values in products.get("include", {}).items())
    excluded = any(of.get(key) in values for key, values in products.get("exclude", {}).items())
    return included and not excluded and line["type"] in scope.get("types", TYPES) and ("where" not in scope or CONDITIONS[scope["where"]](line))
