"""Which run this is, and the history of runs.

Belongs here: the identity of a run (from its inputs, never from a clock), whether it is published, and the rows behind `audit_run`.
Does not belong here: what a run does (pipelines/run.py) or where its results go (assets/publishing/parquet_set.py).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from assets.agreements.texts import agreements_sha256, read_agreement_texts
from assets.archive.manifest import count_withdrawals
from assets.archive.manifest import read_manifest as read_arrivals
from assets.archive.run_history import RUNS, append_run, enter_missing, keep_terms, read_runs
from assets.archive.stored_archive import share_terms, shared_log
from assets.ledger.folder import read_heads
from assets.published.reader import DATABASE, fetch, hashes_of, read_manifest
from assets.runtime.context import RunContext, StepReport
from assets.runtime.file_hashes import file_sha256
from assets.runtime.sql import table_exists
from assets.runtime.versions import code_version, engine_versions
from assets.runtime.warehouse import open_warehouse, transaction
from models.records.run_history import EndedRun

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, kw_only=True)
class IdentifyReport(StepReport):
    """The id of the run, and how many missing runs were added to the history."""

    run_id: str
    runs_entered: int


def identify_run(context: RunContext) -> IdentifyReport:
    """Step after the feeds: identify the run by all its inputs, in `calc.current_run` (one row, unchanged if nothing changed).

    If a crash kept the published run out of the archive's history, it is added there first.
    """
    entered = 0 if context.is_rebuild else enter_missing(context.archive, context.published, shared_log(context, RUNS))
    with open_warehouse(context) as con:
        identity = {"inputs_sha256": _inputs(con), **describe_terms(context)}
        run_id = "r" + _sha256("\n".join(identity.values()).encode())[:16]
        if read_run_id(con) != run_id:
            _write_current(con, {"run_id": run_id, **identity}, context.started_at)
    return IdentifyReport(run_id=run_id, runs_entered=entered)


def describe_terms(context: RunContext) -> dict[str, str]:
    """Everything that decides a run's result apart from the files that arrived."""
    settings: dict[str, Any] = context.book.model_dump(mode="json", exclude={"as_of", "limits", "storage", "engine"})
    return {
        "agreements_sha256": agreements_sha256(read_agreement_texts(context.folder)),
        "settings_sha256": _sha256(json.dumps(settings, sort_keys=True).encode()),
        "as_of": context.as_of.isoformat(),
        "code_version": code_version(),
        **read_heads(context.ledger),
    }


def read_run_id(con: duckdb.DuckDBPyConnection) -> str | None:
    """The run that the warehouse holds, if one has begun."""
    row = con.execute("select run_id from calc.current_run").fetchone() if table_exists(con, "calc", "current_run") else None
    return row[0] if row else None


def record_step(con: duckdb.DuckDBPyConnection, step: str) -> None:
    """Record that the step has made all its tables for the run in the warehouse."""
    clear_step(con, step)
    if run_id := read_run_id(con):
        con.execute("insert into calc.made_for values (?, ?)", [step, run_id])


def clear_step(con: duckdb.DuckDBPyConnection, step: str) -> None:
    """Record that the tables of the step are about to be rebuilt."""
    con.execute("create schema if not exists calc")
    con.execute(_MADE_FOR)
    con.execute("delete from calc.made_for where step = ?", [step])


def is_published(context: RunContext, run_id: str) -> bool:
    """Whether readers see this run, complete, and with the bytes that were published."""
    manifest = read_manifest(context.published)
    has_database = (context.published / DATABASE).is_file() or not context.publishes_database
    if manifest is None or manifest["run_id"] != run_id or not has_database:
        return False
    current = (context.published / "current").resolve()
    return all(file_sha256(path) == sha256 for path, sha256 in hashes_of(current, manifest).items())


def has_same_terms(context: RunContext) -> bool:
    """Whether agreements, settings, `as_of` and code are those of the published run, so that only new files can change the result."""
    manifest = read_manifest(context.published)
    return manifest is not None and manifest["terms"] == describe_terms(context)


def record_run(con: duckdb.DuckDBPyConnection, context: RunContext, status: Literal["published", "failed"]) -> EndedRun:
    """Rewrite the history `calc.runs` with this run as its last: how it ended, and its totals. Returns its line, which is not in the archive yet."""
    payouts, totals = 0, "{}"
    if table_exists(con, "marts", "fct_payout") and status == "published":
        payouts, totals = con.execute(_TOTALS).fetchone() or (0, "{}")
    fields = fetch(con, "select * exclude (started_at), (select coalesce(sum(rows_read), 0)::bigint from raw.feed_files) as rows from calc.current_run")[0]
    terms_sha256 = keep_terms(context.archive, context.folder)
    share_terms(context, terms_sha256)
    run = EndedRun(
        **fields,
        started_at=context.started_at,
        finished_at=context.finished_at or context.clock(),
        engine_versions=engine_versions(),
        payouts=payouts,
        payout_total=totals,
        status=status,
        terms_sha256=terms_sha256,
        arrivals=dict(con.execute("select feed, max(arrival_no) from raw.feed_files group by feed order by feed").fetchall()),
        withdrawals=count_withdrawals(read_arrivals(context.archive)),
    )
    history = [each.model_dump(include=set(_HISTORY)) for each in [*read_runs(context.archive), run]]
    con.execute(_NO_HISTORY)
    rows = [[_utc(row[name]) if name.endswith("_at") else row[name] for row in history] for name in _HISTORY]
    con.execute(f"insert into calc.runs select {', '.join('unnest(?)' for _ in _HISTORY)}", rows)
    return run


def record_failure(context: RunContext) -> None:
    """Record in the history that this run ended without publishing."""
    with open_warehouse(context) as con:
        if read_run_id(con):
            append_run(context.archive, record_run(con, context, "failed"), shared_log(context, RUNS))


_TOTALS = """
    select coalesce(sum(payouts), 0)::bigint, coalesce(json_group_object(currency, total)::varchar, '{}')
    from (select currency, count(*) as payouts, sum(payout)::varchar as total from marts.fct_payout group by currency order by currency)
"""

_CURRENT = """
    create or replace table calc.current_run (
        run_id varchar, started_at timestamp, as_of date, code_version varchar,
        agreements_sha256 varchar, inputs_sha256 varchar, settings_sha256 varchar, ledger_sha256 varchar, write_offs_sha256 varchar,
        payments_sha256 varchar
    )
"""

#: Which run the tables of a step were made for (assets/transform/invariants.py compares).
_MADE_FOR = "create table if not exists calc.made_for (step varchar, run_id varchar)"

_HISTORY = {
    "run_id": "varchar", "started_at": "timestamp", "finished_at": "timestamp", "as_of": "date", "code_version": "varchar",
    "agreements_sha256": "varchar", "inputs_sha256": "varchar", "settings_sha256": "varchar", "engine_versions": "varchar",
    "rows": "bigint", "payouts": "bigint", "payout_total": "varchar", "status": "varchar",
}  # fmt: skip
_NO_HISTORY = f"create or replace table calc.runs ({', '.join(f'{name} {kind}' for name, kind in _HISTORY.items())})"


def _write_current(con: duckdb.DuckDBPyConnection, identity: dict[str, str], started_at: dt.datetime) -> None:
    with transaction(con):
        con.execute("create schema if not exists calc")
        con.execute(_CURRENT)
        con.execute(_NO_HISTORY.replace("create or replace table", "create table if not exists"))
        columns = ", ".join(f"? as {name}" for name in identity)
        con.execute(f"insert into calc.current_run by name select {columns}, ? as started_at", [*identity.values(), _utc(started_at)])


def _inputs(con: duckdb.DuckDBPyConnection) -> str:
    """Hash of the arrivals, per feed in order of arrival. It is the same whether files came one by one or all at once."""
    rows = con.execute("select feed, arrival_no, file_name, sha256, status from raw.feed_files order by all").fetchall()
    return _sha256(json.dumps(rows).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _utc(moment: dt.datetime) -> dt.datetime:
    """UTC without the zone, as TIMESTAMP columns hold it."""
    return moment.astimezone(dt.UTC).replace(tzinfo=None)
