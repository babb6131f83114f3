"""The graph run by Dagster in this process: same results as the command, checks that block, files that start a run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import duckdb
import pytest
import yaml

from assets.feeds.landing import Landed
from assets.runtime.book_folder import lock_book
from assets.transform.invariants import CHECKS
from pipelines import period_closes, sensors
from pipelines.definitions import build_defs
from pipelines.landing import find_landed
from pipelines.resources import BookFolder
from pipelines.run import run_book
from tests.integration.test_run import write_book


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    """With the settings of dagster.yaml that say what is logged."""
    settings = yaml.safe_load((Path(__file__).parents[2] / "dagster.yaml").read_text(encoding="utf-8"))
    with dg.DagsterInstance.ephemeral(settings={"python_logs": settings["python_logs"]}) as instance:
        yield instance


@pytest.fixture(scope="module", params=["small", pytest.param("demo", marks=pytest.mark.long)])
def commanded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book after a run of the command."""
    if request.param == "demo":
        return Path(request.getfixturevalue("demo_book"))
    return run_book(write_book(tmp_path_factory.mktemp("commanded") / "book")).folder


@pytest.fixture(scope="module")
def folder(commanded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same book as it was before its run."""
    folder = tmp_path_factory.mktemp("dagster") / "book"
    for name in ("agreements", "feeds"):
        shutil.copytree(commanded / name, folder / name)
    shutil.copy(commanded / "book.yaml", folder)
    return folder


@pytest.fixture(scope="module")
def defs(folder: Path) -> dg.Definitions:
    return build_defs(book=BookFolder(folder=str(folder)))


@pytest.fixture(scope="module")
def whole_run(defs: dg.Definitions, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def("run_book").execute_in_process(instance=instance)


def test_results_are_those_of_the_command(whole_run: dg.ExecuteInProcessResult, folder: Path, commanded: Path) -> None:
    assert whole_run.success
    ours, theirs = ({path.stem: path for path in (book / "published" / "current").glob("*.parquet")} for book in (folder, commanded))
    assert ours.keys() == theirs.keys()
    for table in ours.keys() - {"audit_run"}:
        without_clock = "* exclude (arrived_at)" if table == "audit_feed_file" else "*"
        one, other = (f"(select {without_clock} from read_parquet('{path}'))" for path in (ours[table], theirs[table]))
        assert duckdb.sql(f"from {one} except all from {other}").fetchall() == [], table
        assert duckdb.sql(f"from {other} except all from {one}").fetchall() == [], table


def test_rows_and_money_are_shown(whole_run: dg.ExecuteInProcessResult, folder: Path) -> None:
    shown = {
        event.materialization.asset_key.to_user_string(): {name: value.value for name, value in event.materialization.metadata.items()}
        for event in (e.step_materialization_data for e in whole_run.get_asset_materialization_events())
    }
    payouts = f"read_parquet('{folder}/published/current/fct_payout.parquet')"
    (rows, total), *_ = duckdb.sql(f"select count(*), sum(payout) filter (direction = 'payable' and currency = 'EUR')::varchar from {payouts}").fetchall()
    assert shown["published/fct_payout"]["dagster/row_count"] == shown["calc/payouts"]["dagster/row_count"] == rows
    assert shown["published/fct_payout"]["payable EUR"] == total
    without_rows = {key for key, metadata in shown.items() if "dagster/row_count" not in metadata}
    views = ("staging/", "marts/", "intermediate/")
    assert {key for key in without_rows if not key.startswith(views)} <= {
        "raw/attributes",
        "raw/feed_files",
        "raw/feed_keys",
        "raw/feed_snapshots",
        "raw/corrections",
        "calc/runs",
        "calc/current_run",
        "calc/lines_netted",
    }


def test_what_the_steps_tell_is_in_the_log(whole_run: dg.ExecuteInProcessResult, instance: dg.DagsterInstance, folder: Path) -> None:
    message = [entry.user_message for entry in instance.all_logs(whole_run.run_id)]
    assert [line for line in message if line == f"Published in {folder / 'published' / 'current'}"]
    assert [line for line in message if line.startswith("feeds/transactions/") and "rows of transactions" in line]
    assert "Check passed: every_payout_id_is_unique" in message


def test_every_check_was_made(whole_run: dg.ExecuteInProcessResult, defs: dg.Definitions) -> None:
    made = whole_run.get_asset_check_evaluations()
    of_the_run = {key for key in defs.resolve_asset_graph().asset_check_keys if key.asset_key.path[0] != "closes"}
    assert {check.asset_check_key for check in made if check.passed} == of_the_run


def test_several_periods_are_closed_in_one_run_and_checked(tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(period_closes, "YEARS_BACK", 50)  # also when this test is old
    folder = write_book(tmp_path / "book")
    job = build_defs(book=BookFolder(folder=str(folder))).resolve_job_def("close_periods")
    config = {"ops": {"closes__closed_periods": {"config": {"closed_by": "A. Close", "accept_open": "one row of the old shop"}}}}
    months = {"dagster/asset_partition_range_start": "2026-01", "dagster/asset_partition_range_end": "2026-02"}
    result = job.execute_in_process(instance=instance, run_config=config, tags=months)
    assert result.success
    assert {check.check_name for check in result.get_asset_check_evaluations() if check.passed} == set(period_closes.CHECKS)
    assert sorted(path.name for path in (folder / "ledger").iterdir()) == ["0001-close-2026-01-v1", "0002-close-2026-02-v1"]
    too_early = dict.fromkeys(months, "2026-05")
    refused = job.execute_in_process(instance=instance, run_config=config, tags=too_early, raise_on_error=False)
    assert not refused.success, "2026-03 and 2026-04 are open"


def test_a_failed_check_publishes_nothing(
    whole_run: dg.ExecuteInProcessResult, defs: dg.Definitions, instance: dg.DagsterInstance, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder / "published" / "current").resolve()
    monkeypatch.setitem(CHECKS, "every_payout_id_is_unique", "select 'P-1' as payout_id")
    result = defs.resolve_job_def("run_book").execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    assert [check.check_name for check in result.get_asset_check_evaluations() if not check.passed] == ["every_payout_id_is_unique"]
    assert not [event for event in result.get_asset_materialization_events() if event.asset_key and event.asset_key.path[0] == "published"]
    assert (folder / "published" / "current").resolve() == before
    message = [entry.user_message for entry in instance.all_logs(result.run_id) if "Way out" in entry.user_message]
    assert len(message) == 1
    assert "every_payout_id_is_unique" in message[0]


def test_publishing_alone_holds_the_checks_first(
    whole_run: dg.ExecuteInProcessResult, defs: dg.Definitions, instance: dg.DagsterInstance, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder / "published" / "current").resolve()
    monkeypatch.setitem(CHECKS, "every_payout_id_is_unique", "select 'P-1' as payout_id")
    published = [key for key in defs.resolve_asset_graph().get_all_asset_keys() if key.path[0] == "published"]
    job = defs.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(instance=instance, raise_on_error=False, asset_selection=published)
    assert not result.success
    assert (folder / "published" / "current").resolve() == before


def test_a_book_at_work_is_left_alone(defs: dg.Definitions, instance: dg.DagsterInstance, folder: Path) -> None:
    with lock_book(folder):
        result = defs.resolve_job_def("run_book").execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    assert any("another run is at work" in str(event) for event in result.all_events)


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

    def look_once() -> list[str]:
        context = dg.build_sensor_context(cursor=cursor[0], resources={"book": BookFolder(folder=str(tmp_path))})
        seen = sensors.new_files(context)
        assert isinstance(seen, dg.SensorResult)
        cursor[0] = seen.cursor
        return [str(request.run_key) for request in seen.run_requests or []]

    return look_once


def test_new_content_starts_one_run(look: Callable[[], list[str]], tmp_path: Path) -> None:
    first = look()
    assert len(first) == 1
    assert look() == []
    (tmp_path / "feeds" / "transactions" / "march.csv").write_text("transaction_id\n3\n")
    (tmp_path / "feeds" / "transactions" / "april.csv").write_text("transaction_id\n4\n")
    second = look()
    assert len(second) == 1
    assert second != first


def test_touching_renaming_copying_starts_nothing(look: Callable[[], list[str]], tmp_path: Path) -> None:
    feed = tmp_path / "feeds" / "transactions"
    look()
    (feed / "january.csv").touch()
    (feed / "february.csv").rename(feed / "renamed.csv")
    shutil.copy(feed / "renamed.csv", feed / "once-more.csv")
    assert look() == []


def test_a_file_under_its_old_name_with_new_content_starts_a_run(look: Callable[[], list[str]], tmp_path: Path) -> None:
    look()
    (tmp_path / "feeds" / "transactions" / "january.csv").write_text("transaction_id\n9\n")
    assert len(look()) == 1


def test_what_was_taken_in_starts_nothing(whole_run: dg.ExecuteInProcessResult, folder: Path) -> None:
    """Also for a sensor that is switched on only now and remembers nothing."""
    context = dg.build_sensor_context(resources={"book": BookFolder(folder=str(folder))})
    seen = sensors.new_files(context)
    assert isinstance(seen, dg.SensorResult)
    assert not seen.run_requests


def test_a_broken_book_is_told_not_raised(look: Callable[[], list[str]], tmp_path: Path) -> None:
    (tmp_path / "book.yaml").write_text("book: small\n")
    seen = sensors.new_files(dg.build_sensor_context(resources={"book": BookFolder(folder=str(tmp_path))}))
    assert isinstance(seen, dg.SkipReason)
    assert "currency" in str(seen.skip_message)
