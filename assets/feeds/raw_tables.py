"""The tables of schema raw: their columns, and the numbering of rows.

Belongs here: DDL of raw.* and what keeps it consistent. Does not belong here: reading and typing of files.
"""

from __future__ import annotations

import duckdb

from assets.incremental.kept_tables import forget_run
from assets.runtime.warehouse import append_rows
from assets.spark.line_tables import line_relations, rewrite_files
from models.feeds.attributes import attribute_column
from models.feeds.columns import FEEDS, SQL_TYPES, Feed
from models.sql_text import identifier

#: Up to so many columns are added one by one. The engine keeps every state of a table until the load commits, so memory would grow with their square.
_MOST_ALTERED = 20
_REGISTERS = """
create schema if not exists raw;
create table if not exists raw.feed_files (file_no integer not null, feed varchar not null, file_name varchar not null, sha256 varchar not null,
    arrival_no integer not null, arrived_at timestamp not null, status varchar not null, reason varchar, rows_read bigint not null);
alter table raw.feed_files add column if not exists lines_outside bigint default 0;
alter table raw.feed_files add column if not exists rows_per_row integer default 1;
alter table raw.feed_files add column if not exists lines_before bigint;
create table if not exists raw.row_lines (feed varchar not null, file_no integer not null, row_no bigint not null, line bigint not null);
create or replace macro raw.line_of_row(row_no, rows_per_row, lines_before, line) as coalesce(line, (row_no - 1) // rows_per_row + 1 + lines_before);
create or replace macro raw.find_line(its_file_no, its_row_no) as (
    select raw.line_of_row(its_row_no, rows_per_row, lines_before,
        (select line from raw.row_lines where row_lines.file_no = its_file_no and row_lines.row_no = its_row_no))
    from raw.feed_files where feed_files.file_no = its_file_no);
create table if not exists raw.ignored_rows (feed varchar not null, file_no integer not null, row_no bigint not null);
create table if not exists raw.rejects (feed varchar not null, file_no integer not null, row_no bigint not null, reason varchar not null,
    column_name varchar, message varchar not null, raw varchar not null);
alter table raw.rejects add column if not exists readable varchar;
create table if not exists raw.feed_keys (feed varchar not null, column_name varchar not null, position integer not null);
create table if not exists raw.corrections (feed varchar not null, file_no integer not null, row_no bigint not null,
    corrects_file varchar not null, corrects_row bigint not null);
create table if not exists raw.declared_totals (feed varchar not null, file_no integer not null, total varchar not null, said varchar not null);
create table if not exists raw.feed_snapshots (feed varchar not null);
alter table raw.feed_snapshots add column if not exists per varchar;
create table if not exists raw.replacing_feeds (feed varchar not null);
create table if not exists raw.feed_columns (feed varchar not null, column_name varchar not null);
create table if not exists raw.attributes (feed varchar not null, position integer not null, name varchar not null, column_name varchar not null);
create table if not exists raw.feed_settings (feed varchar not null, sha256 varchar not null);
create table if not exists raw.landed_files (identity varchar not null, sha256 varchar not null);
"""
_OF_FEED = ("feed_files", "row_lines", "rejects", "ignored_rows", "feed_settings", "feed_columns", "attributes", "corrections", "declared_totals")
_IS_DELETED = "is_deleted boolean default false"


def create_raw_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Create every table of raw that does not exist yet."""
    con.execute(_REGISTERS)
    for feed in (feed for feed in FEEDS.values() if not is_in_files(con, feed)):
        con.execute(f"create table if not exists raw.{feed.name} ({_columns(feed)})")
        con.execute(f"alter table raw.{feed.name} add column if not exists {_IS_DELETED}")


def truncate_feed(con: duckdb.DuckDBPyConnection, feed: Feed) -> None:
    """Delete everything that was loaded for a feed, attributes included."""
    con.execute(f"create or replace table raw.{feed.name} ({_columns(feed)})")
    clear_registers(con, feed)


def clear_registers(con: duckdb.DuckDBPyConnection, feed: Feed) -> None:
    """The same for what is known of its files."""
    forget_run(con)
    for register in _OF_FEED:
        con.execute(f"delete from raw.{register} where feed = ?", [feed.name])


def add_attributes(con: duckdb.DuckDBPyConnection, feed: Feed, names: list[str]) -> None:
    """Add a text column for each attribute that the feed's table does not have yet, under the first name the attribute had."""
    present = {column for (column,) in con.execute("select column_name from raw.attributes where feed = ?", [feed.name]).fetchall()}
    added: dict[str, str] = {}
    for name in names:
        if attribute_column(name) not in present:
            added.setdefault(attribute_column(name), name)
    if is_in_files(con, feed):
        pass  # its columns are those of its files
    elif len(added) > _MOST_ALTERED:
        columns = ", ".join(f"null::varchar as {identifier(column)}" for column in added)
        con.execute(f"create or replace table raw.{feed.name} as select *, {columns} from raw.{feed.name}")
    else:
        for column in added:
            con.execute(f"alter table raw.{feed.name} add column {identifier(column)} varchar")
    append_rows(con, "raw.attributes", [(feed.name, position, name, column) for position, (column, name) in enumerate(added.items(), len(present) + 1)])


def delete_rejected(con: duckdb.DuckDBPyConnection) -> None:
    """Delete rejected rows (negative file_no) from the feeds' tables. raw.rejects holds them.

    Call it after the load has committed: deleting rows in the transaction that wrote them makes the engine write all of them again.
    """
    for feed in FEEDS.values():
        if not is_in_files(con, feed):
            con.execute(f"delete from raw.{feed.name} where file_no < 0")
        elif rejecting := con.execute(f"select distinct -file_no from raw.{feed.name} where file_no < 0").fetchall():
            rewrite_files(con, f"raw.{feed.name}", [number for (number,) in rejecting], "select * from rows_now where file_no > 0")


def number_rows(con: duckdb.DuckDBPyConnection, feed: Feed, order: list[int]) -> dict[int, int]:
    """Number the rows just inserted (`row_no` null) from 1 per file, in the order of the file. Returns the rows read, by file_no.

    `order`: the numbers of the files in the order they were read.

    The engine stores rows in the order they were read, with consecutive rowids. This is checked here. A window function would push the whole load
    through one thread.
    """
    files = con.execute(
        f"select abs(file_no) as file_no, min(rowid), max(rowid), count(*) from raw.{feed.name} where row_no is null group by 1 order by 1"
    ).fetchall()
    if not files:
        return {}
    place = {file_no: i for i, file_no in enumerate(order)}
    stored = [file_no for _, file_no in sorted((first, file_no) for file_no, first, _, _ in files)]
    if any(last - first + 1 != count for _, first, last, count in files) or stored != sorted(stored, key=place.__getitem__):
        raise RuntimeError(f"raw.{feed.name}: the engine did not keep the rows in the order of the files")
    lowest = files[0][0]
    firsts = [0] * (files[-1][0] - lowest + 1)
    for file_no, first, _, _ in files:
        firsts[file_no - lowest] = first
    con.execute(f"update raw.{feed.name} set row_no = rowid - ({firsts}::bigint[])[abs(file_no) - {lowest - 1}] + 1 where row_no is null")
    return {file_no: count for file_no, _, _, count in files}


def is_in_files(con: duckdb.DuckDBPyConnection, feed: Feed) -> bool:
    """Whether the rows of a feed are files (assets/feeds/line_files.py): those of transactions alone may be."""
    return feed.name == "transactions" and f"raw.{feed.name}" in line_relations(con)


def columns_of_feed(feed: Feed) -> list[tuple[str, str]]:
    """Name and type of each column of raw.<feed>, apart from attributes."""
    typed = [(column.name, SQL_TYPES[column.kind].replace(", ", ",").upper()) for column in feed.columns]
    return [("file_no", "INTEGER"), ("row_no", "BIGINT"), *typed, ("is_deleted", "BOOLEAN")]


def _columns(feed: Feed) -> str:
    typed = [f"{identifier(name)} {kind.lower()}" for name, kind in columns_of_feed(feed)]
    return f"{', '.join(typed)} default false"
