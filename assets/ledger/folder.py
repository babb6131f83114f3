"""The ledger's folder: reading it, and adding to it so that a crash at any moment leaves it intact.

Belongs here: files. Does not belong here: their form and hashes (models/records/chain.py), what a close freezes (assets/closing/close.py), the tables
of a run (assets/closing/load_ledger.py).

A folder is written as `.tmp-<name>`, flushed to disk, and renamed in one step. Nothing in the ledger ever changes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from assets.runtime.durable_files import flush
from assets.runtime.sql import as_pattern
from models.documents import InputError
from models.records import write_offs
from models.records.chain import NO_HASH, RECORD, TABLES, Folder, Record, check_chain
from models.records.write_offs import WriteOff, parse_write_offs
from models.sql_text import literal

_UNFINISHED = ".tmp-"
#: The rule of models.records.chain.payout_id_of, in SQL.
_TODAY = {"payout_id": "if(starts_with(payout_id, 'p'), payout_id, 'p' || payout_id)"}


@dataclass(frozen=True)
class Ledger:
    """A book's ledger, checked: records and write-offs in order."""

    records: list[Record]
    write_offs: list[WriteOff]


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


def read_ledger(ledger: Path, heads: Mapping[str, str] | None = None) -> Ledger:
    """Every record and write-off, with all hashes checked. `heads`: hashes kept elsewhere, and where. Raises InputError with every problem."""
    names = [path for path in ledger.iterdir() if path.is_dir() and not path.name.startswith(".")] if ledger.is_dir() else []
    records, problems = check_chain([Folder(path.name, _Files(path)) for path in names], heads)
    file = ledger / write_offs.FILE
    lines, more = parse_write_offs(file.read_bytes() if file.exists() else b"", records)
    if problems or more:
        raise InputError([*problems, *more])
    return Ledger(records, lines)


def read_heads(ledger: Path) -> dict[str, str]:
    """The hashes of the whole ledger, which are part of a run's identity. Raises InputError when the last entry cannot be read."""
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
    """A query over the rows of one table in all folders: `sequence`, then its columns. It has no rows if nothing is closed."""
    columns = dict.fromkeys(TABLES[table], "varchar")
    paths = [ledger / record.folder / f"{table}.csv" for record in records if f"{table}.csv" in record.files]
    typed = ", ".join(f"cast({_TODAY.get(name, name)} as {kind}) as {name}" for name, kind in TABLES[table].items())
    if not paths:
        nothing = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in TABLES[table].items())
        return f"select cast(null as integer) as sequence, {nothing} where false"
    files = ", ".join(literal(as_pattern(path)) for path in paths)
    return f"""
        select cast(regexp_extract(filename, '([0-9]+)-[^/]+/[^/]+$', 1) as integer) as sequence, {typed}
        from read_csv([{files}], columns = {columns}, header = true, auto_detect = false, filename = true,
            delim = ',', quote = '"', escape = '"', new_line = '\\n', nullstr = '', allow_quoted_nulls = false, max_line_size = 10000000)"""


def append_folder(ledger: Path, record: Record, files: Mapping[str, bytes]) -> Path:
    """Add a folder to the ledger, all of it or nothing. On disk when this returns."""
    is_first = not ledger.exists()
    ledger.mkdir(exist_ok=True)
    if is_first:
        flush(ledger.parent)
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


def append_write_off(ledger: Path, line: bytes) -> None:
    """Add a line to the write-offs. On disk when this returns. A crash may leave part of the line, which the next command reports."""
    ledger.mkdir(exist_ok=True)
    with (ledger / write_offs.FILE).open("ab", buffering=0) as file:
        file.write(line)
        os.fsync(file.fileno())
    flush(ledger)


def clear_unfinished(ledger: Path) -> None:
    """Remove the folders that an interrupted close left unfinished. The caller holds the book's lock."""
    for path in ledger.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(path)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o444)
