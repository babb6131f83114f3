"""Books that every engine computes: what is in them, and which of them `make test` has time for.

Belongs here: naming books and writing them. Does not belong here: what must hold of them (test_engines.py).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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
