"""Disks that are really too small: mounts in memory of a few megabytes, for the whole book or for what the engine spills.

Belongs here: making the disk, sizes. Does not belong here: books (lives.py, limits.py), what must hold (full_disks.py).

    python -m tests.faults.small_disks                three acts on disks of growing size, and a large book that spills to one (six minutes of CPU)
    python -m tests.faults.small_disks --step 2048 --spills
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.faults.full_disks import check_refused, goes_on
from tests.faults.injection import Scorecard
from tests.faults.lives import ACTS, Act, stage, warm_up
from tests.faults.machine import in_child
from tests.faults.telling import print_card

#: A namespace of its own: nobody else sees the mounts, and they end with the process.
_APART = ["unshare", "--map-root-user", "--mount"]
_PAGE = 4096
#: Kilobytes for what is spilled, and lines that spill some 29,000 within the least memory.
SPILLS, LINES = (4_000, 10_000, 16_000, 22_000), 800_000


def can_mount() -> bool:
    """Whether a process may have mounts of its own here."""
    return shutil.which("unshare") is not None and subprocess.run([*_APART, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode == 0


def put_apart(module: str, arguments: list[str]) -> None:
    """Start this process anew where its mounts are its own, unless it is there."""
    if os.environ.get("TIERLEDGER_APART") != "1":
        os.environ["TIERLEDGER_APART"] = "1"
        os.execvp(_APART[0], [*_APART, sys.executable, "-m", module, *arguments])


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[None]:
    """A disk of that size at `folder`, gone after the block."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "none", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def make_room(folder: Path) -> None:
    """The disk at `folder` is large from now on."""
    resize(folder, 1024 * 1024)


def resize(folder: Path, kilobytes: int) -> None:
    """The disk at `folder` has that size from now on."""
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", str(folder)], check=True)


def used_kilobytes(disk: Path) -> int:
    """What is taken of a disk."""
    return shutil.disk_usage(disk).used // 1024


def outgrow_disk(card: Scorecard, place: Path, act: Act, seed: int, room: int) -> bool:
    """The act on a disk with so many kilobytes to spare. Returns whether it needed more."""
    before, after = stage(place, act, seed)
    disk, book = place / "disk", place / "disk" / "book"
    with small_disk(disk, _kilobytes(before) + room):
        shutil.copytree(before, book, symlinks=True)
        message = _tell(act, book, place)
        if message == "through":
            return False
        kind, words = ("start check", "must stay free") if "must stay free" in message else (f"{act.name} on a small disk", "disk is full")
        wrong = list(check_refused(message, book, before, after, words))
        make_room(disk)
        card.enter(kind, f"seed {seed}: {act.name}, {room} kB to spare", wrong=[*wrong, *goes_on(act, book, after, place)])
    return True


def _tell(act: Act, book: Path, place: Path) -> str:
    """What the act was refused with, or `through`."""

    def perform() -> str:
        from models.documents import InputError

        try:
            act.perform(book)
        except (OSError, InputError) as error:
            return str(error)
        return "through"

    code, message = in_child(perform, place / "log")
    return f"ended with {code}: {message}" if code else message


def _kilobytes(folder: Path) -> int:
    """What a copy of the folder takes, in whole pages."""
    sizes = (path.lstat().st_size for path in folder.rglob("*"))
    return sum(-(-size // _PAGE) + 1 for size in sizes) * _PAGE // 1024


def outgrow_spill(card: Scorecard, place: Path, spills: tuple[int, ...]) -> None:
    """A book that needs more than its memory, with so many kilobytes to spill to; then with enough."""
    from pipelines.run import run_book
    from tests.faults.limits import hashes_of, run_limited, write_wide_book

    source = write_wide_book(place / "wide", LINES)

    def within(name: str) -> str:
        run_limited(source, place / name, "150MB", 1, place / "disk")
        return ""

    def again(name: str) -> str:
        run_book(place / name)
        return ""

    with small_disk(place / "disk", 1024 * 1024):
        code, message = in_child(partial(within, "enough"), place / "log")
    if code:
        raise RuntimeError(f"the undisturbed book failed with {code}: {message}")
    wanted = hashes_of(place / "enough")
    for kilobytes in spills:
        name = f"spills to {kilobytes} kB"
        with small_disk(place / "disk", kilobytes):
            code, message = in_child(partial(within, name), place / "log")
            wrong = [] if code and "disk is full" in message and "limits.spill" in message else [f"ended with {code}: {message or 'nothing'}"]
            wrong += ["something was published"] if (place / name / "published" / "current").exists() else []
            make_room(place / "disk")
            code, message = in_child(partial(again, name), place / "log")
        if code:
            wrong.append(f"with room again it ended with {code}: {message}")
        else:
            found = hashes_of(place / name)
            wrong += [f"{table} differs" for table in wanted if found[table] != wanted[table]]
        card.enter("spill on a small disk", name, wrong=wrong)
        shutil.rmtree(place / name)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("tests.faults.small_disks", description="disks that are really too small")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--step", type=int, default=1024, help="kilobytes from one disk to the next")
    parser.add_argument("--spills", type=int, nargs="*", default=SPILLS, help="kilobytes to spill to")
    options = parser.parse_args(arguments)
    if not can_mount():
        print("this machine lets nobody mount (unshare --map-root-user --mount): nothing was tried", file=sys.stderr)
        return 2
    warm_up()
    card = Scorecard()
    with tempfile.TemporaryDirectory(prefix="disks-") as name:
        place = Path(name)
        for seed in options.seeds:
            for act in ACTS[:3]:
                room = options.step
                while outgrow_disk(card, place, act, seed, room):
                    room += options.step
                print(f"seed {seed}: {act.name} needs {room} kB", file=sys.stderr, flush=True)
        if options.spills:
            outgrow_spill(card, place, tuple(options.spills))
    return print_card("small disks", arguments, card)


if __name__ == "__main__":
    put_apart("tests.faults.small_disks", sys.argv[1:])
    sys.exit(main(sys.argv[1:]))
