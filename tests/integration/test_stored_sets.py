"""Sets published to a store by two folders with one book, by file:// URLs: what is sent, what is kept, who is overtaken.

Belongs here: publishing marts that are made by hand. Does not belong here: whole runs (test_stored_books.py), servers (test_object_stores.py).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.archive.run_history import RUNS, append_run, enter_missing, read_runs
from assets.archive.stored_archive import pull_archive, shared_log
from assets.published.reader import read_manifest as read_published
from assets.publishing import parquet_set, stored_set
from assets.publishing.parquet_set import publish
from assets.publishing.pulled_set import pull_published
from assets.runtime.book_folder import Overtaken
from assets.runtime.context import ChecksPassed, RunContext
from tests.support.killed_publisher import make_stored_book
from tests.support.publishing_books import change_run


@pytest.fixture
def hand_made(tmp_path: Path) -> list[RunContext]:
    """Two folders with the same hand-made book, kept in one store. The first has published."""
    kept_in = f"storage:\n  archive: file://{tmp_path}/store/archive\n  published: file://{tmp_path}/store/published\n"
    books = [make_stored_book(tmp_path / name, kept_in) for name in ("first", "second")]
    for each in books:
        with duckdb.connect(str(each.warehouse)) as con:
            con.execute("create table marts.dim_benefit as select 'volume' as benefit_id")
    publish_as(books[0], "run-0")
    return books


def publish_as(context: RunContext, run_id: str) -> None:
    """What a run does with the store at its start and its end."""
    pull_archive(context)
    pull_published(context)
    change_run(context, run_id)
    publish(context, ChecksPassed(checks=0))


def current_of(context: RunContext) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((context.folder.parent / "store" / "published" / "current.json").read_bytes())
    return content


def test_unchanged_files_are_not_sent_again_and_old_ones_go(hand_made: list[RunContext], monkeypatch: pytest.MonkeyPatch) -> None:
    before = current_of(hand_made[0])
    monkeypatch.setattr(stored_set, "_LEFT_FOR_HOURS", -1)
    for number in range(1, 5):
        publish_as(hand_made[number % 2], f"run-{number}")
    after = current_of(hand_made[0])
    assert after["objects"]["dim_benefit"] == before["objects"]["dim_benefit"]
    assert len(after["before"]) == 2
    kept = {*after["objects"].values(), after["database"]["object"], *(key for keys in after["before"] for key in keys)}
    published = hand_made[0].folder.parent / "store" / "published"
    assert {path.relative_to(published).as_posix() for path in (published / "runs").rglob("*") if path.is_file()} == kept
    assert before["objects"]["fct_payout"] not in kept


def test_an_object_that_is_lost_is_not_taken_over(hand_made: list[RunContext]) -> None:
    published = hand_made[0].folder.parent / "store" / "published"
    (published / current_of(hand_made[0])["objects"]["dim_benefit"]).unlink()
    publish_as(hand_made[1], "run-1")
    assert (published / current_of(hand_made[0])["objects"]["dim_benefit"]).exists()


def test_files_of_a_run_that_may_be_about_to_publish_stay(hand_made: list[RunContext]) -> None:
    left = hand_made[0].folder.parent / "store" / "published" / "runs" / "run-x.0000" / "fct_payout.parquet"
    left.parent.mkdir()
    left.touch()
    publish_as(hand_made[0], "run-1")
    assert left.exists()


def test_a_run_that_publishes_again_sends_every_file(hand_made: list[RunContext]) -> None:
    """`--force` mends a store whose objects are damaged."""
    before = current_of(hand_made[0])
    publish_as(hand_made[0], "run-0")
    assert not set(before["objects"].values()) & set(current_of(hand_made[0])["objects"].values())


def test_a_run_that_another_overtakes_publishes_nothing(hand_made: list[RunContext]) -> None:
    first, second = hand_made
    pull_published(first)
    change_run(first, "run-1")
    publish_as(second, "run-2")
    with pytest.raises(Overtaken, match="run run-2 was published there since this run began"):
        publish(first, ChecksPassed(checks=0))
    assert (read_published(first.published) or {})["run_id"] == "run-0"
    assert len(list((first.published / "runs").iterdir())) == 1
    assert [run.run_id for run in read_runs(first.archive)] == ["run-0"]
    publish_as(first, "run-1")
    assert current_of(first)["manifest"]["run_id"] == "run-1"
    assert [run.run_id for run in read_runs(first.archive)] == ["run-0", "run-2", "run-1"]


def test_a_line_of_the_history_that_is_late_is_entered_once(hand_made: list[RunContext], monkeypatch: pytest.MonkeyPatch) -> None:
    """A later run finds the published run of another in the store, without its line, and enters it."""
    first, second = hand_made

    def late(*arguments: Any) -> None:
        monkeypatch.setattr(parquet_set, "append_run", append_run)
        pull_archive(second)
        pull_published(second)
        (other,) = read_runs(second.archive)
        append_run(second.archive, other.model_copy(update={"run_id": "run-x", "status": "failed"}), shared_log(second, RUNS))
        assert enter_missing(second.archive, second.published, shared_log(second, RUNS)) == 1
        publish_as(second, "run-2")
        append_run(*arguments)

    monkeypatch.setattr(parquet_set, "append_run", late)
    publish_as(first, "run-1")
    pull_archive(first)
    assert [run.run_id for run in read_runs(first.archive)] == ["run-0", "run-x", "run-1", "run-2"]
    assert read_runs(second.archive) == read_runs(first.archive)
