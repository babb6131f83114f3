"""Commands on a book whose standard output is full, closed, or read only in part: no traceback, and what the command did is done.

Belongs here: commands that need a book. Does not belong here: those that need none (tests/unit/test_output.py).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.bonus_book import published_tables

PROGRAM = f"{sys.executable} -m pipelines.cli"
COMMANDS = ("run --force", "run --force --json", "explain", "rejects")
OUTPUTS = ("> /dev/full", "| head -1", ">&-")


@pytest.mark.parametrize(
    ("command", "output"),
    [
        ("run --force", "> /dev/full"),
        ("run --force --json", "| head -1"),
        ("explain", ">&-"),
        ("rejects", "> /dev/full"),
        *(
            pytest.param(command, output, marks=pytest.mark.long)
            for command in ("run --force", "run --force --json", "explain", "rejects")
            for output in OUTPUTS
        ),
    ],
)
def test_a_stream_that_takes_nothing_or_little_ends_without_a_traceback(ran_book: Path, tmp_path: Path, command: str, output: str) -> None:
    book = shutil.copytree(ran_book, tmp_path / "book", symlinks=True)
    before = published_tables(book)
    done = subprocess.run(["bash", "-c", f"{PROGRAM} {command} --book {book} {output}"], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    assert "Exception ignored" not in done.stderr
    if output == "> /dev/full":
        assert done.returncode == 1
        assert "space" in done.stderr
    assert published_tables(book) == before
