"""The published tables without rows, as a DuckDB file that is kept: making tables, keys and hundreds of descriptions takes longer than filling small tables.

Belongs here: the file's storage, and keeping it in the cache. Does not belong here: which tables there are, and their rows (assets/publishing/duckdb_file.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from assets.runtime.cache_folder import open_cache, store
from assets.runtime.file_hashes import file_sha256
from assets.runtime.warehouse import transaction
from models.sql_text import literal

#: As old as it can be without costing anything: drivers of BI tools are older than the engine here. Their SQL is that of the views, from 1.4 on.
STORAGE_VERSION = "v1.2.0"
#: Files that stay in the cache: books differ in the columns of partners and products, and in which keys hold.
_KEPT = 50


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


def staged_tables(con: duckdb.DuckDBPyConnection, path: Path, statements: str) -> None:
    """Make the database at `path` with what the statements make in `published`: a copy of one that they made before, or anew."""
    digest = hashlib.sha256(f"{duckdb.__version__}{STORAGE_VERSION}{statements}".encode()).hexdigest()
    folder = open_cache("databases", STORAGE_VERSION)
    for kept in folder.glob(f"{digest}.*.duckdb"):
        if _take(kept, path):
            return
    with attached(con, path), transaction(con):
        con.execute(statements)
    store(folder / f"{digest}.{file_sha256(path)}.duckdb", path.read_bytes())
    with contextlib.suppress(OSError):
        for old in sorted(folder.glob("*.duckdb"), key=lambda each: each.stat().st_mtime)[:-_KEPT]:
            old.unlink(missing_ok=True)


def _take(kept: Path, path: Path) -> bool:
    """Copy the file, unless it is gone or does not have the bytes that its name says."""
    try:
        shutil.copyfile(kept, path)
        os.utime(kept)  # those used last stay
    except OSError:
        return False
    if file_sha256(path) == kept.name.split(".")[1]:
        return True
    path.unlink()
    return False
