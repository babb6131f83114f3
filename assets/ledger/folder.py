"""The ledger's folder: reading it, and adding to it so that a crash at any moment leaves it intact.

Belongs here: files. Does not belong here: their form and hashes (models/records/chain.py, models/records/payment_batches.py), what a close freezes
(assets/closing/close.py), what is paid (assets/payments), the tables of a run (assets/closing/load_ledger.py).

A folder is written as `.tmp-<name>`, flushed to disk, and renamed in one step. Nothing in the ledger ever changes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assets.runtime.durable_files import flush
from assets.runtime.sql import as_pattern
from models.documents import InputError
from models.records import payment_batches, write_offs
from models.records.chain import ADDED, NO_HASH, RECORD, TABLES, Folder, Record, check_chain, headers_of
from models.records.payment_batches import BatchRecord, check_batches
from models.records.write_offs import WriteOff, parse_write_offs
from models.sql_text import literal

_UNFINISHED = ".tmp-"
_SEQUENCE = "([0-9]+)-[^/]+/[^/]+$"
#: The rule of models.records.chain.payout_id_of, in SQL.
_TODAY = {"payout_id": "if(starts_with(payout_id, 'p'), payout_id, 'p' || payout_id)"}


@dataclass(frozen=True)
class Ledger:
    """A book's ledger, checked: records, write-offs and what was done to payment batches, each in order."""

    records: list[Record]
    write_offs: list[WriteOff]
    payments: list[BatchRecord] = field(default_factory=list)


class _Files(Mapping[str, bytes]):
    """The files of a folder by name, read on access, so that only one is in memory."""

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


def read_ledger(ledger: Path, heads: Mapping[str, str] | None = None, payment_heads: Mapping[str, str] | None = None) -> Ledger:
    """Every record, write-off and payment batch, with all hashes checked. `heads`, `payment_heads`: hashes kept elsewhere, and where.

    Raises InputError with every problem.
    """
    records, problems = check_chain([each for each in _folders(ledger) if each.name != payment_batches.FOLDER], heads)
    file = ledger / write_offs.FILE
    lines, more = parse_write_offs(file.read_bytes() if file.exists() else b"", records)
    payments, others = check_batches(_folders(ledger / payment_batches.FOLDER), payment_heads)
    if problems or more or others:
        raise InputError([*problems, *more, *others])
    return Ledger(records, lines, payments)


def holds_payment_head(ledger: Path, head: str) -> bool:
    """Whether a payment batch had this hash."""
    return any(record.chain_sha256 == head for record in check_batches(_folders(ledger / payment_batches.FOLDER))[0])


def _folders(place: Path) -> list[Folder]:
    names = [path for path in place.iterdir() if path.is_dir() and not path.name.startswith(".")] if place.is_dir() else []
    return [Folder(path.name, _Files(path)) for path in names]


def read_heads(ledger: Path) -> dict[str, str]:
    """The hashes of the whole ledger, which are part of a run's identity. Raises InputError when the last entry cannot be read."""
    file = ledger / write_offs.FILE
    try:
        last = _last(ledger.glob("[0-9]*-v*"))
        chain = Record.model_validate_json((last / RECORD).read_bytes()).chain_sha256 if last else NO_HASH
        lines = file.read_bytes().splitlines() if file.exists() else []
        written = WriteOff.model_validate_json(lines[-1]).sha256 if lines else NO_HASH
        paid = _last((ledger / payment_batches.FOLDER).glob("[0-9]*-*-*"))
        batches = BatchRecord.model_validate_json((paid / payment_batches.RECORD).read_bytes()).chain_sha256 if paid else NO_HASH
    except (OSError, ValueError):
        read_ledger(ledger)
        raise
    return {"ledger_sha256": chain, "write_offs_sha256": written, "payments_sha256": batches}


def _last(folders: Iterator[Path]) -> Path | None:
    return max(folders, key=lambda path: int(path.name.split("-")[0]), default=None)


def select_posted(table: str, ledger: Path, records: list[Record]) -> str:
    """A query over the rows of one table in all folders: `sequence`, then its columns. It has no rows if nothing is closed."""
    paths = [ledger / record.folder / f"{table}.csv" for record in records if f"{table}.csv" in record.files]
    columns, added = TABLES[table], ADDED.get(table, 0)
    earlier = [path for path in paths if added and _header(path) != headers_of(table)[0]]
    later = [path for path in paths if path not in earlier]
    found = _select_rows("sequence", _SEQUENCE, columns, later, _TODAY)
    if not earlier:
        return found
    # what the first versions wrote lacks the last columns
    kept = dict(list(columns.items())[:-added])
    return f"{found} union all by name {_select_rows('sequence', _SEQUENCE, kept, earlier, _TODAY)}"


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline().rstrip(b"\n")


def select_batched(ledger: Path, payments: Sequence[BatchRecord]) -> str:
    """A query over the lines of every payment batch: `batch_no`, then their columns. It has no rows if there is no batch."""
    paths = [ledger / payment_batches.FOLDER / record.folder / payment_batches.LINES for record in payments if record.kind == "propose"]
    return _select_rows("batch_no", "-propose-([0-9]+)/[^/]+$", payment_batches.COLUMNS, paths)


def _select_rows(number: str, pattern: str, columns: Mapping[str, str], paths: list[Path], replaced: Mapping[str, str] | None = None) -> str:
    """A query over the rows of these files, with a number that `pattern` finds in the name of the file."""
    if not paths:
        nothing = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in columns.items())
        return f"select cast(null as integer) as {number}, {nothing} where false"
    typed = ", ".join(f"cast({(replaced or {}).get(name, name)} as {kind}) as {name}" for name, kind in columns.items())
    files = ", ".join(literal(as_pattern(path)) for path in paths)
    return f"""
        select cast(regexp_extract(filename, '{pattern}', 1) as integer) as {number}, {typed}
        from read_csv([{files}], columns = {dict.fromkeys(columns, "varchar")}, header = true, auto_detect = false, filename = true,
            delim = ',', quote = '"', escape = '"', new_line = '\\n', nullstr = '', allow_quoted_nulls = false, max_line_size = 10000000)"""


def append_batch(ledger: Path, record: BatchRecord, files: Mapping[str, bytes]) -> Path:
    """Add a record of a payment batch, all of it or nothing. On disk when this returns."""
    _make(ledger)
    return append_folder(ledger / payment_batches.FOLDER, record, files)


def append_folder(ledger: Path, record: Record | BatchRecord, files: Mapping[str, bytes]) -> Path:
    """Add a folder to the ledger, all of it or nothing. On disk when this returns."""
    _make(ledger)
    staged, target = ledger / f"{_UNFINISHED}{record.folder}", ledger / record.folder
    if target.exists():
        raise FileExistsError(f"{target} already exists; nothing was written")
    staged.mkdir()
    for name, data in files.items():
        _write(staged / name, data)
    flush(staged)
    os.rename(staged, target)
    flush(ledger)
    return target


def _make(folder: Path) -> None:
    if not folder.exists():
        folder.mkdir()
        flush(folder.parent)


def append_write_off(ledger: Path, line: bytes) -> None:
    """Add a line to the write-offs. On disk when this returns. A crash may leave part of the line, which the next command reports."""
    ledger.mkdir(exist_ok=True)
    with (ledger / write_offs.FILE).open("ab", buffering=0) as file:
        file.write(line)
        os.fsync(file.fileno())
    flush(ledger)


def clear_unfinished(ledger: Path) -> None:
    """Remove the folders that an interrupted close or payment left unfinished. The caller holds the book's lock."""
    for place in (ledger, ledger / payment_batches.FOLDER):
        for path in place.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(path)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o444)
