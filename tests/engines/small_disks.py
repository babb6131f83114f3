"""Disks that are too small for a run on Spark: the book's, the one for lines, and the one that is spilled to.

Belongs here: books on such disks, run where mounts are this process's own. Does not belong here: making a disk (tests/faults/small_disks.py), the test.

    python -m tests.engines.small_disks         prints what is wrong, one line each
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from assets.runtime.machine_errors import MachineRefused
from assets.spark import session
from models.documents import InputError
from pipelines.run import run_book
from tests.engines.books import SAMPLED, file_bytes, use_engine, write_skewed
from tests.faults.small_disks import make_room, put_apart, resize, small_disk, used_kilobytes

#: Kilobytes: to spare for the book, to spill to, for lines at first, and for lines that are all written again. A run is not begun with less than 1 MB.
_ROOM = (1_100, 2_000, 4_000)
_SPILLS = (1_100, 16_000)
_LINES = (2_000, 12_000, 16_000)
_MORE_LINES = (1_000, 4_000)


def outgrow_book(place: Path) -> Iterator[str]:
    """A published book is run again on a disk that has ever more room, until that is enough."""
    made = place / "made"
    SAMPLED["edges"](made)
    use_engine(made, "spark")
    with (made / "book.yaml").open("a") as file:
        file.write("\nlimits: {disk_free: 1MB, threads: 2}\n")
    disk, book, refused = place / "disk", place / "disk" / "book", 0
    with small_disk(disk, 1 << 20):
        shutil.copytree(made, book)
        run_book(book)
        before = file_bytes(book)
        for room in _ROOM:
            resize(disk, used_kilobytes(disk) + room)
            told = _told(book)
            refused += bool(told)
            yield from _wrong(told, f"{room} kB to spare")
            if file_bytes(book) != before:
                yield f"{room} kB to spare: what is published has changed"
            make_room(disk)
            run_book(book, force=True)
            if file_bytes(book) != before:
                yield f"{room} kB to spare: the next run publishes something else"
        session.stop_session()  # its workers hold files of the disk
    if not refused:
        yield "no disk of the book was too small"


def outgrow_lines(place: Path) -> Iterator[str]:
    """The files that tasks write have little room, at first and when all of them are written again; then enough."""
    book, refused = write_skewed(place / "skewed lines", "spark"), 0
    disk = book / "warehouse.lines"
    with small_disk(disk, _LINES[0]):
        for room in _LINES:
            resize(disk, max(used_kilobytes(disk), room))
            told = _told(book)
            refused += bool(told)
            yield from _wrong(told, f"{room} kB for lines")
            if (book / "published" / "current").exists():
                yield f"{room} kB for lines: something is published"
        make_room(disk)
        run_book(book, force=True)
        before = file_bytes(book)
        for room in _MORE_LINES:
            resize(disk, used_kilobytes(disk) + room)
            told = _told(book)
            refused += bool(told)
            yield from _wrong(told, f"{room} kB more for lines")
            make_room(disk)
            run_book(book, force=True)
            if file_bytes(book) != before:
                yield f"{room} kB more for lines: the next run publishes something else"
        session.stop_session()
    if refused < len(_LINES):
        yield f"lines had too little room {refused} times only"


def outgrow_spill(place: Path) -> Iterator[str]:
    """A payout with most of the lines needs more than a task's memory, and has little room to spill to; then enough."""
    disk, book = place / "spill", write_skewed(place / "skewed", "spark")
    settings = (book / "book.yaml").read_text()
    (book / "book.yaml").write_text(settings.replace("threads: 2", f"threads: 2, disk_free: 1MB, spill: {disk / 'here'}"))
    refused = 0
    for room in _SPILLS:
        with small_disk(disk, room):
            told = _told(book)
            refused += bool(told)
            yield from _wrong(told, f"{room} kB to spill to")
            if told and (book / "published" / "current").exists():
                yield f"{room} kB to spill to: something is published"
            make_room(disk)
            run_book(book, force=True)
            session.stop_session()
        shutil.rmtree(book / "published")
    if not refused:
        yield "no disk to spill to was too small"


def _told(book: Path) -> str:
    try:
        run_book(book, force=True)
    except (MachineRefused, InputError) as error:
        return str(error)
    return ""


def _wrong(told: str, where: str) -> Iterator[str]:
    if told and "must stay free" not in told and ("disk is full" not in told or "run again" not in told or len(told.splitlines()) != 1):
        yield f"{where}: it was told as: {told}"


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="disks-") as name:
        wrong = [*outgrow_book(Path(name)), *outgrow_lines(Path(name)), *outgrow_spill(Path(name))]
    print(*wrong, sep="\n")
    return bool(wrong)


if __name__ == "__main__":
    put_apart("tests.engines.small_disks", [])
    sys.exit(main())
