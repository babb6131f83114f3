"""Writes one benchmark book: `python -m benchmarks.generator --lines 1_000_000 --out build/book`.

24 months of transactions, 2024-01 to 2025-12, in three currencies; 3 % returns; one line in a thousand corrected by the next month's
file. Partners form two levels (shops, groups, holdings); reps are credited through assignments. Agreements: whole, graduated, per unit,
lump amounts, growth over the prior year, lines between points of attainment; some accumulate over the year, with three clawback rules; limits; pools.
The same arguments write the same bytes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.generator.book import write_book
from benchmarks.generator.shape import BookShape


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, required=True, help="transaction lines; underscores may group the digits")
    for name in ("agreements", "partners", "products", "seed"):
        parser.add_argument(f"--{name}", type=int, default=getattr(BookShape, name), help="default: %(default)s")
    parser.add_argument("--further-days", type=int, default=0, help="also write DAYS files below OUT/next that arrive after the first run", metavar="DAYS")
    parser.add_argument("--out", type=Path, required=True, help="the book's folder, new or empty")
    chosen = parser.parse_args()
    write_book(BookShape(chosen.lines, chosen.agreements, chosen.partners, chosen.products, chosen.seed), chosen.out, chosen.further_days)


if __name__ == "__main__":
    main()
