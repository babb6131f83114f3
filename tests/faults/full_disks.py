"""Disks that fill up: from the n-th call on nothing can be written, for n all over a run. The run is refused, and goes on once there is room.

Belongs here: where the room ends, and what must hold then. Does not belong here: books (lives.py), how a disk is made full (machine.py).

    python -m tests.faults.full_disks                 every fourth call of a first run and of a later one (half an hour of CPU)
    python -m tests.faults.full_disks --every 50
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.faults.injection import Scorecard
from tests.faults.lives import ACTS, Act, copy_book, differences, finished, look_at_published, stage, warm_up
from tests.faults.machine import Machine, in_child, put_under
from tests.faults.telling import print_card

#: What is being written, by the name of the file.
STAGES = (
    ("archive copy", r"/archive/\.[0-9]+-"),
    ("receipt", r"/archive/\.?receipt"),
    ("manifest and history", r"/archive/"),
    ("spill", r"/warehouse\.duckdb\.tmp/"),
    ("log", r"\.wal"),
    ("database and checkpoint", r"/warehouse\.duckdb"),
    ("published database", r"/published/\.?tierledger"),
    ("export", r"/published/"),
    ("lock", r"/\.lock"),
    ("ledger", r"/ledger/"),
)


def fill_up(card: Scorecard, place: Path, act: Act, seed: int, every: int) -> None:
    """No room from the first call on, then from `every` calls later on, and so on until the act does not notice."""
    call = 1
    while fill_at_call(card, place, act, seed, call):
        call += every


def fill_at_call(card: Scorecard, place: Path, act: Act, seed: int, call: int) -> bool:
    """No room from that call on. Returns whether the act needed any."""
    before, after = stage(place, act, seed)
    book = place / "book"
    copy_book(before, book)

    def run_out() -> str:
        from models.documents import InputError

        machine = Machine(book)
        machine.full_at(call)
        message = ""
        try:
            act.perform(book)
        except (OSError, InputError) as error:
            message = str(error)
        return json.dumps({"refused": machine.refused, "file": machine.first_refused, "told": message})

    code, said = in_child(run_out, place / "log")
    found = json.loads(said) if not code else {"refused": 1, "file": "", "told": ""}
    if not found["refused"]:
        return False
    kind = next((kind for kind, pattern in STAGES if re.search(pattern, found["file"])), f"other: {found['file']}")
    wrong = [f"ended with {code}: {said}"] if code else list(check_refused(found["told"], book, before, after))
    card.enter(kind, f"{act.name}, no room from call {call} on ({found['file']})", wrong=[*wrong, *goes_on(act, book, after, place)])
    return True


def check_refused(message: str, book: Path, before: Path, after: Path, words: str = "disk is full") -> Iterator[str]:
    """What is wrong with how the run ended. Nothing is told where all was published before: only the engine's last checkpoint had no room."""
    seen = _published(book)
    if not message and seen == _published(after):
        return
    if words not in message or "run again" not in message or len(message.splitlines()) != 1:
        yield f"it was told as: {message or 'nothing'}"
    if seen not in (_published(before), _published(after)):
        yield "what is published is neither what it was nor what it was to be"


def goes_on(act: Act, book: Path, after: Path, place: Path) -> Iterator[str]:
    """What is wrong once there is room and the command was given again."""

    def again() -> str:
        seen = look_at_published(book)
        act.perform(book)
        return seen

    code, message = in_child(again, place / "log")
    if code or message:
        yield f"with room again it ended with {code}: {message}"
    else:
        yield from differences(book, after)


def _published(folder: Path) -> dict[str, bytes]:
    if not (folder / "published" / "current").exists():
        return {}
    return {name: data for name, data in finished(folder).items() if name.startswith("published/")}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("tests.faults.full_disks", description="no room from the n-th call on")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--every", type=int, default=4, help="only every n-th call")
    options = parser.parse_args(arguments)
    warm_up()
    card = Scorecard()
    with tempfile.TemporaryDirectory(prefix="full-") as place:
        for seed in options.seeds:
            for act in ACTS[:3]:
                fill_up(card, Path(place), act, seed, options.every)
                print(f"seed {seed}: {act.name}, {card.injected.total()} so far", file=sys.stderr, flush=True)
    return print_card("full disks", arguments, card)


if __name__ == "__main__":
    put_under("tests.faults.full_disks", sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
