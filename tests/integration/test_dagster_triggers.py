"""What starts runs of Dagster: the schedule at the end of a month, and the sensor for new files.

Belongs here: what they ask for. Does not belong here: the runs (test_dagster.py).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from assets.feeds.landing import Landed
from assets.graph.resources import BookFolder
from assets.runtime.book_folder import time_zone_of
from pipelines import sensors
from pipelines.definitions import build_defs
from pipelines.landing import find_landed
from pipelines.payment_runs import propose_payments, weekly_payments
from pipelines.period_closes import month_end


@pytest.fixture
def book(ran_book: Path, tmp_path: Path) -> Path:
    """A book with a published set, and settings to change."""
    return shutil.copytree(ran_book, tmp_path / "book", symlinks=True)


def evaluate(book: Path, day: str) -> dg.RunRequest | dg.SkipReason:
    """What the schedule month_end, loaded with this module, says on a later day."""
    at = dt.datetime.fromisoformat(f"{day}T06:00:00+00:00")
    with (
        dg.DagsterInstance.local_temp(str(book.parent)) as instance,
        dg.build_schedule_context(instance=instance, scheduled_execution_time=at, resources={"book": BookFolder(folder=str(book))}) as context,
    ):
        answer = month_end(time_zone_of(book))(context)
        assert isinstance(answer, dg.RunRequest | dg.SkipReason)
        if isinstance(answer, dg.RunRequest):
            assert answer.partition_key in instance.get_dynamic_partitions("fiscal_periods")
        return answer


@pytest.mark.parametrize(("day", "period"), [("2026-12-05", "2026-11"), ("2027-03-05", "2027-02")])
def test_month_end_closes_the_period_that_ended_last_however_old_the_location_is(book: Path, day: str, period: str) -> None:
    (book / "book.yaml").write_text(re.sub("as_of: .*\n", "", (book / "book.yaml").read_text()))
    answer = evaluate(book, day)
    assert isinstance(answer, dg.RunRequest)
    assert answer.partition_key == period


def test_month_end_knows_a_calendar_of_weeks(book: Path) -> None:
    """4-4-5 weeks: periods end on the last day of a week, not of a month."""
    text = re.sub("as_of: .*\n", "", (book / "book.yaml").read_text())
    (book / "book.yaml").write_text(text + "calendar: {kind: 4-4-5, first_days: {2025: 2025-02-02, 2026: 2026-02-01, 2027: 2027-01-31}}\n")
    answer = evaluate(book, "2026-12-05")
    assert isinstance(answer, dg.RunRequest)
    assert answer.partition_key == "2026-10", "which has ended on 2026-11-28"
    # a period whose last day is the schedule's own day is not over at six in the morning
    (book / "book.yaml").write_text(text + "calendar: {kind: 4-4-5, first_days: {2025: 2025-02-09, 2026: 2026-02-08, 2027: 2027-02-07}}\n")
    answer = evaluate(book, "2026-12-05")
    assert isinstance(answer, dg.RunRequest)
    assert answer.partition_key == "2026-09", "2026-10 ends on 2026-12-05"


def test_schedules_go_by_the_book_s_time_zone(book: Path) -> None:
    """At 06:00 UTC on 1 December it is still November in Los Angeles, and November is not over."""
    settings = re.sub("as_of: .*\n", "", (book / "book.yaml").read_text())
    (book / "book.yaml").write_text(settings + "time_zone: America/Los_Angeles\n")
    answer = evaluate(book, "2026-12-01")
    assert isinstance(answer, dg.RunRequest)
    assert answer.partition_key == "2026-10"
    (book / "book.yaml").write_text(settings)
    answer = evaluate(book, "2026-12-01")
    assert isinstance(answer, dg.RunRequest)
    assert answer.partition_key == "2026-11"


def test_the_code_location_takes_its_time_zone_from_the_book(book: Path) -> None:
    def zones() -> set[str | None]:
        repository = build_defs(book=BookFolder(folder=str(book))).get_repository_def()
        return {schedule.execution_timezone for schedule in repository.schedule_defs}

    assert zones() == {"UTC"}
    text = (book / "book.yaml").read_text()
    (book / "book.yaml").write_text(text + "time_zone: Pacific/Auckland\n")
    assert zones() == {"Pacific/Auckland"}
    (book / "book.yaml").write_text(text + "time_zone: Auckland\n")
    assert zones() == {"UTC"}, "a mistake in book.yaml must not keep the page from loading"


def test_month_end_does_not_pass_the_day_of_the_book(book: Path) -> None:
    """book.yaml says as_of: what ends later is not published, so it cannot be closed."""
    text = re.sub("as_of: .*\n", "", (book / "book.yaml").read_text())
    (book / "book.yaml").write_text(text + "as_of: 2026-02-10\n")
    answer = evaluate(book, "2026-12-05")
    assert isinstance(answer, dg.RunRequest)
    assert answer.partition_key == "2026-01"
    (book / "book.yaml").write_text(text + "as_of: 2026-02-28\n")
    answer = evaluate(book, "2026-12-05")
    assert isinstance(answer, dg.RunRequest)
    assert answer.partition_key == "2026-02", "its last day is the last that counts, and the command closes it"
    (book / "book.yaml").write_text(text + "as_of: 2026-01-10\n")
    assert isinstance(evaluate(book, "2026-12-05"), dg.SkipReason)


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """A book with two files, and one look of the sensor at it: the runs it asks for. Files count as written to their end."""
    feed = tmp_path / "feeds" / "transactions"
    feed.mkdir(parents=True)
    (tmp_path / "book.yaml").write_text("book: small\ncurrency: EUR\nfeeds:\n  transactions: {files: 'feeds/transactions/*.csv'}\n")
    (feed / "january.csv").write_text("transaction_id\n1\n")
    (feed / "february.csv").write_text("transaction_id\n2\n")

    def settled(folder: Path) -> dict[str, list[Landed]]:
        return {feed: [replace(file, age=60.0) for file in files] for feed, files in find_landed(folder).items()}

    monkeypatch.setattr(sensors, "find_landed", settled)
    cursor: list[str | None] = [None]
    instance = dg.DagsterInstance.ephemeral()

    def look_once() -> list[str]:
        context = dg.build_sensor_context(cursor=cursor[0], instance=instance, resources={"book": BookFolder(folder=str(tmp_path))})
        seen = sensors.new_files(context)
        assert isinstance(seen, dg.SensorResult)
        cursor[0] = seen.cursor
        return [str(request.run_key) for request in seen.run_requests or []]

    return look_once


def test_new_content_starts_one_run(look: Callable[[], list[str]], tmp_path: Path) -> None:
    first = look()
    assert len(first) == 1
    look()  # no run took the files in: they are tried once more
    assert look() == []
    (tmp_path / "feeds" / "transactions" / "march.csv").write_text("transaction_id\n3\n")
    (tmp_path / "feeds" / "transactions" / "april.csv").write_text("transaction_id\n4\n")
    second = look()
    assert len(second) == 1
    assert second != first


def test_touching_renaming_copying_starts_nothing(look: Callable[[], list[str]], tmp_path: Path) -> None:
    feed = tmp_path / "feeds" / "transactions"
    look()
    look()
    (feed / "january.csv").touch()
    (feed / "february.csv").rename(feed / "renamed.csv")
    shutil.copy(feed / "renamed.csv", feed / "once-more.csv")
    assert look() == []


def test_a_file_under_its_old_name_with_new_content_starts_a_run(look: Callable[[], list[str]], tmp_path: Path) -> None:
    look()
    (tmp_path / "feeds" / "transactions" / "january.csv").write_text("transaction_id\n9\n")
    assert len(look()) == 1


def test_a_file_is_tried_again_later_and_later(tmp_path: Path, look: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """No run publishes the files. Every try is a run of its own, and in between the sensor says when the next one is."""
    start = dt.datetime(2026, 7, 1, 8, tzinfo=dt.UTC)
    keys: set[str] = set()
    minutes_of_tries = []
    for minute in range(0, 330, 5):
        monkeypatch.setattr(sensors, "read_clock", lambda now=start + dt.timedelta(minutes=minute): now)
        found = look()
        if found:
            minutes_of_tries.append(minute)
            keys.update(found)
    assert minutes_of_tries == [0, 5, 10, 25, 85, 325]
    assert len(keys) == 6
    january = hashlib.sha256((tmp_path / "feeds" / "transactions" / "january.csv").read_bytes()).hexdigest()
    cursor = json.dumps({f"transactions:{january}": [3, start.isoformat()]})
    (tmp_path / "feeds" / "transactions" / "february.csv").unlink()
    monkeypatch.setattr(sensors, "read_clock", lambda: start)
    seen = sensors.new_files(dg.build_sensor_context(cursor=cursor, resources={"book": BookFolder(folder=str(tmp_path))}))
    assert isinstance(seen, dg.SensorResult)
    assert "Not published, after 3 tries: feeds/transactions/january.csv" in str(seen.skip_reason)
    assert "Next try at 2026-07-01 08:15 UTC" in str(seen.skip_reason)


def test_nothing_is_tried_while_a_run_is_in_progress(look: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensors, "_is_running", lambda _: True)
    assert look() == []
    monkeypatch.setattr(sensors, "_is_running", lambda _: False)
    assert len(look()) == 1, "what was seen during a run counts as untried"


def test_the_cursor_of_an_older_version_is_read() -> None:
    assert sensors._read_cursor('["transactions:abc"]') == {}


def test_a_broken_book_is_told_not_raised(look: Callable[[], list[str]], tmp_path: Path) -> None:
    (tmp_path / "book.yaml").write_text("book: small\n")
    seen = sensors.new_files(dg.build_sensor_context(resources={"book": BookFolder(folder=str(tmp_path))}))
    assert isinstance(seen, dg.SkipReason)
    assert "currency" in str(seen.skip_message)


def test_payments_are_proposed_weekly_and_never_approved() -> None:
    """On a Sunday evening in London it is Monday in Sydney."""
    at = dt.datetime.fromisoformat("2026-11-29T19:00:00+00:00")
    with dg.build_schedule_context(scheduled_execution_time=at) as context:
        request = weekly_payments("Australia/Sydney")(context)
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == "pay 2026-11-30"
    assert request.run_config == {"ops": {"propose_batch": {"config": {"proposed_by": "schedule weekly_payments"}}}}
    assert [node.name for node in propose_payments.nodes] == ["propose_batch"]
