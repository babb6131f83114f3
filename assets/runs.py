"""Which run this is, and the history of runs.

Belongs here: the identity of a run (from what goes in, never from a clock) and the rows behind `audit_run`.
Does not belong here: what a run does (pipelines/steps.py) or where its results go (assets/publishing.py).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.context import RunContext, StepReport
from assets.warehouse import open_warehouse, transaction

if TYPE_CHECKING:
    import duckdb

#: Calculation lives in these places; a change in one of them is another run.
_SOURCES = {"models": (".py",), "assets": (".py",), "dbt_project": (".sql", ".yml", ".csv")}
_DERIVED = {"target", "logs", "dbt_packages", "__pycache__"}


@dataclass(frozen=True)
class RunIdentity:
    """What decides a run's result. Equal identity, equal tables."""

    inputs_sha256: str
    agreements_sha256: str
    settings_sha256: str
    as_of: dt.date
    code_version: str

    @property
    def run_id(self) -> str:
        parts = (self.inputs_sha256, self.agreements_sha256, self.settings_sha256, self.as_of.isoformat(), self.code_version)
        return _sha256("\n".join(parts).encode())[:16]


def identify_run(context: RunContext) -> StepReport:
    """Step after the feeds: name the run by its inputs, in `calc.current_run` (one row; untouched when nothing changed)."""
    with open_warehouse(context.warehouse) as con:
        identity = RunIdentity(_inputs(con), _agreements(context.folder), _settings(context), context.as_of, code_version())
        if read_run_id(con) != identity.run_id:
            _write_current(con, identity, context.started_at)
    return StepReport(figures={"run_id": identity.run_id})


def read_run_id(con: duckdb.DuckDBPyConnection) -> str | None:
    """The run that the warehouse is in, if one has begun."""
    known = con.execute("select 1 from information_schema.tables where table_schema = 'calc' and table_name = 'current_run'").fetchone()
    row = con.execute("select run_id from calc.current_run").fetchone() if known else None
    return row[0] if row else None


def record_run(con: duckdb.DuckDBPyConnection, context: RunContext, status: str) -> None:
    """Add this run to the history `calc.runs` (append-only), with how it ended and what it came to."""
    has_payouts = con.execute("select 1 from information_schema.tables where table_schema = 'marts' and table_name = 'fct_payout'").fetchone()
    payouts, totals = 0, "{}"
    if has_payouts and status == "published":
        payouts, totals = con.execute(_TOTALS).fetchone() or (0, "{}")
    con.execute(
        "insert into calc.runs select run_id, ?, ?, as_of, code_version, agreements_sha256, inputs_sha256, settings_sha256, ?,"
        " (select coalesce(sum(rows_read), 0) from raw.feed_files), ?, ?, ? from calc.current_run",
        [_utc(context.started_at), _utc(dt.datetime.now(dt.UTC)), engine_versions(), payouts, totals, status],
    )


def code_version() -> str:
    """Version of the package and a hash of the code that calculates."""
    root = Path(__file__).resolve().parents[1]
    files = sorted(
        path
        for folder, suffixes in _SOURCES.items()
        for path in (root / folder).rglob("*")
        if path.suffix in suffixes and not _DERIVED.intersection(path.relative_to(root).parts)
    )
    return f"{package_version()}+{_sha256_of_files(root, files)[:12]}"


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
    select coalesce(sum(payouts), 0)::bigint, coalesce(json_group_object(currency, total order by currency)::varchar, '{}')
    from (select currency, count(*) as payouts, sum(payout)::varchar as total from marts.fct_payout group by currency)
"""

_CURRENT = """
    create or replace table calc.current_run (
        run_id varchar, started_at timestamp, as_of date, code_version varchar,
        agreements_sha256 varchar, inputs_sha256 varchar, settings_sha256 varchar
    )
"""

_HISTORY = """
    create table if not exists calc.runs (
        run_id varchar, started_at timestamp, finished_at timestamp, as_of date, code_version varchar,
        agreements_sha256 varchar, inputs_sha256 varchar, settings_sha256 varchar, engine_versions varchar,
        rows bigint, payouts bigint, payout_total varchar, status varchar
    )
"""


def _write_current(con: duckdb.DuckDBPyConnection, identity: RunIdentity, started_at: dt.datetime) -> None:
    with transaction(con):
        con.execute("create schema if not exists calc")
        con.execute(_CURRENT)
        con.execute(_HISTORY)
        con.execute(
            "insert into calc.current_run values (?, ?, ?, ?, ?, ?, ?)",
            [
                identity.run_id,
                _utc(started_at),
                identity.as_of,
                identity.code_version,
                identity.agreements_sha256,
                identity.inputs_sha256,
                identity.settings_sha256,
            ],
        )


def _inputs(con: duckdb.DuckDBPyConnection) -> str:
    """Hash of what arrived, per feed in order of arrival: the same whether files came one by one or all at once."""
    rows = con.execute("select feed, arrival_no, file_name, sha256, status from raw.feed_files order by all").fetchall()
    return _sha256(json.dumps(rows).encode())


def _agreements(folder: Path) -> str:
    files = sorted(path for path in (folder / "agreements").rglob("*") if path.suffix in (".yaml", ".yml"))
    return _sha256_of_files(folder, files)


def _settings(context: RunContext) -> str:
    values: dict[str, Any] = context.book.model_dump(mode="json", exclude={"as_of"})
    return _sha256(json.dumps(values, sort_keys=True).encode())


def _sha256_of_files(root: Path, files: Iterable[Path]) -> str:
    lines = (f"{path.relative_to(root).as_posix()} {_sha256(path.read_bytes())}" for path in files)
    return _sha256("\n".join(lines).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _utc(moment: dt.datetime) -> dt.datetime:
    """UTC without the zone, as TIMESTAMP columns hold it."""
    return moment.astimezone(dt.UTC).replace(tzinfo=None)
