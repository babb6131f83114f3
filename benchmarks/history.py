"""The measurements that people committed: a line of JSON for each, in benchmarks/history.jsonl.

Belongs here: making entries from runs, keeping them, and the change against the last entry for the same thing on the same machine.
Does not belong here: running anything.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.machine import read_facts
from benchmarks.ours import Run, cpu, cpu_beyond, wall, wall_beyond
from benchmarks.tables import table

HISTORY = Path(__file__).parent / "history.jsonl"
#: day, code, machine, engines; book, what; rounds, load; measures in seconds and MB; ratio of the seconds beyond start-up, ratio_to; and what a command adds.
Entry = dict[str, Any]
#: Measures that are compared, and their titles.
MEASURES = {"beyond_start_up": "beyond start-up s", "wall": "wall s", "cpu": "CPU s", "peak_mb": "peak MB", "ratio": "ratio"}


def make_entry(book: str, what: str, runs: Sequence[Run], **more: Any) -> Entry:
    """The medians of runs of the same thing. None of them failed."""
    middle = {"wall": _median(map(wall, runs)), "cpu": _median(map(cpu, runs)), "peak_mb": round(median(run["peak_mb"] for run in runs))}
    entry = {**read_facts(), "book": book, "what": what, "rounds": len(runs), "load": _median(run["load"] for run in runs), **middle}
    if all("start_up" in run.get("summary", {}) for run in runs):
        entry |= {"beyond_start_up": _median(map(wall_beyond, runs)), "cpu_beyond_start_up": _median(map(cpu_beyond, runs))}
        stages = dict.fromkeys(stage for run in runs for stage in run["summary"]["stages"])
        entry["stages"] = {stage: _median(run["summary"]["stages"].get(stage, 0) for run in runs) for stage in stages}
    return entry | more


def read_history(file: Path) -> list[Entry]:
    """All entries, the oldest first."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def append(file: Path, entry: Entry) -> None:
    """Adds one entry."""
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(entry, ensure_ascii=False) + "\n")


def last_of(history: Iterable[Entry], entry: Entry) -> Entry | None:
    """The last entry for the same thing on the same machine."""
    same = [each for each in history if all(each[name] == entry[name] for name in ("book", "what", "machine"))]
    return same[-1] if same else None


def record(file: Path, entries: Sequence[Entry]) -> str:
    """Adds the entries and returns the table of their changes."""
    history = read_history(file)
    report = write_changes(history, entries)
    for entry in entries:
        append(file, entry)
    return f"{report}\n\n(added to {file}: commit it to keep it)"


def write_changes(history: Sequence[Entry], entries: Sequence[Entry]) -> str:
    """The entries compared with the last ones of the same thing, as Markdown."""
    rows = []
    for entry in entries:
        last = last_of(history, entry)
        cells = [_with_change(name, entry, last) for name in MEASURES]
        rows.append([entry["book"], entry["what"], *cells, f"{last['day']}, {last['code']}" if last else "none"])
    return "\n".join(["### Against the last entry in the history", "", *table(["book", "what", *MEASURES.values(), "last entry"], rows)])


def add_option(parser: argparse.ArgumentParser) -> None:
    """The option that all commands share."""
    parser.add_argument("--history", type=Path, default=HISTORY, help="file that the measurements are added to; default: %(default)s")


def _with_change(name: str, entry: Entry, last: Entry | None) -> str:
    if name not in entry:
        return ""
    shown = f"{entry[name]:,}" if name == "peak_mb" else f"{entry[name]:.2f}"
    shown += f" of {entry['ratio_to']}" if name == "ratio" else ""
    return f"{shown} ({entry[name] / last[name] - 1:+.0%})" if last and last.get(name) else shown


def _median(values: Iterable[float]) -> float:
    return round(median(values), 3)
