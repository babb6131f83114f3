"""The ledger of closed periods: what its files hold, their canonical form, the hashes that chain them, and whether the chain is intact.

Belongs here: the format and integrity of the ledger's files. Does not belong here: which close may come next (models/records/closing.py),
write-offs (models/records/write_offs.py), opening files (assets/ledger/folder.py).

    ledger/0001-close-2026-01-v1/    close.json accruals.csv payouts.csv journal.csv lines.csv
    ledger/0002-reopen-2026-01-v1/   close.json

A folder's chain_sha256 covers its close.json, which holds the hashes of its files and the chain_sha256 of the folder before it. So the
last one, the head, covers the whole ledger. lines.csv holds a short hash of every line of the other files: it shows which row was changed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from models.documents import Problem

if TYPE_CHECKING:
    import polars as pl

#: The previous hash of the first folder, which has none before it.
NO_HASH = "0" * 64
RECORD, LINES = "close.json", "lines.csv"
_FOLDER = re.compile(r"([0-9]{4,})-(?:close|reopen)-[0-9]{4}-[0-9]{2}-v[0-9]+")
_MONEY, _EXACT = "decimal(18, 4)", "decimal(38, 12)"
_SUBJECT = {"payout_id": "varchar", "agreement_id": "varchar", "benefit_id": "varchar", "participant_id": "varchar", "window_start": "date"}

#: The tables that a close freezes: columns in order, with their SQL types. Rows are sorted by all of them.
TABLES: dict[str, dict[str, str]] = {
    "accruals": {
        **_SUBJECT, "period": "varchar", "origin_period": "varchar", "reason": "varchar", "agreement_version": "integer", "direction": "varchar",
        "currency": "varchar", "accrued_to_date": _MONEY, "accrued_before": _MONEY, "accrual": _MONEY,
    },
    "payouts": {
        **_SUBJECT, "window_end": "date", "agreement_version": "integer", "direction": "varchar", "currency": "varchar",
        "measure": _EXACT, "tier": "integer", "payout": _MONEY,
    },
    "journal": {
        "entry_id": "varchar", "line_no": "integer", "date": "date", "period": "varchar", "origin_period": "varchar", "account": "varchar",
        "debit": _MONEY, "credit": _MONEY, "currency": "varchar", "kind": "varchar", **_SUBJECT,
        "account_role": "varchar", "cost_centre": "varchar", "document_no": "varchar", "text": "varchar",
    },
}  # fmt: skip


class StoredModel(BaseModel):
    """A JSON record in the archive or the ledger. An unknown key means that a later version of the program wrote it, and is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FileFacts(StoredModel):
    """A file as it was at the close: the hash of its bytes, and how many rows it has without the header."""

    sha256: str
    rows: int


class Override(StoredModel):
    """A finding that would have prevented the close, who accepted it and why."""

    check: str
    finding: str
    reason: str
    by: str


class Record(StoredModel):
    """close.json: one close, or one reopening. `version` counts the closes of a period from 1; a reopening has the version of the close it undoes.

    `arrivals`: feed to its highest arrival_no at the close. `agreements`: id/version to content_sha256. `write_offs_sha256`: the hash of the
    last write-off before this folder, so that the chain covers write-offs too.
    """

    sequence: int
    kind: Literal["close", "reopen"]
    period: str
    version: int
    closed_at: dt.datetime
    closed_by: str | None = None
    requested_by: str | None = None
    approved_by: str | None = None
    reason: str | None = None
    as_of: dt.date | None = None
    run_id: str | None = None
    inputs_sha256: str | None = None
    agreements_sha256: str | None = None
    settings_sha256: str | None = None
    code_version: str
    engine_versions: dict[str, str]
    arrivals: dict[str, int]
    agreements: dict[str, str]
    overrides: list[Override]
    files: dict[str, FileFacts]
    write_offs_sha256: str
    content_sha256: str
    previous_sha256: str
    chain_sha256: str

    @property
    def folder(self) -> str:
        """The name of the folder that holds the record."""
        return f"{self.sequence:04d}-{self.kind}-{self.period}-v{self.version}"


@dataclass(frozen=True)
class Folder:
    """One folder of the ledger: its name and the bytes of its files by name. The mapping may read the files lazily."""

    name: str
    files: Mapping[str, bytes]


def canonical_json(value: Any) -> bytes:
    """The canonical form of a value: sorted keys, no spaces, UTF-8, one line."""
    return (json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


def canonical_csv(frame: pl.DataFrame) -> bytes:
    """The canonical form of a table: sorted by its columns from left to right, header, LF, quotes only where needed, null empty (an empty text is `""`).

    Decimals keep the scale of their column; dates are ISO.
    """
    return frame.sort(frame.columns, nulls_last=False).write_csv().encode()


#: Columns that the first versions did not write: the last ones of their table.
ADDED = {"journal": 4}


def headers_of(table: str) -> list[bytes]:
    """What the first line of a table's file may be: today's, or that of the first versions."""
    columns = list(TABLES[table])
    return [",".join(columns[: len(columns) - missing]).encode() for missing in dict.fromkeys((0, ADDED.get(table, 0)))]


def payout_id_of(recorded: str) -> str:
    """The id of a payout as it is today: records of the first versions have it without the letter p."""
    return recorded if recorded.startswith("p") else f"p{recorded}"


def sha256(content: bytes) -> str:
    """Hash of bytes, in hex."""
    return hashlib.sha256(content).hexdigest()


def seal(fields: Mapping[str, Any], tables: Mapping[str, pl.DataFrame], records: Sequence[Record]) -> tuple[Record, dict[str, bytes]]:
    """The record that follows `records`, and every file of its folder. `fields`: all of Record but files, hashes and its position in the chain."""
    files = {f"{name}.csv": canonical_csv(frame) for name, frame in tables.items()}
    if files:
        files[LINES] = _hash_lines(files)
    facts = {name: FileFacts(sha256=sha256(data), rows=data.count(b"\n") - 1) for name, data in files.items()}
    draft = Record(
        **fields,
        sequence=len(records) + 1,
        files=facts,
        content_sha256=_content_sha256({name: fact.model_dump() for name, fact in facts.items()}),
        previous_sha256=head(records),
        chain_sha256="",
    )
    record = draft.model_copy(update={"chain_sha256": _chain_sha256(draft.model_dump(mode="json"))})
    return record, {**files, RECORD: canonical_json(record.model_dump(mode="json"))}


def head(records: Sequence[Record]) -> str:
    """The last chain_sha256. Anyone who keeps it elsewhere can prove that nothing before it was changed."""
    return records[-1].chain_sha256 if records else NO_HASH


def check_chain(folders: Sequence[Folder], heads: Mapping[str, str] | None = None) -> tuple[list[Record], list[Problem]]:
    """The records in order, and everything that is wrong: which folder, which file, and the first line that was changed.

    `heads`: heads kept elsewhere, and where; the chain must contain them. Without them a chain that was rewritten from end to end looks intact.
    """
    records: list[Record] = []
    problems: list[Problem] = []
    before, expected, previous = "the beginning", 1, NO_HASH
    for folder in sorted(folders, key=lambda folder: _sequence_of(folder.name)):
        place = f"ledger/{folder.name}"
        sequence = _sequence_of(folder.name)
        if not sequence:
            problems.append(Problem(place, 0, "", "is not a folder of the ledger; move it out of ledger/"))
            continue
        if sequence > expected:
            gap = f"folder {expected:04d}" if sequence == expected + 1 else f"folders {expected:04d} to {sequence - 1:04d}"
            problems.append(Problem("ledger", 0, "", f"{gap} is missing before {folder.name}; restore the ledger from a backup"))
        elif sequence < expected:
            problems.append(Problem(place, 0, "", f"a second folder with the number {sequence:04d}; restore the ledger from a backup"))
        expected = sequence + 1
        record, found = _read_record(folder, place)
        problems += found
        if record is None:
            previous = ""
            continue
        if previous and record.previous_sha256 != previous:
            message = f"does not follow {before}: it names {record.previous_sha256[:12]}… as the head before it, but that is {previous[:12]}…"
            message += f". {before} or this folder was replaced; restore the ledger from a backup"
            problems.append(Problem(f"{place}/{RECORD}", 1, "previous_sha256", message))
        problems += _check_files(folder, record, place)
        records.append(record)
        before, previous = folder.name, record.chain_sha256
    held = {NO_HASH, *(record.chain_sha256 for record in records)}
    for sha, where in (heads or {}).items():
        if sha not in held:
            message = f"its chain, which ends in {previous or NO_HASH}, does not hold the head {sha} of {where}"
            problems.append(Problem("ledger", 0, "", f"{message}: closes were removed or rewritten; restore the ledger from a backup"))
    return records, problems


def _sequence_of(name: str) -> int:
    found = _FOLDER.fullmatch(name)
    return int(found[1]) if found else 0


def _read_record(folder: Folder, place: str) -> tuple[Record | None, list[Problem]]:
    """The record of a folder, and what is wrong with the record itself."""
    file = f"{place}/{RECORD}"
    if RECORD not in folder.files:
        return None, [Problem(file, 0, "", "is missing; restore it from a backup")]
    data = folder.files[RECORD]
    try:
        fields = json.loads(data)
        record = Record.model_validate_json(data)
    except ValidationError as error:
        finding = error.errors(include_url=False)[0]
        key = ".".join(map(str, finding["loc"]))
        return None, [Problem(file, 1, key, f"{finding['msg'].lower()}: it was changed, or a later version of the program wrote it; restore it from a backup")]
    except ValueError:
        return None, [Problem(file, 1, "", "is not JSON: it was changed or cut; restore it from a backup")]
    if record.folder != folder.name:
        return record, [Problem(file, 1, "", f"is the record of {record.folder}: folders were renamed or swapped; restore the ledger from a backup")]
    if _chain_sha256(fields) != record.chain_sha256 or canonical_json(fields) != data:
        return record, [Problem(file, 1, "chain_sha256", "does not match the file's content: it was changed after the close; restore it from a backup")]
    if _content_sha256(fields["files"]) != record.content_sha256:
        return record, [Problem(file, 1, "content_sha256", "does not match the files it lists; restore it from a backup")]
    return record, []


def _check_files(folder: Folder, record: Record, place: str) -> Iterator[Problem]:
    """Every difference between the files of the folder and the record."""
    for name in sorted({*folder.files, *record.files} - {RECORD}):
        file = f"{place}/{name}"
        if name not in folder.files:
            yield Problem(file, 0, "", "is missing; restore it from a backup")
        elif name not in record.files:
            yield Problem(file, 0, "", "was not there at the close; move it out of the ledger")
        elif sha256(data := folder.files[name]) != record.files[name].sha256:
            yield _changed_line(folder, record, file, name, data)
        elif name != LINES and data.split(b"\n", 1)[0] not in headers_of(name.removesuffix(".csv")):
            yield Problem(file, 1, "", "has other columns than this version of the program writes; use the version of its close.json (code_version)")


def _changed_line(folder: Folder, record: Record, file: str, name: str, data: bytes) -> Problem:
    """The first line of a file that was changed after the close; only the file's name where the hashes of its lines are lost or changed too."""
    was_closed = f"was changed after the close of {record.period} (version {record.version})"
    lines = folder.files.get(LINES)
    if name == LINES or lines is None or LINES not in record.files or sha256(lines) != record.files[LINES].sha256:
        return Problem(file, 0, "", f"{was_closed}; restore it from a backup")
    closed = [line.split(b",")[2].decode() for line in lines.splitlines() if line.startswith(name.encode() + b",")]
    found = data.splitlines(keepends=True)
    for number, line in enumerate(found, 1):
        if number > len(closed) or _line_sha256(line) != closed[number - 1]:
            message = f"row {number - 1}" if number > 1 else "the header"
            shown = line.decode("utf-8", "replace").rstrip("\n")
            return Problem(file, number, "", f"{message} {was_closed}: it is now {shown!r}; restore the file from a backup")
    return Problem(file, len(found) + 1, "", f"row {len(found)} and all that followed were cut off: the file {was_closed}; restore it from a backup")


def _hash_lines(files: Mapping[str, bytes]) -> bytes:
    """One row per line of every file: file, line number, the first 16 hex digits of its hash."""
    rows = (f"{name},{i},{_line_sha256(line)}" for name, data in sorted(files.items()) for i, line in enumerate(data.splitlines(keepends=True), 1))
    return ("\n".join(["file,line,sha256", *rows]) + "\n").encode()


def _line_sha256(line: bytes) -> str:
    return sha256(line)[:16]


def _content_sha256(files: Mapping[str, Any]) -> str:
    return sha256(canonical_json(files))


def _chain_sha256(fields: Mapping[str, Any]) -> str:
    """The hash of all other fields of the record."""
    return sha256(canonical_json({key: value for key, value in fields.items() if key != "chain_sha256"}))
