"""A publisher that is killed right before or after its n-th write to a store, in a process of its own; and a hand-made book in a store to publish.

Belongs here: the process and that book. Does not belong here: what readers must see afterwards.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assets.runtime.context import ChecksPassed, RunContext
from assets.runtime.stores import Store
from models.book.settings import parse_book
from tests.support.publishing_books import BOOK, make_published_book


def make_stored_book(folder: Path, kept_in: str) -> RunContext:
    """A book whose marts are made by hand. `kept_in`: book.yaml's key `storage`."""
    from assets.publishing.pulled_set import pull_published

    folder.mkdir()
    make_published_book(folder)
    (folder / "archive").mkdir()
    (folder / "book.yaml").write_text(BOOK + kept_in)
    context = open_hand_made(folder)
    pull_published(context)
    return context


def open_hand_made(folder: Path) -> RunContext:
    book = parse_book((folder / "book.yaml").read_text())
    context = RunContext(folder, book, dt.date(2026, 6, 30), dt.datetime(2026, 7, 1, tzinfo=dt.UTC))
    return dataclasses.replace(context, secret=os.environ.get)


def run_killed(book: Path, at: int, when: str, what: str) -> int:
    """Publish the hand-made book (`publish`), or run a whole one (`run`), killed before or after the write. Returns the exit code."""
    command = [sys.executable, "-m", "tests.support.killed_publisher", str(book), str(at), when, what]
    return subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, timeout=300).returncode


def _kill_at(at: int, when: str) -> None:
    """Let this process die at its n-th write to a store. Writes are one after the other."""
    lock = threading.Lock()
    count = 0

    def counted(write: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            nonlocal count
            with lock:
                count += 1
                if (count, when) == (at, "before"):
                    os.kill(os.getpid(), signal.SIGKILL)
                done = write(*arguments)
                if (count, when) == (at, "after"):
                    os.kill(os.getpid(), signal.SIGKILL)
                return done

        return call

    Store.create, Store.replace_if = counted(Store.create), counted(Store.replace_if)  # type: ignore[method-assign]


def _publish(folder: Path, at: int, when: str) -> None:
    from assets.publishing.parquet_set import publish
    from assets.publishing.pulled_set import pull_published

    context = open_hand_made(folder)
    pull_published(context)
    _kill_at(at, when)
    publish(context, ChecksPassed(checks=0))


def _run(folder: Path, at: int, when: str) -> None:
    from pipelines.run import run_book

    _kill_at(at, when)
    run_book(folder)


if __name__ == "__main__":
    {"publish": _publish, "run": _run}[sys.argv[4]](Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
