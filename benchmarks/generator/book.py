"""The benchmark book as a folder: book.yaml, agreements, feeds, and the files that arrive after the first run.

Belongs here: which file holds what. Does not belong here: what is drawn (the other modules of the generator).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from benchmarks.generator.agreements import draw_agreements
from benchmarks.generator.partners import Partners, draw_partners
from benchmarks.generator.products import MONTHS, Products, draw_products, draw_rates
from benchmarks.generator.shape import AS_OF, DAYS, FIRST_DAY, BookShape
from benchmarks.generator.transactions import correct_lines, draw_further_day, draw_lines, write_feed
from benchmarks.windows import add_months

#: The business key of each feed; assignments have none.
KEYS: dict[str, list[str] | None] = {
    "transactions": ["transaction_id", "line"],
    "partners": ["partner_id"],
    "products": ["product_id"],
    "targets": ["agreement", "benefit", "participant_id", "window_start"],
    "fx_rates": ["date", "from_currency", "to_currency"],
    "assignments": None,
}
SETTINGS: dict[str, Any] = {
    "book": "benchmark",
    "currency": "EUR",
    "as_of": AS_OF,
    "calendar": {"kind": "gregorian", "year_starts": "01-01"},
    "rounding": "half_up",
    "feeds": {feed: {"files": f"feeds/{feed}/*.csv"} | ({"key": key} if key else {}) for feed, key in KEYS.items()},
    "accounts": {
        "payable_expense": 4100, "payable_liability": 2200, "receivable_asset": 1300, "receivable_income": 5100, "cash": 1000, "write_off": 6900,
    },
    "publish": {"parquet": True, "duckdb": True},
}  # fmt: skip
AGREEMENTS_PER_FILE = 100
TARGETS = ("agreement", "benefit", "participant_id", "window_start", "target", "incentive")
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def write_book(shape: BookShape, folder: Path, further_days: int = 0) -> None:
    """Writes the whole book. The folder must be new or empty."""
    if folder.exists() and any(folder.iterdir()):
        raise SystemExit(f"{folder} is not empty: name another folder, or delete it first")
    partners, products = draw_partners(shape), draw_products(shape)
    agreements, targets = draw_agreements(shape, partners, products)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "book.yaml").write_text(yaml.dump(SETTINGS, Dumper=_Dumper, sort_keys=False), encoding="utf-8")
    (folder / "agreements").mkdir()
    for start in range(0, len(agreements), AGREEMENTS_PER_FILE):
        text = yaml.dump_all(agreements[start : start + AGREEMENTS_PER_FILE], Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=150)
        (folder / "agreements" / f"programmes-{start // AGREEMENTS_PER_FILE:03d}.yaml").write_text(text, encoding="utf-8")
    feeds = partners.write_feeds() | {
        "products": products.write_feed(),
        "fx_rates": draw_rates(shape),
        "targets": pl.DataFrame(targets, schema=TARGETS, orient="row"),
    }
    for feed, frame in feeds.items():
        _write_csv(frame, folder / "feeds" / feed / f"{feed}.csv")
    for name, lines in _draw_files(shape, partners, products, further_days):
        _write_csv(write_feed(lines, partners, products), folder / name)


def _draw_files(shape: BookShape, partners: Partners, products: Products, further_days: int) -> Iterator[tuple[str, pl.DataFrame]]:
    """Path and lines of every file of transactions: one a month, then one for each further day."""
    begins = [(add_months(FIRST_DAY, month) - FIRST_DAY).days for month in range(MONTHS + 1)]
    ends_at = [shape.lines * day // DAYS for day in begins]
    invoice, earlier = 1, pl.DataFrame()
    for month in range(MONTHS):
        count = ends_at[month + 1] - ends_at[month]
        corrections = correct_lines(shape, month, earlier, count) if month else earlier
        lines = draw_lines(shape, month, partners, products, invoice, count - corrections.height, range(begins[month], begins[month + 1]))
        invoice += count
        yield f"feeds/transactions/{add_months(FIRST_DAY, month):%Y-%m}.csv", pl.concat([corrections, lines]) if month else lines
        earlier = lines
    for number in range(1, further_days + 1):
        lines = draw_further_day(shape, number, partners, products, invoice)
        invoice += lines.height
        yield f"next/day-{number:03d}.csv", lines


def _write_csv(frame: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_csv(path)
