"""recompute.py on random books over the whole language: packs of them are built, which they are only if it agrees on every payout.

Belongs here: random books. Does not belong here: the demo's payouts of every kind (test_recompute.py).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.evidence.build import Request, build_pack
from assets.published.reader import open_published
from pipelines.run import run_book
from tests.torture.__main__ import make_book
from tests.torture.books import write_book
from tests.torture.drawing import FEATURES


def prove_book(folder: Path, seed: int, clusters: int, periods: int, features: frozenset[str] = FEATURES) -> int:
    """How many payouts of a random book are proved, in the periods with most of them. Raises CheckFailed for one that is not."""
    write_book(make_book(seed, clusters, features), folder)
    run_book(folder)
    with open_published(folder) as con:
        query = "select period from fct_achievement group by period order by count(*) desc, period limit ?"
        names = [name for (name,) in con.execute(query, [periods]).fetchall()]
    return sum(build_pack(folder, Request(name), folder / f"{name}.zip").recomputed for name in names)


@pytest.mark.long
def test_every_payout_of_a_random_book_is_proved(tmp_path: Path) -> None:
    assert prove_book(tmp_path / "book", seed=5, clusters=12, periods=2) > 50


@pytest.mark.long
def test_placed_pools_contract_years_and_changes_within_a_window_are_proved(tmp_path: Path) -> None:
    features = FEATURES | {"placed", "term_windows", "from_date"}
    assert prove_book(tmp_path / "book", 22, clusters=40, periods=12, features=features) > 1_000


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 11))
def test_every_payout_of_many_random_books_is_proved(tmp_path: Path, seed: int) -> None:
    assert prove_book(tmp_path / "book", seed, clusters=60, periods=12) > 1_000
