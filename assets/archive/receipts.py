"""Receipts: what the book held when its last run ended, and whether it still does.

Belongs here: writing archive/receipt.json, comparing warehouse and archive with it before a run, discarding a damaged warehouse. Does not belong here:
its shape (models/records/receipt.py), the manifest (assets/archive/manifest.py), proving the whole book (assets/verification/verify.py).

    receipts.loads          one row per load that changed the warehouse's contents; committed with the load
    archive/receipt.json    the last of these rows, written after the checkpoint that follows: never more than the warehouse has

So a warehouse may be ahead of its receipt (after a crash between the two) but never behind it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from assets.archive.manifest import MANIFEST, read_manifest
from assets.archive.run_history import RECEIPT, RUNS, read_receipt
from assets.ledger.folder import read_heads
from assets.runtime.context import RunContext
from assets.runtime.durable_files import flush, write_atomically
from assets.runtime.file_hashes import file_sha256
from assets.runtime.machine_errors import damaged, is_damage
from assets.runtime.sql import table_exists
from assets.runtime.warehouse import open_warehouse
from assets.spark.line_tables import show_tables
from models.documents import InputError, Problem
from models.feeds.columns import FEEDS
from models.records.chain import NO_HASH
from models.records.receipt import PLACE, Contents, FilePrefix, Receipt, as_bytes, hash_contents

if TYPE_CHECKING:
    from assets.archive.manifest import Arrival

#: Append-only files of the archive.
_APPEND_ONLY = (MANIFEST, RUNS)
_LOADS = "create schema if not exists receipts; create table if not exists receipts.loads (load_no bigint not null, sha256 varchar not null)"
REBUILT = "warehouse.duckdb was rebuilt from the archive"
REBUILT_MISSING = "warehouse.duckdb was missing; it was rebuilt from the archive, and nothing is lost"


@contextmanager
def checked_book(context: RunContext, rebuild: bool = False) -> Iterator[list[str]]:
    """Compare warehouse and archive with the last receipt, before the first step of every run. Yields warnings.

    A warehouse that is whole stays open in the block, because opening it again takes a tenth of a run with nothing new.

    The run rebuilds a warehouse that is missing or was never complete, and with `rebuild` any warehouse. Raises InputError when the warehouse
    holds less than it did or cannot be read, and when a file of the archive is missing or was changed.
    """
    with ExitStack() as opened:
        yield _check_book(context, rebuild, opened)


def _check_book(context: RunContext, rebuild: bool, opened: ExitStack) -> list[str]:
    if context.is_rebuild:
        return []
    try:
        receipt = _read_or_none(context.archive) if rebuild else read_receipt(context.archive)
    except InputError as error:
        raise damaged(context.folder, str(error)) from None
    _check_archive(context.archive, receipt, are_copies=context.book.storage.archive is not None)
    if rebuild or not context.warehouse.exists():
        had_one = receipt is not None and receipt.contents is not None
        _remove_warehouse(context, receipt)
        return [REBUILT] if rebuild else [REBUILT_MISSING] if had_one else []
    try:
        con = opened.enter_context(open_warehouse(context))
        if gone := show_tables(con, "raw.transactions"):
            raise damaged(context.folder, f"{gone.relative_to(context.folder)} is gone")
        _check_warehouse(context, con, receipt)
    except duckdb.Error as error:
        opened.close()
        if not is_damage(error):
            raise
        if not _was_ever_loaded(context.archive, receipt):
            _remove_warehouse(context, receipt)
            return []
        raise damaged(context.folder, str(error)) from error
    return []


def warehouse_is_whole(context: RunContext, archive: Path) -> bool:
    """Whether the warehouse, a copy, holds what the receipt in `archive` says."""
    try:
        receipt = read_receipt(archive)
        with open_warehouse(context) as con:
            _check_warehouse(context, con, receipt)
        return receipt is not None and receipt.contents is not None
    except (InputError, duckdb.Error):
        return False


def _was_ever_loaded(archive: Path, receipt: Receipt | None) -> bool:
    """Whether a load was ever completed. It was not if a run died, or ran out of space, while it created the file."""
    return receipt.contents is not None if receipt else (archive / MANIFEST).exists()


def _remove_warehouse(context: RunContext, receipt: Receipt | None) -> None:
    """Delete the warehouse. The receipt is emptied first, so that a crash at any moment leaves a book that runs."""
    if receipt is None or receipt.contents:
        context.archive.mkdir(exist_ok=True)
        _write(context.archive, (receipt or Receipt()).model_copy(update={"contents": None, "load_no": 0, "load_sha256": NO_HASH}))
    for path in (context.warehouse, context.warehouse.with_name(context.warehouse.name + ".wal")):
        path.unlink(missing_ok=True)
    flush(context.folder)


def _read_or_none(archive: Path) -> Receipt | None:
    """The receipt, or None if there is none that can be read."""
    try:
        return read_receipt(archive)
    except InputError:
        return None


def enter_load(con: duckdb.DuckDBPyConnection, context: RunContext) -> None:
    """Record what the warehouse now holds, in the transaction of the load. Does nothing if that has not changed."""
    con.execute(_LOADS)
    if not context.is_rebuild and read_receipt(context.archive) is None:
        context.archive.mkdir(exist_ok=True)
        _write(context.archive, Receipt())  # from now on, a missing receipt is an error
    found = hash_contents(read_contents(con))
    last = _last_load(con)
    if last is None or last[1] != found:
        con.execute("insert into receipts.loads values (?, ?)", [last[0] + 1 if last else 1, found])


def write_receipt(con: duckdb.DuckDBPyConnection, context: RunContext, run_id: str | None = None) -> None:
    """Record what the book holds after a load or a run. `run_id`: the run that has ended. Writes nothing if the receipt already says so."""
    last = _last_load(con)
    before = None if context.is_rebuild else read_receipt(context.archive)
    if before is None or last is None:
        return
    load_no, load_sha256 = last
    if (before.load_no, before.load_sha256) != last:
        con.execute("checkpoint")  # what a receipt promises must be in the database file, even if the log is lost
    contents = before.contents if (before.load_no, before.load_sha256) == last else read_contents(con)
    kept = {name: _kept(context.archive / name) for name in _APPEND_ONLY if (context.archive / name).exists()}
    heads = read_heads(context.ledger)
    receipt = Receipt(load_no=load_no, load_sha256=load_sha256, contents=contents, kept=kept, run_id=run_id or before.run_id, **heads)
    if receipt != before:
        _write(context.archive, receipt)


def read_contents(con: duckdb.DuckDBPyConnection) -> Contents:
    """What the warehouse holds of the feeds. Rejected rows that are still in a feed's table do not count.

    A feed that the program has learnt since the last load has no table yet.
    """
    arrivals: dict[str, int] = {}
    digest, files = hashlib.sha256(), con.execute(_FILES).fetchall()
    for line in files:
        arrivals[line[0]] = line[1]  # in order of arrival
        digest.update(json.dumps(line).encode())
    present = {name for (name,) in con.execute("select table_name from information_schema.tables where table_schema = 'raw'").fetchall()}
    counts = [f"select '{name}', count(*) - (select count(*) from raw.{name} where file_no < 0) from raw.{name}" for name in FEEDS if name in present]
    rows = dict(con.execute(" union all ".join([*counts, "select 'rejects', count(*) from raw.rejects"])).fetchall())
    amounts = dict(con.execute(_AMOUNTS).fetchall())
    return Contents(files=len(files), arrivals=arrivals, rows=rows, amounts=amounts, files_sha256=digest.hexdigest())


_FILES = "select feed, arrival_no, file_name, sha256, status, rows_read from raw.feed_files order by feed, arrival_no"
_AMOUNTS = "select coalesce(currency, ''), sum(amount)::varchar from raw.transactions where file_no > 0 group by currency having sum(amount) is not null"


def _check_warehouse(context: RunContext, con: duckdb.DuckDBPyConnection, receipt: Receipt | None) -> None:
    """Raises InputError when the warehouse is not the one that the receipt describes, or holds less."""
    last = _last_load(con)
    if receipt is None:
        if last:
            raise damaged(context.folder, f"{PLACE} is missing, so it cannot be checked whether the warehouse is complete")
        return
    if receipt.contents:
        loads = set(con.execute("from receipts.loads").fetchall()) if last else set()
        if (receipt.load_no, receipt.load_sha256) not in loads:
            holds = f"load {last[0]}" if last else "nothing"
            message = f"it holds {holds} where {PLACE} says load {receipt.load_no} ({_in_words(receipt.contents)})"
            raise damaged(context.folder, f"{message}: an older copy was restored, or the disk lost data")
    if last:
        found = read_contents(con)
        if hash_contents(found) != last[1]:
            raise damaged(context.folder, f"it holds {_in_words(found)}, which is not what was loaded last" + _instead(receipt, last[0]))


def _instead(receipt: Receipt, load_no: int) -> str:
    return f": {_in_words(receipt.contents)}" if receipt.contents and receipt.load_no == load_no else ""


def _in_words(contents: Contents) -> str:
    rows = sum(contents.rows.values())
    return f"{contents.files:,} files, {rows:,} rows"


def _last_load(con: duckdb.DuckDBPyConnection) -> tuple[int, str] | None:
    known = table_exists(con, "receipts", "loads")
    row = con.execute("from receipts.loads order by load_no desc limit 1").fetchone() if known else None
    return (int(row[0]), str(row[1])) if row else None


def _check_archive(archive: Path, receipt: Receipt | None, are_copies: bool) -> None:
    """Raises InputError with every file of the archive that is missing, has another size, or was modified since the receipt and has other bytes.

    `are_copies`: of objects in a store, which has been checked. A bad copy is deleted.
    """
    if receipt is None:
        return
    problems = [
        Problem(f"archive/{name}", 0, "", "is shorter than it was, or its lines were changed; restore it from a backup")
        for name, was in receipt.kept.items()
        if _kept(archive / name, was.bytes) != was
    ]
    if problems:
        raise InputError(problems)
    since = (archive / RECEIPT).stat().st_mtime_ns
    if problems := list(_changed(archive, read_manifest(archive), since, are_copies)):
        raise InputError(problems)


def _changed(archive: Path, arrivals: list[Arrival], since: int, are_copies: bool) -> Iterator[Problem]:
    for arrival in {each.sha256: each for each in reversed(arrivals)}.values():
        place, lost = f"archive/{arrival.sha256}", f"it is {arrival.file_name} of feed {arrival.feed}: restore it from a backup"
        try:
            status = (archive / arrival.sha256).stat()
        except FileNotFoundError:
            if not are_copies:
                yield Problem(place, 0, "", f"is missing; {lost}")
            continue
        touched = status.st_mtime_ns > since
        if status.st_size != arrival.bytes or (touched and file_sha256(archive / arrival.sha256) != arrival.sha256):
            if are_copies:
                (archive / arrival.sha256).unlink()
            else:
                yield Problem(place, 0, "", f"is damaged, its bytes are not those that arrived; {lost}")


def _kept(path: Path, size: int | None = None) -> FilePrefix:
    """Size and hash of the file's first `size` bytes, by default of all complete lines."""
    data = path.read_bytes() if path.exists() else b""
    data = data[: data.rfind(b"\n") + 1] if size is None else data[:size]
    return FilePrefix(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def _write(archive: Path, receipt: Receipt) -> None:
    write_atomically(archive / RECEIPT, as_bytes(receipt))
