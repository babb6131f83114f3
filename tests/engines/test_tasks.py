"""Tasks that fail: which are run again, and with what.

Belongs here: what follows from a task's result, without Spark. Does not belong here: lost workers and full disks (test_engines.py, small_disks.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.runtime.book_folder import open_run
from assets.runtime.context import RunContext, read_clock
from assets.runtime.limits import limits_of
from assets.spark import session
from assets.spark.stages import plain_task
from assets.spark.tasks import Output, Task

BOOK = 'book: b\ncurrency: EUR\nas_of: 2026-06-30\nlimits: {memory: 300MB, threads: 2}\nfeeds: {transactions: {files: "*.csv"}}\n'
#: A list of three million numbers stays in memory: it takes more than 60 MB and less than 150.
LIST = "select len(list(i)) as numbers from range(3_000_000) as t(i)"


def tasks_of(folder: Path) -> tuple[RunContext, list[Task]]:
    """A task that needs little, and one that needs more than the 20 MB that both have."""
    (folder / "book.yaml").write_text(BOOK)
    context = open_run(folder, None, read_clock())
    outputs = [[Output(query, str(folder), "rows")] for query in ("select 1 as numbers", LIST)]
    return context, [replace(plain_task(context, [], output), memory=20_000_000) for output in outputs]


def test_a_task_that_lacks_memory_is_run_again_alone_with_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, tasks = tasks_of(tmp_path)
    ran: list[Sequence[Task]] = []

    def in_this_process(_: RunContext, function: Callable[[Task], Any], items: Sequence[Task]) -> list[Any]:
        ran.append(items)
        return [function(item) for item in items]

    monkeypatch.setattr(session, "run_each", in_this_process)
    written = session.run_tasks(context, tasks)
    with duckdb.connect() as con:
        assert [con.execute(f"from '{file.path}'").fetchall() for (file,) in written] == [[(1,)], [(3_000_000,)]]
    assert ran == [tasks, [replace(tasks[1], memory=limits_of(context).memory)]]


def test_a_task_that_lacks_all_memory_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, tasks = tasks_of(tmp_path)
    monkeypatch.setattr(session, "run_each", lambda _, function, items: [function(replace(item, memory=20_000_000)) for item in items])
    with pytest.raises(duckdb.OutOfMemoryException):
        session.run_tasks(context, tasks)
