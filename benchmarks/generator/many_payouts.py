"""Writes a book of few lines and many payouts: `python -m benchmarks.generator.many_payouts --participants 20_000 --out build/book`.

One agreement for everyone, three benefits, twelve months: 36 payouts a participant, on 100,000 lines whatever their number.
The same arguments write the same bytes.
"""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.generator.transactions import as_money

LINES, SEED = 100_000, 5
FIRST_DAY, DAYS = dt.date(2025, 1, 1), 365
BOOK = """
book: many-payouts
currency: EUR
as_of: 2025-12-31
feeds:
  partners: {files: "feeds/partners/*.csv", key: [partner_id]}
  transactions: {files: "feeds/transactions/*.csv", key: [transaction_id]}
"""
AGREEMENT = """
agreement: A
title: Three monthly benefits for every shop
currency: EUR
term: {from: 2025-01-01, to: 2025-12-31}
participants: {kind: shop}
benefits:
  - {id: whole, clause: "1", window: month, tiers: [{from: 0, rate: 0.01}, {from: 500, rate: 0.02}]}
  - {id: graduated, clause: "2", window: month, method: graduated, tiers: [{from: 0, rate: 0.01}, {from: 300, rate: 0.03}]}
  - {id: yearly, clause: "3", window: month, accumulate: year, tiers: [{from: 0, rate: 0.005}, {from: 2000, rate: 0.01}]}
"""


def write_book(participants: int, folder: Path, lines: int = LINES) -> None:
    """Writes the whole book. The folder must be new or empty."""
    if folder.exists() and any(folder.iterdir()):
        raise SystemExit(f"{folder} is not empty: name another folder, or delete it first")
    for name in ("agreements", "feeds/partners", "feeds/transactions"):
        (folder / name).mkdir(parents=True)
    random = np.random.default_rng([SEED, participants])
    ids = pl.int_range(participants, eager=True).cast(pl.String).str.zfill(6)
    partners = pl.DataFrame({"partner_id": "P" + ids, "name": "Shop " + ids, "kind": pl.repeat("shop", participants, eager=True)})
    day, partner, cents = (random.integers(low, high, lines) for low, high in ((0, DAYS), (0, participants), (100, 90_000)))
    transactions = pl.DataFrame({"day": day, "cents": cents, "partner_id": partners["partner_id"].gather(partner)}).select(
        transaction_id=pl.format("T{}", pl.int_range(pl.len())),
        date=pl.lit(FIRST_DAY) + pl.duration(days="day"),
        partner_id="partner_id",
        amount=as_money("cents"),
        currency=pl.lit("EUR"),
    )
    (folder / "book.yaml").write_text(BOOK.lstrip(), encoding="utf-8")
    (folder / "agreements" / "a.yaml").write_text(AGREEMENT.lstrip(), encoding="utf-8")
    partners.write_csv(folder / "feeds" / "partners" / "partners.csv")
    transactions.write_csv(folder / "feeds" / "transactions" / "2025.csv")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--participants", type=int, required=True, help="36 payouts each; underscores may group the digits")
    parser.add_argument("--out", type=Path, required=True, help="the book's folder, new or empty")
    chosen = parser.parse_args()
    write_book(chosen.participants, chosen.out)


if __name__ == "__main__":
    main()
