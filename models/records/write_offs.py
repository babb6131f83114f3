"""Write-offs: the lines of ledger/write_offs.jsonl, each chained to the one before, and how much may be written off.

Belongs here: the shape of a line, its hash, parsing and checking lines, the limit. Does not belong here: opening the file (assets/ledger/folder.py).
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationError

from models.currencies import MINOR_UNITS, PayoutUnits, payout_unit
from models.documents import InputError, Problem
from models.records.chain import NO_HASH, Record, StoredModel, canonical_json, payout_id_of, sha256
from models.records.closing import LedgerRuleViolation

FILE = "write_offs.jsonl"
_PLACE = f"ledger/{FILE}"


class WriteOff(StoredModel):
    """One line: a difference on one payout that nobody will pay. `amount` is in the agreement's currency, positive where less was paid than is owed.

    `approved_by` is a second person, where there was one. `date` is the book's as-of date, `period` the open period that it is posted in, `written_at` the
    time of writing (UTC).
    """

    sequence: int
    payout_id: Annotated[str, AfterValidator(payout_id_of)]
    agreement_id: str
    benefit_id: str
    participant_id: str
    window_start: dt.date
    direction: str
    currency: str
    amount: Decimal
    date: dt.date
    period: str
    reason: str
    by: str
    approved_by: str | None = None
    written_at: dt.datetime
    previous_sha256: str
    sha256: str


def seal_write_off(fields: Mapping[str, Any], before: Sequence[WriteOff]) -> WriteOff:
    """The line that follows `before`. `fields`: all of WriteOff but its position in the chain."""
    draft = WriteOff(**fields, sequence=len(before) + 1, previous_sha256=last_sha256(before), sha256="")
    return draft.model_copy(update={"sha256": _line_sha256(_fields_of(draft))})


def as_line(write_off: WriteOff) -> bytes:
    """The line in its canonical form, with its newline."""
    return canonical_json(_fields_of(write_off))


def _fields_of(write_off: WriteOff) -> dict[str, Any]:
    """What the line says: of approval only where there was one, as in lines from before there could be."""
    return write_off.model_dump(mode="json", exclude=None if write_off.approved_by else {"approved_by"})


def last_sha256(write_offs: Sequence[WriteOff]) -> str:
    """The head of the write-offs' chain."""
    return write_offs[-1].sha256 if write_offs else NO_HASH


def parse_write_offs(data: bytes, records: Sequence[Record]) -> tuple[list[WriteOff], list[Problem]]:
    """Every write-off in order, and the first thing that is wrong with the file. `records` name write-offs that the file must contain."""
    write_offs: list[WriteOff] = []
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        if not line.endswith(b"\n"):
            message = "the last line was cut short: `write-off` crashed before it was done and wrote nothing off"
            return write_offs, [Problem(_PLACE, number, "", f"{message}. Delete this line, then run the command again")]
        try:
            fields = json.loads(line)
            write_off = WriteOff.model_validate_json(line)
        except (ValidationError, ValueError):
            return write_offs, [Problem(_PLACE, number, "", "is not a write-off: the line was changed; restore the file from a backup")]
        if canonical_json(fields) != line or _line_sha256(fields) != write_off.sha256:
            return write_offs, [Problem(_PLACE, number, "sha256", "does not match the line, which was changed later; restore the file from a backup")]
        if (write_off.sequence, write_off.previous_sha256) != (number, last_sha256(write_offs)):
            message = "does not follow the line before it: a line was removed, added or moved; restore the file from a backup"
            return write_offs, [Problem(_PLACE, number, "previous_sha256", message)]
        write_offs.append(write_off)
    written = {NO_HASH, *(write_off.sha256 for write_off in write_offs)}
    lost = [record.folder for record in records if record.write_offs_sha256 not in written]
    message = f"write-offs that {lost[0]} refers to are missing or were rewritten; restore the file from a backup" if lost else ""
    return write_offs, [Problem(_PLACE, len(write_offs), "", message)] if lost else []


def agree_amount(
    payout: Mapping[str, Any], amount: Decimal | None, limit: Decimal, before: Sequence[WriteOff], payout_units: PayoutUnits = MINOR_UNITS
) -> Decimal:
    """What is written off: `amount`, or by default all that is open. `payout`: its row of fct_payout.

    Raises InputError for an amount that is not a number, LedgerRuleViolation where nothing is open, for more than is open, and where all write-offs of
    the payout exceed `limit`.
    """
    name = f"payout {payout['payout_id']}"
    if payout["status"] not in ("final", "closed"):
        raise LedgerRuleViolation(f"{name} is {payout['status']}: only what is still owed for a window that has ended can be written off")
    open_amount: Decimal = payout["open_amount"]
    currency = payout["currency"]
    if open_amount == 0:
        raise LedgerRuleViolation(f"{name} has nothing open: payout {payout['payout']}, settled {payout['settled']} {currency}")
    chosen = open_amount if amount is None else amount
    if not chosen.is_finite():
        raise InputError([Problem("--amount", 0, "", f"{amount} is not an amount")])
    if chosen == 0 or chosen * open_amount < 0 or abs(chosen) > abs(open_amount):
        raise LedgerRuleViolation(f"{name} has {open_amount} {currency} open, so {chosen} cannot be written off; give an amount between 0 and that")
    # payments have the currency's own decimals, even where payouts are rounded to larger steps
    decimals = max(MINOR_UNITS[currency], 4 - _final_zeros(payout_unit(currency, payout_units)))
    if chosen != round(chosen, decimals):
        raise InputError([Problem("--amount", 0, "", f"{amount} has too many decimals: {currency} has {decimals}")])
    total = abs(chosen) + sum((abs(each.amount) for each in before if each.payout_id == payout["payout_id"]), Decimal(0))
    if total > limit:
        message = f"{total} {currency} of {name} would be written off, but book.yaml allows {limit} (close: {{write_off_limit: {limit}}})"
        raise LedgerRuleViolation(f"{message}. Pay the rest, correct the agreement, or raise the limit")
    return chosen.quantize(Decimal("0.0001"))


def _final_zeros(number: int) -> int:
    return len(str(number)) - len(str(number).rstrip("0"))


def _line_sha256(fields: Mapping[str, Any]) -> str:
    """The hash of all other fields of the line."""
    return sha256(canonical_json({key: value for key, value in fields.items() if key != "sha256"}))
