"""A rival as a process: its arguments, the seconds of its stages, and the one line of JSON it prints at the end.

Does not belong here: what is computed, and the measuring of the process from outside (benchmarks/measurement.py).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

TABLES = ("fct_payout", "fct_accrual", "fct_payout_line")


class Stopwatch:
    """Wall seconds per stage."""

    def __init__(self) -> None:
        self._stages: dict[str, float] = {}
        self._last = time.perf_counter()

    def mark(self, stage: str) -> None:
        """Record that the stage has ended."""
        now = time.perf_counter()
        self._stages[stage], self._last = round(now - self._last, 3), now

    def print_result(self, **counts: int) -> None:
        """The line that the comparison reads."""
        print(json.dumps({"stages": self._stages, **{name: int(count) for name, count in counts.items()}}), flush=True)


def read_arguments(description: str | None) -> tuple[Path, Path]:
    """The book, and the folder for the three tables."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("book", type=Path)
    parser.add_argument("--out", type=Path, required=True, help=f"folder for {', '.join(TABLES)} as Parquet")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    return chosen.book, chosen.out
