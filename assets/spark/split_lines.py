"""The published lines of payouts, written by tasks.

Belongs here: which tasks write which lines. Does not belong here: the set that the files become part of (assets/publishing/parquet_set.py).

All lines of a payout are of one line set and participant, so they are in one bucket. Where DuckDB would write a file per quarter, a bucket is a file; the
lines of a book that are one file come from one task, in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assets.spark.split_models import bucket_piece
from assets.spark.stages import bucket_count, opened_stage
from assets.spark.tasks import Output

if TYPE_CHECKING:
    import duckdb

    from assets.runtime.context import RunContext

_MART = "fct_payout_line"
_LINE_KEY = ("line_set_key", "participant_key")
_PAYOUT_KEY = ("measure_line_set_key", "participant_key")
_BY = {"int_lines_credited": _LINE_KEY, "int_lines_netted": _LINE_KEY, "int_payouts_to_allocate": _PAYOUT_KEY}
#: As publishing sets it for what it writes itself.
_SETTING = "set disabled_optimizers = 'statistics_propagation'"


def write_lines(con: duckdb.DuckDBPyConnection, context: RunContext, parts: Sequence[str]) -> dict[str, Path]:
    """Write the lines of a book with parts, a file per bucket, or all of them as one file. Returns a file per name that the set gives it."""
    buckets = bucket_count(con, context)
    units = [[number] for number in range(buckets)] if parts else [list(range(buckets))]
    names = [f"{_MART}.{number:03}" for number in range(buckets)] if parts else [_MART]
    with opened_stage(con, context, f"from marts.{_MART}") as stage:
        own = [[*bucket_piece(con, stage, _BY, buckets, numbers), _SETTING] for numbers in units]
        folder = str(context.lines / "published")
        written = stage.run(own, lambda number: [Output(f"from marts.{_MART}", folder, names[number])])
    files = {name: file for name, (file,) in zip(names, written, strict=True)}
    filled = {name: Path(file.path) for name, file in files.items() if file.rows}
    return filled or {_MART: Path(files[names[0]].path)}
