"""The ledger's folder: reading it into schema `ledger`, and adding to it so that a crash at any moment leaves it whole.

Belongs here: files and tables. Does not belong here: their form and hashes (models/records/chain.py), what a close freezes (assets/closing/close.py).

A folder is written beside as `.tmp-<name>`, flushed to the disk, and appears with one rename; nothing that is there is ever changed.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import polars as pl

from assets.agreements.load import write_table
from assets.archive.run_history import read_receipt
from assets.published.reader import read_manifest
from assets.runtime.context import RunContext, StepReport
from assets.runtime.durable_files import flush
from assets.runtime.warehouse import open_warehouse, transaction
from models.documents import InputError, Problem
from models.records import write_offs
from models.records.chain import NO_HASH, RECORD, TABLES, Folder, Record, canonical_json, check_chain, head
from models.records.closing import closes_in_force
from models.records.receipt import Receipt
from models.records.write_offs import WriteOff, parse_write_offs

_BESIDE = ".tmp-"


@dataclass(frozen=True)
class Ledger:
    """What a book's ledger says, checked: records and write-offs in order."""

    records: list[Record]
    write_offs: list[WriteOff]


class _Files(Mapping[str, bytes]):
    """The files of a folder by name, read when they are asked for: one at a time is in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))

    def __getitem__(self, name: str) -> bytes:
        if name not in self.names:
            raise KeyError(name)
        return (self.folder / name).read_bytes()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, kw_only=True)
class LedgerReport(StepReport):
    """The head of the chain as it was read."""

    head: str


def load_ledger(context: RunContext) -> LedgerReport:
    """First step of a run: check the ledger and write every table of `ledger.*` anew; all are there, and empty, when nothing is closed.

    Raises InputError with folder, file and row when a hash is wrong, a file or folder is missing, or the chain is broken or shorter than it was.
    """
    clear_unfinished(context.ledger)
    manifest = read_manifest(context.published) or {}
    terms = manifest.get("terms", {})
    known = {terms[key]: f"the published run {manifest['run_id']}" for key in ("ledger_sha256",) if key in terms}
    receipt = read_receipt(context.archive) or Receipt()
    if receipt.ledger_sha256 != NO_HASH:
        known.setdefault(receipt.ledger_sha256, "archive/receipt.json")
    whole = read_ledger(context.ledger, known)
    if not {terms.get("write_offs_sha256", NO_HASH), receipt.write_offs_sha256} <= {NO_HASH, *(each.sha256 for each in whole.write_offs)}:
        message = "lacks write-offs that an earlier run knew, or holds others; restore it from a backup"
        raise InputError([Problem(f"ledger/{write_offs.FILE}", 0, "", message)])
    ledger = _as_of(whole, context.as_of)
    with open_warehouse(context) as con, transaction(con):
        con.execute("create schema if not exists ledger")
        for name, frame in _frames(ledger).items():
            write_table(con, f"ledger.{name}", frame)
        for table in TABLES:
            con.execute(f"create or replace table ledger.{table} as {select_posted(table, context.ledger, ledger.records)}")
        rows = {f"ledger.{t}": con.execute(f"select count(*) from ledger.{t}").fetchall()[0][0] for t in (*_SCHEMAS, *TABLES)}
    return LedgerReport(rows=rows, head=head(ledger.records))


def _as_of(ledger: Ledger, as_of: dt.date) -> Ledger:
    """The ledger as it stood: for a run as of an earlier day, what was closed later is not there yet."""
    records = list(takewhile(lambda record: (record.as_of or record.closed_at.date()) <= as_of, ledger.records))
    return Ledger(records, [each for each in ledger.write_offs if each.date <= as_of])


def read_ledger(ledger: Path, heads: Mapping[str, str] | None = None) -> Ledger:
    """Every record and write-off, with all hashes held against the files. `heads`: kept elsewhere, with where. Raises InputError with all that is wrong."""
    names = [path for path in ledger.iterdir() if path.is_dir() and not path.name.startswith(".")] if ledger.is_dir() else []
    records, problems = check_chain([Folder(path.name, _Files(path)) for path in names], heads)
    file = ledger / write_offs.FILE
    lines, more = parse_write_offs(file.read_bytes() if file.exists() else b"", records)
    if problems or more:
        raise InputError([*problems, *more])
    return Ledger(records, lines)


def read_heads(ledger: Path) -> dict[str, str]:
    """What stands for the whole ledger, and is part of what names a run. Raises InputError when the last entry cannot be read."""
    file = ledger / write_offs.FILE
    try:
        last = max(ledger.glob("[0-9]*-v*"), key=lambda path: int(path.name.split("-")[0]), default=None)
        chain = Record.model_validate_json((last / RECORD).read_bytes()).chain_sha256 if last else NO_HASH
        lines = file.read_bytes().splitlines() if file.exists() else []
        written = WriteOff.model_validate_json(lines[-1]).sha256 if lines else NO_HASH
    except (OSError, ValueError):
        read_ledger(ledger)
        raise
    return {"ledger_sha256": chain, "write_offs_sha256": written}


def select_posted(table: str, ledger: Path, records: list[Record]) -> str:
    """A query over the rows of one table in all folders: `sequence`, then its columns. Nothing closed: no rows."""
    columns = dict.fromkeys(TABLES[table], "varchar")
    paths = [ledger / record.folder / f"{table}.csv" for record in records if f"{table}.csv" in record.files]
    typed = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in TABLES[table].items())
    if not paths:
        nothing = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in TABLES[table].items())
        return f"select cast(null as integer) as sequence, {nothing} where false"
    files = ", ".join(_quoted(re.sub(r"([*?[])", r"[\1]", str(path))) for path in paths)
    return f"""
        select cast(regexp_extract(filename, '([0-9]+)-[^/]+/[^/]+$', 1) as integer) as sequence, {typed}
        from read_csv([{files}], columns = {columns}, header = true, auto_detect = false, filename = true,
            delim = ',', quote = '"', escape = '"', new_line = '\\n', nullstr = '', allow_quoted_nulls = false, max_line_size = 10000000)"""


def append_folder(ledger: Path, record: Record, files: Mapping[str, bytes]) -> Path:
    """Add a folder to the ledger: all of it, or nothing. On disk when this returns."""
    is_first = not ledger.exists()
    ledger.mkdir(exist_ok=True)
    if is_first:
        flush(ledger.parent)
    beside, target = ledger / f"{_BESIDE}{record.folder}", ledger / record.folder
    if target.exists():
        raise FileExistsError(f"{target} is there already; nothing was written")
    beside.mkdir()
    for name, data in files.items():
        _write(beside / name, data)
    flush(beside)
    os.rename(beside, target)
    flush(ledger)
    return target


def append_write_off(ledger: Path, line: bytes) -> None:
    """Add a line to the write-offs. On disk when this returns; a crash may leave a part of the line, which the next command names."""
    ledger.mkdir(exist_ok=True)
    with (ledger / write_offs.FILE).open("ab", buffering=0) as file:
        file.write(line)
        os.fsync(file.fileno())
    flush(ledger)


def clear_unfinished(ledger: Path) -> None:
    """Remove what a close that was stopped left beside the ledger. Only under the book's lock."""
    for path in ledger.glob(f"{_BESIDE}*"):
        shutil.rmtree(path)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o444)


_UTC = pl.Datetime("us")
_SCHEMAS: dict[str, dict[str, pl.DataType | type[pl.DataType]]] = {
    "closes": {
        "sequence": pl.Int32, "kind": pl.String, "period": pl.String, "version": pl.Int32, "is_in_force": pl.Boolean, "closed_at": _UTC,
        "closed_by": pl.String, "approved_by": pl.String, "reason": pl.String, "as_of": pl.Date, "run_id": pl.String, "inputs_sha256": pl.String,
        "agreements_sha256": pl.String, "settings_sha256": pl.String, "code_version": pl.String, "overrides": pl.String,
        "content_sha256": pl.String, "previous_sha256": pl.String, "chain_sha256": pl.String,
    },
    "arrivals": {"sequence": pl.Int32, "feed": pl.String, "arrival_no": pl.Int32},
    "agreements": {"sequence": pl.Int32, "agreement_id": pl.String, "version": pl.Int32, "content_sha256": pl.String},
    "write_offs": {
        "sequence": pl.Int32, "payout_id": pl.String, "agreement_id": pl.String, "benefit_id": pl.String, "participant_id": pl.String,
        "window_start": pl.Date, "direction": pl.String, "currency": pl.String, "amount": pl.Decimal(18, 4), "date": pl.Date, "period": pl.String,
        "reason": pl.String, "by": pl.String, "written_at": _UTC, "sha256": pl.String,
    },
}  # fmt: skip


def _frames(ledger: Ledger) -> dict[str, pl.DataFrame]:
    """What the records and the write-offs say, as tables: closes one row per folder, arrivals and agreements one per folder and what it names."""
    standing = {record.sequence for record in closes_in_force(ledger.records)}
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in _SCHEMAS}
    for record in ledger.records:
        said = record.model_dump() | {"closed_by": record.closed_by or record.requested_by, "closed_at": record.closed_at.replace(tzinfo=None)}
        overrides = canonical_json([each.model_dump() for each in record.overrides]).decode().strip() if record.overrides else None
        rows["closes"].append(said | {"is_in_force": record.sequence in standing, "overrides": overrides})
        rows["arrivals"] += [{"sequence": record.sequence, "feed": feed, "arrival_no": no} for feed, no in sorted(record.arrivals.items())]
        for name, content in sorted(record.agreements.items()):
            agreement, version = name.rsplit("/", 1)
            rows["agreements"].append({"sequence": record.sequence, "agreement_id": agreement, "version": int(version), "content_sha256": content})
    rows["write_offs"] = [each.model_dump() | {"written_at": each.written_at.replace(tzinfo=None)} for each in ledger.write_offs]
    return {name: pl.DataFrame([{key: row[key] for key in schema} for row in rows[name]], schema=schema) for name, schema in _SCHEMAS.items()}


def _quoted(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"
