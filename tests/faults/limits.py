"""Feeds larger than the memory of a run: they end in the same bytes whatever memory and threads there are. `make torture` runs it; about ten minutes.

Belongs here: a book of any size, running it within limits, the scorecard. Does not belong here: what is refused before a run
(tests/integration/test_limits.py).
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipelines.run import RunSummary, run_book

BOOK = """book: wide
currency: EUR
as_of: 2026-12-31
feeds:
  transactions: {files: "feeds/transactions/*.csv", key: [transaction_id, line]}
"""
AGREEMENT = """agreement: WIDE
title: Wide lines
currency: EUR
term: {{from: 2026-01-01, to: 2026-12-31}}
participants: [{participants}]
benefits:
- {{id: whole, clause: "1", window: quarter, tiers: [{{from: 0, rate: 0.01}}, {{from: 1000, rate: 0.02}}]}}
- {{id: sliced, clause: "2", window: quarter, method: graduated, tiers: [{{from: 0, rate: 0.01}}, {{from: 1000, rate: 0.02}}]}}
"""
HEADER = "transaction_id,line,date,partner_id,quantity,amount,currency,remark\n"
#: Bytes of a line, roughly: most of them a remark that does not compress.
LINE_BYTES = 162
#: What differs from run to run without a difference in the result: times.
_TIMES = {"audit_run", "audit_feed_file"}


def write_wide_book(folder: Path, lines: int) -> Path:
    """A book with one file of so many lines, of 100 partners; half of them take part, each line in two benefits."""
    (folder / "agreements").mkdir(parents=True)
    (folder / "feeds" / "transactions").mkdir(parents=True)
    (folder / "book.yaml").write_text(BOOK)
    (folder / "agreements" / "wide.yaml").write_text(AGREEMENT.format(participants=", ".join(f"P{i}" for i in range(50))))
    text = base64.b32encode(random.Random(1).randbytes(1 << 20)).decode()
    with (folder / "feeds" / "transactions" / "lines.csv").open("w") as file:
        file.write(HEADER)
        for i in range(lines):
            remark = text[(at := i * 7919 % (len(text) - 120)) : at + 120]
            file.write(f"T{i // 5:09d},{i % 5},2026-{1 + i % 12:02d}-{1 + i % 28:02d},P{i % 100},{i % 9 + 1},{i * 37 % 100_000 / 100:.2f},EUR,{remark}\n")
    return folder


def run_limited(source: Path, folder: Path, memory: str, threads: int, spill: Path | None = None) -> RunSummary:
    """Run the book of `source` in `folder` (made on the first call) within these limits."""
    if not folder.exists():
        shutil.copytree(source, folder, copy_function=os.link)
    (folder / "book.yaml").unlink()
    limits = {"memory": memory, "threads": threads, **({"spill": str(spill)} if spill else {}), "disk_free": "1MB"}
    (folder / "book.yaml").write_text(BOOK + f"limits: {json.dumps(limits)}\n")
    return run_book(folder)


def hashes_of(folder: Path) -> dict[str, str]:
    """The bytes of every published table but those that tell times, as hashes."""
    manifest = json.loads((folder / "published" / "current" / "tables.json").read_text())
    return {table: sha256 for table, sha256 in manifest["sha256"].items() if table not in _TIMES}


def _run_apart(source: Path, folder: Path, memory: str, threads: int) -> tuple[str, float, int]:
    """The same in a process of its own: what went wrong (empty: nothing), seconds, peak MB."""
    began = time.monotonic()
    code = f"from pathlib import Path; from tests.faults.limits import run_limited as r; r(Path({str(source)!r}), Path({str(folder)!r}), {memory!r}, {threads})"
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    assert child.stderr
    message = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return (message.strip().splitlines() or ["no word"])[-1] if child.returncode else "", time.monotonic() - began, usage.ru_maxrss // 1024


def main() -> int:
    """Run and print. 1: something failed or differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.limits", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--memory", type=int, default=150, help="MB that the engine may have (150)")
    parser.add_argument("--times", type=int, default=10, help="how many times as large the feed is (10)")
    parser.add_argument("--lines", type=int, default=1_000_000, help="lines of the book that is run with other threads and memory (1,000,000)")
    options = parser.parse_args()
    wrong = []
    with tempfile.TemporaryDirectory(prefix="limits-") as scratch:
        root = Path(scratch)
        books = {
            "large": (options.memory * options.times * 10**6 // LINE_BYTES, [(f"{options.memory}MB", 1)]),
            "other limits": (options.lines, [("1500MB", 1), ("1500MB", 2), ("1500MB", 4), ("300MB", 2), (f"{options.memory}MB", 1)]),
        }
        print("book           lines   feed MB   memory   threads   seconds   peak MB", flush=True)
        for name, (lines, limits) in books.items():
            source = write_wide_book(root / name.replace(" ", "-"), lines)
            size = (source / "feeds" / "transactions" / "lines.csv").stat().st_size // 10**6
            found = {}
            for memory, threads in limits:
                folder = root / "run"
                message, seconds, peak = _run_apart(source, folder, memory, threads)
                print(f"{name:<12}{lines:>9,}{size:>10,}{memory:>9}{threads:>10}{seconds:>10.0f}{peak:>10,}  {message}", flush=True)
                if message:
                    wrong.append(f"{name}, {memory}, {threads} threads: {message}")
                else:
                    found[memory, threads] = hashes_of(folder)
                shutil.rmtree(folder)
            first = next(iter(found.values()), {})
            wrong += [f"{name}, {limit}: {table} differs" for limit, hashes in found.items() for table in first if hashes[table] != first[table]]
            shutil.rmtree(source)
    print(f"\nruns that failed or came to other bytes: {len(wrong)}", *wrong, sep="\n  ")
    return bool(wrong)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
