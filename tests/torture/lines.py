"""Products, transactions and rates: what a partner bought, gave back, and in which money.

Belongs here: rows of transactions, products, fx_rates. Does not belong here: lines aimed at a threshold (aiming.py).
"""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

from tests.torture.calendars import FIRST_DATA, LAST_DATA
from tests.torture.drawing import MINOR_UNITS, Draw, Row
from tests.torture.people import Cluster

CATEGORIES, BRANDS, CHANNELS = ("beverages", "snacks", "household"), ("A", "B", "C", "D"), ("retail", "online", None)
RATES = {"EUR": 1.0, "USD": 0.92, "JPY": 0.0061, "KWD": 2.98}


def draw_products(d: Draw) -> list[Row]:
    rows = []
    for n in range(1, 15):
        row = {
            "product_id": f"PR-{n:02}", "name": f"Product {n}", "from": None, "to": None,
            "category": d.pick(CATEGORIES), "brand": d.pick([*BRANDS, None]) if n > 4 else BRANDS[n - 1],
        }  # fmt: skip
        row["weight"] = None if n == 14 else Decimal(n) / 8
        if n > 7 and d.chance(0.4, "versions"):
            change = d.day(dt.date(2024, 2, 1), dt.date(2026, 2, 1))
            rows += [
                row | {"to": change - dt.timedelta(days=1)},
                row | {"from": change, "category": d.pick(CATEGORIES), "brand": d.pick(BRANDS), "weight": Decimal(n) / 5},
            ]
        else:
            rows.append(row)
    return rows


def draw_rates(d: Draw, clusters: list[Cluster], reporting: str) -> list[Row]:
    """Dated direct rates of every pair that lines, agreements and reporting need; a pair may begin late."""
    pairs = {(other, c.currency) for c in clusters for other in c.foreign} | {(c.currency, reporting) for c in clusters if c.currency != reporting}
    rows: list[Row] = []
    for source, target in sorted(pairs):
        day = FIRST_DATA - dt.timedelta(days=40) if d.chance(0.9) else d.day(dt.date(2024, 3, 1), dt.date(2025, 12, 1))
        while day <= LAST_DATA:
            rate = Decimal(str(RATES[source])) / Decimal(str(RATES[target])) * d.number(0.9, 1.1, 4)
            rows.append({"date": day, "from_currency": source, "to_currency": target, "rate": rate.quantize(Decimal(1).scaleb(-d.pick([4, 6, 12])))})
            day += dt.timedelta(days=d.rng.randint(1, 45))
    return [row for row in rows if row["rate"] > 0]


def turn_pairs(generator: random.Random, rates: list[Row]) -> list[Row]:
    """The rates with some of their pairs the other way round."""
    pairs = sorted({(row["from_currency"], row["to_currency"]) for row in rates})
    turned = {pair for pair in pairs if generator.random() < 0.5 and pair[::-1] not in pairs}

    def turn(row: Row) -> Row:
        inverse = (1 / row["rate"]).quantize(Decimal(1).scaleb(-12))
        return {**row, "from_currency": row["to_currency"], "to_currency": row["from_currency"], "rate": inverse}

    return [turn(row) if (row["from_currency"], row["to_currency"]) in turned else row for row in rates]


def draw_lines(d: Draw, cluster: Cluster, products: list[Row], per_partner: int) -> list[Row]:
    """Transactions of one cluster: several lines each, returns, credits, gaps."""
    rows: list[Row] = []
    ids = sorted({row["product_id"] for row in products})
    for partner in [*cluster.members, *cluster.reps[:1]]:
        for n in range(1, per_partner + 1):
            transaction = f"{partner}-{n:03}"
            day = d.day(FIRST_DATA, LAST_DATA)
            for line in range(1, d.pick([1, 1, 1, 2, 3]) + 1):
                rows.append(_line(d, cluster, transaction, line, day, partner, d.pick(ids) if d.chance(0.93) else None))
    for n, original in enumerate(d.some(rows, len(rows) // 8, len(rows) // 6), 1):
        rows.append(_return(d, original, f"{cluster.name}-R{n:03}"))
    return rows


def _line(d: Draw, cluster: Cluster, transaction: str, line: int, day: dt.date, partner: str, product: str | None) -> Row:
    currency = d.pick(cluster.foreign) if cluster.foreign and d.chance(0.3) else cluster.currency
    minor = MINOR_UNITS[currency] if d.chance(0.95) else 6
    amount = d.number(0, 900, minor) if d.chance(0.95) else d.pick([Decimal(0), Decimal(1).scaleb(-minor), d.number(-50, -1, minor)])
    quantity = d.pick([Decimal(0), d.number(1, 40, 0), d.number(1, 40, 0), d.number(1, 40, 0), d.number(0, 9, 3)])
    return {
        "transaction_id": transaction, "line": line, "date": day, "partner_id": partner, "product_id": product,
        "type": d.pick(["sale"] * 12 + ["credit", "adjustment"]),
        "quantity": None if "quantity" in cluster.gaps and d.chance(0.04) else quantity, "amount": amount,
        "cost": None if "cost" in cluster.gaps and d.chance(0.04) else (amount * d.number(0.4, 1.05, 2)).quantize(Decimal(1).scaleb(-minor)),
        "currency": currency, "original_transaction_id": None,
        "posted_on": d.pick([None, day + dt.timedelta(days=d.rng.randint(0, 40))]), "channel": d.pick(CHANNELS),
        "points": d.pick([None, "", "n/a"]) if "points" in cluster.gaps and d.chance(0.05) else d.number(0, 300, d.pick([0, 0, 1, 6])),
    }  # fmt: skip


def _return(d: Draw, original: Row, transaction: str) -> Row:
    """Goods that come back, wholly or in part, soon or a year later; now and then of a transaction nobody knows."""
    part = d.pick([Decimal(1), Decimal("0.5")])
    minor = MINOR_UNITS[original["currency"]]
    back = {
        column: None if original[column] is None or isinstance(original[column], str) else -(original[column] * part).quantize(Decimal(1).scaleb(-places))
        for column, places in (("amount", minor), ("cost", minor), ("quantity", 3), ("points", 6))
    }
    if isinstance(original["points"], str):
        back["points"] = None
    named = d.pick([original["transaction_id"]] * 6 + [None, None, f"{transaction}-lost"])
    day = min(original["date"] + dt.timedelta(days=d.rng.randint(0, 400)), LAST_DATA)
    own = {"transaction_id": transaction, "line": 1, "date": day, "type": d.pick(["return"] * 8 + ["credit"]), "posted_on": None}
    return original | back | own | {"original_transaction_id": named}
