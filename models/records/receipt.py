"""The receipt of a book: what it held when its last run ended, kept outside the warehouse.

Belongs here: the shape of archive/receipt.json and its own hash. Does not belong here: writing it, and holding a book against it (assets/archive/receipts.py).
"""

from __future__ import annotations

import json

from pydantic import Field, ValidationError

from models.documents import InputError, Problem
from models.records.chain import NO_HASH, Written, canonical_json, sha256

PLACE = "archive/receipt.json"


class Kept(Written):
    """The beginning of a file that is only ever added to: so many bytes, with this hash."""

    bytes: int
    sha256: str


class Contents(Written):
    """What the warehouse holds of the feeds. `files_sha256`: over every line of raw.feed_files; `amounts`: of the transactions, by currency, as text."""

    files: int
    arrivals: dict[str, int]
    rows: dict[str, int]
    amounts: dict[str, str]
    files_sha256: str


class Receipt(Written):
    """What a later run must find again. `contents`: null promises nothing of the warehouse, which is then about to be made.

    `load_no` and `load_sha256` name the last load, as the warehouse lists it (receipts.loads); `kept` the files of the archive that only grow;
    `ledger_sha256` and `write_offs_sha256` the heads of the ledger; `run_id` the last run that ended (null: none since the book was begun).
    """

    load_no: int = 0
    load_sha256: str = NO_HASH
    contents: Contents | None = None
    kept: dict[str, Kept] = Field(default_factory=dict)
    ledger_sha256: str = NO_HASH
    write_offs_sha256: str = NO_HASH
    run_id: str | None = None


def as_bytes(receipt: Receipt) -> bytes:
    """The file's content: one line of canonical JSON that holds a hash of itself without it."""
    said = receipt.model_dump(mode="json")
    return canonical_json({**said, "receipt_sha256": sha256(canonical_json(said))})


def parse_receipt(data: bytes) -> Receipt:
    """The receipt. Raises InputError when it is not the one that was written."""
    try:
        said = json.loads(data)
        own = said.pop("receipt_sha256")
        if own == sha256(canonical_json(said)):
            return Receipt.model_validate_json(json.dumps(said))
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError):
        pass
    raise InputError([Problem(PLACE, 0, "", "is damaged: it is not as a run wrote it, or a later version of the program did")])


def hash_contents(contents: Contents) -> str:
    """What names the contents."""
    return sha256(canonical_json(contents.model_dump(mode="json")))
