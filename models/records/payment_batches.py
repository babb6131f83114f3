"""Payment batches: what ledger/payments/ holds, the hashes that chain it, and who may do what to a batch next.

Belongs here: the shape of a record, its hash, checking the chain, the states of a batch. Does not belong here: opening files (assets/ledger/folder.py),
what is to be paid (assets/payments/open_parts.py), the files for the bank (assets/payments/exports.py).

    ledger/payments/0001-propose-1/    batch.json lines.csv
    ledger/payments/0002-approve-1/    batch.json payments-1.csv payments-1.xlsx pain.001-1.xml
    ledger/payments/0003-cancel-1/     batch.json

A record's chain_sha256 covers its batch.json, which holds the hashes of its files and the chain_sha256 of the record before it.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import ValidationError

from models.documents import InputError, Problem
from models.records.chain import NO_HASH, Folder, StoredModel, canonical_json, sha256
from models.records.closing import LedgerRuleViolation, clean_text

FOLDER, RECORD, LINES = "payments", "batch.json", "lines.csv"
_PLACE = f"ledger/{FOLDER}"
_NAME = re.compile(r"([0-9]{4,})-(?:propose|approve|cancel)-[0-9]+")
_MONEY = "decimal(18, 4)"

#: The columns of lines.csv, in order, with their SQL types: one row per payout × part. Rows are sorted by all of them.
COLUMNS = {
    "reference": "varchar", "payment_reference": "varchar", "payout_id": "varchar", "release_no": "integer", "agreement_id": "varchar",
    "benefit_id": "varchar", "participant_id": "varchar", "window_start": "date", "due_date": "date", "currency": "varchar", "amount": _MONEY,
}  # fmt: skip


class BatchRecord(StoredModel):
    """batch.json: a batch that was proposed, approved or cancelled. `at` is the time of writing (UTC), `as_of` the last day that counted then.

    `due_by` is the proposal's, `reason` that of a cancellation. `files`: the hash of each other file of the folder.
    """

    sequence: int
    kind: Literal["propose", "approve", "cancel"]
    batch: int
    by: str
    at: dt.datetime
    as_of: dt.date
    due_by: dt.date | None = None
    reason: str | None = None
    run_id: str
    code_version: str
    files: dict[str, str]
    previous_sha256: str
    chain_sha256: str

    @property
    def folder(self) -> str:
        """The name of the folder that holds the record."""
        return f"{self.sequence:04d}-{self.kind}-{self.batch}"


@dataclass(frozen=True)
class Batch:
    """A batch and what was done to it. One that is not cancelled is live: what is in it is in no other."""

    proposed: BatchRecord
    approved: BatchRecord | None = None
    cancelled: BatchRecord | None = None

    @property
    def number(self) -> int:
        return self.proposed.batch

    @property
    def state(self) -> Literal["proposed", "approved", "cancelled"]:
        return "cancelled" if self.cancelled else "approved" if self.approved else "proposed"


def list_batches(records: Iterable[BatchRecord]) -> dict[int, Batch]:
    """Every batch by its number."""
    batches: dict[int, Batch] = {}
    for record in records:
        if record.kind == "propose":
            batches[record.batch] = Batch(record)
        else:
            batches[record.batch] = replace(batches[record.batch], **{"approved" if record.kind == "approve" else "cancelled": record})
    return batches


def describe_batches(records: Iterable[BatchRecord]) -> list[dict[str, Any]]:
    """One row per batch: its state, who did what to it, and on which last day that counted."""
    return [
        {
            "batch_no": batch.number,
            "state": batch.state,
            "due_by": batch.proposed.due_by,
            "proposed_by": batch.proposed.by,
            "proposed_on": batch.proposed.as_of,
            "approved_by": batch.approved and batch.approved.by,
            "approved_on": batch.approved and batch.approved.as_of,
            "cancelled_by": batch.cancelled and batch.cancelled.by,
            "cancelled_on": batch.cancelled and batch.cancelled.as_of,
            "reason": batch.cancelled and batch.cancelled.reason,
        }
        for batch in list_batches(records).values()
    ]


def plan_approval(number: int, by: str, records: Sequence[BatchRecord]) -> tuple[Batch, str]:
    """The batch, and the cleaned name of who approves it. Nothing is left to do where it is approved already.

    Raises InputError where there is no such batch or the proposer approves, LedgerRuleViolation where it is cancelled.
    """
    approved_by = clean_text("--by", by)
    batch = _find(number, "--approve", records)
    if batch.cancelled:
        raise LedgerRuleViolation(f"batch {number} was cancelled by {batch.cancelled.by} ({batch.cancelled.reason}). Propose a new one")
    if not batch.approved and approved_by.casefold() == batch.proposed.by.casefold():
        raise InputError([Problem("--by", 0, "", f"a payment takes two people, and {batch.proposed.by!r} proposed batch {number}: another person approves it")])
    return batch, approved_by


def plan_cancellation(number: int, by: str, reason: str, records: Sequence[BatchRecord]) -> tuple[Batch, str, str]:
    """The batch, who cancels it, and why. Nothing is left to do where it is cancelled already. Raises InputError where there is no such batch."""
    return _find(number, "--cancel", records), clean_text("--by", by), clean_text("--reason", reason)


def check_day(as_of: dt.date, records: Sequence[BatchRecord]) -> None:
    """Raises LedgerRuleViolation when the last record is of a later day: a run as of `as_of` does not see it."""
    if records and records[-1].as_of > as_of:
        known = records[-1].as_of
        raise LedgerRuleViolation(f"the book is as of {as_of}, and its last payment batch is of {known}. Set as_of in book.yaml to {known} or later")


def payments_head(records: Sequence[BatchRecord]) -> str:
    """The last chain_sha256, which covers every batch before it."""
    return records[-1].chain_sha256 if records else NO_HASH


def seal_batch(fields: Mapping[str, Any], files: Mapping[str, bytes], before: Sequence[BatchRecord]) -> tuple[BatchRecord, dict[str, bytes]]:
    """The record that follows `before`, and every file of its folder. `fields`: all of BatchRecord but files, hashes and its place in the chain."""
    hashes = {name: sha256(data) for name, data in files.items()}
    draft = BatchRecord(**fields, sequence=len(before) + 1, files=hashes, previous_sha256=payments_head(before), chain_sha256="")
    record = draft.model_copy(update={"chain_sha256": _chain_sha256(draft.model_dump(mode="json"))})
    return record, {**files, RECORD: canonical_json(record.model_dump(mode="json"))}


def check_batches(folders: Sequence[Folder], heads: Mapping[str, str] | None = None) -> tuple[list[BatchRecord], list[Problem]]:
    """The records in order, and everything that is wrong. `heads`: heads kept elsewhere, and where; the chain must contain them."""
    records: list[BatchRecord] = []
    problems: list[Problem] = []
    for folder in sorted(folders, key=lambda folder: (len(folder.name.split("-")[0]), folder.name)):
        place = f"{_PLACE}/{folder.name}"
        if not _NAME.fullmatch(folder.name):
            problems.append(Problem(place, 0, "", "is not a payment batch; move it out of the ledger"))
            continue
        record, finding = _read(folder)
        if record is None:
            problems.append(Problem(f"{place}/{RECORD}", 0, "", f"{finding}; restore it from a backup"))
            break
        if (record.sequence, record.previous_sha256) != (len(records) + 1, payments_head(records)):
            message = "does not follow the batch before it: a folder was removed, added or replaced; restore ledger/payments from a backup"
            problems.append(Problem(place, 0, "previous_sha256", message))
            break
        problems += _check_files(folder, record, place)
        records.append(record)
    held = {NO_HASH, *(record.chain_sha256 for record in records)}
    for head, where in (heads or {}).items():
        if head not in held and not problems:
            message = f"does not hold the head {head} of {where}: batches were removed or rewritten; restore it from a backup"
            problems.append(Problem(_PLACE, 0, "", message))
    return records, problems


def _find(number: int, option: str, records: Sequence[BatchRecord]) -> Batch:
    batches = list_batches(records)
    if number not in batches:
        others = f"the batches are 1 to {max(batches)}" if batches else "there is none yet; `tierledger pay --due-by DAY --by NAME` proposes one"
        raise InputError([Problem(option, 0, "", f"there is no batch {number}: {others}")])
    return batches[number]


def _read(folder: Folder) -> tuple[BatchRecord | None, str]:
    """The record of a folder, or what is wrong with it."""
    if RECORD not in folder.files:
        return None, "is missing"
    data = folder.files[RECORD]
    try:
        fields = json.loads(data)
        record = BatchRecord.model_validate_json(data)
    except (ValidationError, ValueError):
        return None, "is not the record of a batch: it was changed, or a later version of the program wrote it"
    if _chain_sha256(fields) != record.chain_sha256 or canonical_json(fields) != data:
        return None, "was changed after it was written: its hash does not match"
    if record.folder != folder.name:
        return None, f"is the record of {record.folder}: folders were renamed or swapped"
    return record, ""


def _check_files(folder: Folder, record: BatchRecord, place: str) -> Iterable[Problem]:
    for name in sorted({*folder.files, *record.files} - {RECORD}):
        if name not in folder.files:
            yield Problem(f"{place}/{name}", 0, "", "is missing; restore it from a backup")
        elif name not in record.files:
            yield Problem(f"{place}/{name}", 0, "", "was not there when the batch was written; move it out of the ledger")
        elif sha256(folder.files[name]) != record.files[name]:
            yield Problem(f"{place}/{name}", 0, "", f"was changed after it was written by {record.by}; restore it from a backup")


def _chain_sha256(fields: Mapping[str, Any]) -> str:
    """The hash of all other fields of the record."""
    return sha256(canonical_json({key: value for key, value in fields.items() if key != "chain_sha256"}))
