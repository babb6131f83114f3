"""One graph from feed to published table: every step of a run as Dagster assets, one per table it writes.

Belongs here: which step makes which assets, what they are made from, what is shown of them. Does not belong here: what a step
does (assets/), what an asset is called and who owns it (pipelines/tables.py).
The steps are the functions that the command runs. A step writes its tables in one transaction, so its assets are made together.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg

from assets.published.reader import count_feeds, open_published, sum_agreements
from assets.runtime.context import CheckFailed, StepReport
from assets.runtime.errors import SqlError
from assets.transform.invariants import CHECKS
from models.feeds.columns import FEEDS
from pipelines import tables
from pipelines.failures import as_failure, cause
from pipelines.hooks import explain_failure, tell_failure
from pipelines.resources import BookRun
from pipelines.run import STEPS

#: One writer at a time: every asset that opens the warehouse is in this pool, which dagster.yaml limits to one.
POOL = "warehouse"
#: What the calculation reads (assets/transform/calculate.py); a test compares.
CALCULATED_FROM = (
    "terms.agreements", "terms.axes", "terms.benefits", "terms.gates", "terms.matrix_cells", "terms.matrix_columns",
    "terms.multiplier_tiers", "terms.multipliers", "terms.periods", "terms.settings", "terms.tiers", "terms.windows",
    "intermediate.int_measures_summed", "intermediate.int_participants", "staging.stg_metrics", "staging.stg_targets",
)  # fmt: skip
#: The tables of `calc` that say which run this is, and what they are made from.
_HISTORY = dict.fromkeys(("current_run", "runs"), ("raw.feed_files", "terms.settings"))
#: The mart that a statement of assets/transform/invariants.py is shown at; every other one stands at the payouts.
_CHECKED_AT = {
    "every_row_is_accounted_for": "audit_feed_file",
    "every_row_has_one_disposition": "audit_feed_file",
    "no_line_counts_twice_for_a_participant": "fct_payout_line",
    "credited_lines_add_up_to_the_sums": "fct_payout_line",
    "accruals_add_up_to_what_is_due": "fct_accrual",
    "debits_equal_credits": "fct_journal",
}
#: The statements of assets/publishing/parquet_set.py, about the copy that readers get.
CHECKED_COPY = {"each_payout_is_published_once": "fct_payout", "published_lines_add_up_to_payouts": "fct_payout_line"}
_AGREEMENT_COLUMNS = ("agreement_id", "direction", "currency", "total", "payouts", "paying", "blocked")
_FEED_COLUMNS = ("feed", "files", "rows_read", "rows_loaded", "rows_duplicate", "rows_superseded", "rows_rejected")
_STEP = {step.name: step for step in STEPS}

Shown = dict[dg.AssetKey, dict[str, Any]]


def build_assets(manifest: tables.Manifest) -> list[Any]:
    """Assets and checks of the whole graph; `manifest` is dbt's."""
    raw = [tables.spec("raw", name, text, _landed_for(name)) for name, text in tables.sources(manifest, "raw").items()]
    ledger = [tables.spec("ledger", name, text) for name, text in tables.sources(manifest, "ledger").items()]
    terms = [tables.spec("terms", name, text) for name, text in tables.sources(manifest, "terms").items()]
    calc = [tables.spec("calc", name, text, _calculated_from(name)) for name, text in tables.sources(manifest, "calc").items()]
    prepared, concluded = tables.prepared_specs(manifest), tables.concluded_specs(manifest)
    return [
        *(tables.landing_folder(feed) for feed in FEEDS),
        step_assets("ledger", ledger),
        step_assets("feeds", raw),
        step_assets("agreements", terms),
        step_assets("identify", [spec.replace_attributes(kinds={"duckdb"}) for spec in calc if spec.key.path[1] in _HISTORY]),
        step_assets("prepare", prepared, tables.contract_checks(manifest, prepared)),
        step_assets("calculate", [spec for spec in calc if spec.key.path[1] not in _HISTORY]),
        step_assets("marts", concluded, tables.contract_checks(manifest, concluded)),
        step_checks("checks", _statements("marts", {name: _CHECKED_AT.get(name, "fct_payout") for name in CHECKS})),
        step_assets("publish", tables.published_specs([*prepared, *concluded]), _statements("published", CHECKED_COPY), _show_published),
    ]


def step_assets(
    name: str,
    specs: Sequence[dg.AssetSpec],
    checks: Sequence[dg.AssetCheckSpec] = (),
    show: Callable[[BookRun, StepReport], Shown] = lambda run, report: {},
) -> dg.AssetsDefinition:
    """The tables that one step writes, with their row counts, what `show` adds to them, and the checks that the step makes as it works."""

    @dg.multi_asset(name=name, description=_STEP[name].title, specs=specs, check_specs=checks, pool=POOL, hooks={explain_failure})
    def run_step(context: dg.AssetExecutionContext, book_run: BookRun) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        try:
            report = book_run.run_step(_STEP[name])
        except Exception as error:
            yield from _failed_checks(checks, error)
            raise as_failure(error) from cause(error)
        context.log.info(f"{_STEP[name].title}: {report.figures}")
        shown = show(book_run, report)
        for key in _upstream_first(specs):
            yield dg.MaterializeResult(asset_key=key, metadata={**_row_count(report, key), **shown.get(key, {})})
        yield from (dg.AssetCheckResult(passed=True, asset_key=check.asset_key, check_name=check.name) for check in checks)

    return run_step


def step_checks(name: str, checks: Sequence[dg.AssetCheckSpec]) -> dg.AssetChecksDefinition:
    """A step that writes nothing and holds statements against what is there; the first that does not hold ends the run."""

    @dg.multi_asset_check(name=name, description=_STEP[name].title, specs=checks, pool=POOL)
    def run_step(context: dg.AssetCheckExecutionContext, book_run: BookRun) -> Iterator[dg.AssetCheckResult]:
        try:
            book_run.run_step(_STEP[name])
        except Exception as error:
            tell_failure(context.log, name, as_failure(error))
            yield from _failed_checks(checks, error)
            raise as_failure(error) from cause(error)
        yield from (dg.AssetCheckResult(passed=True, asset_key=check.asset_key, check_name=check.name) for check in checks)

    return run_step


def _upstream_first(specs: Sequence[dg.AssetSpec]) -> list[dg.AssetKey]:
    """Dagster wants to hear of a table after the tables it is made from."""
    own = {spec.key for spec in specs}
    return list(TopologicalSorter({spec.key: sorted(own.intersection(dep.asset_key for dep in spec.deps)) for spec in specs}).static_order())


def _landed_for(table: str) -> Sequence[dg.AssetKey]:
    """A feed's table comes from its landing folder, the registers of files and rejects from all of them."""
    return [tables.key("feeds", feed) for feed in ([table] if table in FEEDS else FEEDS)]


def _calculated_from(table: str) -> Sequence[dg.AssetKey]:
    return [tables.key(*name.split(".")) for name in (_HISTORY.get(table) or CALCULATED_FROM)]


def _statements(schema: str, checked_at: Mapping[str, str]) -> list[dg.AssetCheckSpec]:
    """One blocking check per statement: its name says what holds."""
    return [
        dg.AssetCheckSpec(name, asset=tables.key(schema, table), description=name.replace("_", " ").capitalize() + ".", blocking=True)
        for name, table in checked_at.items()
    ]


def _failed_checks(checks: Sequence[dg.AssetCheckSpec], error: Exception) -> Iterator[dg.AssetCheckResult]:
    """The checks that the error speaks of; what the others would have said is not known."""
    for check in checks:
        is_statement = isinstance(error, CheckFailed) and error.check == check.name
        is_contract = isinstance(error, SqlError) and check.name == tables.CONTRACT and ".".join(check.asset_key.path) + ":" in str(error)
        if is_statement or is_contract:
            yield dg.AssetCheckResult(passed=False, asset_key=check.asset_key, check_name=check.name, metadata={"finding": str(error)})


def _row_count(report: StepReport, key: dg.AssetKey) -> dict[str, Any]:
    """Rows under the table's full name, or, from publishing, under its bare one. Views have no count: they are computed when published."""
    rows = report.rows.get(".".join(key.path), report.rows.get(key.path[-1]))
    return {} if rows is None else {"dagster/row_count": rows}


def _show_published(run: BookRun, report: StepReport) -> Shown:
    """Sums of money by agreement beside the payouts, and what became of the rows beside the files."""
    with open_published(run.context.folder) as con:
        agreements, feeds = sum_agreements(con), count_feeds(con)
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for agreement in agreements:
        totals[f"{agreement['direction']} {agreement['currency']}"] += agreement["total"]
    money = {name: str(total) for name, total in totals.items()}
    return {
        tables.key("published", "fct_payout"): {**money, "agreements": _table(agreements, _AGREEMENT_COLUMNS), "run_id": report.figures["run_id"]},
        tables.key("published", "audit_feed_file"): {"feeds": _table(feeds, _FEED_COLUMNS)},
    }


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> dg.TableMetadataValue:
    """Rows as a table on the page; money as text, so that no digit is lost."""
    records = [dg.TableRecord({name: row[name] if isinstance(row[name], int) else str(row[name]) for name in columns}) for row in rows]
    kinds = {name: "int" if all(isinstance(row[name], int) for row in rows) else "string" for name in columns}
    return dg.MetadataValue.table(records, dg.TableSchema([dg.TableColumn(name, kind) for name, kind in kinds.items()]))
