"""What a change costs on a book that has run: `python -m benchmarks.rerun --size 10m [--changes day,rate]`.

Runs a copy of the book whole, then once with nothing new, and then makes one change after another (changes.py) and runs after each. After every
change the published set is compared, table by table, with the one that a full run of a fresh copy of the changed book publishes; the ratio is to that
run, beyond start-up. Exit code 1: a run failed, or the two sets differ. Then its time means nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.books import PROJECT, SIZES, make_book
from benchmarks.changes import CHANGES
from benchmarks.history import Entry, add_option, make_entry, record
from benchmarks.ours import ENVIRONMENT, Run, copied, cpu_beyond, read_all, run_ours, wall_beyond
from benchmarks.tables import table

NOTHING_NEW = "nothing new"
#: A file that was touched less than two seconds before a run is read again by the next one.
SETTLED_SECONDS = 3
HEADER = [
    "change", "beyond start-up s", "/ full run", "CPU s", "/ full run", "peak MB", "payouts changed", "new or gone", "amounts", "tiers", "recomputed",
    "set of a full run",
]  # fmt: skip


def run_changes(book: Path, names: list[str], scratch: Path) -> Iterator[Entry]:
    """An entry per run on one copy of the book. Exits where a run fails."""
    with copied(book, scratch) as copy:
        time.sleep(SETTLED_SECONDS)
        _run("first run", copy, scratch)
        nothing = _run(NOTHING_NEW, copy, scratch)
        yield make_entry(book.name, NOTHING_NEW, [nothing], **_recomputed(nothing))
        for name in names:
            before = (copy / "published" / "current").resolve()
            _call("benchmarks.changes", copy, name)
            after = _run(CHANGES[name].title, copy, scratch)
            changed = json.loads(_call("benchmarks.set_differences", before, copy / "published" / "current"))["changed"]
            with copied(copy, scratch) as fresh:
                full = _run("full run", fresh, scratch)
                compared = json.loads(_call("benchmarks.set_differences", copy / "published" / "current", fresh / "published" / "current"))
            ratios = {name: round(seconds(after) / seconds(full), 4) for name, seconds in (("ratio", wall_beyond), ("cpu_ratio", cpu_beyond))}
            more = {**ratios, "ratio_to": "full run", "changed": changed, **_recomputed(after)}
            yield make_entry(book.name, after["name"], [after], **more, compared={key: compared[key] for key in ("files", "same_bytes", "different")})


def is_right(entry: Entry) -> bool:
    """Whether a full run publishes the same."""
    return not entry.get("compared", {}).get("different")


def write_report(entries: list[Entry]) -> str:
    """What each change costs, as Markdown."""
    return "\n".join([f"### Changes on {entries[0]['book']}", "", *table(HEADER, map(_row, entries))])


def _row(entry: Entry) -> list[str]:
    ratio, cpu_ratio = (f"{entry[name]:.3f}" if name in entry else "" for name in ("ratio", "cpu_ratio"))
    changed = [f"{count:,}" for count in entry.get("changed", {}).values()] or [""] * 4
    measured = [f"{entry['beyond_start_up']:.2f}", ratio, f"{entry['cpu']:.2f}", cpu_ratio, f"{entry['peak_mb']:,}"]
    return [entry["what"], *measured, *changed, describe_recomputed(entry.get("recomputed")), _verdict(entry)]


def _verdict(entry: Entry) -> str:
    compared = entry.get("compared")
    if not compared:
        return ""
    return f"DIFFERS: {compared['different'][0]}" if compared["different"] else f"the same, {compared['same_bytes']} of {compared['files']} byte for byte"


def describe_recomputed(found: dict[str, Any] | None) -> str:
    """What the summary says: 12,304 of 72,720 payouts (new lines 12,287, targets 17), or why everything was computed."""
    if not found:
        return ""
    if found["why_full"]:
        return f"everything: {found['why_full']}"
    causes = ", ".join(f"{cause} {count:,}" for cause, count in found["causes"].items())
    return f"{found['payouts']:,} of {found['all_payouts']:,} payouts" + (f" ({causes})" if causes else "")


def _recomputed(run: Run) -> dict[str, object]:
    """What the summary says was recomputed, if it does."""
    found = run["summary"].get("recomputed")
    return {"recomputed": found} if found else {}


def _run(name: str, book: Path, scratch: Path) -> Run:
    run = run_ours(name, book, scratch)
    if "error" in run:
        sys.exit(f"{name}: {run['error']}")
    return run


def _call(module: str, *arguments: object) -> str:
    """The output of a module, run in its own process: a child's peak memory begins with its parent's."""
    ended = subprocess.run([sys.executable, "-m", module, *map(str, arguments)], cwd=PROJECT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{module} {' '.join(map(str, arguments))}\n{ended.stderr}")
    return ended.stdout


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="10m", help="default: %(default)s")
    parser.add_argument("--changes", default=",".join(CHANGES), help="in their order; default: %(default)s")
    parser.add_argument("--books", type=Path, default=Path("build/bench/books"), help="folder with books, made there if missing; default: %(default)s")
    add_option(parser)
    chosen = parser.parse_args()
    names = [name for name in chosen.changes.split(",") if name]
    if unknown := set(names) - set(CHANGES):
        parser.error(f"--changes: {', '.join(sorted(unknown))} unknown; allowed: {', '.join(CHANGES)}")
    books = chosen.books.resolve()
    books.mkdir(parents=True, exist_ok=True)
    book, entries = make_book(books, chosen.size), []
    read_all(book)
    with tempfile.TemporaryDirectory(prefix=".changes-", dir=books) as scratch:
        for entry in run_changes(book, names, Path(scratch)):
            print(f"{entry['what']:28} {entry['wall']:8.2f} s  {_verdict(entry)}", flush=True)
            entries.append(entry)
    print(f"\n{write_report(entries)}\n")
    if not all(map(is_right, entries)):
        sys.exit(1)
    print(record(chosen.history, entries))


if __name__ == "__main__":
    main()
