"""Transaction lines: invoices of three lines, returns, and lines that a later file corrects.

Belongs here: drawing lines for some days, and the feed `transactions`. Does not belong here: which files they go into (book.py).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.generator.partners import Partners
from benchmarks.generator.products import Products
from benchmarks.generator.shape import CURRENCIES, DAYS, FIRST_DAY, BookShape, draw_weighted

LINES_PER_INVOICE = 3
RETURNS = 0.03
#: Part of the lines that the next month's file sends again, at 97 % of the amount.
CORRECTED, CORRECTED_TO = 0.001, 97
#: Part of the invoices in the currency of the partner; the others are in any.
IN_HOME_CURRENCY = 0.92
#: Part of the invoices of a further day that are up to LATE_DAYS late.
LATE, LATE_DAYS = 0.1, 44


def draw_lines(
    shape: BookShape, stream: int, partners: Partners, products: Products, first_invoice: int, count: int, days: range, late: float = 0.0
) -> pl.DataFrame:
    """`count` lines on `days` (counted from the book's first); amounts and costs in cents."""
    random = shape.random(5, stream)
    invoices = -(-count // LINES_PER_INVOICE)
    day = np.sort(random.integers(days.start, days.stop, invoices))
    day -= (random.random(invoices) < late) * random.integers(1, LATE_DAYS + 1, invoices)
    partner = draw_weighted(random, partners.weights, invoices)
    sign = np.where(random.random(invoices) < RETURNS, -1, 1)
    currency = np.where(random.random(invoices) < IN_HOME_CURRENCY, partners.currencies[partner], random.integers(0, len(CURRENCIES), invoices))
    invoice = np.arange(count) // LINES_PER_INVOICE
    product = draw_weighted(random, products.weights, count)
    units = np.minimum(random.geometric(0.32, count), 60)
    return pl.DataFrame(
        {
            "invoice": first_invoice + invoice,
            "line": np.arange(count) % LINES_PER_INVOICE + 1,
            "day": day[invoice],
            "partner": partner[invoice],
            "product": product,
            "quantity": sign[invoice] * units,
            "amount": sign[invoice] * (products.prices[product] * units * random.integers(80, 101, count) // 100),
            "cost": sign[invoice] * products.costs[product] * units,
            "currency": currency[invoice],
        }
    )


def correct_lines(shape: BookShape, stream: int, earlier: pl.DataFrame, count: int) -> pl.DataFrame:
    """Some lines of an earlier file as the next one sends them again, for one in a thousand of its `count` lines."""
    again = min(max(1, int(count * CORRECTED)), earlier.height)
    chosen = np.sort(shape.random(6, stream).choice(earlier.height, again, replace=False))
    return earlier[chosen].with_columns(pl.col("amount") * CORRECTED_TO // 100)


def draw_further_day(shape: BookShape, number: int, partners: Partners, products: Products, first_invoice: int) -> pl.DataFrame:
    """The lines that one more day brings, most of them of the book's last day."""
    return draw_lines(shape, 1_000 + number, partners, products, first_invoice, max(1, shape.lines // DAYS), range(DAYS - 1, DAYS), late=LATE)


def write_feed(lines: pl.DataFrame, partners: Partners, products: Products) -> pl.DataFrame:
    """Lines as the feed's files show them."""
    return lines.select(
        transaction_id="I" + pl.col("invoice").cast(pl.String).str.zfill(9),
        line="line",
        date=pl.lit(FIRST_DAY) + pl.duration(days="day"),
        partner_id=partners.ids.gather(lines["partner"]),
        product_id=products.ids.gather(lines["product"]),
        type=pl.when(pl.col("quantity") < 0).then(pl.lit("return")).otherwise(pl.lit("sale")),
        quantity="quantity",
        amount=as_money("amount"),
        cost=as_money("cost"),
        currency=pl.Series(CURRENCIES).gather(lines["currency"]),
    )


def as_money(cents: str) -> pl.Expr:
    """Cents as an amount with two decimals."""
    return pl.col(cents).cast(pl.Decimal(18, 2)) * pl.lit("0.01").cast(pl.Decimal(18, 2))
