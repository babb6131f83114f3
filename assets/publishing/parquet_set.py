"""Publishing: the tables of schema `marts` as a set of Parquet files and as one DuckDB file, switched in one step each.

Belongs here: writing a staged set, checking it, switching, cleaning up. Does not belong here: what the tables hold (dbt_project/models/marts).

    published/runs/<run_id>/*.parquet    one complete set; `tables.json` (rows of each table, hash of each file, the run's line) is written last
    published/current                    link to the newest set; switching it is the last act of a publish
    a store, if book.yaml names one      the same set (assets/publishing/stored_set.py); readers see it there before `current` is switched
    published/openlineage.ndjson         where its columns come from, as events for data catalogues
    published/report                     link to pages for people, if book.yaml wants them; switched right after `current` (assets/report/)
    published/tierledger.duckdb          the same tables for SQL readers from DuckDB 1.4 on
    a schema in PostgreSQL               the same tables, if book.yaml names one; written last, from the set that was switched to
    (assets/publishing/postgres/publish.py)
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.archive.receipts import write_receipt
from assets.archive.run_history import RUNS, append_run
from assets.archive.run_identity import describe_terms, read_run_id, record_run
from assets.archive.stored_archive import shared_log
from assets.incremental.mode import keep_published
from assets.incremental.payout_runs import write_payout_runs
from assets.published.marts import VIEWS
from assets.published.reader import DATABASE, MANIFEST, files_of, hashes_of, read_manifest, sealed
from assets.publishing.attribute_columns import query_of
from assets.publishing.duckdb_file import COPIED_UP_TO_ROWS, copy_tables, describe_files, replace_file
from assets.publishing.empty_database import attached
from assets.publishing.kept_sets import keep_for_readers, remove_older
from assets.publishing.line_parts import LINES, ONE_PART, file_name, find_unchanged_parts, list_parts, remember_payouts, take_over
from assets.publishing.openlineage import FILE as OPENLINEAGE
from assets.publishing.openlineage import write_openlineage
from assets.publishing.postgres.publish import publish_to_postgres
from assets.publishing.stored_set import commit_set
from assets.publishing.transaction_parts import TRANSACTIONS, TransactionPart, find_unchanged_files, list_transaction_parts, remember_transactions
from assets.report.switch import clear_unfinished_reports, switch_report
from assets.runtime.context import CheckFailed, ChecksPassed, RunContext, StepReport
from assets.runtime.durable_files import flush, write_atomically
from assets.runtime.events import log_event
from assets.runtime.file_hashes import file_sha256
from assets.runtime.sql import as_pattern, scan
from assets.runtime.warehouse import open_warehouse, transaction
from assets.spark.line_tables import delete_left_over
from assets.spark.session import remove_spilled
from assets.spark.split_lines import list_buckets, query_files, write_lines
from assets.spark.tasks import PARQUET
from models.sql_text import literal

if TYPE_CHECKING:
    import duckdb

    from models.records.run_history import EndedRun

#: Marts that define the order of their rows.
IN_ORDER = (LINES, "fct_earlier_line", TRANSACTIONS)
#: Sort keys of other large tables, so that equal content gives equal bytes. Small tables are sorted by all columns.
SORTED_BY = {
    "fct_payout": "order by payout_id",
    "fct_achievement": "order by payout_id, period",
    "fct_payout_month": "order by payout_id, period",
    "fct_accrual": "order by payout_id, period, origin_period, is_posted, reason",
    "fct_calculation_step": "order by payout_id, step_no",
    "fct_journal": "order by entry_id, line_no",
}


#: Files of transactions of which fct_transaction, and so audit_line, has other rows than were read.
_EVERY_ROW = """
    with found as (
        select source_sha256, count(*) filter (disposition in ('loaded', 'waiting')) as loaded, count(*) filter (disposition = 'duplicate') as duplicate,
            count(*) filter (disposition = 'superseded') as superseded, count(*) filter (disposition = 'rejected') as rejected
        from {rows} group by source_sha256
    ),
    counted as (
        select sha256 as source_sha256, rows_loaded as loaded, rows_duplicate as duplicate, rows_superseded as superseded, rows_rejected as rejected
        from {files} where feed = 'transactions' and status = 'loaded'
    )
    from ((from found except from counted) union all (from counted except from found)) where loaded + duplicate + superseded + rejected > 0"""


@dataclass(frozen=True, kw_only=True)
class PublishReport(StepReport):
    """The run that readers now see, the size of its set, and how many of its files are those of the set before."""

    run_id: str
    bytes: int
    files: int
    files_linked: int


@dataclass(frozen=True)
class _Part:
    """A file that holds a part of a table, or all of it. `variables`: which rows the mart gives; `before`: the file of the set before that has them, and
    its sha256.
    """

    table: str
    name: str
    variables: dict[str, str | int | None]
    before: tuple[Path, str] | None


@dataclass(frozen=True)
class _File:
    """A file of the set that is being written."""

    table: str
    rows: int
    sha256: str
    is_linked: bool = False


def publish(context: RunContext, checks: ChecksPassed) -> PublishReport:
    """Last step: record the run, write and check a new set, and switch readers to it. If it raises CheckFailed, readers keep the previous set.

    It takes the value that only the checks return, so that nothing is published unchecked.

    Raises PostgresFailed when only PostgreSQL did not get the set. `publish_to_postgres` of a later run catches up.
    """
    published = context.published
    clear_unfinished(published)
    try:
        with open_warehouse(context) as con, transaction(con):
            con.execute("reset force_compression")  # published files should be small
            # a column is declared without nulls where statistics say so, and they depend on what the warehouse held before
            con.execute("set disabled_optimizers = 'statistics_propagation'")
            run_id = read_run_id(con)
            run = record_run(con, context, "published")
            staged = published / "runs" / f"{run_id}.tmp"
            staged.mkdir(parents=True)
            parts, part_of = list_parts(con), "part"
            if parts and context.is_on_spark:
                parts, part_of = list_buckets(con, context)
            of_transactions = list_transaction_parts(con)
            unchanged = find_unchanged_parts(con, published, run, parts, part_of)
            files = _parts_of_transactions(con, context, run, of_transactions)
            if context.is_on_spark:
                by_tasks = partial(_take_over_or_write_by_tasks, con.cursor(), context, staged, parts, unchanged)
                written = _write_set(con, staged, context, files, bool(parts), by_tasks)
            else:
                written = _write_set(con, staged, context, [*_parts_of_lines(parts, unchanged), *files], bool(parts))
            rows = _rows_of_tables(written)
            hashes = {name: file.sha256 for name, file in written.items()}
            manifest = {"run_id": run_id, "terms": describe_terms(context), "rows": rows, "sha256": hashes, "run": run.model_dump(mode="json")}
            if context.proposal:
                manifest["proposal"] = context.proposal
            check_set(con, context, files_of(staged, manifest))
            write_atomically(staged / MANIFEST, json.dumps(sealed(manifest), indent=1).encode())
            remember_payouts(con, manifest, parts)
            remember_transactions(con, manifest, of_transactions)
            target = free_name(published / "runs" / str(run_id))
            staged.rename(target)
            flush(target.parent)
            if context.publishes_database:
                complete_database(con.cursor(), published, files_of(target, manifest), rows)
            report = _build_report(context, target)
            commit_or_remove(context, target, manifest)
            if context.publishes_database:
                replace_database(published)
            else:
                (published / DATABASE).unlink(missing_ok=True)
            switch(published, target)
            append_run(context.archive, run, shared_log(context, RUNS))
            if report is not None:
                switch_report(published, report)
            con.execute("reset disabled_optimizers")
    finally:
        clear_unfinished(published)
    remove_older(published)
    with open_warehouse(context) as con:
        keep_published(con)
        delete_left_over(con)
        write_payout_runs(con, published)
        if context.book.publish.openlineage and not context.only_tables:
            write_openlineage(con, published, context.book.book, run, files_of(target, manifest), rows)
        else:
            (published / OPENLINEAGE).unlink(missing_ok=True)
        write_receipt(con, context, run_id)
    if context.is_on_spark:
        remove_spilled(context)
    publish_to_postgres(context)
    log_event("published", f"Published in {published / 'current'}", folder=published / "current", rows=rows, run=run_id)
    return PublishReport(
        rows=rows,
        run_id=str(run_id),
        bytes=sum(f.stat().st_size for f in target.iterdir()),
        files=len(written),
        files_linked=sum(file.is_linked for file in written.values()),
    )


def _build_report(context: RunContext, target: Path) -> Path | None:
    """The pages of the new set, beside those that readers see, if the book wants them. What they tell as changed is against the set that readers see now."""
    if not context.book.publish.report or context.is_rebuild:
        return None
    from assets.report.write import build_report

    before = context.published / "current"
    return build_report(context, target, before.resolve() if before.exists() else None)


def check_set(con: duckdb.DuckDBPyConnection, context: RunContext, files: dict[str, list[Path]]) -> None:
    """Read the set back: each payout once, its lines add up to it, every row of every file. Raises CheckFailed with the first offending rows."""
    payouts = scan(files["fct_payout"])
    if TRANSACTIONS in files:
        every_row = _EVERY_ROW.format(rows=scan(files[TRANSACTIONS]), files=scan(files["audit_feed_file"]))
        _must_be_empty(con, "every_row_of_every_file_is_published", every_row)
    _must_be_empty(con, "each_payout_is_published_once", f"select payout_id, count(*) as times from {payouts} group by payout_id having count(*) > 1")
    if LINES not in files:
        return
    added = "select payout_id, sum(line_payout) as lines from lines group by payout_id"
    whole = f"with lines as (from {scan(files[LINES])}) {added}"
    with query_files(con, context, files[LINES], added) if context.is_on_spark else nullcontext(whole) as sums:
        _must_be_empty(
            con,
            "published_lines_add_up_to_payouts",
            f"""
            with added as (select payout_id, sum(lines) as lines from ({sums}) group by payout_id)
            select payout_id, payout, lines from {payouts} full join added using (payout_id)
            where coalesce(payout, 0) <> coalesce(lines, 0) or (payout is null and lines is not null)
            """,
        )


def clear_unfinished(published: Path) -> None:
    """Remove what a stopped run left next to the published sets."""
    for path in (published / "runs").glob("*.tmp"):
        shutil.rmtree(path)
    for path in published.glob(".*.tmp*"):
        path.unlink()
    clear_unfinished_reports(published)


def _write_set(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    context: RunContext,
    parts: list[_Part],
    are_lines_in_parts: bool,
    write_on_spark: Callable[[], dict[str, _File]] | None = None,
) -> dict[str, _File]:
    """Write one Parquet file per table of schema `marts`, or its `parts`, and the copies for tierledger.duckdb. Returns the files by name.

    Facts are written two at a time on their own cursors. The lines come first, because they take as long as all others together. `con` writes the rest,
    because only it sees the run just recorded. Small tables are copied while lines in parts are still being written.
    """
    found = con.execute("select table_name from information_schema.tables where table_schema = 'marts' order by all").fetchall()
    tables = [table for (table,) in found if table not in VIEWS]
    missing = {"fct_payout", LINES} - set(tables)
    if missing:
        raise CheckFailed("all_tables_are_there", f"schema marts has no {', '.join(sorted(missing))}")
    if context.tables is not None:
        tables = [table for table in tables if table in context.tables]
    parts = [part for part in parts if part.table in tables]
    apart = {LINES, *(part.table for part in parts)}
    facts = sorted((table for table in tables if table.startswith("fct_") and table not in apart), reverse=True)
    files: dict[str, _File] = {}
    with ThreadPoolExecutor(max_workers=2) as pool:
        on_spark = pool.submit(write_on_spark) if write_on_spark else None
        in_parts = {part.name: pool.submit(_take_over_or_write, con.cursor(), folder, part) for part in parts}
        writing = {table: pool.submit(_write_file, con.cursor(), folder, table, table) for table in facts}
        for done, table in enumerate([table for table in tables if table not in {*facts, *apart}] + facts):
            context.progress("publish", done, len(tables) + 1)
            files[table] = writing[table].result() if table in writing else _write_file(con, folder, table, table)
        if are_lines_in_parts:
            _copy_small(con, context, folder, files)
        files |= on_spark.result() if on_spark else {}
        files |= {name: file.result() for name, file in in_parts.items()}
    if not are_lines_in_parts:
        _copy_small(con, context, folder, files)
    _must_be_complete(con, folder, files)
    return dict(sorted(files.items()))


def _copy_small(con: duckdb.DuckDBPyConnection, context: RunContext, folder: Path, files: dict[str, _File]) -> None:
    """Copy the tables that are small enough into the next tierledger.duckdb, if the book wants one."""
    if context.publishes_database:
        small = [table for table, rows in _rows_of_tables(files).items() if rows <= COPIED_UP_TO_ROWS]
        paths = {table: [folder / f"{name}.parquet" for name, file in files.items() if file.table == table] for table in small}
        copy_tables(con.cursor(), staged_database(context.published), paths)


def _must_be_complete(con: duckdb.DuckDBPyConnection, folder: Path, files: dict[str, _File]) -> None:
    """Read how many rows the files hold. One query for all: that of a small file takes longer than its copy."""
    paths = [as_pattern(folder / f"{name}.parquet") for name in files]
    found = {Path(path).stem: rows for path, rows in con.execute("select file_name, num_rows from parquet_file_metadata(?)", [paths]).fetchall()}
    for name, file in files.items():
        if found.get(name) != file.rows:
            raise CheckFailed("the_copy_is_complete", f"{name}.parquet holds {found.get(name)} of {file.rows} rows")


def _parts_of_lines(parts: list[str], unchanged: dict[str, tuple[Path, str]]) -> list[_Part]:
    return [_Part(LINES, file_name(part), {"payout_part": part or None}, unchanged.get(part)) for part in parts or [ONE_PART]]


def _parts_of_transactions(con: duckdb.DuckDBPyConnection, context: RunContext, run: EndedRun, parts: list[TransactionPart]) -> list[_Part]:
    before = read_manifest(context.published)
    unchanged = set() if context.full else find_unchanged_files(con, before, run, parts)
    files = {path.stem: (path, sha256) for path, sha256 in hashes_of((context.published / "current").resolve(), before).items()} if before else {}
    return [
        _Part(TRANSACTIONS, part.name, {"first_file": part.first_file, "last_file": part.last_file}, files.get(part.name) if part.name in unchanged else None)
        for part in parts
    ]


def _take_over_or_write(con: duckdb.DuckDBPyConnection, folder: Path, part: _Part) -> _File:
    path = folder / f"{part.name}.parquet"
    if part.before and take_over(*part.before, path):
        return _File(part.table, _count(con, path), part.before[1], is_linked=True)
    for name, value in part.variables.items():  # of this cursor alone
        con.execute(f"set variable {name} = ?", [value])
    return _write_file(con, folder, part.table, part.name)


def _take_over_or_write_by_tasks(
    con: duckdb.DuckDBPyConnection, context: RunContext, folder: Path, parts: list[str], unchanged: dict[str, tuple[Path, str]]
) -> dict[str, _File]:
    """The files of the lines: those of the set before, and what tasks of Spark write. A bucket without lines has no file."""
    files = {}
    for part, before in unchanged.items():
        path = folder / f"{file_name(part)}.parquet"
        if take_over(*before, path):
            files[file_name(part)] = _File(LINES, _count(con, path), before[1], is_linked=True)
    todo = [part for part in parts if file_name(part) not in files]
    for name, written in write_lines(con, context, todo).items() if todo or not parts else ():
        path = folder / f"{name}.parquet"
        shutil.move(written, path)
        flush(path)
        files[name] = _File(LINES, _count(con, path), file_sha256(path))
    return files


def _write_file(con: duckdb.DuckDBPyConnection, folder: Path, table: str, name: str) -> _File:
    path = folder / f"{name}.parquet"
    order = "" if table in IN_ORDER else SORTED_BY.get(table, "order by all")
    written = con.execute(f"copy ({query_of(con, table)} {order}) to {literal(path)} ({PARQUET})").fetchall()[0][0]
    flush(path)
    return _File(table, int(written), file_sha256(path))


def _count(con: duckdb.DuckDBPyConnection, path: Path) -> int:
    return int(con.execute(f"select count(*) from {scan(path)}").fetchall()[0][0])


def _rows_of_tables(files: dict[str, _File]) -> dict[str, int]:
    rows: Counter[str] = Counter()
    for file in files.values():
        rows[file.table] += file.rows
    return dict(rows)


def commit_or_remove(context: RunContext, target: Path, manifest: dict[str, Any]) -> None:
    """Publish the set to the book's store, if it has one. If that fails, the folder keeps the set before, and nothing of this one."""
    database = staged_database(context.published)
    try:
        commit_set(context, target, manifest, database if database.is_file() else None)
    except BaseException:
        shutil.rmtree(target)
        raise


def staged_database(published: Path) -> Path:
    return published / f".{DATABASE}.tmp"


def complete_database(con: duckdb.DuckDBPyConnection, published: Path, files: dict[str, list[Path]], rows: dict[str, int]) -> None:
    """Add to the next tierledger.duckdb what is not copied into it."""
    if any(rows[table] > COPIED_UP_TO_ROWS or len(paths) > 1 for table, paths in files.items()):
        with attached(con, staged_database(published)):
            describe_files(con, published, files)


def replace_database(published: Path) -> None:
    """Put the next tierledger.duckdb in place of the old one, which stays in its set's folder for as long as a reader has it open."""
    keep_for_readers(published)
    replace_file(staged_database(published), published / DATABASE)


def free_name(target: Path) -> Path:
    """A repeated run (`--force`) gets its own folder, because readers may be using the first."""
    names = (target.with_name(f"{target.name}.{n}") for n in itertools.count(2))
    return next(path for path in itertools.chain([target], names) if not path.exists())


def switch(published: Path, target: Path) -> None:
    """Point `current` to the new set in one step."""
    link = published / ".current.tmp"
    link.symlink_to(target.relative_to(published))
    os.replace(link, published / "current")
    flush(published)


def _must_be_empty(con: duckdb.DuckDBPyConnection, check: str, query: str) -> None:
    found = con.execute(f"{query} order by all limit 5")
    names = [column[0] for column in found.description or ()]
    rows = found.fetchall()
    if rows:
        raise CheckFailed(check, "; ".join(", ".join(f"{n}={v}" for n, v in zip(names, row, strict=True)) for row in rows))
