"""The command `tierledger` as a measured process, and copies of a book for it to run on.

Belongs here: the command line, its JSON, and the copy. Does not belong here: measuring any process (measurement.py), and what is run in which order
(comparison.py, growth.py, rerun.py, scenarios.py).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.books import PROJECT
from benchmarks.measurement import ProcessFailed, measure

#: One measured process: its name and measurements, `summary` of ours, and `error` if it failed.
Run = dict[str, Any]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PROJECT)}
_COMMAND = ("-c", "from pipelines.cli.main import run_cli; run_cli()")  # the console script, installed or not


def measure_run(name: str, command: list[str], scratch: Path) -> Run:
    """The measurements of a process, or its error."""
    try:
        return {"name": name, "load": os.getloadavg()[0], **vars(measure(command, scratch, ENVIRONMENT))}
    except ProcessFailed as error:
        return {"name": name, "error": str(error)}


def run_ours(name: str, book: Path, scratch: Path, *arguments: str) -> Run:
    """One command of ours on the book; by default `run`."""
    run = measure_run(name, [sys.executable, *_COMMAND, *(arguments or ("run",)), "--json", "--book", str(book)], scratch)
    return run if "error" in run else run | {"summary": json.loads(run.pop("output"))}


@contextmanager
def copied(book: Path, scratch: Path) -> Iterator[Path]:
    """A copy of the book as before its first run, made of hard links if the disk allows."""
    copy = Path(tempfile.mkdtemp(prefix="book-", dir=scratch))
    shutil.copy2(book / "book.yaml", copy)
    for folder in ("agreements", "feeds", "next"):
        if (book / folder).is_dir():
            shutil.copytree(book / folder, copy / folder, copy_function=_link)
    yield copy
    shutil.rmtree(copy)


def read_all(book: Path) -> None:
    """Brings the transactions into the file cache, so that the first process does not wait for the disk."""
    for path in sorted((book / "feeds" / "transactions").iterdir()):
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass


def wall(run: Run) -> float:
    """Seconds of the whole process."""
    return float(run["wall"])


def cpu(run: Run) -> float:
    """CPU seconds of the whole process."""
    return float(run["cpu"])


def wall_beyond(run: Run) -> float:
    """Seconds of a run without its start-up."""
    return wall(run) - float(run["summary"]["start_up"]["seconds"])


def cpu_beyond(run: Run) -> float:
    """CPU seconds of a run without its start-up."""
    return cpu(run) - float(run["summary"]["start_up"]["cpu_seconds"])


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
