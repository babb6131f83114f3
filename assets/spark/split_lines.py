"""The credited lines and the published lines of payouts, read and written by tasks.

Belongs here: which tasks write and check which lines. Does not belong here: the set that the files become part of (assets/publishing/parquet_set.py), what
must hold of lines (assets/transform/invariants.py).

All lines of a payout are of one participant, so they are in one bucket. Where DuckDB would write a file per quarter, a bucket is a file; the
lines of a book that are one file come from one task, in their order.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from assets.runtime.sql import scan
from assets.spark.session import run_tasks
from assets.spark.split_models import bucket_piece
from assets.spark.stages import bucket_count, bucket_of, opened_stage, plain_task
from assets.spark.tasks import Output
from assets.spark.type_border import from_file, to_file

if TYPE_CHECKING:
    import duckdb

    from assets.runtime.context import RunContext

_MART = "fct_payout_line"
_KEY = ("participant_key",)
_BY = dict.fromkeys(("int_lines_credited", "int_lines_netted", "int_payouts_to_allocate"), _KEY)
#: As publishing sets it for what it writes itself.
_SETTING = "set disabled_optimizers = 'statistics_propagation'"


def list_buckets(con: duckdb.DuckDBPyConnection, context: RunContext) -> tuple[list[str], str]:
    """The parts of a book with parts, and SQL of the part of a payout."""
    buckets = bucket_count(con, context)
    return [f"{number:03}" for number in range(buckets)], f"printf('%03d', {bucket_of(_KEY, buckets)})"


def write_lines(con: duckdb.DuckDBPyConnection, context: RunContext, parts: Sequence[str]) -> dict[str, Path]:
    """Write the lines of these buckets, a file for each that has any, or all lines as one file. Returns a file per name that the set gives it."""
    buckets = bucket_count(con, context)
    units = [[int(part)] for part in parts] if parts else [list(range(buckets))]
    names = [f"{_MART}.{part}" for part in parts] if parts else [_MART]
    with opened_stage(con, context, f"from marts.{_MART}") as stage:
        own = [[*bucket_piece(con, stage, _BY, buckets, numbers), _SETTING] for numbers in units]
        folder = str(context.lines / "published")
        written = stage.run(own, lambda number: [Output(f"from marts.{_MART}", folder, names[number])])
    files = {name: file for name, (file,) in zip(names, written, strict=True)}
    return {name: Path(file.path) for name, file in files.items() if file.rows or not parts}


@contextmanager
def query_lines(con: duckdb.DuckDBPyConnection, context: RunContext, query: str) -> Iterator[str]:
    """SQL of the rows that a query gives over each bucket of credited lines, one bucket after the other. They are there while the block runs."""
    columns = _described(con, query)
    buckets = bucket_count(con, context)
    with _scratch(context) as folder:
        with opened_stage(con, context, query) as stage:
            pieces = [bucket_piece(con, stage, {"int_lines_credited": _KEY}, buckets, [number]) for number in range(buckets)]
            written = stage.run(pieces, lambda _: [Output(f"select {to_file(columns)} from ({query})", str(folder), "rows")])
        yield f"select {from_file(columns)} from {scan([Path(file.path) for files in written for file in files])}"


@contextmanager
def query_files(con: duckdb.DuckDBPyConnection, context: RunContext, paths: Sequence[Path], query: str) -> Iterator[str]:
    """The same over each of these files, which the query reads as `lines`."""
    queries = [f"with lines as (from {scan(path)}) {query}" for path in paths]
    columns = _described(con, queries[0])
    with _scratch(context) as folder:
        written = run_tasks(context, [plain_task(context, [], [Output(f"select {to_file(columns)} from ({each})", str(folder), "rows")]) for each in queries])
        yield f"select {from_file(columns)} from {scan([Path(file.path) for files in written for file in files])}"


def _described(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, str]]:
    return [(str(name), str(kind)) for name, kind, *_ in con.execute(f"describe {query}").fetchall()]


@contextmanager
def _scratch(context: RunContext) -> Iterator[Path]:
    folder = context.lines / "checks"
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
