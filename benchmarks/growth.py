"""How a full run grows with the lines: `python -m benchmarks.growth --sizes 1m,3m,10m,30m,100m`.

Makes each book unless it exists, runs `tierledger run` on a fresh copy, adds the medians to the history, and writes benchmarks/growth.md with its
two pictures from the history. `--sizes ""` measures nothing and only writes the page. 100m: 60 GB of disk for the book, its copy and the warehouse.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.books import SIZES, make_book
from benchmarks.growth_page import write_page
from benchmarks.history import Entry, add_option, make_entry, record
from benchmarks.ours import copied, read_all, run_ours

WHAT = "full run"


def measure_size(books: Path, size: str, rounds: int) -> Entry:
    """The full run of one size. Exits where it fails."""
    book, runs = make_book(books, size), []
    read_all(book)
    with tempfile.TemporaryDirectory(prefix=".growth-", dir=books) as scratch:
        for _ in range(rounds):
            with copied(book, Path(scratch)) as copy:
                runs.append(run_ours(WHAT, copy, Path(scratch)))
            if "error" in runs[-1]:
                sys.exit(runs[-1]["error"])
    return make_entry(size, WHAT, runs)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1m,3m,10m,30m,100m", help=f"of {', '.join(SIZES)}; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--books", type=Path, default=Path("build/bench/books"), help="folder with books, made there if missing; default: %(default)s")
    parser.add_argument("--page", type=Path, default=Path(__file__).parent, help="folder for the page and its pictures; default: %(default)s")
    add_option(parser)
    chosen = parser.parse_args()
    sizes = [size for size in chosen.sizes.lower().split(",") if size]
    if unknown := set(sizes) - set(SIZES):
        parser.error(f"--sizes: {', '.join(sorted(unknown))} unknown; allowed: {', '.join(SIZES)}")
    books = chosen.books.resolve()
    books.mkdir(parents=True, exist_ok=True)
    for size in sizes:  # each is kept at once: the next may take an hour, or more memory than there is
        print(record(chosen.history, [measure_size(books, size, chosen.rounds)]), flush=True)
    write_page(chosen.history, chosen.page)
    print(f"written: {chosen.page / 'growth.md'}")


if __name__ == "__main__":
    main()
