"""The books that are measured, by name, each generated once.

Belongs here: which generator makes which book, with which numbers. Does not belong here: what a book holds (generator/).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]


def _distributor(lines: str, *further: str) -> list[str]:
    return ["benchmarks.generator", "--lines", lines, "--further-days", "1", *further]


def _many_payouts(participants: str) -> list[str]:
    return ["benchmarks.generator.many_payouts", "--participants", participants]


_SMALL = ("--partners", "200", "--products", "300")
#: Distributors by their transaction lines: module and arguments of the generator. The rivals compute these.
SIZES: dict[str, list[str]] = {
    "2k": _distributor("2_000", "--agreements", "20", *_SMALL),
    "100k": _distributor("100_000"),
    "1m": _distributor("1_000_000"),
    "3m": _distributor("3_000_000"),
    "10m": _distributor("10_000_000"),
    "30m": _distributor("30_000_000"),
    "100m": _distributor("100_000_000"),
}
#: Books with one thing that is unusual.
SPECIAL: dict[str, list[str]] = {
    "100 lines": _distributor("100", "--agreements", "5", *_SMALL),
    "5,000 agreements": _distributor("20_000", "--agreements", "5_000", "--partners", "20_000", "--products", "2_000"),
    "720k payouts": _many_payouts("20_000"),
    "3.6m payouts": _many_payouts("100_000"),
}


def lines_of(size: str) -> int:
    """The transaction lines of a distributor."""
    arguments = SIZES[size]
    return int(arguments[arguments.index("--lines") + 1])


def make_book(books: Path, name: str) -> Path:
    """The folder of the book, generated unless it exists."""
    book = books / name.replace(" ", "-").replace(",", "")
    if not (book / "book.yaml").is_file():
        print(f"making {book}", flush=True)
        # in its own process: a child's peak memory begins with its parent's
        subprocess.run([sys.executable, "-m", *(SIZES | SPECIAL)[name], "--out", str(book)], cwd=PROJECT, check=True)
    return book
