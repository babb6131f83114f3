"""A run within its limits: what stands in its way is told before it begins, what it runs into is told with the key that helps, and no limit changes a result.

Belongs here: small runs. Feeds larger than the memory: tests/faults/limits.py (make torture).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import resource
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from assets import preflight
from assets.preflight import check_machine
from assets.runtime.book_folder import open_run
from assets.runtime.context import CheckFailed, RunContext
from assets.runtime.disk_space import check_space
from assets.runtime.limits import limits_of
from assets.runtime.machine_errors import MachineRefused
from assets.runtime.warehouse import memory_given_back, open_warehouse
from assets.transform import calculate
from models.calculation.batches import split_frames
from models.calculation.results import compute_results
from models.documents import InputError
from models.money import AmountTooLarge
from pipelines.cli.main import main
from pipelines.run import run_book, run_steps
from tests.faults.limits import hashes_of, run_limited, write_wide_book

Usage = namedtuple("Usage", "total used free")
NOBODY = 65534


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    write_wide_book(tmp_path / "book", 100)
    return open_run(tmp_path / "book", None, dt.datetime(2027, 1, 1, tzinfo=dt.UTC))


def limited(context: RunContext, **limits: Any) -> RunContext:
    return dataclasses.replace(context, book=context.book.model_copy(update={"limits": context.book.limits.model_copy(update=limits)}))


def refusal(context: RunContext) -> str:
    with pytest.raises(InputError) as caught:
        check_machine(context)
    return str(caught.value)


WIDE = """
import sys
from pathlib import Path
from tests.support.feed_books import PLAIN, load, write_book
names = [f"x{n}" for n in range(4000)]
rows = ["transaction_id,date,partner_id,amount,currency," + ",".join(names)] + [f"{n},2026-01-01,P,1.00,EUR," + ",".join(names) for n in (1, 2)]
load(write_book(Path(sys.argv[1]), PLAIN, {"transactions/a.csv": "\\n".join(rows) + "\\n"}))
(peak,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))  # ru_maxrss begins with the parent's
print(int(peak) // 1024)
"""


def test_memory_grows_with_the_columns_of_a_file_and_not_with_their_square(tmp_path: Path) -> None:
    """4,000 columns used to take 5 GB."""
    done = subprocess.run([sys.executable, "-c", WIDE, str(tmp_path / "book")], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 800, "megabytes"


def test_no_limit_changes_a_byte(tmp_path: Path) -> None:
    """Same run, same bytes with one thread and little memory as with four and much: also where a limit is all that changed."""
    write_wide_book(tmp_path / "book", 3000)
    one = run_limited(tmp_path / "book", tmp_path / "one", memory="150MB", threads=1, spill=tmp_path / "spill" / "here")
    four = run_limited(tmp_path / "book", tmp_path / "four", memory="1GB", threads=4)
    assert one.run_id == four.run_id
    assert hashes_of(tmp_path / "one") == hashes_of(tmp_path / "four")
    assert list((tmp_path / "spill" / "here").iterdir()) == []
    assert run_limited(tmp_path / "book", tmp_path / "four", memory="2GB", threads=2).status == "nothing_new"


@pytest.mark.long
def test_batches_of_participants_change_no_byte(demo_book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo has contests, groups with a best agreement, and levels of net_of."""
    shutil.copytree(demo_book, tmp_path / "book", symlinks=True)
    sizes: list[int] = []

    def split(frames: dict[str, pl.DataFrame], most_rows: int) -> Iterator[dict[str, pl.DataFrame]]:
        found = list(split_frames(frames, most_rows))
        sizes.append(len(found))
        yield from found

    monkeypatch.setattr(calculate, "split_frames", split)
    monkeypatch.setattr(calculate, "_ROWS_PER_GIGABYTE", 20)
    run_book(tmp_path / "book", full=True)
    assert max(sizes) > 10
    assert hashes_of(tmp_path / "book") == hashes_of(demo_book)


@pytest.mark.long
def test_a_batch_that_fails_leaves_what_is_published_and_the_next_run_is_right(ran_book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = tmp_path / "book"
    shutil.copytree(ran_book, book, symlinks=True)
    before = hashes_of(book)
    monkeypatch.setattr(calculate, "_ROWS_PER_GIGABYTE", 1)
    calls = 0

    def fail_in_the_second_batch(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise AmountTooLarge("one too large")
        return compute_results(*arguments)

    monkeypatch.setattr("assets.transform.calculate.compute_results", fail_in_the_second_batch)
    with pytest.raises(CheckFailed, match="one too large"):
        run_book(book, full=True)
    assert hashes_of(book) == before
    run_book(book, full=True)  # the calls go on from three
    assert hashes_of(book) == before


def test_the_engine_gives_memory_back_while_frames_are_computed(context: RunContext) -> None:
    def limit() -> str:
        return str(con.execute("select current_setting('memory_limit')").fetchall()[0][0])

    context = limited(context, memory=2 * 10**9)
    with open_warehouse(context) as con:
        assert limit() == "1.8 GiB"
        with memory_given_back(con, context):
            assert limit() == "476.8 MiB"
        assert limit() == "1.8 GiB"


def test_too_little_memory_is_told_with_its_key(context: RunContext) -> None:
    with pytest.raises(MachineRefused, match=r"the run needs more memory than it may use \(the engine \d.*`limits: \{memory: 2GB\}`"):
        run_steps(limited(context, memory=2_000_000))
    assert not (context.published / "current").exists()


def test_no_space_is_told_before_anything_is_taken_in(context: RunContext, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12, 499 * 10**6))
    assert main(["run", "--book", str(context.folder)]) == 2
    message = capsys.readouterr().err
    assert "0.5 GB are free; 0.5 GB must stay free (limits.disk_free of book.yaml)" in message
    assert not (context.archive / "manifest.jsonl").exists()


def test_new_files_need_room_for_what_they_become(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, 15 * 10**8))
    check_space(context, [(100 * 10**6, False)])
    with pytest.raises(InputError, match=r"1\.5 GB are free; the new files need about 1\.6 GB, and 0\.5 GB must stay free"):
        check_space(context, [(200 * 10**6, False)])
    with pytest.raises(InputError, match="the new files need about"):
        check_space(context, [(100 * 10**6, True)])


def test_no_names_left(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    found = os.statvfs(context.folder)
    full = os.statvfs_result((*found[:7], 12, *found[8:])) if found.f_files else None
    if full is None:
        pytest.skip("this file system does not count its names")
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    assert "can hold only 12 more files (inodes)" in refusal(context)


def test_too_few_open_files(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 64))
    assert "only 64 files may be open at a time, a run needs 200; raise it: ulimit -n 4096" in refusal(context)
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 10_000))
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: raised.append(pair))
    check_machine(context)
    assert raised == [(4096, 10_000)]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user to be")
@pytest.mark.parametrize("place", ["", "archive", "published", "spilled"])
def test_folders_that_cannot_be_written(context: RunContext, place: str) -> None:
    """Each is told by name; root may write everywhere, so the test is somebody else for a moment."""
    context = limited(context, spill="spilled")
    for folder in ("archive", "published", "spilled"):
        (context.folder / folder).mkdir()
    for path in (context.folder, *context.folder.iterdir()):
        os.chown(path, NOBODY, NOBODY)
    os.chown(context.folder / place, 0, 0)
    parents = [path for path in context.folder.parents if path.stat().st_mode & 0o011 != 0o011]
    for path in parents:
        path.chmod(path.stat().st_mode | 0o011)
    os.seteuid(NOBODY)
    try:
        message = refusal(context)
    finally:
        os.seteuid(0)
        for path in parents:
            path.chmod(path.stat().st_mode & ~0o011)
    assert message.count("no file can be written here: Permission denied") == 1
    assert str(context.folder / place) in message
    assert ("limits.spill" in message) == (place == "spilled")


def test_what_a_killed_run_spilled_is_cleared_away(context: RunContext) -> None:
    spill = limits_of(context).spill
    for folder in (spill, spill.with_name(f"{spill.name}.abc")):
        folder.mkdir()
        (folder / "duckdb_temp_storage_DEFAULT-0.tmp").write_bytes(b"half")
    check_machine(context)
    assert [path.name for path in context.folder.iterdir() if "tmp" in path.name] == []


def test_polars_is_told_only_what_the_book_says(context: RunContext, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.settings import limit_polars

    monkeypatch.delenv("POLARS_MAX_THREADS", raising=False)
    monkeypatch.setattr("pipelines.run._run_steps", lambda *_: SimpleNamespace(status="published", run_id="r"))
    run_steps(context)
    assert "POLARS_MAX_THREADS" not in os.environ
    run_steps(limited(context, threads=3))
    assert os.environ["POLARS_MAX_THREADS"] == "3"
    limit_polars(5)
    assert os.environ["POLARS_MAX_THREADS"] == "3", "what the machine's owner has set stays"
    monkeypatch.delenv("POLARS_MAX_THREADS")


def test_doctor_shows_the_limits(context: RunContext, capsys: pytest.CaptureFixture[str]) -> None:
    (context.folder / "book.yaml").write_text((context.folder / "book.yaml").read_text() + "limits: {memory: 2GB, threads: 3}\n")
    assert main(["doctor", "--json", "--book", str(context.folder)]) == 0
    machine = json.loads(capsys.readouterr().out)["machine"]
    assert (machine["limits.memory"], machine["limits.threads"]) == ("2.0 GB", 3)
    assert machine["limits.spill"].endswith("warehouse.duckdb.tmp")
    assert machine["open files"] >= preflight._LEAST_OPEN_FILES
