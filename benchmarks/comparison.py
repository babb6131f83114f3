"""Tierledger and its rivals in turns on one book, round after round, and whether they pay the same.

Belongs here: the order of the runs, and the further day. Does not belong here: measuring one process (measurement.py), our command and copies
of the book (ours.py), and ratios (report.py).

Rivals do not change the book. Our runs use a copy made of links, so that nothing remains from the previous round. Then one more day's file arrives,
ours runs again on the same copy, and the floor, which keeps nothing between runs, computes the larger book for the comparison.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.books import PROJECT
from benchmarks.ours import Run, copied, measure_run, read_all, run_ours

ENGINE, ON_SPARK, FLOOR = "tierledger", "tierledger on Spark", "floor"
RIVALS = {FLOOR: "duckdb_floor", "polars": "polars_script", "pandas": "pandas_script", "postgres": "postgres_script", "pyspark": "pyspark_script"}
#: Rivals that need packages outside the project.
NEED_PACKAGES = {"pandas", "postgres"}


class Comparison:
    """One book. Scratch files are written next to its folder. `packages`: the interpreter of NEED_PACKAGES. `has_spark`: ours is run on Spark, too."""

    def __init__(self, book: Path, rivals: list[str], packages: Path, has_spark: bool = False) -> None:
        self._book, self._packages, self._has_spark = book, packages, has_spark
        self._rivals = [FLOOR, *(rival for rival in rivals if rival != FLOOR)]

    def run(self, rounds: int) -> Iterator[Run]:
        """Every run as it ends: measurements and `verdict`, or `error`."""
        read_all(self._book)  # the same warm file cache for everyone
        with tempfile.TemporaryDirectory(prefix=".comparison-", dir=self._book.parent) as folder:
            for number in range(rounds):
                for run in self._run_round(Path(folder)):
                    yield {"round": number, **run}

    def _run_round(self, scratch: Path) -> Iterator[Run]:
        floor = scratch / FLOOR
        for rival in self._rivals:
            run = self._run_rival(rival, self._book, scratch / rival, scratch)
            if rival == FLOOR and "error" in run:
                raise SystemExit(f"the floor failed, so there is nothing to compare with: {run['error']}")
            yield run if rival == FLOOR or "error" in run else run | {"verdict": _verdict(scratch / rival, floor)}
        if self._has_spark:
            with copied(self._book, scratch) as book:
                yield self._run_ours(ON_SPARK, book, scratch, floor, "run", "--engine", "spark")
        with copied(self._book, scratch) as book:
            yield self._run_ours(ENGINE, book, scratch, floor)
            for path in sorted((self._book / "next").glob("*.csv")):
                shutil.copy2(path, book / "feeds" / "transactions" / f"zz-{path.name}")
                self._run_rival(FLOOR, book, scratch / "grown", scratch)
                yield self._run_ours(path.stem, book, scratch, scratch / "grown")

    def _run_rival(self, rival: str, book: Path, out: Path, scratch: Path) -> Run:
        python = str(self._packages) if rival in NEED_PACKAGES else sys.executable
        run = measure_run(rival, [python, "-m", f"benchmarks.rivals.{RIVALS[rival]}", str(book), "--out", str(out)], scratch)
        return run if "error" in run else run | json.loads(run.pop("output"))

    def _run_ours(self, name: str, book: Path, scratch: Path, floor: Path, *arguments: str) -> Run:
        run = run_ours(name, book, scratch, *arguments)
        return run if "error" in run else run | {"verdict": _verdict(book / "published" / "current", floor)}


def _verdict(ours: Path, floor: Path) -> str:
    """The comparison, made in another process to keep this one small: a child's peak memory begins with its parent's."""
    command = [sys.executable, "-m", "benchmarks.payouts", str(ours), str(floor), "--table", "fct_payout"]
    compared = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False)
    return (compared.stdout or compared.stderr).strip()
