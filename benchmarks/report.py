"""The measurements of one or more comparisons as Markdown.

Belongs here: ratios and tables of what comparison.py measured. Does not belong here: measuring.

A ratio compares a run with the floor of the same round, because slow minutes of a shared machine affect both. The report gives the median.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from benchmarks.comparison import ENGINE, FLOOR, ON_SPARK, RIVALS
from benchmarks.history import Entry, make_entry
from benchmarks.ours import Run, cpu, cpu_beyond, wall, wall_beyond
from benchmarks.tables import growth, middle, table

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
        return [seconds(run) / floors[run["round"]]["wall" if seconds in (wall, wall_beyond) else "cpu"] for run in runs]

    @property
    def days(self) -> list[str]:
        """The further days."""
        return sorted({run["name"] for run in self.runs} - {ENGINE, ON_SPARK, *RIVALS})


def write_report(runs: dict[str, list[Run]]) -> str:
    """The whole report of the runs per size."""
    sizes = [Size(name, [run for run in each if "error" not in run]) for name, each in runs.items()]
    sizes = [size for size in sizes if size.of(ENGINE)]
    if not sizes:
        return "No report: every run of tierledger failed."
    return "\n\n".join([*(_whole(size) for size in sizes), _stages(sizes), _days(sizes)])


def make_entries(runs: dict[str, list[Run]]) -> list[Entry]:
    """What the history keeps of each size: the floor, and ours with its ratio to it."""
    entries = []
    for size in (Size(name, each) for name, each in runs.items()):
        ours = size.of(ENGINE)
        ratio = round(median(size.ratios(ours, wall_beyond)), 3)
        entries += [make_entry(size.name, FLOOR, size.of(FLOOR)), make_entry(size.name, "full run and floor in turns", ours, ratio=ratio, ratio_to=FLOOR)]
    return entries


def _whole(size: Size) -> str:
    rows = []
    for name in dict.fromkeys(run["name"] for run in size.runs if run["name"] not in size.days):
        rows.append(_ratios(name, size, size.of(name), wall, cpu))
        if name == ENGINE:
            rows.append(_ratios(f"{ENGINE} beyond start-up", size, size.of(name), wall_beyond, cpu_beyond))
    ours = size.of(ENGINE)
    wrong = [run["verdict"] for run in size.runs if not run.get("verdict", "AGREE").startswith("AGREE")]
    lines = [
        f"### {size.name}: {len(ours)} rounds",
        "",
        *table(["what", "wall s", "wall / floor", "range", "CPU s", "CPU / floor", "peak RSS MB"], rows),
        "",
        f"Start-up of `run`: {middle(run['summary']['start_up']['cpu_seconds'] for run in ours)} s of CPU, "
        f"{middle(run['summary']['start_up']['seconds'] for run in ours)} s on the clock. "
        + (f"NOT VALID: {wrong[0]}" if wrong else "Payouts equal to the floor's in every round."),
    ]
    return "\n".join(lines)


def _ratios(title: str, size: Size, runs: list[Run], on_the_clock: Seconds, of_cpu: Seconds) -> list[str]:
    walls, cpus = size.ratios(runs, on_the_clock), size.ratios(runs, of_cpu)
    return [
        title,
        middle(on_the_clock(run) for run in runs),
        middle(walls),
        f"{min(walls):.2f} – {max(walls):.2f}",
        middle(of_cpu(run) for run in runs),
        middle(cpus),
        f"{median(run['peak_mb'] for run in runs):.0f}",
    ]


def _stages(sizes: list[Size]) -> str:
    """Seconds per stage and size, and how they grow from the first size to the last."""
    stages = list(sizes[0].of(ENGINE)[0]["summary"]["stages"])
    seconds = [[median(run["summary"]["stages"][stage] for run in size.of(ENGINE)) for stage in stages] for size in sizes]
    rows = [[stage, *(f"{each[place]:.2f}" for each in seconds), growth(seconds[0][place], seconds[-1][place])] for place, stage in enumerate(stages)]
    totals = [sum(each) for each in seconds]
    rows.append(["all stages", *(f"{total:.2f}" for total in totals), growth(totals[0], totals[-1])])
    return "\n".join(["### Stages of a full run, seconds", "", *table(["stage", *(size.name for size in sizes), "growth"], rows)])


def _days(sizes: list[Size]) -> str:
    rows = []
    for size in sizes:
        full = [median(seconds(run) for run in size.of(ENGINE)) for seconds in (wall, wall_beyond)]
        for name in size.days:
            runs = size.of(name)
            seconds = [median(seconds(run) for run in runs) for seconds in (wall, wall_beyond)]
            ratios = [f"{ours / whole:.2f}" for ours, whole in zip(seconds, full, strict=True)]
            rows.append([size.name, name, f"{seconds[0]:.2f}", ratios[0], f"{seconds[1]:.2f}", ratios[1], f"{median(run['peak_mb'] for run in runs):.0f}"])
    header = ["book", "one more file", "wall s", "/ our full run", "beyond start-up s", "/ our full run", "peak RSS MB"]
    return "\n".join(["### Day by day", "", *table(header, rows)])
