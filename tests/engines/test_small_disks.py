"""A disk that is too small for what tasks write stops the run in order, and the next one is right."""

from __future__ import annotations

import subprocess
import sys

import pytest

from assets.spark import session
from tests.faults.small_disks import can_mount


@pytest.mark.long
def test_a_full_disk_stops_the_run_and_the_next_one_is_right() -> None:
    if missing := session.missing_parts():
        pytest.skip("; ".join(missing))
    if not can_mount():
        pytest.skip("this machine lets nobody mount (unshare --map-root-user --mount)")
    ended = subprocess.run([sys.executable, "-m", "tests.engines.small_disks"], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
