"""Products in four levels with list prices, and the exchange rates they are sold at.

Belongs here: the feeds `products` and `fx_rates`. Does not belong here: which products an agreement covers (scopes.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from benchmarks.generator.partners import numbered
from benchmarks.generator.shape import CURRENCIES, FIRST_DAY, BookShape, Floats, Integers, long_tail
from benchmarks.windows import add_months

#: Attribute: prefix and digits of its values. Division holds categories, a category families; brands cut across.
ATTRIBUTES = {"division": ("D", 2), "category": ("K", 3), "family": ("F", 4), "brand": ("B", 3)}
#: What one unit of each currency is worth in the first, before it wanders from month to month.
FIRST_RATES = (1.0, 1 / 1.08, 1.17)
WANDERING = 0.01
MONTHS = 24


@dataclass(frozen=True)
class Products:
    """One entry per product key; prices and costs in cents."""

    ids: pl.Series
    attributes: dict[str, Integers]
    prices: Integers
    costs: Integers
    weights: Floats

    def names(self, attribute: str, values: Integers) -> list[str]:
        """Values of an attribute, or products, as the feed writes them: each once, in order."""
        numbers = np.unique(values)
        return self.ids.gather(numbers).to_list() if attribute == "product_id" else numbered(*ATTRIBUTES[attribute], numbers).to_list()

    def write_feed(self) -> pl.DataFrame:
        """The feed as its file shows it."""
        return pl.DataFrame({"product_id": self.ids}).select(
            "product_id",
            pl.format("Product {}", "product_id").alias("name"),
            *(numbered(*ATTRIBUTES[name], values).alias(name) for name, values in self.attributes.items()),
        )


def draw_products(shape: BookShape) -> Products:
    """All products of a book."""
    random, count = shape.random(2), shape.products
    family = np.sort(random.integers(0, max(6, count // 20), count))
    category = family // 10
    brand = (family * 7 + random.integers(0, 4, count)) % max(4, count // 100)
    prices = np.clip(np.exp(random.normal(8.0, 1.1, count)), 50, 150_000).astype(np.int64)
    return Products(
        ids=numbered("P-", 5, np.arange(count)),
        attributes={"division": category // 10, "category": category, "family": family, "brand": brand},
        prices=prices,
        costs=prices * random.integers(55, 86, count) // 100,
        weights=random.permutation(long_tail(count, 0.8, 20)),
    )


def draw_rates(shape: BookShape) -> pl.DataFrame:
    """The feed `fx_rates`: every ordered pair of currencies on the first of every month."""
    random = shape.random(3)
    steps = random.normal(0, WANDERING, (MONTHS, len(CURRENCIES)))
    steps[:, 0] = 0
    worth = np.array(FIRST_RATES) * np.exp(np.cumsum(steps, axis=0))
    rows = [
        (add_months(FIRST_DAY, month), origin, target, f"{worth[month, i] / worth[month, j]:.6f}")
        for month in range(MONTHS)
        for i, origin in enumerate(CURRENCIES)
        for j, target in enumerate(CURRENCIES)
        if i != j
    ]
    return pl.DataFrame(rows, schema=["date", "from_currency", "to_currency", "rate"], orient="row")
