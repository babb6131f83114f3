"""Reading what was published: the tables of one set. The link `current` is resolved once, so that a switch never mixes two sets.

Belongs here: opening a set, and totals over whole tables. Does not belong here: why one payout is what it is (assets/published/explanation.py).
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from assets.runtime.sql import scan
from assets.runtime.versions import code_version
from models.documents import InputError, Problem
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
    if not (folder / MANIFEST).is_file():
        message = f"nothing is published yet; run `tierledger run --book {shlex.quote(str(published.parent))}` first"
        raise InputError([Problem(str(published.parent), 0, "", message)])
    con = duckdb.connect(config={"threads": 2})
    try:
        con.execute("set timezone = 'UTC'")
        con.execute("set enable_progress_bar = false")
        con.execute(";".join(f"create view {identifier(path.stem)} as from {scan(path)}" for path in sorted(folder.glob("*.parquet"))))
        yield con
    except (duckdb.BinderException, duckdb.CatalogException):
        _refuse_other_version(published)
        raise
    finally:
        con.close()


def _refuse_other_version(published: Path) -> None:
    """Raise InputError if another version of the program wrote the set."""
    written_by = ((read_manifest(published) or {}).get("run") or {}).get("code_version")
    if written_by != code_version():
        book = shlex.quote(str(published.parent))
        message = f"was written by another version ({written_by}) and lacks what this one reads; `tierledger run --book {book}` writes it anew"
        raise InputError([Problem(str(published / "current"), 0, "", message)]) from None


def read_manifest(published: Path) -> dict[str, Any] | None:
    """The current set's manifest: `run_id`, `terms`, `rows` and `sha256` per table, `run` (models/records/run_history.py).

    None when there is no complete set.
    """
    current = (published / "current").resolve()
    try:
        manifest: dict[str, Any] = json.loads((current / MANIFEST).read_bytes())
        is_complete = manifest.pop(_SEAL) == _seal(manifest)
    except (OSError, ValueError, KeyError, AttributeError):
        return None
    return manifest if is_complete and all((current / f"{table}.parquet").is_file() for table in manifest["rows"]) else None


def sealed(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with a hash of itself, so that a damaged one is recognised."""
    content = {key: value for key, value in manifest.items() if key != _SEAL}
    return {**content, _SEAL: _seal(content)}


def _seal(manifest: dict[str, Any]) -> str:
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
