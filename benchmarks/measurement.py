"""One process, measured from outside: wall time from start to exit, CPU and peak memory as the kernel counts them.

Does not belong here: which process, and what its measurements are compared with (comparison.py).
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: A process that takes longer is terminated, and killed after the grace period. In between it can stop a server it started.
TIMEOUT_SECONDS, GRACE_SECONDS = 3_600, 20


@dataclass(frozen=True)
class Measurement:
    """Wall seconds, CPU seconds including awaited children, and the peak memory of the largest process in MB."""

    wall: float
    cpu: float
    peak_mb: float
    output: str


class ProcessFailed(Exception):
    """A measured process ended with an error. The text says how."""


def measure(command: Sequence[str], scratch: Path, environment: Mapping[str, str]) -> Measurement:
    """Runs the command; its outputs go through files in `scratch`. Raises ProcessFailed."""
    output, errors = scratch / "output.txt", scratch / "errors.txt"
    with output.open("wb") as out, errors.open("wb") as err:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err, env=environment)
        status, usage = _wait(process.pid, started)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ProcessFailed(f"exit code {process.returncode}: {' '.join(command)}\n{errors.read_text(errors='replace')[-1500:]}")
    return Measurement(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output.read_text(encoding="utf-8"))


def _wait(pid: int, started: float) -> tuple[int, resource.struct_rusage]:
    """Status and usage of a child, which is stopped when it takes too long."""
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            return status, usage
        late = time.perf_counter() - started - TIMEOUT_SECONDS
        if late > 0:
            os.kill(pid, signal.SIGTERM if late < GRACE_SECONDS else signal.SIGKILL)
        time.sleep(0.005)
