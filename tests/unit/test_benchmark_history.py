"""The benchmark's history and the page of its growth: what is compared with what, and that page and pictures show the numbers of the history.

Does not belong here: measured times, and books that run (tests/integration/test_benchmark_changes.py).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from benchmarks.growth_page import full_runs, make_page, make_pictures, write_page
from benchmarks.history import HISTORY, append, last_of, make_entry, read_history, record
from benchmarks.rerun import describe_recomputed

RUN = {
    "name": "full run",
    "load": 0.5,
    "wall": 12.0,
    "cpu": 20.0,
    "peak_mb": 900.4,
    "summary": {"start_up": {"seconds": 2.0, "cpu_seconds": 1.5}, "stages": {"feeds": 4.0, "publish": 5.0}},
}


def entry(book: str = "1m", what: str = "full run", machine: str = "2 × A, 24 GiB", **measures: Any) -> dict[str, Any]:
    stages = {"feeds": 1.0, "publish": 2.0}
    measured = {"wall": 12.0, "cpu": 20.0, "peak_mb": 900, "beyond_start_up": 10.0, "cpu_beyond_start_up": 18.0, "stages": stages}
    return {"day": "2026-01-31", "code": "abc", "machine": machine, "engines": "DuckDB", "book": book, "what": what, **measured, **measures}


def test_an_entry_holds_the_medians_of_its_runs() -> None:
    made = make_entry("1m", "full run", [RUN, RUN | {"wall": 13.0}, RUN | {"wall": 20.0, "cpu": 30.0}], ratio=0.5, ratio_to="floor")
    assert (made["rounds"], made["wall"], made["cpu"], made["peak_mb"], made["ratio"]) == (3, 13.0, 20.0, 900, 0.5)
    assert (made["beyond_start_up"], made["cpu_beyond_start_up"]) == (11.0, 18.5)
    assert made["stages"] == {"feeds": 4.0, "publish": 5.0}


def test_a_command_without_stages_has_no_time_beyond_start_up() -> None:
    assert "beyond_start_up" not in make_entry("5,000 agreements", "validate", [RUN | {"summary": {"problems": []}}])


def test_the_last_entry_is_of_the_same_thing_on_the_same_machine() -> None:
    history = [entry(wall=1.0), entry(wall=2.0), entry(book="10m"), entry(what="nothing new"), entry(machine="8 × B, 64 GiB")]
    assert last_of(history, entry()) == history[1]
    assert last_of(history, entry(book="3m")) is None


def test_changes_are_shown_against_the_last_entry_and_then_kept(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    assert "| 1m | full run | 10.00 | 12.00 | 20.00 | 900 |  | none |" in record(file, [entry()])
    faster = entry(beyond_start_up=8.0, wall=9.0, cpu=20.0, peak_mb=1_200, ratio=1.5, ratio_to="floor", day="2026-02-28")
    assert "| 1m | full run | 8.00 (-20%) | 9.00 (-25%) | 20.00 (+0%) | 1,200 (+33%) | 1.50 of floor | 2026-01-31, abc |" in record(file, [faster])
    assert [each["day"] for each in read_history(file)] == ["2026-01-31", "2026-02-28"]


def test_what_was_recomputed_is_shown_with_its_causes() -> None:
    found = {"payouts": 12304, "all_payouts": 72720, "causes": {"new lines": 12287, "targets": 17}, "why_full": None}
    assert describe_recomputed(found) == "12,304 of 72,720 payouts (new lines 12,287, targets 17)"
    assert describe_recomputed(found | {"causes": {}}) == "12,304 of 72,720 payouts"
    assert describe_recomputed(found | {"why_full": "--full was given"}) == "everything: --full was given"
    assert describe_recomputed(None) == ""


def test_growth_takes_the_last_full_run_of_each_size() -> None:
    old, new, large = entry(beyond_start_up=10.0), entry(beyond_start_up=9.0), entry(book="10m", beyond_start_up=80.0)
    others = [entry(what="nothing new"), entry(book="720k payouts"), entry(machine="8 × B, 64 GiB")]
    assert full_runs([large, *others, old, new]) == [new, large]


def test_the_page_of_growth_shows_time_per_million_lines_and_how_stages_grow() -> None:
    page = make_page([entry(), entry(book="10m", beyond_start_up=80.0, stages={"feeds": 12.0, "publish": 25.0})])
    assert "| 10,000,000 | 80.00 | 8.00 | 18.00 | 900 | 2026-01-31 | abc |" in page
    assert "| feeds | 1.00 | 12.00 | 12.0 × |" in page
    assert "| all stages | 3.00 | 37.00 | 12.3 × |" in page


def test_what_grows_like_the_lines_is_parallel_to_the_dotted_line() -> None:
    pictures = make_pictures([entry(), entry(book="10m", beyond_start_up=100.0), entry(book="100m", beyond_start_up=2_000.0)])
    assert list(pictures) == ["growth-time.svg", "growth-memory.svg"]
    for picture in pictures.values():
        ElementTree.fromstring(picture)
    wall, dotted = (points(pictures["growth-time.svg"], kind) for kind in ("c0", "c2"))
    assert wall[:2] == dotted[:2]
    assert wall[2][1] < dotted[2][1]  # twice as long as the lines say: higher up


def points(picture: str, kind: str) -> list[tuple[float, float]]:
    drawn = re.search(rf'<path class="{kind}"[^>]* d="M([^"]+)"', picture)
    assert drawn
    x_and_y = [tuple(map(float, point.split(","))) for point in drawn[1].split(" L")]
    return [(x, y) for x, y in x_and_y]


def test_without_entries_the_page_says_so_and_nothing_is_drawn(tmp_path: Path) -> None:
    write_page(tmp_path / "none.jsonl", tmp_path)
    assert "Nothing has been measured yet." in (tmp_path / "growth.md").read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["growth.md"]


def test_page_and_pictures_are_written_from_the_history(tmp_path: Path) -> None:
    append(tmp_path / "history.jsonl", entry())
    write_page(tmp_path / "history.jsonl", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["growth-memory.svg", "growth-time.svg", "growth.md", "history.jsonl"]


def test_the_committed_page_shows_the_committed_history(tmp_path: Path) -> None:
    """`make bench-growth BENCH='--sizes ""'` writes it again."""
    write_page(HISTORY, tmp_path)
    for written in tmp_path.iterdir():
        assert (HISTORY.parent / written.name).read_text(encoding="utf-8") == written.read_text(encoding="utf-8"), written.name
