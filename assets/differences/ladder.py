"""What lies between two states: the rungs from the first to the second, each with one more part of the second.

Belongs here: which part of a state belongs to which cause. Does not belong here: running a rung (scratch.py), what it pays (rung_tables.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from assets.archive.manifest import Arrival
from assets.differences.states import State

#: In the order of the ladder. `inputs` stands alone where a set came without its inputs.
DATA, REFERENCE, TERMS, CODE, INPUTS = "data", "reference", "terms", "code", "inputs"
CAUSES = (DATA, REFERENCE, TERMS, CODE, INPUTS)
#: Feeds of who and what there is, and who is credited. All others bring money, lines or figures of days.
REFERENCE_FEEDS = ("partners", "products", "fx_rates", "targets", "metrics", "assignments", "credits", "participations")


def place_of(cause: str) -> int:
    """Where it is told among others. Causes that could not be told apart are one, `data and terms`."""
    return CAUSES.index(cause.split(" and ")[-1])


@dataclass(frozen=True)
class Rung:
    """A state on the way, and the cause that led to it from the one before."""

    cause: str
    state: State


def rungs_between(base: State, new: State) -> list[Rung]:
    """The states after `base`, up to one that is `new`. A cause by which nothing differs has no rung."""
    new = replace(new, arrivals=_same_where_equal(base.arrivals, new.arrivals))
    data = replace(_with_feeds(base, new, is_reference=False), as_of=new.as_of, ledger=new.ledger, folder=new.folder)
    reference = _with_feeds(data, new, is_reference=True)
    found: list[Rung] = []
    for cause, before, after in ((DATA, base, data), (REFERENCE, data, reference), (TERMS, reference, new)):
        if describe(before) != describe(after):
            found.append(Rung(cause, replace(after, name=new.name)))
    return found


def describe(state: State) -> tuple[object, ...]:
    """Everything that decides what a state pays."""
    settings = state.book.model_dump(exclude={"as_of", "limits", "storage", "engine", "publish", "time_zone", "require_approval"})
    agreements = {name: text for name, text in state.texts.items() if name != "book.yaml"}
    return settings, agreements, sorted(map(str, map(_key, state.arrivals))), state.as_of, _heads(state)


def _heads(state: State) -> tuple[object, ...]:
    ledger = state.ledger
    return (
        [each.chain_sha256 for each in ledger.records],
        [each.sha256 for each in ledger.write_offs],
        [each.chain_sha256 for each in ledger.payments],
    )


def _with_feeds(before: State, new: State, is_reference: bool) -> State:
    """The state with the files and settings that the other one has of these feeds."""
    names = [name for name in {**before.book.feeds, **new.book.feeds} if (name in REFERENCE_FEEDS) == is_reference]
    feeds = {name: feed for name, feed in before.book.feeds.items() if name not in names}
    feeds |= {name: feed for name, feed in new.book.feeds.items() if name in names}
    arrivals = [each for each in before.arrivals if (each.feed in REFERENCE_FEEDS) != is_reference]
    arrivals += [each for each in new.arrivals if (each.feed in REFERENCE_FEEDS) == is_reference]
    return replace(before, book=before.book.model_copy(update={"feeds": feeds}), arrivals=arrivals)


def _same_where_equal(base: Sequence[Arrival], new: Sequence[Arrival]) -> list[Arrival]:
    """The arrivals, with the moments of the base where the same files came in the same order: the moment decides nothing."""
    known = {_key(each): each for each in base}
    return [known.get(_key(each), each) for each in new]


def _key(arrival: Arrival) -> tuple[object, ...]:
    return arrival.feed, arrival.arrival_no, arrival.file_name, arrival.sha256, arrival.withdrawal is not None
