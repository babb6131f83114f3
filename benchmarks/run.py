"""Tierledger and hand-written rivals on generated books: `python -m benchmarks.run --sizes 1m,10m`.

Makes each book (benchmarks/generator) unless it exists, runs the rivals and `tierledger run` in turns, compares every payout with the
floor's to the cent, and prints ratios and stages as Markdown, also to WORK/report.md. Every run is in WORK/results/*.jsonl; the medians of ours and
of the floor are added to the history, where all payouts are right.

  --sizes 2k --rounds 1                      a one-minute check that it works
  --sizes 1m --rounds 4 --rivals floor       the ratio to the floor, without further packages
  --sizes 10m --rivals polars,pandas,postgres
  --sizes 10m --rivals pyspark --spark       past one machine: Spark's own DataFrames, and ours on Spark

pandas and PostgreSQL are not part of the project: the first run that needs them makes WORK/rivals-venv from benchmarks/requirements.txt. pyspark needs a
full Java, by JAVA_HOME or on the path.
Exit code 1: a run failed or paid a different amount than the floor. Then its time means nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.books import SIZES, make_book
from benchmarks.comparison import NEED_PACKAGES, RIVALS, Comparison
from benchmarks.history import add_option, record
from benchmarks.ours import Run
from benchmarks.report import make_entries, write_report

REQUIREMENTS = Path(__file__).parent / "requirements.txt"


def packages_python(work: Path, rivals: list[str]) -> Path:
    """The interpreter of the rivals that need further packages, set up on first use."""
    python = work / "rivals-venv" / "bin" / "python"
    if NEED_PACKAGES.intersection(rivals) and not python.exists():
        print(f"making {python.parents[1]}", flush=True)
        venv.create(python.parents[1], with_pip=True)
        if subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", REQUIREMENTS], check=False).returncode:
            raise SystemExit(f"{REQUIREMENTS} could not be installed into {python.parents[1]}; delete that folder, or leave out {', '.join(NEED_PACKAGES)}")
    return python


def describe(run: Run) -> str:
    """One run as the screen shows it."""
    title = f"round {run['round'] + 1} {run['name']:11s}"
    if "error" in run:
        return f"{title} FAILED {run['error']}"
    return f"{title} {run['wall']:8.2f} s  CPU {run['cpu']:8.2f} s  peak {run['peak_mb']:6.0f} MB  load {run['load']:.1f}  {run.get('verdict', '')}"


def is_right(run: Run) -> bool:
    """Whether it succeeded and pays the same as the floor."""
    return "error" not in run and run.get("verdict", "AGREE").startswith("AGREE")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1m,10m", help=f"of {', '.join(SIZES)}; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--rivals", default="floor,polars,pandas", help=f"of {', '.join(RIVALS)}; the floor always runs; default: %(default)s")
    parser.add_argument("--spark", action="store_true", help="run tierledger on Spark as well, which is part of the extra `spark`")
    parser.add_argument("--work", type=Path, default=Path("build/bench"), help="folder for books, packages and results; default: %(default)s")
    parser.add_argument("--books", type=Path, help="folder with books named by their size, which are not changed; default: WORK/books")
    add_option(parser)
    chosen = parser.parse_args()
    sizes, rivals = chosen.sizes.lower().split(","), chosen.rivals.lower().split(",")
    for option, names, known in (("--sizes", sizes, SIZES), ("--rivals", rivals, RIVALS)):
        if unknown := set(names) - set(known):
            parser.error(f"{option}: {', '.join(sorted(unknown))} unknown; allowed: {', '.join(known)}")
    work = chosen.work.resolve()
    results, books = work / "results", (chosen.books or work / "books").resolve()
    for folder in (results, books):
        folder.mkdir(parents=True, exist_ok=True)
    packages = packages_python(work, rivals)
    runs: dict[str, list[Run]] = {}
    for size in sizes:
        runs[size] = []
        with (results / f"{size}.jsonl").open("w", encoding="utf-8") as file:
            for run in Comparison(make_book(books, size), rivals, packages, chosen.spark).run(chosen.rounds):
                print(describe(run), flush=True)
                file.write(json.dumps(run) + "\n")
                runs[size].append(run)
    report = write_report(runs)
    is_valid = all(is_right(run) for each in runs.values() for run in each)
    if is_valid:
        report += "\n\n" + record(chosen.history, make_entries(runs))
    (work / "report.md").write_text(report, encoding="utf-8")
    print(f"\n{report}\n(also in {work / 'report.md'})")
    sys.exit(0 if is_valid else 1)


if __name__ == "__main__":
    main()
