"""The published tables as one DuckDB file.

Belongs here: its tables, keys, descriptions and views, and replacing it in one step. Does not belong here: the Parquet set it is made from
(assets/publishing/parquet_set.py).

Its bytes may differ between two runs on the same inputs, because DuckDB decides how it lays out a file; its rows and types never do.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import duckdb

from assets.published.marts import columns_of, comment_statements, declared_keys, descriptions, keys_that_hold, view_statements
from assets.published.reader import files_of, read_manifest
from assets.publishing.empty_database import attached, staged_tables
from assets.runtime.durable_files import flush
from assets.runtime.errors import rejection
from assets.runtime.sql import as_pattern, scan
from assets.runtime.warehouse import transaction
from models.sql_text import identifier, literal

#: Tables with more rows than this are views on the set's Parquet files: copying a table takes about as long as writing its Parquet file did.
#: Smaller ones are copies, so that the file can be moved on its own.
COPIED_UP_TO_ROWS = 200_000
#: The variable that says where `published/` is now, for views in a file that was moved or mounted elsewhere.
FOLDER_VARIABLE = "tierledger"


def copy_tables(con: duckdb.DuckDBPyConnection, database: Path, files: Mapping[str, list[Path]]) -> None:
    """Make the database with these tables, their descriptions and the keys that hold, and the rows of these files."""
    staged_tables(con, database, _statements(con, files))
    with attached(con, database), transaction(con):
        con.execute("".join(f"insert into published.{table} from {scan(paths)};" for table, paths in files.items()))


def _statements(con: duckdb.DuckDBPyConnection, files: Mapping[str, list[Path]]) -> str:
    """What makes the tables. Only dimensions and payouts get a primary key: its index takes longer than the copy and makes the table three times as large."""
    columns, described = {table: columns_of(con, paths) for table, paths in files.items()}, descriptions()
    indexed = {table: replace(keys, primary=keys.primary if _is_indexed(table) else ()) for table, keys in declared_keys().items()}
    keys = keys_that_hold(con, files, columns, indexed)
    statements = []
    for table, types in columns.items():
        defined = [f"{identifier(name)} {kind}{' not null' if name in keys[table].not_null else ''}" for name, kind in types.items()]
        defined += [f"primary key ({', '.join(map(identifier, keys[table].primary))})"] if keys[table].primary else []
        statements.append(f"create table published.{table} ({', '.join(defined)})")
        statements += comment_statements("table", "published", table, described, set(types))
    return ";".join([*statements, *view_statements("published", files)])


def describe_files(con: duckdb.DuckDBPyConnection, published: Path, files: dict[str, list[Path]]) -> None:
    """Add a view on the set's files below `published` for each table that was not copied."""
    describe_tables(con, as_pattern(published), {table: [as_pattern(path.relative_to(published)) for path in paths] for table, paths in files.items()})


def describe_tables(con: duckdb.DuckDBPyConnection, place: str, files: dict[str, list[str]]) -> None:
    """The same for files by their names below `place`, a folder or a URL."""
    found = "select table_name from information_schema.tables where table_catalog = 'published'"
    present = {name for (name,) in con.execute(found).fetchall()}
    with transaction(con):
        for table in files.keys() - present:
            con.execute(f"create view published.{table} as from {_scan_of_view(place, files[table])}")
            columns = con.sql(f"from published.{table}").columns
            con.execute(";".join(comment_statements("view", "published", table, descriptions(), set(columns))))
        for statement in view_statements("published", present | files.keys()):
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
        with duckdb.connect(config={"threads": 2}) as con:
            copy_tables(con, staged, files_of(folder, manifest))
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


def _is_indexed(table: str) -> bool:
    return table.startswith("dim_") or table == "fct_payout"


def _scan_of_view(place: str, files: list[str]) -> str:
    """Files of the set as a table, found below the folder in FOLDER_VARIABLE, or where they were published if that is not set."""
    found = f"coalesce(getvariable('{FOLDER_VARIABLE}'), {literal(place)})"
    inside = [literal(f"/{name}") for name in files]
    return f"read_parquet([{', '.join(f'{found} || {name}' for name in inside)}], hive_partitioning = false)"
