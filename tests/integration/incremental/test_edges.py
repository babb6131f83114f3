"""What reaches what: after each event a run computes what it touches, and publishes the bytes of a run that computes everything.

Belongs here: one event per thing that a line or a payout is computed from. Does not belong here: long random lives (tests/histories).
"""

from __future__ import annotations

import pytest

from tests.support.edges_book import NOTHING_KEPT, EdgesBook
from tests.support.edges_events import EVENTS, FULL

#: A full run is compared with after every ninth event, so that what one event leaves wrong is met by a later one; in the long form after each.
NINTH = pytest.param(9, id="ninths")
EACH = pytest.param(1, id="each", marks=pytest.mark.long)


@pytest.fixture(scope="module", params=[NINTH, EACH])
def every(request: pytest.FixtureRequest) -> int:
    """After how many events a full run is compared with."""
    return int(request.param)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory, every: int) -> EdgesBook:
    """Run once in full. Events follow each other in it."""
    made = EdgesBook(tmp_path_factory.mktemp("edges") / "book")
    assert made.run().why_full == NOTHING_KEPT
    return made


@pytest.mark.parametrize("name", EVENTS)
def test_a_run_computes_what_an_event_touches(book: EdgesBook, every: int, name: str) -> None:
    event, lines, causes = EVENTS[name]
    event(book)
    number = list(EVENTS).index(name) + 1
    recomputed = book.event(compares=number % every == 0 or number == len(EVENTS))
    assert recomputed.why_full is None
    assert recomputed.line_causes == lines
    assert set(recomputed.causes) >= causes
    assert recomputed.payouts < recomputed.all_payouts


@pytest.mark.parametrize("name", FULL)
def test_a_run_computes_everything_where_it_cannot_say_what_is_touched(book: EdgesBook, name: str) -> None:
    event, why = FULL[name]
    event(book)
    recomputed = book.event()
    assert recomputed.why_full == why
    assert recomputed.payouts == recomputed.all_payouts
