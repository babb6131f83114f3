"""One process, measured from outside: wall time from start to exit, CPU and peak memory as the kernel counts them.

Does not belong here: which process, and what its measurements are compared with (comparison.py).
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: A process that takes longer is terminated, and killed after the grace period. In between it can stop a server it started.
TIMEOUT_SECONDS, GRACE_SECONDS = 3_600, 20
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Measurement:
    """Wall seconds, CPU seconds including all processes below it, and the peak memory of the largest process in MB."""

    wall: float
    cpu: float
    peak_mb: float
    output: str


class ProcessFailed(Exception):
    """A measured process ended with an error. The text says how."""


def measure(command: Sequence[str], scratch: Path, environment: Mapping[str, str]) -> Measurement:
    """Runs the command; its outputs go through files in `scratch`. Raises ProcessFailed."""
    output, errors = scratch / "output.txt", scratch / "errors.txt"
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)  # a worker that outlives its parent becomes ours, and is counted
    with output.open("wb") as out, errors.open("wb") as err:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err, env=environment)
        status, wall, cpu, peak = _wait(process.pid, started)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise ProcessFailed(f"exit code {process.returncode}: {' '.join(command)}\n{errors.read_text(errors='replace')[-1500:]}")
    return Measurement(wall, cpu, peak / 1024, output.read_text(encoding="utf-8"))


def _wait(pid: int, started: float) -> tuple[int, float, float, int]:
    """Status and wall seconds of a child, which is stopped when it takes too long; CPU seconds and peak memory of it and of what it left."""
    result: tuple[int, float] | None = None
    cpu, peak = 0.0, 0
    while True:
        seconds = time.perf_counter() - started
        try:
            ended, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if ended:
            cpu, peak = cpu + usage.ru_utime + usage.ru_stime, max(peak, usage.ru_maxrss)
            result = (status, seconds) if ended == pid else result
            continue
        if result and seconds > result[1] + GRACE_SECONDS:
            break
        late = seconds - TIMEOUT_SECONDS
        if late > 0 and not result:
            os.kill(pid, signal.SIGTERM if late < GRACE_SECONDS else signal.SIGKILL)
        time.sleep(0.005)
    assert result, "the child ended before there were no children"
    return *result, cpu, peak
