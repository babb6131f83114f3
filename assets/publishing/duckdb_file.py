"""The published tables as one DuckDB file.

Belongs here: its tables, keys, descriptions and views, and replacing it in one step. Does not belong here: the Parquet set it is made from
(assets/publishing/parquet_set.py).

Its bytes may differ between two runs on the same inputs, because DuckDB decides how it lays out a file; its rows and types never do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from assets.published.marts import Keys, comment_statements, declared_keys, descriptions, keys_that_hold
from assets.published.reader import files_of, read_manifest
from assets.runtime.durable_files import flush
from assets.runtime.errors import rejection
from assets.runtime.sql import as_pattern, scan
from assets.runtime.warehouse import transaction
from models.sql_text import identifier, literal

#: Tables with more rows than this are views on the set's Parquet files: copying five million payout lines takes longer (2.9 s) than writing their
#: Parquet file (1.9 s). Smaller ones are copies, so that the file can be moved on its own.
COPIED_UP_TO_ROWS = 1_000_000
#: The storage format that DuckDB 1.5 reads.
STORAGE_VERSION = "v1.5.0"
#: The variable that says where `published/` is now, for views in a file that was moved or mounted elsewhere.
FOLDER_VARIABLE = "tierledger"


@contextmanager
def attached(con: duckdb.DuckDBPyConnection, path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The database at `path`, attached as `published` and made if it does not exist. It is one file on disk when the block ends.

    It has no log: each commit would wait for the disk, and a file that was not finished is made anew.
    """
    con.execute(f"attach {literal(path)} as published (storage_version '{STORAGE_VERSION}', recovery_mode 'no_wal_writes')")
    try:
        yield con
        con.execute("checkpoint published")
    finally:
        con.execute("detach published")


def copy_table(con: duckdb.DuckDBPyConnection, table: str, files: list[Path]) -> None:
    """Copy a table into the attached database, with the keys that hold. Only dimensions and payouts get a primary key: its index takes longer than
    the copy and makes the table three times as large."""
    keys = keys_that_hold(con, table, files, declared_keys())
    columns = [
        f"{identifier(name)} {kind}{' not null' if name in keys.not_null else ''}" for name, kind, *_ in con.execute(f"describe from {scan(files)}").fetchall()
    ]
    con.execute(f"create table published.{table} ({', '.join([*columns, *_primary_key(table, keys)])})")
    con.execute(f"insert into published.{table} from {scan(files)}")


def describe_files(con: duckdb.DuckDBPyConnection, published: Path, files: dict[str, list[Path]]) -> None:
    """Add a view on the set's files below `published` for each table that was not copied, and the descriptions of all."""
    describe_tables(con, as_pattern(published), {table: [as_pattern(path.relative_to(published)) for path in paths] for table, paths in files.items()})


def describe_tables(con: duckdb.DuckDBPyConnection, place: str, files: dict[str, list[str]]) -> None:
    """The same for files by their names below `place`, a folder or a URL."""
    described = descriptions()
    copied = {name for (name,) in con.execute("select table_name from duckdb_tables() where database_name = 'published'").fetchall()}
    with transaction(con):
        for table in files:
            if table not in copied:
                con.execute(f"create view published.{table} as from {_scan_of_view(place, files[table])}")
            columns = {name for name, *_ in con.execute(f"describe published.{table}").fetchall()}
            for statement in comment_statements("table" if table in copied else "view", "published", table, described, columns):
                con.execute(statement)


def export_database(published: Path, target: Path) -> dict[str, int]:
    """Write the current set as one DuckDB file that needs no other, whatever the size of its tables. Returns the rows of each table.

    Raises InputError when nothing is published, or `target` cannot be such a file.
    """
    folder, manifest = (published / "current").resolve(), read_manifest(published)
    if manifest is None:
        raise rejection(str(published.parent), "nothing complete is published yet; run `tierledger run` first")
    if target.suffix != ".duckdb":
        raise rejection(str(target), "the name of the file must end in .duckdb")
    if not target.parent.is_dir():
        raise rejection(str(target), f"there is no folder {target.parent}; make it first")
    if target.resolve().is_relative_to(published.resolve()):
        raise rejection(str(target), "published/ belongs to the runs; write the file to another folder")
    staged = target.with_name(f".{target.name}.tmp")
    staged.unlink(missing_ok=True)
    try:
        with duckdb.connect(config={"threads": 2}) as con, attached(con, staged):
            files = files_of(folder, manifest)
            for table in files:
                copy_table(con, table, files[table])
            describe_files(con, published, files)
        replace_file(staged, target)
    finally:
        staged.unlink(missing_ok=True)
    rows: dict[str, int] = manifest["rows"]
    return rows


def replace_file(staged: Path, target: Path) -> None:
    """Put the finished file in place of the old one. Readers of the old one keep it until they close it."""
    staged.chmod(0o444)
    flush(staged)
    os.replace(staged, target)


def _primary_key(table: str, keys: Keys) -> list[str]:
    return [f"primary key ({', '.join(map(identifier, keys.primary))})"] if keys.primary and (table.startswith("dim_") or table == "fct_payout") else []


def _scan_of_view(place: str, files: list[str]) -> str:
    """Files of the set as a table, found below the folder in FOLDER_VARIABLE, or where they were published if that is not set."""
    found = f"coalesce(getvariable('{FOLDER_VARIABLE}'), {literal(place)})"
    inside = [literal(f"/{name}") for name in files]
    return f"read_parquet([{', '.join(f'{found} || {name}' for name in inside)}], hive_partitioning = false)"
