"""The receipt of a book: what the book held when its last run ended, kept outside the warehouse.

Belongs here: the shape of archive/receipt.json and its own hash. Does not belong here: writing it, or checking a book against it
(assets/archive/receipts.py).
"""

from __future__ import annotations

import json

from pydantic import Field, ValidationError

from models.documents import InputError, Problem
from models.records.chain import NO_HASH, StoredModel, canonical_json, sha256

PLACE = "archive/receipt.json"


class FilePrefix(StoredModel):
    """The beginning of an append-only file: its length in bytes and its hash."""

    bytes: int
    sha256: str


class Contents(StoredModel):
    """What the warehouse holds of the feeds. `files_sha256`: the hash of all lines of raw.feed_files; `amounts`: of the transactions, by currency, as text."""

    files: int
    arrivals: dict[str, int]
    rows: dict[str, int]
    amounts: dict[str, str]
    files_sha256: str


class Receipt(StoredModel):
    """What the next run must find. `contents`: null where the warehouse is about to be built, so nothing is known of it.

    `load_no` and `load_sha256` name the last load as the warehouse lists it (receipts.loads). `kept` has the append-only files of the archive,
    `ledger_sha256`, `write_offs_sha256` and `payments_sha256` the heads of the ledger, `run_id` the last run that ended (null: none so far).
    """

    load_no: int = 0
    load_sha256: str = NO_HASH
    contents: Contents | None = None
    kept: dict[str, FilePrefix] = Field(default_factory=dict)
    ledger_sha256: str = NO_HASH
    write_offs_sha256: str = NO_HASH
    run_id: str | None = None
    payments_sha256: str = NO_HASH


def as_bytes(receipt: Receipt) -> bytes:
    """The file's content: one line of canonical JSON with a hash of its other keys."""
    fields = receipt.model_dump(mode="json")
    return canonical_json({**fields, "receipt_sha256": sha256(canonical_json(fields))})


def parse_receipt(data: bytes) -> Receipt:
    """The receipt. Raises InputError when the bytes are not those that a run wrote."""
    try:
        fields = json.loads(data)
        own = fields.pop("receipt_sha256")
        if own == sha256(canonical_json(fields)):
            return Receipt.model_validate_json(json.dumps(fields))
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError):
        pass
    raise InputError([Problem(PLACE, 0, "", "is damaged: it was changed after a run wrote it, or a later version of the program wrote it")])


def hash_contents(contents: Contents) -> str:
    """The hash that identifies the contents."""
    return sha256(canonical_json(contents.model_dump(mode="json")))
