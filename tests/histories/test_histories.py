"""A small sample of `make histories` with the long tests: three histories in one book, every invariant after each of 5 steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.histories.simulation import live
from tests.histories.world import draw_history, draw_world

#: Of a group whose first steps close, play its own events, open again and play on; the last of them has a draw from the beginning.
SEEDS, STEPS = (184, 187, 191), 5


@pytest.mark.long
def test_a_book_that_lives_keeps_its_promises(tmp_path: Path) -> None:
    life = live(tmp_path / "book", SEEDS, STEPS)
    assert len(life.log) == STEPS
    assert any(record["kind"] == "close" for record in life.kept.records)
    assert any("(batch 1)" in step for step in life.log)


def test_a_seed_draws_the_same_history_again() -> None:
    world = draw_world(7, STEPS)
    assert world == draw_world(7, STEPS)
    assert world.timetable[:5] == draw_world(7, 5).timetable
    assert draw_history(147, world).lines == draw_history(147, world).lines
