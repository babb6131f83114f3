"""Which products an agreement covers.

Belongs here: drawing `scope.products` in the agreement language, and the products that it covers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.generator.products import ATTRIBUTES, Products
from benchmarks.generator.shape import Mask, draw_weighted

#: What a scope includes by, and how often: broad scopes in books of few agreements, narrow ones where there are many.
KINDS = ("all", *ATTRIBUTES, "product_id")
BROAD, NARROW = (0.1, 0.35, 0.27, 0.15, 0.1, 0.03), (0.0, 0.02, 0.18, 0.4, 0.25, 0.15)
#: Up to this many agreements every scope is broad.
BROAD_AGREEMENTS = 1_500
ALSO_BRAND, EXCLUDES = 0.15, 0.5


@dataclass(frozen=True)
class Scope:
    """`products` as the agreement writes it (empty: all), and one flag per product."""

    products: dict[str, dict[str, list[str]]]
    covered: Mask


def draw_scope(random: np.random.Generator, products: Products, agreements: int) -> Scope:
    """One scope; it always covers something."""
    is_broad = random.random() < min(1, BROAD_AGREEMENTS / agreements)
    kind = str(random.choice(KINDS, p=BROAD if is_broad else NARROW))
    include: dict[str, list[str]] = {}
    covered = np.ones(len(products.ids), bool)
    if kind != "all":
        bought = draw_weighted(random, products.weights, int(random.integers(3, 20) if kind == "product_id" else random.integers(1, 4)))
        covered &= _narrow(include, products, kind, bought)
    if kind in ("division", "category") and random.random() < ALSO_BRAND:
        few = random.choice(np.flatnonzero(covered), min(30, int(covered.sum())))
        covered &= _narrow(include, products, "brand", few)
    exclude: dict[str, list[str]] = {}
    if kind != "product_id" and random.random() < EXCLUDES:
        for attribute in random.choice(["category", "family", "brand", "product_id"], int(random.integers(1, 3)), replace=False):
            few = random.choice(np.flatnonzero(covered), int(random.integers(1, 5)))
            written: dict[str, list[str]] = {}
            left = covered & ~_narrow(written, products, str(attribute), few)
            if left.any():
                covered = left
                exclude |= written
    return Scope({name: rules for name, rules in (("include", include), ("exclude", exclude)) if rules}, covered)


def _narrow(rules: dict[str, list[str]], products: Products, attribute: str, like: Any) -> Mask:
    """Adds the rule `attribute: values of the products in like`; the products that it hits."""
    of_all = np.arange(len(products.ids)) if attribute == "product_id" else products.attributes[attribute]
    rules[attribute] = products.names(attribute, of_all[like])
    return np.isin(of_all, of_all[like])
