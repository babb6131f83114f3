"""Tierledger beside lean rivals on generated books: `python -m benchmarks.run --bench DIR --sizes 1m,10m`.

Belongs here: making the books, running the comparison, putting its figures into one report.
Does not belong here: the rivals and the way they are measured, which are the bench's own (gen.py, compare.py).
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks.report import write_report

_HERE = Path(__file__).parent
_PROJECT = _HERE.parent
SIZES = {"2k": 2_000, "100k": 100_000, "1m": 1_000_000, "10m": 10_000_000}
NEEDED = ("gen.py", "compare.py", "check.py", "rivals/duck.py")


def check_bench(bench: Path) -> None:
    """Raises SystemExit naming what is missing."""
    missing = [name for name in NEEDED if not (bench / name).is_file()]
    if missing:
        raise SystemExit(f"{bench} lacks {', '.join(missing)}: name the folder of the bench with --bench or TIERLEDGER_BENCH")


def rivals_python(work: Path) -> Path:
    """An interpreter with what the rivals need: this one if it has pandas, else one in `work`, made on the first run."""
    has_pandas = subprocess.run([sys.executable, "-c", "import pandas, pyarrow, yaml"], capture_output=True, check=False).returncode == 0
    if has_pandas:
        return Path(sys.executable)
    python = work / "rivals-venv" / "bin" / "python"
    if not python.exists():
        venv.create(work / "rivals-venv", with_pip=True)
        install: list[str | Path] = [python, "-m", "pip", "install", "--quiet", "-r", _HERE / "requirements.txt"]
        if subprocess.run(install, check=False).returncode:
            raise SystemExit(f"the rivals' packages could not be installed into {work / 'rivals-venv'} (benchmarks/requirements.txt)")
    return python


def make_book(bench: Path, python: Path, books: Path, size: str, agreements: int) -> Path:
    """The book of this size below `books`, generated unless it is there."""
    book = books / f"n{size}"
    if not (book / "book.yaml").is_file():
        print(f"making {book}", flush=True)
        numbers = ["--n", str(SIZES[size]), "--agreements", str(agreements)]
        if SIZES[size] <= 2_000:
            numbers = ["--n", str(SIZES[size]), "--agreements", "20", "--partners", "200", "--products", "300"]
        subprocess.run([python, bench / "gen.py", *numbers, "--out", book, "--day"], check=True)
    return book


def compare(bench: Path, python: Path, book: Path, results: Path, rounds: int, rivals: str) -> bool:
    """One interleaved comparison. Leaves `<size>.runs.jsonl` and, from our own --json, `<size>.summaries.json`. True: every run was right."""
    runs, summaries = results / f"{book.name}.runs.jsonl", results / f"{book.name}.summaries.json"
    for path in (runs, summaries):
        path.unlink(missing_ok=True)
    # the console script, installed or not; exec: the process that is measured is tierledger itself
    command = f"{shlex.quote(sys.executable)} -c 'from pipelines.cli.main import run_cli; run_cli()'"
    ours = f'exec {command} run --json --book "$0" >> {shlex.quote(str(summaries))}'
    options = ["--command", f"sh -c {shlex.quote(ours)} {{book}}", "--rounds", str(rounds), "--rivals", rivals, "--incremental", "--json", str(runs)]
    environment = {**os.environ, "PYTHONPATH": str(_PROJECT)}
    return subprocess.run([python, bench / "compare.py", book, *options], env=environment, check=False).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("TIERLEDGER_BENCH") or str(_PROJECT.parent / "shared" / "bench")
    parser.add_argument("--bench", type=Path, default=Path(default), help="folder of gen.py and compare.py [TIERLEDGER_BENCH]")
    parser.add_argument("--work", type=Path, default=Path("build/bench"), help="where books, environment and results go")
    parser.add_argument("--books", type=Path, help="folder with books n1m, n10m that are there already (default: WORK/books)")
    parser.add_argument("--sizes", default="1m,10m", help=f"of {', '.join(SIZES)}")
    parser.add_argument("--agreements", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rivals", default="duck,polars,pandas")
    chosen = parser.parse_args()
    sizes = [size.lower() for size in chosen.sizes.split(",")]
    unknown = sorted(set(sizes) - set(SIZES))
    if unknown:
        parser.error(f"--sizes: {', '.join(unknown)} not known; allowed: {', '.join(SIZES)}")
    bench, work = chosen.bench.resolve(), chosen.work.resolve()
    check_bench(bench)
    results, books = work / "results", (chosen.books or work / "books").resolve()
    results.mkdir(parents=True, exist_ok=True)
    books.mkdir(parents=True, exist_ok=True)
    python = rivals_python(work)
    right = [compare(bench, python, make_book(bench, python, books, size, chosen.agreements), results, chosen.rounds, chosen.rivals) for size in sizes]
    report = write_report(results, [f"n{size}" for size in sizes])
    (work / "report.md").write_text(report, encoding="utf-8")
    print(f"\n{report}\n(also in {work / 'report.md'})")
    sys.exit(0 if all(right) else 1)


if __name__ == "__main__":
    main()
