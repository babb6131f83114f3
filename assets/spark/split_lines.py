"""The published lines of payouts, written by tasks.

Belongs here: which tasks write which lines. Does not belong here: the set that the files become part of (assets/publishing/parquet_set.py), which part of a
large book a payout is in (dbt_project).

All lines of a payout are of one line set and participant, so they are in one bucket. The lines of a book that are one file come from one task, in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assets.spark.split_models import bucket_piece
from assets.spark.stages import bucket_count, bucket_of, opened_stage
from assets.spark.tasks import Output
from models.sql_text import literal

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
    """Write the lines of these parts, or all of them as one file. Returns a file per name that the set gives it."""
    buckets = bucket_count(con, context)
    if not parts:
        units: list[tuple[str | None, list[int]]] = [(None, list(range(buckets)))]
    else:
        rows = con.execute(f"""
            select part, {bucket_of(_PAYOUT_KEY, buckets)}::integer from intermediate.int_payouts_to_allocate
            group by all order by sum(line_count) desc, 1, 2""").fetchall()
        units = [(part, [bucket]) for part, bucket in rows]
    names = [_MART if part is None else f"{_MART}.{part}.{numbers[0]:03}" for part, numbers in units]
    with opened_stage(con, context, f"from marts.{_MART}") as stage:
        own = [
            [*bucket_piece(con, stage, _BY, buckets, numbers), f"set variable payout_part = {literal(part) if part else 'null'}", _SETTING]
            for part, numbers in units
        ]
        outputs = [Output(f"from marts.{_MART}", str(context.lines / "published"), name) for name in names]
        written = stage.run(own, lambda number: [outputs[number]])
    files = {name: file for name, (file,) in zip(names, written, strict=True)}
    filled = {name: Path(file.path) for name, file in files.items() if file.rows}
    return filled or {_MART: Path(files[names[0]].path)}
