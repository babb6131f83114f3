"""Reading what was published: the tables of one set. The link `current` is resolved once, so that a switch never mixes two sets.

Belongs here: opening a set, and totals over whole tables. Does not belong here: why one payout is what it is (assets/published/explanation.py).
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from assets.runtime.errors import rejection
from assets.runtime.sql import scan
from assets.runtime.versions import code_version
from models.sql_text import identifier

DATABASE = "tierledger.duckdb"
MANIFEST = "tables.json"
_SEAL = "manifest_sha256"
Row = dict[str, Any]


@contextmanager
def open_published(book_folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A private connection with a view per published table. Raises InputError when nothing is published yet."""
    with open_set(book_folder / "published") as con:
        yield con


@contextmanager
def open_set(published: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same for a set outside its book. Raises InputError too where the block asks for what the version that wrote the set did not publish."""
    folder = (published / "current").resolve()
    book = shlex.quote(str(published.parent))
    if not (folder / MANIFEST).is_file():
        raise rejection(str(published.parent), f"nothing is published yet; run `tierledger run --book {book}` first")
    manifest = read_manifest_of(folder)
    if manifest is None:
        raise rejection(str(folder), f"{MANIFEST} is damaged, or a file that it names is missing; `tierledger run --book {book} --force` publishes it again")
    with refusing_other_versions(published), connect_set(folder, manifest) as con:
        yield con


@contextmanager
def connect_set(folder: Path, manifest: Mapping[str, Any]) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same for a set that need not be the current one."""
    con = duckdb.connect(config={"threads": 2})
    try:
        con.execute("set timezone = 'UTC'")
        con.execute("set enable_progress_bar = false")
        con.execute(";".join(f"create view {identifier(table)} as from {scan(files)}" for table, files in files_of(folder, manifest).items()))
        yield con
    finally:
        con.close()


@contextmanager
def refusing_other_versions(published: Path) -> Iterator[None]:
    """Raises InputError where the block asks the current set for what it does not hold, and another version of the program wrote it."""
    try:
        yield
    except (duckdb.BinderException, duckdb.CatalogException):
        _refuse_other_version(published)
        raise


def _refuse_other_version(published: Path) -> None:
    written_by = ((read_manifest(published) or {}).get("run") or {}).get("code_version")
    if written_by != code_version():
        book = shlex.quote(str(published.parent))
        message = f"was written by another version ({written_by}) and lacks what this one reads; `tierledger run --book {book}` writes it anew"
        raise rejection(str(published / "current"), message) from None


def read_manifest(published: Path) -> dict[str, Any] | None:
    """The current set's manifest: `run_id`, `terms`, `rows` per table, `sha256` per file, `run` (models/records/run_history.py).

    None when there is no complete set.
    """
    return read_manifest_of((published / "current").resolve())


def files_of(folder: Path, manifest: Mapping[str, Any]) -> dict[str, list[Path]]:
    """The Parquet files of each table of a set: one, or the parts of the lines of a large book (assets/publishing/line_parts.py)."""
    files: dict[str, list[Path]] = {table: [] for table in manifest["rows"]}
    for path in hashes_of(folder, manifest):
        files[path.name.split(".")[0]].append(path)
    return files


def hashes_of(folder: Path, manifest: Mapping[str, Any]) -> dict[Path, str]:
    """Every Parquet file of a set with the sha256 that it should have. The manifest names files without `.parquet`."""
    return {folder / f"{name}.parquet": sha256 for name, sha256 in manifest["sha256"].items()}


def read_manifest_of(folder: Path) -> dict[str, Any] | None:
    """The same of the set in this folder."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
        is_whole = manifest.pop(_SEAL) == seal_of(manifest)
        return manifest if is_whole and all(path.is_file() for path in hashes_of(folder, manifest)) else None
    except (OSError, ValueError, KeyError, AttributeError):
        return None


def sealed(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with a hash of itself, so that a damaged one is recognised."""
    content = {key: value for key, value in manifest.items() if key != _SEAL}
    return {**content, _SEAL: seal_of(content)}


def seal_of(manifest: Mapping[str, Any]) -> str:
    """The hash of a manifest, which no other set has."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def count_feeds(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """One row per feed: files, and their rows read, loaded, duplicate, superseded, rejected."""
    return fetch(
        con,
        """
        select feed, count(*) filter (status = 'loaded') as files, count(*) filter (status <> 'loaded') as files_not_loaded,
            sum(rows_read)::bigint as rows_read, sum(rows_loaded)::bigint as rows_loaded, sum(rows_duplicate)::bigint as rows_duplicate,
            sum(rows_superseded)::bigint as rows_superseded, sum(rows_rejected)::bigint as rows_rejected,
            sum(rows_ignored)::bigint as rows_ignored
        from audit_feed_file group by feed order by feed = 'transactions' desc, feed
        """,
    )


def sum_agreements(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """One row per agreement and currency: title, direction, how many payouts there are, pay and are blocked, and their total."""
    return fetch(
        con,
        """
        select agreement_id, any_value(title) as title, any_value(p.direction) as direction, p.currency, count(*) as payouts,
            count(*) filter (payout <> 0) as paying, count(*) filter (status = 'blocked') as blocked, coalesce(sum(payout), 0) as total
        from fct_payout p
        left join (select agreement_id, arg_max(title, agreement_version) as title from dim_agreement group by agreement_id) using (agreement_id)
        group by agreement_id, p.currency order by agreement_id, p.currency
        """,
    )


def list_payouts(con: duckdb.DuckDBPyConnection, count: int) -> list[Row]:
    """The largest payouts, the largest first."""
    return fetch(con, "select * from fct_payout order by abs(coalesce(payout_reporting, payout)) desc nulls last, payout_id limit ?", [count])


def fetch(con: duckdb.DuckDBPyConnection, query: str, parameters: list[Any] | dict[str, Any] | None = None) -> list[Row]:
    """The rows of a query as dicts by column name."""
    found = con.execute(query, parameters or [])
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
