"""Books with one thing that is unusual, and the commands that it shows in: `python -m benchmarks.scenarios [--only "100 lines"]`.

Each command is a whole process. A scenario goes through its commands in order, on a fresh copy of its book, as often as `--rounds` says.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.books import make_book
from benchmarks.history import Entry, add_option, make_entry, record
from benchmarks.ours import Run, copied, run_ours
from benchmarks.tables import table

RUN, AGAIN, NOTHING_NEW, VALIDATE = ("run", ("run",)), ("run --force", ("run", "--force")), ("nothing new", ("run",)), ("validate", ("validate",))
#: Book: what is measured, and the command's arguments. The stage `agreements` of a first run loads them.
SCENARIOS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "100 lines": (RUN, AGAIN, NOTHING_NEW),
    "5,000 agreements": (VALIDATE, RUN),
    "720k payouts": (RUN,),
    "3.6m payouts": (RUN,),
}
#: Stages that took less are not listed.
SHOWN_SECONDS = 0.05


def measure_scenario(books: Path, name: str, rounds: int) -> list[Entry]:
    """An entry per command. Exits where one fails."""
    book = make_book(books, name)
    runs: dict[str, list[Run]] = {what: [] for what, _ in SCENARIOS[name]}
    with tempfile.TemporaryDirectory(prefix=".scenario-", dir=books) as scratch:
        for _ in range(rounds):
            with copied(book, Path(scratch)) as copy:
                for what, arguments in SCENARIOS[name]:
                    run = run_ours(what, copy, Path(scratch), *arguments)
                    if "error" in run:
                        sys.exit(f"{name}, {what}: {run['error']}")
                    runs[what].append(run)
    return [make_entry(name, what, each) for what, each in runs.items()]


def write_report(entries: list[Entry]) -> str:
    """Time, memory and stages of each command, as Markdown."""
    rows = []
    for entry in entries:
        stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in entry.get("stages", {}).items() if seconds >= SHOWN_SECONDS)
        rows.append([entry["book"], entry["what"], f"{entry['wall']:.2f}", f"{entry['cpu']:.2f}", f"{entry['peak_mb']:,}", stages])
    return "\n".join(["### Scenarios", "", *table(["book", "command", "wall s", "CPU s", "peak MB", "stages, s"], rows)])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SCENARIOS, action="append", help="repeat it for several; default: all")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--books", type=Path, default=Path("build/bench/books"), help="folder with books, made there if missing; default: %(default)s")
    add_option(parser)
    chosen = parser.parse_args()
    books = chosen.books.resolve()
    books.mkdir(parents=True, exist_ok=True)
    entries = [entry for name in chosen.only or SCENARIOS for entry in measure_scenario(books, name, chosen.rounds)]
    print(f"{write_report(entries)}\n\n{record(chosen.history, entries)}")


if __name__ == "__main__":
    main()
