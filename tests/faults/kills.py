"""kill -9 at every step: a book dies at the n-th call that changes a file, for every n until it comes through; and at random moments.

Belongs here: where to kill, and what must hold afterwards. Does not belong here: books (lives.py), how a process is killed (machine.py).

    python -m tests.faults.kills                    every step of three books, and 300 random moments (an hour and a half of CPU)
    python -m tests.faults.kills --seeds 7 --every 10 --random 20
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.faults.injection import Scorecard
from tests.faults.lives import ACTS, Act, copy_book, differences, look_at_published, stage, warm_up
from tests.faults.machine import Machine, in_child, kill_in, put_under
from tests.faults.telling import print_card

#: By seed: a later run killed before its calls, a first run killed in the middle of its writes, a close, a run after a close, a rebuild; `lost`: what was
#: not on the disk for sure is lost too.
_PLANS = {0: ("later run", "before"), 1: ("first run", "torn"), 2: ("close", "lost"), 3: ("run after a close", "torn"), 4: ("rebuild", "before")}
_LATEST = 2.5  # seconds of CPU that an act takes, roughly
KILLED = -9, -27  # by SIGKILL and by SIGPROF, the clock of CPU


def kill_at_every_step(card: Scorecard, place: Path, seed: int, every: int = 1) -> int:
    """Kill the act of this seed at its first call, then `every` calls later, and so on until it comes through. Returns how many calls it makes."""
    call = 1
    while (calls := kill_at_call(card, place, seed, call)) is None:
        call += every
    return calls


def kill_at_call(card: Scorecard, place: Path, seed: int, call: int) -> int | None:
    """Kill the act of this seed at that call. Returns how many calls it made where it was not killed."""
    name, manner = _PLANS[seed % len(_PLANS)]
    act = next(act for act in ACTS if act.name == name)
    before, after = stage(place, act, seed)
    book = place / "book"
    copy_book(before, book)

    def die() -> str:
        machine = Machine(book)
        machine.kill_at(call, manner == "torn")
        act.perform(book)
        return str(machine.calls)

    code, message = in_child(die, place / "log")
    if code not in KILLED:
        card.enter("through", f"seed {seed}: {name}, nothing killed", wrong=_wrong(code, message, book, after))
        return int(message) if not code else 0
    if manner == "lost":
        _lose_unsynced(book, random.Random(f"{seed} {call}"))
    case = f"seed {seed}: {name}, killed at call {call} ({manner})"
    card.enter(f"{name}, {manner}", case, wrong=_recover(act, book, after, place))
    return None


def kill_at_random(card: Scorecard, place: Path, count: int, seeds: list[int]) -> None:
    """Kill acts in turn at moments drawn over all of their CPU time, until so many were killed: some are through before."""
    dice = random.Random(f"random {seeds}")
    for act in itertools.cycle(ACTS):
        if card.injected["random moment"] >= count:
            return
        seed, moment = dice.choice(seeds), dice.uniform(0.05, _LATEST)
        before, after = stage(place, act, seed)
        book = place / "book"
        copy_book(before, book)

        def die(act: Act = act, moment: float = moment, book: Path = book) -> str:
            kill_in(moment)
            act.perform(book)
            return ""

        code, message = in_child(die, place / "log")
        case = f"seed {seed}: {act.name}, killed after {moment:.3f} s of CPU"
        if code in KILLED:
            card.enter("random moment", case, wrong=_recover(act, book, after, place))
        else:
            card.enter("through", case, wrong=_wrong(code, message, book, after))


def _recover(act: Act, book: Path, after: Path, place: Path) -> Iterator[str]:
    """What is wrong with the book now, and after the act was given once more."""

    def again() -> str:
        seen = look_at_published(book)
        act.perform(book)
        return seen

    code, message = in_child(again, place / "log")
    if message and not code:
        yield message
    yield from _wrong(code, message, book, after)


def _wrong(code: int, message: str, book: Path, after: Path) -> Iterator[str]:
    if code:
        yield f"ended with {code}: {message}"
    else:
        yield from differences(book, after)


def _lose_unsynced(book: Path, dice: random.Random) -> None:
    """As if the power had gone: the end of the engine's log never reached the disk."""
    for log in book.glob("*.wal"):
        with log.open("r+b") as file:
            file.truncate(dice.randint(0, log.stat().st_size))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("tests.faults.kills", description="kill -9 at every step, and at random moments")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--every", type=int, default=1, help="only every n-th step")
    parser.add_argument("--random", type=int, default=300, help="kills at random moments")
    options = parser.parse_args(arguments)
    warm_up()
    card, steps = Scorecard(), {}
    with tempfile.TemporaryDirectory(prefix="kills-") as place:
        for seed in options.seeds:
            steps[seed] = kill_at_every_step(card, Path(place), seed, options.every)
            print(f"seed {seed}: {_PLANS[seed % len(_PLANS)][0]}, {steps[seed]} steps", file=sys.stderr, flush=True)
        kill_at_random(card, Path(place), options.random, options.seeds)
    message = [f"steps            {', '.join(f'seed {seed}: {count}' for seed, count in steps.items())}"] if steps else []
    return print_card("kill -9", arguments, card, message)


if __name__ == "__main__":
    put_under("tests.faults.kills", sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
