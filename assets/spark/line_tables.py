"""Tables of lines that are Parquet files, and the views by which the warehouse reads them.

Belongs here: which files make up which table, and views over exactly these. Does not belong here: writing the files (tasks.py), types in them (type_border.py).

    <book>/warehouse.lines/<schema>.<table>/*.parquet    files of a table; one that is not registered is left over from a run that stopped
    spark.line_files                                     relation, part (a file number or a bucket), name below warehouse.lines, rows
    spark.line_columns                                   name and type of each column, in order
    spark.driver_views                                   views over lines that the driver alone may read, because a piece of the lines is not enough
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assets.runtime.sql import scan, table_exists
from assets.runtime.warehouse import append_rows
from assets.spark.tasks import PARQUET
from assets.spark.type_border import Columns, from_file, no_rows, to_file
from models.sql_text import literal

if TYPE_CHECKING:
    import duckdb

_REGISTERS = """
    create schema if not exists spark;
    create table if not exists spark.line_files (relation varchar not null, part integer not null, name varchar not null, rows bigint not null,
        width integer not null);
    create table if not exists spark.line_columns (relation varchar not null, position integer not null, name varchar not null, type varchar not null);
    create table if not exists spark.driver_views (relation varchar not null);"""


@dataclass(frozen=True)
class LineFile:
    """A file of a table. `part`: the number of the file that its rows come from, or their bucket. `width`: its columns, where the table had fewer then."""

    part: int
    path: Path
    rows: int
    width: int | None = None


def lines_folder(con: duckdb.DuckDBPyConnection) -> Path:
    """Where the files of a warehouse are: beside it, so that they move with it."""
    return Path(con.execute("select path from duckdb_databases() where database_name = current_database()").fetchall()[0][0]).with_suffix(".lines")


def create_registers(con: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that say which files there are."""
    con.execute(_REGISTERS)


def line_relations(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The tables that are files, as schema.table."""
    if not table_exists(con, "spark", "line_columns"):
        return []
    return [name for (name,) in con.execute("select distinct relation from spark.line_columns order by all").fetchall()]


def driver_views(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The views over lines that the driver alone may read."""
    return [name for (name,) in con.execute("select relation from spark.driver_views").fetchall()]


def note_driver_view(con: duckdb.DuckDBPyConnection, relation: str, is_one: bool) -> None:
    """Enter a view as one of these, or remove it."""
    con.execute("delete from spark.driver_views where relation = ?", [relation])
    if is_one:
        con.execute("insert into spark.driver_views values (?)", [relation])


def files_of(con: duckdb.DuckDBPyConnection, relation: str) -> list[LineFile]:
    """The files of a table in order."""
    rows = con.execute("select part, name, rows, width from spark.line_files where relation = ? order by part, name", [relation]).fetchall()
    folder = lines_folder(con)
    return [LineFile(part, folder / name, count, width) for part, name, count, width in rows]


def columns_of(con: duckdb.DuckDBPyConnection, relation: str) -> list[tuple[str, str]]:
    """Name and type of each column of a table."""
    return con.execute("select name, type from spark.line_columns where relation = ? order by position", [relation]).fetchall()


def register_columns(con: duckdb.DuckDBPyConnection, relation: str, columns: Columns) -> None:
    """Enter the columns of a table, in place of those it had."""
    con.execute("delete from spark.line_columns where relation = ?", [relation])
    append_rows(con, "spark.line_columns", [(relation, position, name, kind) for position, (name, kind) in enumerate(columns)])


def register_files(con: duckdb.DuckDBPyConnection, relation: str, files: Sequence[LineFile]) -> None:
    """Enter files of a table."""
    folder, width = lines_folder(con), len(columns_of(con, relation))
    append_rows(con, "spark.line_files", [(relation, file.part, str(file.path.relative_to(folder)), file.rows, width) for file in files])


def forget_files(con: duckdb.DuckDBPyConnection, relation: str, files: Sequence[LineFile]) -> None:
    """Remove files of a table from the register; they are left over then."""
    folder = lines_folder(con)
    names = [str(file.path.relative_to(folder)) for file in files]
    con.execute("delete from spark.line_files where relation = ? and list_contains(?, name)", [relation, names])


def forget_table(con: duckdb.DuckDBPyConnection, relation: str) -> None:
    """Remove a table from the registers; its files are left over then."""
    con.execute("delete from spark.line_files where relation = ?", [relation])
    con.execute("delete from spark.line_columns where relation = ?", [relation])


def show_table(con: duckdb.DuckDBPyConnection, relation: str) -> None:
    """Let the warehouse read the table as it is registered."""
    con.execute(make_view(relation, columns_of(con, relation), files_of(con, relation)))


def make_view(relation: str, columns: Columns, files: Sequence[LineFile]) -> str:
    """The statement that makes a view over these files, with the declared types. Files that were written before a column was added have nothing in it."""
    is_ragged = any(file.width is not None and file.width < len(columns) for file in files)
    rows = scan([file.path for file in files], *(["union_by_name = true"] if is_ragged else [])) if files else ""
    return f"create or replace view {relation} as {f'select {from_file(columns)} from {rows}' if files else no_rows(columns)}"


def show_tables(con: duckdb.DuckDBPyConnection, needed: str) -> Path | None:
    """Let the warehouse read all its tables as they are registered, wherever the book is now and whatever a run that was stopped has left.

    Returns a file of the needed table that is gone. Another table with files that are gone is made anew by the run, and is forgotten.
    """
    for relation in line_relations(con):
        gone = missing_files(con, relation)
        if not gone:
            drop_relation(con, relation)
            show_table(con, relation)
        elif relation == needed:
            return gone[0]
        else:
            drop_relation(con, relation)
            forget_table(con, relation)
    return None


@contextmanager
def without_lines(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """In the block the tables of lines have no rows. They are tables, so that a model that adds to one can be built."""
    relations = line_relations(con)
    try:
        for relation in relations:
            drop_relation(con, relation)
            con.execute(f"create table {relation} as {no_rows(columns_of(con, relation))}")
        yield
    finally:
        for relation in relations:
            drop_relation(con, relation)
            show_table(con, relation)


def missing_files(con: duckdb.DuckDBPyConnection, relation: str) -> list[Path]:
    """Files of a table that are gone or were cut off: somebody has been in the folder."""
    return [file.path for file in files_of(con, relation) if not file.path.is_file() or file.path.stat().st_size == 0]


def delete_left_over(con: duckdb.DuckDBPyConnection) -> None:
    """Delete files that no table has: of a run that stopped, of tasks that were run twice, of tables that were replaced."""
    lines = lines_folder(con)
    known = {name for (name,) in con.execute("select name from spark.line_files").fetchall()} if table_exists(con, "spark", "line_files") else set()
    for folder, _, names in os.walk(lines, topdown=False):
        for name in names:
            path = Path(folder, name)
            if str(path.relative_to(lines)) not in known:
                path.unlink(missing_ok=True)
        if not os.listdir(folder):
            os.rmdir(folder)


def drop_relation(con: duckdb.DuckDBPyConnection, relation: str) -> None:
    """Drop a table or a view of that name."""
    schema, table = relation.split(".")
    found = con.execute("select table_type from information_schema.tables where table_schema = ? and table_name = ?", [schema, table]).fetchall()
    for (kind,) in found:
        con.execute(f"drop {'view' if kind == 'VIEW' else 'table'} {relation}")


def rewrite_files(con: duckdb.DuckDBPyConnection, relation: str, parts: Sequence[int], query: str) -> None:
    """Replace the rows of the files of these parts by those of a query over `rows_now`. Their order stays."""
    columns = columns_of(con, relation)
    for file in files_of(con, relation):
        if file.part in parts:
            path = file.path.with_name(f"{file.part}-{uuid.uuid4().hex[:12]}.parquet")
            rows = f"with rows_now as (select {from_file(columns)} from {scan(file.path)}) select {to_file(columns)} from ({query})"
            count = con.execute(f"copy ({rows}) to {literal(path)} ({PARQUET})").fetchall()[0][0]
            forget_files(con, relation, [file])
            register_files(con, relation, [LineFile(file.part, path, count)])
    show_table(con, relation)
