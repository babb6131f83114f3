"""The graph run by Dagster in this process: same results as the command, checks that block, files that start a run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import duckdb
import pytest
import yaml

from assets.graph import period_closes
from assets.graph.resources import BookFolder, BookRun
from assets.graph.specs import LEVEL_0, data_tests, read_manifest
from assets.runtime.book_folder import lock_book
from assets.runtime.context import CheckFailed
from assets.steps import LEDGER
from assets.transform.invariants import CHECKS, Check
from pipelines import sensors
from pipelines.definitions import build_defs
from tests.support.bonus_book import deliver, write_book


def made(result: dg.ExecuteInProcessResult) -> list[dg.DagsterEvent]:
    return list(result.get_asset_materialization_events())


def run_checks(job: dg.JobDefinition, instance: dg.DagsterInstance, checks: Sequence[dg.AssetCheckKey]) -> dg.ExecuteInProcessResult:
    """These checks and no asset."""
    return job.get_subset(asset_selection=set(), asset_check_selection=set(checks)).execute_in_process(instance=instance)


@pytest.fixture
def book(ran_book: Path, tmp_path: Path) -> Path:
    """A book that a command has run, to do things to."""
    return shutil.copytree(ran_book, tmp_path / "book", symlinks=True)


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    """With the settings of dagster.yaml that say what is logged."""
    settings = yaml.safe_load((Path(__file__).parents[2] / "pipelines" / "dagster.yaml").read_text(encoding="utf-8"))
    with dg.DagsterInstance.ephemeral(settings={"python_logs": settings["python_logs"]}) as instance:
        yield instance


@pytest.fixture(scope="module", params=["small", pytest.param("demo", marks=pytest.mark.long)])
def commanded(request: pytest.FixtureRequest, ran_book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book after a run of the command."""
    if request.param == "demo":
        return Path(request.getfixturevalue("demo_book"))
    return shutil.copytree(ran_book, tmp_path_factory.mktemp("commanded") / "book", symlinks=True)


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
        assert duckdb.execute(f"from {one} except all from {other}").fetchall() == [], table
        assert duckdb.execute(f"from {other} except all from {one}").fetchall() == [], table


def test_rows_and_money_are_shown(whole_run: dg.ExecuteInProcessResult, folder: Path) -> None:
    shown = {
        event.materialization.asset_key.to_user_string(): {name: value.value for name, value in event.materialization.metadata.items()}
        for event in (e.step_materialization_data for e in whole_run.get_asset_materialization_events())
    }
    payouts = f"read_parquet('{folder}/published/current/fct_payout.parquet')"
    (rows, total), *_ = duckdb.execute(f"select count(*), sum(payout) filter (direction = 'payable' and currency = 'EUR')::varchar from {payouts}").fetchall()
    assert shown["published/fct_payout"]["dagster/row_count"] == shown["calc/payouts"]["dagster/row_count"] == rows
    assert shown["published/fct_payout"]["payable EUR"] == total
    without_rows = {key for key, metadata in shown.items() if "dagster/row_count" not in metadata}
    views = ("staging/", "marts/", "intermediate/")
    assert {key for key in without_rows if not key.startswith(views)} <= {
        "raw/attributes",
        "raw/feed_files",
        "raw/feed_keys",
        "raw/feed_snapshots",
        "raw/replacing_feeds",
        "raw/corrections",
        "raw/ignored_rows",
        "raw/row_lines",
        "calc/runs",
        "calc/current_run",
        "calc/level_0",
        "calc/differences_by_cause",
    }


def test_tables_show_which_columns_theirs_come_from(whole_run: dg.ExecuteInProcessResult) -> None:
    shown = {
        event.step_materialization_data.materialization.asset_key.to_user_string(): event.step_materialization_data.materialization for event in made(whole_run)
    }

    def deps(table: str, column: str) -> set[str]:
        lineage = shown[table].metadata["dagster/column_lineage"].value
        assert isinstance(lineage, dg.TableColumnLineage)
        return {f"{dep.asset_key.to_user_string()}.{dep.column_name}" for dep in lineage.deps_by_column[column]}

    assert deps("published/fct_payout", "settled") == {"marts/fct_payout.settled"}
    assert deps("marts/fct_payout", "settled") == {"intermediate/int_payouts_paid.settled"}
    assert deps("intermediate/int_payouts_paid", "settled") == {"intermediate/int_payments_converted.amount", "staging/stg_balances.settled"}
    assert "intermediate/int_measures_summed.amount" in deps("calc/payouts", "payout")
    # the demo's files have the name of the ERP system
    assert deps("raw/transactions", "amount") in ({"feeds/transactions.amount"}, {"feeds/transactions.net_amount"})


def test_what_the_steps_tell_is_in_the_log(whole_run: dg.ExecuteInProcessResult, instance: dg.DagsterInstance, folder: Path) -> None:
    message = [entry.user_message for entry in instance.all_logs(whole_run.run_id)]
    assert [line for line in message if line == f"Published in {folder / 'published' / 'current'}"]
    assert [line for line in message if line.startswith("feeds/transactions/") and "rows of transactions" in line]
    assert "Check passed: every_payout_id_is_unique" in message


def test_every_check_was_made(whole_run: dg.ExecuteInProcessResult, defs: dg.Definitions) -> None:
    made = whole_run.get_asset_check_evaluations()
    tests = {check.key for check in data_tests(read_manifest())}
    of_the_run = set(defs.resolve_asset_graph().asset_check_keys) - tests
    assert {check.asset_check_key for check in made if check.passed} == of_the_run


def test_a_period_is_closed_with_those_before_it_and_checked(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    folder = write_book(tmp_path / "book")
    job = build_defs(book=BookFolder(folder=str(folder))).resolve_job_def("close_periods")

    def close(period: str, **config: object) -> dg.ExecuteInProcessResult:
        instance.add_dynamic_partitions("fiscal_periods", [period])
        run_config = {"ops": {"close_period": {"config": {"closed_by": "A. Close", "accept_open": "one row of the old shop", **config}}}}
        return job.execute_in_process(instance=instance, run_config=run_config, partition_key=period, raise_on_error=False)

    result = close("2026-02", with_earlier=True)
    assert result.success
    assert {check.check_name for check in result.get_asset_check_evaluations() if check.passed} == set(period_closes.CHECKS)
    assert sorted(path.name for path in (folder / "ledger").iterdir()) == ["0001-close-2026-01-v1", "0002-close-2026-02-v1"]
    assert instance.get_materialized_partitions(period_closes.KEY) == {"2026-01", "2026-02"}
    refused = close("2026-05")
    assert not refused.success, "2026-03 and 2026-04 are open"


def test_a_failed_check_publishes_nothing(
    whole_run: dg.ExecuteInProcessResult, defs: dg.Definitions, instance: dg.DagsterInstance, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder / "published" / "current").resolve()
    monkeypatch.setitem(CHECKS, "every_payout_id_is_unique", Check("fct_payout", "select 'P-1' as payout_id"))
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
    monkeypatch.setitem(CHECKS, "every_payout_id_is_unique", Check("fct_payout", "select 'P-1' as payout_id"))
    published = [key for key in defs.resolve_asset_graph().get_all_asset_keys() if key.path[0] == "published"]
    job = defs.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(instance=instance, raise_on_error=False, asset_selection=published)
    assert not result.success
    assert (folder / "published" / "current").resolve() == before


def test_one_mart_is_made_alone(whole_run: dg.ExecuteInProcessResult, defs: dg.Definitions, instance: dg.DagsterInstance, folder: Path) -> None:
    """With its time, its SQL and its contract, and nothing else touched; a table with its rows."""
    job = defs.resolve_implicit_global_asset_job_def()
    chosen = [dg.AssetKey(["marts", "fct_payout"]), dg.AssetKey(["intermediate", "int_participants"])]
    result = job.execute_in_process(instance=instance, asset_selection=chosen)
    shown = {event.step_materialization_data.materialization.asset_key: event.step_materialization_data.materialization for event in made(result)}
    assert set(shown) == set(chosen)
    mart, table = (shown[key].metadata for key in chosen)
    assert "from" in str(mart["compiled SQL"].value)
    assert float(str(mart["seconds"].value)) > 0
    assert mart["materialized"].value == "table"
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as con:
        assert (table["dagster/row_count"].value,) == con.execute("select count(*) from intermediate.int_participants").fetchone()
    assert table["dagster/row_count"].value


def test_a_part_of_a_run_needs_a_run_before_it(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    job = build_defs(book=BookFolder(folder=str(write_book(tmp_path / "book")))).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey(["marts", "dim_partner"])], raise_on_error=False)
    assert not result.success
    assert any("run the whole book once" in str(event) for event in result.all_events)


def test_what_was_taken_in_alone_is_not_published_under_an_earlier_name(book: Path, instance: dg.DagsterInstance) -> None:
    before = (book / "published" / "current").resolve()
    deliver(book, {"2026-05-01.csv": "T9,1,2026-05-01,C1,1.00,EUR\n"})
    definitions = build_defs(book=BookFolder(folder=str(book)))
    job = definitions.resolve_implicit_global_asset_job_def()
    parts = [key for key in definitions.resolve_asset_graph().materializable_asset_keys if key.path[0] in ("raw", "published")]
    result = job.execute_in_process(instance=instance, asset_selection=parts, raise_on_error=False)
    assert not result.success
    assert any("every_step_was_made_for_this_run" in str(event) for event in result.all_events)
    assert (book / "published" / "current").resolve() == before


def test_a_level_of_the_calculation_alone_is_not_published(book: Path, instance: dg.DagsterInstance) -> None:
    """Without the step `net` the results lack the agreements that are net of others."""
    before = (book / "published" / "current").resolve()
    definitions = build_defs(book=BookFolder(folder=str(book)))
    published = [key for key in definitions.resolve_asset_graph().materializable_asset_keys if key.path[0] == "published"]
    job = definitions.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(instance=instance, asset_selection=[LEVEL_0, *published], raise_on_error=False)
    assert not result.success
    assert any("every_step_was_made_for_this_run" in str(event) for event in result.all_events)
    assert (book / "published" / "current").resolve() == before


def test_what_is_written_after_the_checks_is_checked_again(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resource = BookFolder(folder=str(book))
    with dg.build_resources({"book": resource, "book_run": BookRun(book=resource)}) as resources:
        run = resources.book_run
        run.check()
        run.run_step(LEDGER)
        monkeypatch.setitem(CHECKS, "every_payout_id_is_unique", Check("fct_payout", "select 'P-1' as payout_id"))
        with pytest.raises(CheckFailed, match="every_payout_id_is_unique"):
            run.publish()


def test_the_data_tests_of_dbt_are_checks(whole_run: dg.ExecuteInProcessResult, defs: dg.Definitions, instance: dg.DagsterInstance, folder: Path) -> None:
    """Those chosen run, and a row that breaks one is counted; nothing is published or held back by them."""
    job = defs.resolve_implicit_global_asset_job_def()
    tests = [key for key in defs.resolve_asset_graph().asset_check_keys if key.asset_key.path[-1] == "dim_partner" and key.name.startswith("not_null")]
    result = run_checks(job, instance, tests)
    assert {check.asset_check_key for check in result.get_asset_check_evaluations() if check.passed} == set(tests)
    with duckdb.connect(str(folder / "warehouse.duckdb")) as con:
        (view,) = con.execute("select sql from duckdb_views() where schema_name = 'marts' and view_name = 'dim_partner'").fetchone() or ("",)
        con.execute("create or replace view marts.dim_partner as select * replace (null as partner_id) from (from staging.stg_partners)")
    result = run_checks(job, instance, tests)
    assert {check.check_name: check.metadata["failures"].value for check in result.get_asset_check_evaluations() if not check.passed}
    with duckdb.connect(str(folder / "warehouse.duckdb")) as con:
        con.execute("drop view marts.dim_partner")
        con.execute(view)


def test_a_run_of_the_command_is_noted_once(commanded: Path) -> None:
    """So that no table of a book that ran by command is "Never materialized"."""
    definitions = build_defs(book=BookFolder(folder=str(commanded)))
    with dg.DagsterInstance.ephemeral() as instance:

        def look(cursor: str | None) -> dg.SensorResult | dg.SkipReason:
            context = dg.build_sensor_context(instance=instance, cursor=cursor, definitions=definitions, resources={"book": BookFolder(folder=str(commanded))})
            seen = sensors.published_runs(context)
            assert isinstance(seen, dg.SensorResult | dg.SkipReason)
            return seen

        first = look(None)
        assert isinstance(first, dg.SensorResult)
        noted = {event.asset_key: event for event in first.asset_events if isinstance(event, dg.AssetMaterialization)}
        assert set(noted) == set(definitions.resolve_asset_graph().materializable_asset_keys)
        payouts = duckdb.execute(f"select count(*) from '{commanded}/published/current/fct_payout.parquet'").fetchall()[0][0]
        assert noted[dg.AssetKey(["published", "fct_payout"])].metadata["dagster/row_count"].value == payouts
        assert [request.partition_keys for request in first.dynamic_partitions_requests or []]
        assert {event.check_name for event in first.asset_events if isinstance(event, dg.AssetCheckEvaluation)} >= set(CHECKS)
        assert isinstance(look(first.cursor), dg.SkipReason)
        for event in first.asset_events:
            instance.report_runless_asset_event(event)
        again = look(None)
        assert isinstance(again, dg.SensorResult)
        assert list(again.asset_events) == [], "a sensor that has forgotten what it noted"


def test_a_run_of_dagster_is_not_noted_again(whole_run: dg.ExecuteInProcessResult, defs: dg.Definitions, instance: dg.DagsterInstance, folder: Path) -> None:
    seen = sensors.published_runs(dg.build_sensor_context(instance=instance, definitions=defs, resources={"book": BookFolder(folder=str(folder))}))
    assert isinstance(seen, dg.SensorResult)
    assert list(seen.asset_events) == []


def test_a_book_at_work_is_left_alone(defs: dg.Definitions, instance: dg.DagsterInstance, folder: Path) -> None:
    with lock_book(folder):
        result = defs.resolve_job_def("run_book").execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    assert any("another run is in progress" in str(event) for event in result.all_events)


def test_what_was_taken_in_starts_nothing(whole_run: dg.ExecuteInProcessResult, folder: Path) -> None:
    """Also for a sensor that is switched on only now and remembers nothing."""
    context = dg.build_sensor_context(resources={"book": BookFolder(folder=str(folder))})
    seen = sensors.new_files(context)
    assert isinstance(seen, dg.SensorResult)
    assert not seen.run_requests
