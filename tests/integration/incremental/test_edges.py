"""What reaches what: after each event a run computes what it touches, and publishes the bytes of a run that computes everything.

Belongs here: one event per thing that a line or a payout is computed from. Does not belong here: long random lives (tests/histories).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from assets.publishing import transaction_parts
from tests.support.edges_book import NOTHING_KEPT, EdgesBook
from tests.support.edges_events import EVENTS, FULL, list_groups

GROUPS = list_groups()
FULL_IN_SHORT = ("an earlier day", "a withdrawn file")
#: A full run is compared with after every fifth group, so that what one event leaves wrong is met by a later one. In the long form events are alone,
#: and it is compared with after each.
FIFTH = pytest.param(5, id="fifths")
EACH = pytest.param(1, id="each", marks=pytest.mark.long)


@pytest.fixture(scope="module", params=[FIFTH, EACH])
def every(request: pytest.FixtureRequest) -> int:
    """After how many events a full run is compared with."""
    return int(request.param)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory, every: int) -> Iterator[EdgesBook]:
    """Run once in full. Events follow each other in it. Its fct_transaction is in parts, which are linked where their rows cannot have changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transaction_parts, "ONE_FILE_UP_TO_ROWS", 0)
        patch.setattr(transaction_parts, "ROWS_OF_PART", 30)
        made = EdgesBook(tmp_path_factory.mktemp("edges") / "book")
        assert made.run().why_full == NOTHING_KEPT
        yield made


@pytest.mark.parametrize("group", GROUPS, ids=" + ".join)
def test_a_run_computes_what_an_event_touches(book: EdgesBook, every: int, group: tuple[str, ...]) -> None:
    number = GROUPS.index(group) + 1
    compares = number % every == 0 or number == len(GROUPS)
    for names in [group] if every > 1 else [(name,) for name in group]:
        lines, causes = Counter[str](), set[str]()
        for event, of_event, because in (EVENTS[name] for name in names):
            event(book)
            lines.update(of_event)
            causes |= because
        recomputed = book.event(compares)
        assert recomputed.why_full is None
        assert recomputed.line_causes == lines
        assert set(recomputed.causes) >= causes
        assert recomputed.payouts < recomputed.all_payouts


@pytest.mark.parametrize("name", [name if name in FULL_IN_SHORT else pytest.param(name, marks=pytest.mark.long) for name in FULL])
def test_a_run_computes_everything_where_it_cannot_say_what_is_touched(book: EdgesBook, name: str) -> None:
    event, why = FULL[name]
    event(book)
    recomputed = book.event()
    assert recomputed.why_full == why
    assert recomputed.payouts == recomputed.all_payouts
