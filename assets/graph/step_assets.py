"""One graph from feed to published table: every step of a run as Dagster assets, one per table it writes.

Belongs here: which step makes which assets, their parents, and their metadata. Does not belong here: what a step does (the other packages),
what an asset is called and who owns it (assets/graph/specs.py).
The steps are the functions that the command runs. One of our own steps writes in one transaction, so its assets are made together. dbt builds model by
model, so each of its models can be made alone.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg

from assets.graph import specs
from assets.graph.code_versions import version_of_step
from assets.graph.column_lineage import show_columns, show_file_columns
from assets.graph.failures import as_failure, cause
from assets.graph.hooks import explain_failure, log_failure
from assets.graph.resources import BookRun
from assets.published.reader import count_feeds, open_published, read_manifest, sum_agreements
from assets.runtime.context import CheckFailed, StepReport
from assets.runtime.errors import SqlError
from assets.steps import AGREEMENTS, CALCULATE, CHECKS, FEEDS, IDENTIFY, LEDGER, MARTS, NET, PREPARE, PUBLISH, Step
from assets.transform import invariants
from assets.transform.calculate import CalculateReport
from assets.transform.compiled_models import BuiltModel
from assets.transform.dbt import ModelsReport
from models.feeds.columns import FEEDS as FEED_NAMES

#: One writer at a time: every asset that opens the warehouse is in this pool, which dagster.yaml limits to one.
POOL = "warehouse"
#: What the calculation reads (assets/transform/calculate.py); a test compares.
CALCULATED_FROM = (
    "terms.agreements", "terms.axes", "terms.axis_parts", "terms.benefits", "terms.days", "terms.draws", "terms.gates", "terms.line_sets", "terms.matrix_cells",
    "terms.matrix_columns", "terms.multiplier_tiers", "terms.multipliers", "terms.periods", "terms.tie_breakers", "terms.settings", "terms.tiers",
    "terms.window_parts",
    "terms.windows",
    "intermediate.int_days_converted", "intermediate.int_lines_credited", "intermediate.int_measures_summed", "intermediate.int_participants",
    "staging.stg_balances", "staging.stg_metrics", "staging.stg_participations", "staging.stg_targets",
)  # fmt: skip
#: What the levels above the first also read.
NET_FROM = ("intermediate.int_net_of_deductions", "intermediate.int_lines_netted", "intermediate.int_measures_netted")
#: The tables of `calc` that identify the run, and their parents.
_HISTORY = dict.fromkeys(("current_run", "runs"), ("raw.feed_files", "terms.settings"))
#: The checks of assets/publishing/parquet_set.py, on the copy that readers get.
CHECKED_COPY = {
    "each_payout_is_published_once": "fct_payout",
    "published_lines_add_up_to_payouts": "fct_payout_line",
    "every_row_of_every_file_is_published": "fct_transaction",
}
DBT_TESTS = "dbt_tests"
#: Metadata of `published/fct_payout`: when the run ended.
FINISHED_AT = "finished_at"
_AGREEMENT_COLUMNS = ("agreement_id", "direction", "currency", "total", "payouts", "paying", "blocked")
_FEED_COLUMNS = ("feed", "files", "rows_read", "rows_loaded", "rows_duplicate", "rows_superseded", "rows_rejected", "rows_ignored")

Shown = dict[dg.AssetKey, dict[str, Any]]


def build_assets(manifest: specs.Manifest) -> list[Any]:
    """Assets and checks of the whole graph; `manifest` is dbt's."""
    raw = [specs.spec("raw", name, text, _landed_for(name)) for name, text in specs.sources(manifest, "raw").items()]
    ledger = [specs.spec("ledger", name, text) for name, text in specs.sources(manifest, "ledger").items()]
    terms = [specs.spec("terms", name, text) for name, text in specs.sources(manifest, "terms").items()]
    calc = specs.sources(manifest, "calc")
    history = [specs.spec("calc", name, calc.pop(name), _keys(parents)).replace_attributes(kinds={"duckdb"}) for name, parents in _HISTORY.items()]
    results = [specs.spec("calc", name, text, _net_parents(name)) for name, text in calc.items()]
    prepared, concluded = specs.prepared_specs(manifest), specs.concluded_specs(manifest)
    published = specs.published_specs([*prepared, *concluded])
    return [
        *(specs.landing_folder(feed) for feed in FEED_NAMES),
        step_assets(LEDGER, ledger),
        step_assets(FEEDS, raw, show=_show_feeds),
        step_assets(AGREEMENTS, terms),
        step_assets(IDENTIFY, history),
        model_assets(PREPARE, prepared, specs.contract_checks(manifest, prepared)),
        step_assets(CALCULATE, [specs.level_0(_keys(CALCULATED_FROM))], show=_show_level_0),
        step_assets(NET, [*specs.net_specs(manifest), *results], show=_show_net),
        model_assets(MARTS, concluded, specs.contract_checks(manifest, concluded)),
        statement_checks(_statements("marts", {name: check.mart for name, check in invariants.CHECKS.items()})),
        step_assets(PUBLISH, published, BookRun.publish, _statements("published", CHECKED_COPY), _show_published),
        data_test_checks(specs.data_tests(manifest)),
    ]


def step_assets(
    step: Step[..., Any],
    tables: Sequence[dg.AssetSpec],
    run_with: Callable[[BookRun], StepReport] | None = None,
    checks: Sequence[dg.AssetCheckSpec] = (),
    show: Callable[[BookRun, Any], Shown] = lambda run, report: {},
) -> dg.AssetsDefinition:
    """The tables that one step writes, with their row counts, the metadata that `show` adds, and the checks that the step runs."""
    version = version_of_step(step.name)
    made = [table if table.code_version else table.replace_attributes(code_version=version) for table in tables]

    @dg.multi_asset(name=step.name, description=step.title, specs=made, check_specs=checks, pool=POOL, hooks={explain_failure})
    def run_step(context: dg.AssetExecutionContext, book_run: BookRun) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        try:
            report = run_with(book_run) if run_with else book_run.run_step(step)
        except Exception as error:
            yield from _failed_checks(checks, error)
            raise as_failure(error) from cause(error)
        context.log.info(f"{step.title}: {report.metrics}")
        shown = show(book_run, report)
        for key in _upstream_first(made):
            yield dg.MaterializeResult(asset_key=key, metadata={**_row_count(report, key), **show_columns(key), **shown.get(key, {})})
        yield from (dg.AssetCheckResult(passed=True, asset_key=check.asset_key, check_name=check.name) for check in checks)

    return run_step


def model_assets(step: Step[[Sequence[str]], ModelsReport], models: Sequence[dg.AssetSpec], checks: Sequence[dg.AssetCheckSpec]) -> dg.AssetsDefinition:
    """The dbt models of one step: all of them, or a selection, from what the warehouse holds."""

    @dg.multi_asset(name=step.name, description=step.title, specs=models, check_specs=checks, pool=POOL, hooks={explain_failure}, can_subset=True)
    def build_models(context: dg.AssetExecutionContext, book_run: BookRun) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        chosen = [key for key in _upstream_first(models) if key in context.selected_asset_keys]
        asked = [check for check in checks if check.key in context.selected_asset_check_keys]
        names = [] if len(chosen) == len(models) else [key.path[-1] for key in chosen]
        try:
            report = book_run.run_step(step, names)
        except Exception as error:
            yield from _failed_checks(asked, error)
            raise as_failure(error) from cause(error)
        shown = _show_models(report.built)
        for key in chosen:
            yield dg.MaterializeResult(asset_key=key, metadata={**_row_count(report, key), **show_columns(key), **shown.get(key, {})})
        yield from (dg.AssetCheckResult(passed=True, asset_key=check.asset_key, check_name=check.name) for check in asked)

    return build_models


def statement_checks(checks: Sequence[dg.AssetCheckSpec]) -> dg.AssetChecksDefinition:
    """The step that writes nothing and checks statements about the warehouse, all or a selection. The first that does not hold ends the run."""

    @dg.multi_asset_check(name=CHECKS.name, description=CHECKS.title, specs=checks, pool=POOL, can_subset=True)
    def run_checks(context: dg.AssetCheckExecutionContext, book_run: BookRun) -> Iterator[dg.AssetCheckResult]:
        chosen = [check for check in checks if check.key in context.selected_asset_check_keys]
        try:
            book_run.check() if len(chosen) == len(checks) else book_run.check_some([check.name for check in chosen])
        except Exception as error:
            log_failure(context.log, CHECKS.name, as_failure(error))
            yield from _failed_checks(chosen, error)
            raise as_failure(error) from cause(error)
        yield from (dg.AssetCheckResult(passed=True, asset_key=check.asset_key, check_name=check.name) for check in chosen)

    return run_checks


def data_test_checks(tests: Sequence[dg.AssetCheckSpec]) -> dg.AssetChecksDefinition:
    """dbt's data tests, all or a selection. They block nothing: what must hold before publishing is a check of its own."""

    @dg.multi_asset_check(name=DBT_TESTS, description="Running dbt's data tests", specs=tests, pool=POOL, can_subset=True)
    def run_data_tests(context: dg.AssetCheckExecutionContext, book_run: BookRun) -> Iterator[dg.AssetCheckResult]:
        chosen = {test.name: test.asset_key for test in tests if test.key in context.selected_asset_check_keys}
        try:
            results = book_run.run_tests(list(chosen))
        except Exception as error:
            log_failure(context.log, DBT_TESTS, as_failure(error))
            raise as_failure(error) from cause(error)
        for test in results:
            metadata: dict[str, Any] = {"seconds": test.seconds, "failures": test.failures, **({"message": test.message} if test.message else {})}
            yield dg.AssetCheckResult(passed=test.has_passed, asset_key=chosen[test.name], check_name=test.name, metadata=metadata)

    return run_data_tests


def _upstream_first(tables: Sequence[dg.AssetSpec]) -> list[dg.AssetKey]:
    """The tables in order: Dagster requires that a table is reported after its parents."""
    own = {table.key for table in tables}
    return list(TopologicalSorter({table.key: sorted(own.intersection(dep.asset_key for dep in table.deps)) for table in tables}).static_order())


def _landed_for(table: str) -> Sequence[dg.AssetKey]:
    """The parents of a table of raw: a feed's table comes from its landing folder, the registers of files and rejects from all of them."""
    return [specs.key("feeds", feed) for feed in ([table] if table in FEED_NAMES else FEED_NAMES)]


def _net_parents(table: str) -> Sequence[dg.AssetKey]:
    """The parents of a table of calc: the deductions come from the level below, results from that level and from what remains of the lines."""
    return _keys(NET_FROM[:1]) if table == "lines_netted" else [specs.LEVEL_0, *_keys(NET_FROM[1:])]


def _keys(names: Iterable[str]) -> list[dg.AssetKey]:
    return [specs.key(*name.split(".")) for name in names]


def _statements(schema: str, checked_at: Mapping[str, str]) -> list[dg.AssetCheckSpec]:
    """One blocking check per statement. Its name is the statement."""
    return [
        dg.AssetCheckSpec(name, asset=specs.key(schema, table), description=name.replace("_", " ").capitalize() + ".", blocking=True)
        for name, table in checked_at.items()
    ]


def _failed_checks(checks: Sequence[dg.AssetCheckSpec], error: Exception) -> Iterator[dg.AssetCheckResult]:
    """Results for the checks that the error is about. The results of the others are unknown."""
    for check in checks:
        is_statement = isinstance(error, CheckFailed) and error.check == check.name
        is_contract = isinstance(error, SqlError) and check.name == specs.CONTRACT and ".".join(check.asset_key.path) + ":" in str(error)
        if is_statement or is_contract:
            yield dg.AssetCheckResult(passed=False, asset_key=check.asset_key, check_name=check.name, metadata={"finding": str(error)})


def _row_count(report: StepReport, key: dg.AssetKey) -> dict[str, Any]:
    """Rows, reported under the table's full name, or under its bare name by publishing. Views have no count: they are computed when published."""
    rows = report.rows.get(".".join(key.path), report.rows.get(key.path[-1]))
    return {} if rows is None else {"dagster/row_count": rows}


def _show_feeds(run: BookRun, report: StepReport) -> Shown:
    """Which columns of the files fill the columns of raw.<feed>."""
    return show_file_columns(run.context)


def _show_models(built: Iterable[BuiltModel]) -> Shown:
    """How long each model took, and its compiled SQL."""
    return {specs.key(*model.name.split(".")): _show_model(model) for model in built}


def _show_model(model: BuiltModel) -> dict[str, Any]:
    return {"seconds": model.seconds, "materialized": model.kind, "compiled SQL": dg.MarkdownMetadataValue(f"```sql\n{model.sql}\n```")}


def _show_level_0(run: BookRun, report: CalculateReport) -> Shown:
    return {specs.LEVEL_0: {**{f"rows of {name}": rows for name, rows in report.rows.items()}, "blocked": report.blocked}}


def _show_net(run: BookRun, report: CalculateReport) -> Shown:
    """Metadata of the net step. Most books have one level; then the models between levels are not built."""
    return {**_show_models(report.built), specs.key("calc", "payouts"): {"levels above the first": report.levels, "blocked": report.blocked}}


def _show_published(run: BookRun, report: StepReport) -> Shown:
    """Totals by agreement for the payouts, and counts of rows for the files."""
    manifest = read_manifest(run.context.published) or {}
    ended = {"run_id": manifest["run_id"], FINISHED_AT: manifest["run"]["finished_at"]}
    with open_published(run.context.folder) as con:
        agreements, feeds = sum_agreements(con), count_feeds(con)
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for agreement in agreements:
        totals[f"{agreement['direction']} {agreement['currency']}"] += agreement["total"]
    money = {name: str(total) for name, total in totals.items()}
    return {
        specs.key("published", "fct_payout"): {**money, "agreements": _table(agreements, _AGREEMENT_COLUMNS), **ended},
        specs.key("published", "audit_feed_file"): {"feeds": _table(feeds, _FEED_COLUMNS)},
    }


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> dg.TableMetadataValue:
    """Rows as a table on the page; money as text, so that no digit is lost."""
    records = [dg.TableRecord({name: row[name] if isinstance(row[name], int) else str(row[name]) for name in columns}) for row in rows]
    kinds = {name: "int" if all(isinstance(row[name], int) for row in rows) else "string" for name in columns}
    return dg.MetadataValue.table(records, dg.TableSchema([dg.TableColumn(name, kind) for name, kind in kinds.items()]))
