"""benchmarks/growth.md and its pictures, from the history alone: tables of time, memory and stages by transaction lines.

Does not belong here: measuring (growth.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from pathlib import Path

from assets.drawings.svg import RIGHT, WIDTH, Axis, Plane, dot, frame, path, picture, plain, text
from benchmarks.books import SIZES, lines_of
from benchmarks.history import Entry, read_history
from benchmarks.tables import growth, table

HEIGHT = 300
DOTTED = "2 3"
HEADER = """# Growth

A full run of `tierledger run` on a fresh copy of a generated book, by the number of transaction
lines. `make bench-growth` measures and writes this page from [history.jsonl](history.jsonl).
"""
MISSING = "Nothing has been measured yet."


@dataclass(frozen=True)
class Series:
    """One line of a picture: its label, dashes, and a value per number of transaction lines."""

    label: str
    values: Sequence[tuple[int, float]]
    dashes: str = ""


def write_page(history: Path, folder: Path) -> None:
    """Writes the page, and its pictures if there is anything to draw."""
    entries = full_runs(read_history(history))
    (folder / "growth.md").write_text(make_page(entries), encoding="utf-8")
    if entries:
        for name, drawing in make_pictures(entries).items():
            (folder / name).write_text(drawing, encoding="utf-8")


def full_runs(history: Sequence[Entry]) -> list[Entry]:
    """The last full run of each size on the machine of the last entry, the smallest first."""
    runs = [entry for entry in history if entry["what"] == "full run" and entry["book"] in SIZES]
    last = {entry["book"]: entry for entry in runs if entry["machine"] == runs[-1]["machine"]}
    return sorted(last.values(), key=_lines)


def make_page(entries: Sequence[Entry]) -> str:
    """The whole page."""
    if not entries:
        return f"{HEADER}\n{MISSING}\n"
    rows = [
        [
            f"{_lines(entry):,}",
            f"{entry['beyond_start_up']:.2f}",
            f"{_per_million(entry, 'beyond_start_up'):.2f}",
            f"{entry['cpu_beyond_start_up']:.2f}",
            f"{entry['peak_mb']:,}",
            entry["day"],
            entry["code"],
        ]
        for entry in entries
    ]
    header = ["lines", "seconds beyond start-up", "per million lines", "CPU beyond start-up", "peak RSS MB", "measured", "commit"]
    parts = [
        HEADER,
        f"Machine: {entries[-1]['machine']}.",
        f"Engines: {entries[-1]['engines']}.\n",
        *table(header, rows),
        "\n![Seconds by transaction lines](growth-time.svg)\n",
        "![Peak memory by transaction lines](growth-memory.svg)\n",
        "Seconds per stage:\n",
        *_stages(entries),
    ]
    return "\n".join(parts) + "\n"


def make_pictures(entries: Sequence[Entry]) -> dict[str, str]:
    """File name: SVG. Both sides are logarithmic, so what grows like the lines is parallel to the dotted line."""
    first = entries[0]
    seconds = [
        Series("wall", [(_lines(entry), entry["beyond_start_up"]) for entry in entries]),
        Series("CPU", [(_lines(entry), entry["cpu_beyond_start_up"]) for entry in entries], "7 4"),
        Series("like the lines", [(_lines(entry), _per_million(first, "beyond_start_up") * _lines(entry) / 1e6) for entry in entries], DOTTED),
    ]
    memory = [Series("peak RSS", [(_lines(entry), entry["peak_mb"]) for entry in entries])]
    return {
        "growth-time.svg": draw("Full run: seconds beyond start-up by transaction lines", "seconds", seconds),
        "growth-memory.svg": draw("Full run: peak memory by transaction lines", "MB", memory),
    }


def draw(title: str, unit: str, series: Sequence[Series]) -> str:
    """Lines through points, on logarithmic axes; a dotted one has no points."""
    sizes = sorted({x for each in series for x, _ in each.values})
    ticks = _ticks_around([y for each in series for _, y in each.values])
    across = Axis("million transaction lines", log10(sizes[0]) - 0.05, log10(sizes[-1]) + 0.05, [(log10(x), plain(x / 1e6)) for x in sizes])
    plane = Plane(across, Axis(unit, log10(ticks[0]), log10(ticks[-1]), [(log10(y), plain(y)) for y in ticks]), HEIGHT)
    parts = frame(plane)
    left = WIDTH - RIGHT - sum(44 + 6.6 * len(each.label) for each in series)
    for number, each in enumerate(series):
        at = [(plane.across(log10(x)), plane.up(log10(y))) for x, y in each.values]
        parts += [path(at, f"c{number}", each.dashes), *(dot(x, y, f"c{number}") for x, y in at if each.dashes != DOTTED)]
        parts += [path([(left, 12), (left + 24, 12)], f"c{number}", each.dashes), text(left + 29, 16, each.label, "ink", "start")]
        left += 44 + 6.6 * len(each.label)
    return picture(HEIGHT, title, parts, has_dark=True)


def _ticks_around(values: Sequence[float]) -> list[float]:
    """1, 2 and 5 times powers of ten, from the last one below all values to the first above."""
    steps = [n * 10.0**power for power in range(floor(log10(min(values))), ceil(log10(max(values))) + 1) for n in (1, 2, 5)]
    first = max(place for place, step in enumerate(steps) if step <= min(values))
    last = next(place for place, step in enumerate(steps) if step > max(values))
    return steps[first : last + 1]


def _stages(entries: Sequence[Entry]) -> list[str]:
    stages = list(entries[-1]["stages"])
    seconds = {stage: [entry["stages"].get(stage, 0) for entry in entries] for stage in stages}
    seconds["all stages"] = [sum(entry["stages"].values()) for entry in entries]
    rows = [[stage, *(f"{value:.2f}" for value in values), growth(values[0], values[-1])] for stage, values in seconds.items()]
    return table(["stage", *(f"{_lines(entry):,}" for entry in entries), "growth"], rows)


def _per_million(entry: Entry, measure: str) -> float:
    return float(entry[measure]) / _lines(entry) * 1e6


def _lines(entry: Entry) -> int:
    return lines_of(entry["book"])
