"""Adding to a model of lines: a run that computes what has changed takes rows away and writes new ones, and all other files stay.

Belongs here: which files and buckets such a run touches, replacing their rows. Does not belong here: what has changed (assets/incremental/changed_lines.py),
building a model anew (split_models.py).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assets.runtime.sql import count_rows, scan
from assets.spark.line_models import LineModel
from assets.spark.line_tables import LineFile, files_of, forget_files, register_files, show_table
from assets.spark.stages import bucket_of, opened_stage
from assets.spark.tasks import Output, Written
from assets.spark.type_border import Columns, from_file, to_file

if TYPE_CHECKING:
    import duckdb

    from assets.runtime.context import RunContext

#: Lines that the run before may have credited.
_OLDER = "changes.lines where file_no not in (from changes.files)"
#: A bucket with more files is written as one.
_MOST_FILES = 32


def changed_files(con: duckdb.DuckDBPyConnection) -> set[int]:
    """The numbers of files with lines that are credited anew."""
    return {number for (number,) in con.execute("select distinct file_no from changes.lines").fetchall()}


def changed_buckets(con: duckdb.DuckDBPyConnection, buckets: int) -> list[int]:
    """The buckets with sums that are added up anew."""
    bucket = bucket_of(["participant_key"], buckets)
    return [number for (number,) in con.execute(f"select distinct {bucket} from intermediate.int_measures_changed as lines order by all").fetchall()]


def add_rows(con: duckdb.DuckDBPyConnection, context: RunContext, model: LineModel, columns: Columns, written: Sequence[Written], in_files: bool) -> None:
    """Take away what the model takes away, and add what tasks have written."""
    if in_files:
        rewritten, replaced = _without_taken_away(con, context, model, columns)
        forget_files(con, model.name, replaced)
        register_files(con, model.name, [*rewritten, *(LineFile(file.bucket, Path(file.path), file.rows) for file in written)])
        show_table(con, model.name)
        for file in replaced:
            file.path.unlink(missing_ok=True)
        return
    con.execute(f"delete from {model.name} as kept where {model.taken_away}")
    paths = [Path(file.path) for file in written]
    if paths:
        con.execute(f"insert into {model.name} by name select {from_file(columns)} from {scan(paths)}")
    for path in paths:
        path.unlink()


def _without_taken_away(con: duckdb.DuckDBPyConnection, context: RunContext, model: LineModel, columns: Columns) -> tuple[list[LineFile], list[LineFile]]:
    """New files of the buckets that lose rows or have become many, and the files that these replace."""
    by_bucket: dict[int, list[LineFile]] = {}
    for file in files_of(con, model.name):
        by_bucket.setdefault(file.part, []).append(file)
    many = {bucket for bucket, files in by_bucket.items() if len(files) > _MOST_FILES}
    if not many and not count_rows(con, _OLDER):
        return [], []
    folder = str(context.lines / model.name)
    lost, kept = (f"select * from {model.name} as kept where {condition}" for condition in (model.taken_away, f"not ({model.taken_away})"))
    with opened_stage(con, context, lost) as stage:

        def run(buckets: Collection[int], query: str) -> dict[int, Written]:
            written = stage.run([stage.over(model.name, by_bucket[bucket]) for bucket in buckets], lambda _: [Output(query, folder, "rows")])
            return {bucket: file for bucket, (file,) in zip(buckets, written, strict=True)}

        losing = run([*by_bucket], f"select 1 as is_lost from ({lost}) limit 1")
        touched = [bucket for bucket in by_bucket if losing[bucket].rows or bucket in many]
        rewritten = run(touched, f"select {to_file(columns)} from ({kept})")
    for found in losing.values():
        Path(found.path).unlink()
    files = [LineFile(bucket, Path(file.path), file.rows) for bucket, file in rewritten.items() if file.rows]
    return files, [file for bucket in touched for file in by_bucket[bucket]]
