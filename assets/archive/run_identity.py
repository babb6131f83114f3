"""Which run this is, and the history of runs.

Belongs here: the identity of a run (from what goes in, never from a clock), whether it is published, and the rows behind `audit_run`.
Does not belong here: what a run does (pipelines/run.py) or where its results go (assets/publishing/parquet_set.py).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.metadata
import json
import platform
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from assets.agreements.load import agreements_sha256, read_agreement_texts
from assets.archive.run_history import append_run, enter_missing, keep_terms, read_runs
from assets.ledger.folder import read_heads
from assets.published.reader import DATABASE, fetch, read_manifest
from assets.runtime.context import RunContext, StepReport
from assets.runtime.file_hashes import file_sha256
from assets.runtime.sql import table_exists
from assets.runtime.warehouse import open_warehouse, transaction
from models.records.run_history import EndedRun

if TYPE_CHECKING:
    import duckdb

#: Calculation lives in these places; a change in one of them is another run.
_SOURCES = {"models": (".py",), "assets": (".py",), "dbt_project": (".sql", ".yml", ".csv")}
_DERIVED = {"target", "logs", "dbt_packages", "__pycache__"}


def identify_run(context: RunContext) -> StepReport:
    """Step after the feeds: name the run by all that goes into it, in `calc.current_run` (one row; untouched when nothing changed).

    A published run that a crash kept out of the archive's history is entered there first.
    """
    entered = 0 if context.is_rebuild else enter_missing(context.archive, context.published)
    with open_warehouse(context) as con:
        identity = {"inputs_sha256": _inputs(con), **describe_terms(context)}
        run_id = _sha256("\n".join(identity.values()).encode())[:16]
        if read_run_id(con) != run_id:
            _write_current(con, {"run_id": run_id, **identity}, context.started_at)
    return StepReport(figures={"run_id": run_id, "runs_entered": entered})


def describe_terms(context: RunContext) -> dict[str, str]:
    """All that decides a run's result beside the files that arrived."""
    settings: dict[str, Any] = context.book.model_dump(mode="json", exclude={"as_of", "limits"})
    return {
        "agreements_sha256": agreements_sha256(read_agreement_texts(context.folder)),
        "settings_sha256": _sha256(json.dumps(settings, sort_keys=True).encode()),
        "as_of": context.as_of.isoformat(),
        "code_version": code_version(),
        **read_heads(context.ledger),
    }


def read_run_id(con: duckdb.DuckDBPyConnection) -> str | None:
    """The run that the warehouse is in, if one has begun."""
    row = con.execute("select run_id from calc.current_run").fetchone() if table_exists(con, "calc", "current_run") else None
    return row[0] if row else None


def is_published(context: RunContext, run_id: str) -> bool:
    """Whether readers see this run, every part of it there, and its files with the bytes that were published."""
    manifest = read_manifest(context.published)
    has_database = (context.published / DATABASE).is_file() or not context.book.publish.duckdb
    if manifest is None or manifest["run_id"] != run_id or not has_database:
        return False
    current = (context.published / "current").resolve()
    return all(file_sha256(current / f"{table}.parquet") == sha256 for table, sha256 in manifest["sha256"].items())


def has_same_terms(context: RunContext) -> bool:
    """Whether agreements, settings, `as_of` and code are those of the published run, so that only files can bring news."""
    manifest = read_manifest(context.published)
    return manifest is not None and manifest["terms"] == describe_terms(context)


def record_run(con: duckdb.DuckDBPyConnection, context: RunContext, status: Literal["published", "failed"]) -> EndedRun:
    """Write the history `calc.runs` anew, this run as its last: how it ended and what it came to. Returns its line, which the archive is still to get."""
    payouts, totals = 0, "{}"
    if table_exists(con, "marts", "fct_payout") and status == "published":
        payouts, totals = con.execute(_TOTALS).fetchone() or (0, "{}")
    fields = fetch(con, "select * exclude (started_at), (select coalesce(sum(rows_read), 0)::bigint from raw.feed_files) as rows from calc.current_run")[0]
    run = EndedRun(
        **fields,
        started_at=context.started_at,
        finished_at=context.finished_at or dt.datetime.now(dt.UTC),
        engine_versions=engine_versions(),
        payouts=payouts,
        payout_total=totals,
        status=status,
        terms_sha256=keep_terms(context.archive, context.folder),
        arrivals=dict(con.execute("select feed, max(arrival_no) from raw.feed_files group by feed order by feed").fetchall()),
    )
    history = [each.model_dump(include=set(_HISTORY)) for each in [*read_runs(context.archive), run]]
    con.execute(_NO_HISTORY)
    rows = [[_utc(row[name]) if name.endswith("_at") else row[name] for row in history] for name in _HISTORY]
    con.execute(f"insert into calc.runs select {', '.join('unnest(?)' for _ in _HISTORY)}", rows)
    return run


def record_failure(context: RunContext) -> None:
    """Note in the history that this run ended without publishing."""
    with open_warehouse(context) as con:
        if read_run_id(con):
            append_run(context.archive, record_run(con, context, "failed"))


def code_version() -> str:
    """Version of the package and a hash of the code that calculates."""
    root = Path(__file__).resolve().parents[2]
    files = sorted(
        path
        for folder, suffixes in _SOURCES.items()
        for path in (root / folder).rglob("*")
        if path.suffix in suffixes and not _DERIVED.intersection(path.relative_to(root).parts)
    )
    content = "\n".join(f"{path.relative_to(root).as_posix()} {_sha256(path.read_bytes())}" for path in files)
    return f"{package_version()}+{_sha256(content.encode())[:12]}"


@cache
def package_version() -> str:
    """The installed version; from a checkout that is not installed, `unversioned`."""
    try:
        return importlib.metadata.version("tierledger")
    except importlib.metadata.PackageNotFoundError:
        return "unversioned"


@cache
def engine_versions() -> str:
    """The libraries a result depends on, as JSON text."""
    libraries = ("duckdb", "polars", "dbt-core", "dbt-duckdb")
    return json.dumps({"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in libraries}})


_TOTALS = """
    select coalesce(sum(payouts), 0)::bigint, coalesce(json_group_object(currency, total)::varchar, '{}')
    from (select currency, count(*) as payouts, sum(payout)::varchar as total from marts.fct_payout group by currency order by currency)
"""

_CURRENT = """
    create or replace table calc.current_run (
        run_id varchar, started_at timestamp, as_of date, code_version varchar,
        agreements_sha256 varchar, inputs_sha256 varchar, settings_sha256 varchar, ledger_sha256 varchar, write_offs_sha256 varchar
    )
"""

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
    """Hash of what arrived, per feed in order of arrival: the same whether files came one by one or all at once."""
    rows = con.execute("select feed, arrival_no, file_name, sha256, status from raw.feed_files order by all").fetchall()
    return _sha256(json.dumps(rows).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _utc(moment: dt.datetime) -> dt.datetime:
    """UTC without the zone, as TIMESTAMP columns hold it."""
    return moment.astimezone(dt.UTC).replace(tzinfo=None)
