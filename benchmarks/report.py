"""The measurements of one or more comparisons as Markdown.

Belongs here: ratios and tables of what comparison.py measured. Does not belong here: measuring.

A ratio compares a run with the floor of the same round, because slow minutes of a shared machine affect both. The report gives the median.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from benchmarks.comparison import ENGINE, FLOOR, RIVALS, Run

Seconds = Callable[[Run], float]


@dataclass(frozen=True)
class Size:
    """The runs of one book that did not fail."""

    name: str
    runs: list[Run]

    def of(self, name: str) -> list[Run]:
        """The runs of one program, or of one further day."""
        return [run for run in self.runs if run["name"] == name]

    def ratios(self, runs: list[Run], seconds: Seconds) -> list[float]:
        """The ratio of each run to the floor of its round."""
        floors = {run["round"]: run for run in self.of(FLOOR)}
        return [seconds(run) / floors[run["round"]]["wall" if seconds in (_wall, _wall_beyond) else "cpu"] for run in runs]

    @property
    def days(self) -> list[str]:
        """The further days."""
        return sorted({run["name"] for run in self.runs} - {ENGINE, *RIVALS})


def write_report(runs: dict[str, list[Run]]) -> str:
    """The whole report of the runs per size."""
    sizes = [Size(name, [run for run in each if "error" not in run]) for name, each in runs.items()]
    sizes = [size for size in sizes if size.of(ENGINE)]
    if not sizes:
        return "No report: every run of tierledger failed."
    return "\n\n".join([*(_whole(size) for size in sizes), _stages(sizes), _days(sizes)])


def _whole(size: Size) -> str:
    rows = []
    for name in dict.fromkeys(run["name"] for run in size.runs if run["name"] not in size.days):
        rows.append(_ratios(name, size, size.of(name), _wall, _cpu))
        if name == ENGINE:
            rows.append(_ratios(f"{ENGINE} beyond start-up", size, size.of(name), _wall_beyond, _cpu_beyond))
    ours = size.of(ENGINE)
    wrong = [run["verdict"] for run in size.runs if not run.get("verdict", "AGREE").startswith("AGREE")]
    lines = [
        f"### {size.name}: {len(ours)} rounds",
        "",
        *_table(["what", "wall s", "wall / floor", "range", "CPU s", "CPU / floor", "peak RSS MB"], rows),
        "",
        f"Start-up of `run`: {_middle(run['summary']['start_up']['cpu_seconds'] for run in ours)} s of CPU, "
        f"{_middle(run['summary']['start_up']['seconds'] for run in ours)} s on the clock. "
        + (f"NOT VALID: {wrong[0]}" if wrong else "Payouts equal to the floor's in every round."),
    ]
    return "\n".join(lines)


def _wall(run: Run) -> float:
    return float(run["wall"])


def _cpu(run: Run) -> float:
    return float(run["cpu"])


def _wall_beyond(run: Run) -> float:
    return _wall(run) - float(run["summary"]["start_up"]["seconds"])


def _cpu_beyond(run: Run) -> float:
    return _cpu(run) - float(run["summary"]["start_up"]["cpu_seconds"])


def _ratios(title: str, size: Size, runs: list[Run], wall: Seconds, cpu: Seconds) -> list[str]:
    walls, cpus = size.ratios(runs, wall), size.ratios(runs, cpu)
    return [
        title,
        _middle(wall(run) for run in runs),
        _middle(walls),
        f"{min(walls):.2f} – {max(walls):.2f}",
        _middle(cpu(run) for run in runs),
        _middle(cpus),
        f"{median(run['peak_mb'] for run in runs):.0f}",
    ]


def _stages(sizes: list[Size]) -> str:
    """Seconds per stage and size, and how they grow from the first size to the last."""
    stages = list(sizes[0].of(ENGINE)[0]["summary"]["stages"])
    seconds = [[median(run["summary"]["stages"][stage] for run in size.of(ENGINE)) for stage in stages] for size in sizes]
    rows = [[stage, *(f"{each[place]:.2f}" for each in seconds), _growth(seconds[0][place], seconds[-1][place])] for place, stage in enumerate(stages)]
    totals = [sum(each) for each in seconds]
    rows.append(["all stages", *(f"{total:.2f}" for total in totals), _growth(totals[0], totals[-1])])
    return "\n".join(["### Stages of a full run, seconds", "", *_table(["stage", *(size.name for size in sizes), "growth"], rows)])


def _growth(first: float, last: float) -> str:
    return f"{last / first:.1f} ×" if first > 0.005 else ""


def _days(sizes: list[Size]) -> str:
    rows = []
    for size in sizes:
        full = median(run["wall"] for run in size.of(ENGINE))
        for name in size.days:
            runs = size.of(name)
            wall = median(run["wall"] for run in runs)
            stages = _middle(sum(run["summary"]["stages"].values()) for run in runs)
            rows.append([size.name, name, f"{wall:.2f}", f"{wall / full:.2f}", stages, f"{median(run['peak_mb'] for run in runs):.0f}"])
    header = ["book", "one more file", "wall s", "wall / our full run", "stages s", "peak RSS MB"]
    return "\n".join(["### Day by day", "", *_table(header, rows)])


def _middle(values: Iterable[float]) -> str:
    return f"{median(values):.2f}"


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "|---|" + "--:|" * (len(header) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]
