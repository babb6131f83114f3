"""The feed of transactions as files: on Spark its rows are typed by tasks, a file at a time, and stay Parquet files that raw.transactions is a view of.

Belongs here: what differs from a table in loading: typing, adding columns, rejecting and numbering rows that were typed. Does not belong here: what a
value must look like (assets/feeds/typing_sql.py), the registers of files (assets/spark/line_tables.py).

All other feeds are small, and tables of the warehouse on every engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assets.feeds.batches import Batch
from assets.feeds.raw_tables import clear_registers, columns_of_feed, truncate_feed
from assets.feeds.typing_sql import select_rows
from assets.spark.line_tables import (
    LineFile,
    create_registers,
    drop_relation,
    forget_table,
    line_relations,
    missing_files,
    register_columns,
    register_files,
    show_table,
)
from assets.spark.session import run_tasks
from assets.spark.stages import TRANSACTIONS, plain_task
from assets.spark.tasks import Output
from models.feeds.columns import FEEDS
from models.sql_text import identifier

if TYPE_CHECKING:
    import duckdb

    from assets.feeds.sources import Load
    from assets.runtime.context import RunContext

LINES = FEEDS["transactions"]


def settle_engine(con: duckdb.DuckDBPyConnection, context: RunContext) -> None:
    """Have raw.transactions as the engine of the run keeps it. Where another engine made it, or files are gone, the feed is loaded again from the archive."""
    is_in_files = TRANSACTIONS in line_relations(con)
    if context.is_on_spark:
        create_registers(con)
        if not is_in_files or missing_files(con, TRANSACTIONS):
            drop_relation(con, TRANSACTIONS)
            empty_files(con)
        show_table(con, TRANSACTIONS)  # the book may have moved
    elif is_in_files:
        for relation in line_relations(con):
            drop_relation(con, relation)
        con.execute("drop schema spark cascade")
        truncate_feed(con, LINES)


def empty_files(con: duckdb.DuckDBPyConnection) -> None:
    """Forget everything that was loaded, attributes included."""
    clear_registers(con, LINES)
    forget_table(con, TRANSACTIONS)
    register_columns(con, TRANSACTIONS, columns_of_feed(LINES))
    show_table(con, TRANSACTIONS)


def insert_rows(load: Load, batches: Sequence[Batch], key: Sequence[str]) -> tuple[dict[int, int], set[int]]:
    """Type the rows of every batch by tasks, rejected ones with a negative file_no. Returns how many each file has, and the files that repeat a key."""
    con, context = load.con, load.context
    attributes = con.execute("select column_name from raw.attributes where feed = ? order by position", [LINES.name]).fetchall()
    columns = [*columns_of_feed(LINES), *((name, "VARCHAR") for (name,) in attributes)]
    tasks = [plain_task(context, [], [_output(context, batch, number, columns, key)]) for batch in batches for number in range(len(batch.sources))]
    file_numbers = [source.file_no for batch in batches for source in batch.sources]
    written = [files[0] for files in run_tasks(context, tasks)]
    register_columns(con, TRANSACTIONS, columns)
    register_files(con, TRANSACTIONS, [LineFile(number, Path(file.path), file.rows) for number, file in zip(file_numbers, written, strict=True)])
    show_table(con, TRANSACTIONS)
    return (
        {number: file.rows for number, file in zip(file_numbers, written, strict=True)},
        {number for number, file in zip(file_numbers, written, strict=True) if file.facts[0]},
    )


def _output(context: RunContext, batch: Batch, number: int, columns: Sequence[tuple[str, str]], key: Sequence[str]) -> Output:
    """The typed rows of one file, in its order."""
    source = batch.sources[number]
    rows = select_rows(batch.mapped, batch.defaults, batch.facts, batch.relation([source]), batch.rules, batch.deletion)
    present = {"file_no", "row_no", "is_deleted", *(m.target for m in batch.mapped)}
    stored = ", ".join(
        f"cast({'file_no' if name == 'file_no' else identifier(name) if name in present else 'null'} as {kind}) as {identifier(name)}" for name, kind in columns
    )
    repeated = f"select count(*) from (select 1 from written where file_no > 0 group by hash({', '.join(map(identifier, key))}) having count(*) > 1)"
    return Output(
        f"select {stored} from (select *, row_number() over () as row_no from ({rows}))",
        str(context.lines / TRANSACTIONS),
        f"{source.file_no}",
        facts=repeated if key else "select 0",
    )
