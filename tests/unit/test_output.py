"""Standard output that is full, closed, or whose reader has gone: a message, never a traceback.

Belongs here: how a command ends then. Does not belong here: what it prints.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = f"{sys.executable} -m pipelines.cli"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("--version > /dev/full", 1), ("--version >&-", 1), ("--version 2>&-", 0), ("validate --book nowhere 2>/dev/full", 2),
        ("validate --book nowhere >&- 2>&-", 2), ("validate --schema > /dev/full", 1), ("--help > /dev/full", 1),
    ],
)  # fmt: skip
def test_a_stream_that_takes_nothing_ends_in_a_message(command: str, code: int) -> None:
    done = subprocess.run(["bash", "-c", f"{PROGRAM} {command}"], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == code
    if code == 1:
        assert "output" in done.stderr.lower() or "space" in done.stderr


def test_a_reader_that_has_gone_ends_without_a_traceback() -> None:
    done = subprocess.run(["bash", "-c", f"{PROGRAM} validate --schema | true"], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
