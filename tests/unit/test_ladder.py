"""The rungs between two states: each takes one more part, the last is the second state, and nothing that is equal has one.

Belongs here: states without a book. Does not belong here: what a rung pays (tests/integration/differences).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

from assets.archive.manifest import Arrival
from assets.differences.ladder import describe, rungs_between
from assets.differences.states import State
from assets.ledger.folder import Ledger
from models.book.settings import parse_book
from tests.support.decision_book import BOOK, VOLUME

DAY = dt.date(2026, 6, 30)


def arrival(feed: str, number: int, sha256: str, at: str = "2026-01-01") -> Arrival:
    return Arrival(feed, f"{feed}.csv", sha256, number, at, 1, ".csv")


def state(*arrivals: Arrival, agreement: str = VOLUME, book: str = BOOK, as_of: dt.date = DAY) -> State:
    return State("s", Path("book"), parse_book(book), {"agreements/a.yaml": agreement}, arrivals, Path("archive"), Ledger([], []), as_of)


LINES, RATES = arrival("transactions", 1, "a"), arrival("fx_rates", 1, "b")
BASE = state(LINES, RATES)


def causes(new: State) -> list[str]:
    rungs = rungs_between(BASE, new)
    assert not rungs or describe(rungs[-1].state) == describe(new)
    return [rung.cause for rung in rungs]


def test_each_part_is_one_rung() -> None:
    assert causes(BASE) == []
    assert causes(state(LINES, RATES, arrival("transactions", 2, "c"))) == ["data"]
    assert causes(state(LINES, RATES, as_of=dt.date(2026, 7, 31))) == ["data"]
    assert causes(state(LINES, RATES, arrival("targets", 1, "c"))) == ["reference"]
    assert causes(state(LINES, RATES, agreement=VOLUME.replace("0.02", "0.03"))) == ["terms"]
    assert causes(state(LINES, RATES, book=BOOK.replace("currency: EUR", "currency: EUR\nrounding: half_even"))) == ["terms"]
    mapped = BOOK.replace('"feeds/fx_rates/*.csv",', '"feeds/fx_rates/*.csv", delimiter: ";",')
    assert causes(state(LINES, RATES, book=mapped)) == ["reference"]
    assert causes(state(arrival("transactions", 1, "d"), arrival("fx_rates", 1, "e"), agreement=VOLUME.replace("0.02", "0.03"))) == [
        "data",
        "reference",
        "terms",
    ]


def test_the_order_and_the_moment_of_arrival_are_no_difference() -> None:
    later = [replace(each, arrived_at="2026-05-05") for each in (RATES, LINES)]
    assert causes(state(*later)) == []


def test_a_rung_has_what_came_before_it_too() -> None:
    new = state(arrival("transactions", 1, "d"), arrival("fx_rates", 1, "e"), agreement=VOLUME.replace("0.02", "0.03"))
    data, reference, _ = (rung.state for rung in rungs_between(BASE, new))
    assert {each.sha256 for each in data.arrivals} == {"d", "b"}
    assert {each.sha256 for each in reference.arrivals} == {"d", "e"}
    assert reference.texts == BASE.texts
