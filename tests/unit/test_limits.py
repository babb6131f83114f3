"""Limits of a run: what book.yaml may say, and what the machine gives where it says nothing."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from assets.runtime import limits
from assets.runtime.context import RunContext
from assets.runtime.limits import Limits, limits_of
from models.book.settings import parse_book
from models.documents import InputError

BOOK = 'book: b\ncurrency: EUR\nfeeds: {transactions: {files: "*.csv"}}\n'
MB, GB = 10**6, 10**9


def limits_with(settings: str, monkeypatch: pytest.MonkeyPatch, memory: int = 64 * GB, threads: int = 16) -> Limits:
    monkeypatch.setattr(limits, "machine_memory", lambda: memory)
    monkeypatch.setattr(limits, "machine_threads", lambda: threads)
    book = parse_book(BOOK + (f"limits: {settings}\n" if settings else ""))
    return limits_of(RunContext(Path("/b"), book, dt.date(2026, 1, 1), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)))


@pytest.mark.parametrize(
    ("memory", "cores", "expected"),
    [
        (64 * GB, 16, (4000 * MB, 16)),  # what its threads need
        (64 * GB, 2, (1100 * MB, 2)),
        (4 * GB, 16, (2000 * MB, 8)),  # half of the machine, and as many threads as that memory feeds
        (2 * GB, 2, (1000 * MB, 2)),  # half of the machine
        (600 * MB, 8, (300 * MB, 1)),
        (150 * MB, 1, (150 * MB, 1)),  # never less than a run can work with
    ],
)
def test_defaults_come_from_the_machine(monkeypatch: pytest.MonkeyPatch, memory: int, cores: int, expected: tuple[int, int]) -> None:
    found = limits_with("", monkeypatch, memory, cores)
    assert (found.memory, found.threads) == expected
    assert found.spill == Path("/b/warehouse.duckdb.tmp")
    assert found.disk_free == 500 * MB


def test_what_the_book_says_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    found = limits_with("{memory: 12GB, threads: 20, spill: /mnt/fast, disk_free: 50GB}", monkeypatch)
    assert (found.memory, found.threads, found.disk_free) == (12 * GB, 20, 50 * GB)
    assert found.spill.parent == Path("/mnt/fast")
    limits = {"memory_limit": "12000MB", "threads": 20, "temp_directory": str(found.spill)}
    assert found.engine == {**limits, "autoinstall_known_extensions": False, "max_vacuum_tasks": 0}


def test_books_that_spill_to_one_folder_do_not_meet() -> None:
    """The engine names its files alike in every process."""
    book = parse_book(BOOK + "limits: {spill: /mnt/fast}\n")
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    one, other = (limits_of(RunContext(Path(folder), book, now.date(), now)).spill for folder in ("/a", "/b"))
    assert one != other


def test_a_container_has_what_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"/sys/fs/cgroup/memory.max": "3000000000", "/sys/fs/cgroup/cpu.max": "150000 100000"}
    monkeypatch.setattr(limits, "_read", lambda path: files.get(path, ""))
    limits.machine_memory.cache_clear()
    limits.machine_threads.cache_clear()
    try:
        assert limits.machine_memory() <= 3 * GB
        assert limits.machine_threads() == 1
        files.update({"/sys/fs/cgroup/memory.max": "max", "/sys/fs/cgroup/cpu.max": "max 100000"})
        limits.machine_memory.cache_clear()
        limits.machine_threads.cache_clear()
        assert limits.machine_memory() > 10 * MB
        assert limits.machine_threads() >= 1
    finally:
        limits.machine_memory.cache_clear()
        limits.machine_threads.cache_clear()


@pytest.mark.parametrize(
    ("settings", "key", "message"),
    [
        ("{memory: 4}", "limits.memory", "a size is needed here, such as 500MB or 4GB"),
        ("{memory: 4gb}", "limits.memory", "a size is needed here"),
        ("{memory: 0GB}", "limits.memory", "a size is needed here"),
        ("{memory: 149MB}", "limits.memory", "at least 150MB"),
        ("{threads: 0}", "limits.threads", "greater than or equal to 1"),
        ("{threads: two}", "limits.threads", "integer"),
        ("{spill: ../x}", "limits.spill", "leaves the book"),
        ("{spill: ~/x}", "limits.spill", "written out"),
        ("{spill: $HOME/x}", "limits.spill", "written out"),
        ("{disk_free: 1}", "limits.disk_free", "a size is needed here"),
        ("{memori: 4GB}", "limits.memori", "did you mean memory?"),
    ],
)
def test_limits_that_are_refused(settings: str, key: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_book(BOOK + f"limits: {settings}\n")
    assert key in str(caught.value)
    assert message in str(caught.value)
