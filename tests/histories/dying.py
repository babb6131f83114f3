"""Now and then the command that a step gives is given twice, and dies the first time, as by `kill -9`.

Belongs here: the process that dies. Does not belong here: when, and what must hold afterwards (simulation.py).
"""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from tests.faults.machine import kill_in

ROOT = Path(__file__).resolve().parents[2]
#: How often a command dies first, and within how many seconds of CPU, once all is imported; a run of a history's book takes one to three.
CHANCE, LATEST = 0.12, 2.5
KILLED = -27  # by the clock of CPU: nobody handles its signal


def draw_death(seed: str) -> float | None:
    """When the command of a step dies the first time: after so many seconds of CPU, or not at all."""
    dice = random.Random(f"death {seed}")
    return dice.uniform(0.05, LATEST) if dice.random() < CHANCE else None


def die_first(folder: Path, moment: float, period: str | None) -> bool:
    """Run the book, or close the period, in a process that is killed then. Returns whether it was: it may have been through before."""
    command = [sys.executable, "-m", "tests.histories.dying", str(folder), str(moment), *([period] if period else [])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, KILLED):
        raise RuntimeError(f"ended with {done.returncode} instead of dying: {done.stderr}")
    return done.returncode == KILLED


def _main(folder: Path, moment: float, period: str | None) -> None:
    from pipelines.close import close_book
    from pipelines.run import run_book
    from tests.support.once import prepare_engine

    prepare_engine()
    kill_in(moment)
    if period:
        close_book(folder, period, "J. Doe", with_earlier=True, accept_open="simulated")
    else:
        run_book(folder)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3] if sys.argv[3:] else None)
