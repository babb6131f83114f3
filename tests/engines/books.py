"""Books that every engine computes: what is in them, and which of them `make test` has time for.

Belongs here: naming books, writing them with their engine, the files that are compared. Does not belong here: what must hold of them (test_engines.py).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import yaml

from examples.demo.generate import write_demo_book
from examples.online_retail.write import SAMPLE, write_online_retail_book
from tests.support.casebook import group_cases, read_cases
from tests.support.casebook import write_book as write_cases
from tests.support.edges_book import EdgesBook
from tests.torture.__main__ import make_book
from tests.torture.books import write_book as write_random_book
from tests.torture.drawing import FEATURES

_GOLDEN = Path(__file__).parents[1] / "golden"
GROUPS = group_cases(case for path in sorted(_GOLDEN.rglob("*.yaml")) for case in read_cases(path))


def _write_edges(folder: Path) -> None:
    folder.mkdir()
    EdgesBook(folder).write_settings()


def _golden(name: str) -> Callable[[Path], object]:
    return lambda folder: write_cases(folder, name, GROUPS[name])


def _random(seed: int) -> Callable[[Path], object]:
    return lambda folder: write_random_book(make_book(seed, 12, frozenset(FEATURES)), folder)


#: One of each agreement that hangs on something else: returns on the day of their original, exclusive claims, net of others, conditions, rows taken back.
SAMPLED: dict[str, Callable[[Path], object]] = {"edges": _write_edges}
#: The published cases are among the golden ones.
BOOKS: dict[str, Callable[[Path], object]] = {
    **{f"golden {name}": _golden(name) for name in GROUPS},
    "demo": write_demo_book,
    "online retail": lambda folder: write_online_retail_book(folder, SAMPLE),
    **{f"random {seed}": _random(seed) for seed in range(1, 4)},
}

SKEWED_LINES = 600_000
_SKEWED = """
book: skew
currency: EUR
as_of: 2025-12-31
feeds: {transactions: {files: "feeds/transactions/*.csv", key: [transaction_id]}}
limits: {memory: 150MB, threads: 2}
engine: {kind: ENGINE}
"""
_BIG = """
agreement: BIG
title: BIG
currency: EUR
term: {from: 2025-01-01, to: 2025-12-31}
participants: [P-0, P-1]
benefits:
  - id: b
    clause: "1"
    window: term
    method: graduated
    tiers: [{from: 0, rate: 0.01}, {from: 100000, rate: 0.02}, {from: 1000000, rate: 0.03}]
"""
#: All lines but one in a thousand are of one participant, and so of one payout.
_SKEWED_ROWS = """
    copy (
        select 'T' || n as transaction_id, 1 as line, date '2025-01-01' + (n % 365)::integer as date,
            case when n % 1000 = 0 then 'P-1' else 'P-0' end as partner_id, 'sale' as type, 1 as quantity, (n % 977 + 1) / 100 as amount, 'EUR' as currency
        from range({first}, {last}) as numbers (n)
    ) to '{file}' (header)"""


def use_engine(folder: Path, engine: str, **more: object) -> None:
    """Write the engine into book.yaml. Buckets, so that a small book is cut as a large one is."""
    path = folder / "book.yaml"
    settings = [line for line in path.read_text().splitlines() if not line.startswith("engine:")]
    chosen = {"kind": engine} | ({"master": "local[2]", "buckets": 3, **more} if engine == "spark" else {})
    path.write_text("\n".join([*settings, f"engine: {yaml.safe_dump(chosen, default_flow_style=True)}"]))


def file_bytes(folder: Path) -> dict[str, bytes]:
    """The published files but for those that tell the time."""
    files = (folder / "published" / "current").glob("*.parquet")
    return {path.name: path.read_bytes() for path in files if path.stem not in ("audit_run", "audit_feed_file", "fct_payout", "audit_close")}


def write_skewed(folder: Path, engine: str) -> Path:
    for part in ("agreements", "feeds/transactions"):
        (folder / part).mkdir(parents=True)
    (folder / "book.yaml").write_text(_SKEWED.replace("ENGINE", engine))
    (folder / "agreements" / "big.yaml").write_text(_BIG)
    with duckdb.connect() as con:
        for number in range(4):
            first = number * SKEWED_LINES // 4
            con.execute(_SKEWED_ROWS.format(first=first, last=first + SKEWED_LINES // 4, file=folder / "feeds" / "transactions" / f"{number}.csv"))
    return folder
