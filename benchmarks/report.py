"""The figures of one or more comparisons as Markdown.

Belongs here: ratios and tables from what run.py left. Does not belong here: measuring.

Ratios are taken within a round against the floor of that round, then their median: slow minutes of a shared machine weigh on both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

Run = dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """One size: every measured process, ours with its own summary under `summary`."""

    name: str
    runs: list[Run]

    def of(self, name: str) -> list[Run]:
        return [run for run in self.runs if run["name"] == name]

    def floor(self, run: Run) -> Run:
        return next(other for other in self.of("duck") if other["round"] == run["round"])


def read_comparison(results: Path, name: str) -> Comparison:
    """What compare.py wrote, and the summaries of our runs in the same order."""
    runs = [json.loads(line) for line in (results / f"{name}.runs.jsonl").read_text().splitlines()]
    decoder, text, summaries = json.JSONDecoder(), (results / f"{name}.summaries.json").read_text().strip(), []
    while text:
        try:
            summary, end = decoder.raw_decode(text)
        except json.JSONDecodeError:
            raise SystemExit(f"{name}: `tierledger run --json` printed something else than JSON: {text[:80]!r}") from None
        summaries.append(summary)
        text = text[end:].lstrip()
    ours = [run for run in runs if _is_ours(run)]
    if len(ours) != len(summaries):
        raise SystemExit(f"{name}: {len(ours)} runs of tierledger but {len(summaries)} summaries: one failed; see what compare.py printed")
    for run, summary in zip(ours, summaries, strict=True):
        run["summary"] = summary
    return Comparison(name, runs)


def _is_ours(run: Run) -> bool:
    return run["name"] == "engine" or run["name"].startswith("day ")


def write_report(results: Path, names: list[str]) -> str:
    """The whole report."""
    comparisons = [read_comparison(results, name) for name in names]
    parts = [*(_whole(c) for c in comparisons), _stages(comparisons), _days(comparisons)]
    return "\n\n".join(parts)


def _whole(comparison: Comparison) -> str:
    rows = []
    for name in dict.fromkeys(run["name"] for run in comparison.runs if not run["name"].startswith("day ")):
        runs = comparison.of(name)
        title = "tierledger" if name == "engine" else "duck (floor)" if name == "duck" else name
        rows.append(_ratios(title, comparison, runs, "wall", "cpu"))
        if name == "engine":
            beyond = [run | {"wall": run["wall"] - _start_up(run, "seconds"), "cpu": run["cpu"] - _start_up(run, "cpu_seconds")} for run in runs]
            rows.append(_ratios("tierledger beyond start-up", comparison, beyond, "wall", "cpu"))
    ours = comparison.of("engine")
    wrong = [run["verdict"] for run in ours if not str(run["verdict"]).startswith("AGREE")]
    return "\n".join(
        [
            f"### {comparison.name}: {len(ours)} rounds",
            "",
            *_table(["what", "wall s", "wall / floor", "range", "CPU s", "CPU / floor", "peak RSS MB"], rows),
            "",
            f"Start-up of `run`: {_middle(_start_up(run, 'cpu_seconds') for run in ours)} s of CPU, "
            f"{_middle(_start_up(run, 'seconds') for run in ours)} s on the clock. "
            + (f"NOT VALID: {wrong[0]}" if wrong else "Payouts equal to the floor's in every round."),
        ]
    )


def _ratios(title: str, comparison: Comparison, runs: list[Run], *keys: str) -> list[str]:
    ratio = {key: [run[key] / comparison.floor(run)[key] for run in runs] for key in keys}
    wall = ratio["wall"]
    return [
        title,
        _middle(run["wall"] for run in runs),
        f"{median(wall):.2f}",
        f"{min(wall):.2f} – {max(wall):.2f}",
        _middle(run["cpu"] for run in runs),
        f"{median(ratio['cpu']):.2f}",
        f"{median(run['rss'] for run in runs):.0f}",
    ]


def _stages(comparisons: list[Comparison]) -> str:
    """Seconds per stage and size, and how they grow from the first size to the last."""
    seconds = {c.name: {stage: median(run["summary"]["stages"][stage] for run in c.of("engine")) for stage in _stage_names(c)} for c in comparisons}
    names = list(seconds)
    first, last = seconds[names[0]], seconds[names[-1]]
    rows = []
    for stage in first:
        growth = f"{last[stage] / first[stage]:.1f} ×" if len(names) > 1 and first[stage] > 0.005 else ""
        rows.append([stage, *(f"{seconds[name].get(stage, 0):.2f}" for name in names), growth])
    totals = [sum(seconds[name].values()) for name in names]
    rows.append(["all stages", *(f"{total:.2f}" for total in totals), f"{totals[-1] / totals[0]:.1f} ×" if len(names) > 1 else ""])
    return "\n".join(["### Stages of a full run, seconds", "", *_table(["stage", *names, "growth"], rows)])


def _stage_names(comparison: Comparison) -> list[str]:
    return list(comparison.of("engine")[0]["summary"]["stages"])


def _days(comparisons: list[Comparison]) -> str:
    rows = []
    for comparison in comparisons:
        full = median(run["wall"] for run in comparison.of("engine"))
        for name in sorted({run["name"] for run in comparison.runs if run["name"].startswith("day ")}):
            runs = comparison.of(name)
            stages = [sum(run["summary"]["stages"].values()) for run in runs]
            wall = median(run["wall"] for run in runs)
            rows.append([comparison.name, name, f"{wall:.2f}", f"{wall / full:.2f}", _middle(stages), f"{median(run['rss'] for run in runs):.0f}"])
    header = ["book", "one more file", "wall s", "wall / our full run", "stages s", "peak RSS MB"]
    return "\n".join(["### Day by day", "", *_table(header, rows)])


def _start_up(run: Run, key: str) -> float:
    return float(run["summary"]["start_up"][key])


def _middle(values: Iterable[float]) -> str:
    return f"{median(values):.2f}"


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "|---|" + "--:|" * (len(header) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]
