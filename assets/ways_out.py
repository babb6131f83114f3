"""What a person can do about an error, in a sentence or two.

Belongs here: which kind of error has which way out. Does not belong here: showing it on the terminal (pipelines/cli/main.py) or on the web page
(assets/graph/failures.py).
"""

from __future__ import annotations

from assets.publishing.postgres.connection import PostgresFailed
from assets.runtime.book_folder import BookLocked
from assets.runtime.context import CheckFailed
from assets.runtime.errors import SqlError
from models.documents import InputError
from models.records.closing import LedgerRuleViolation

_WAYS_OUT: tuple[tuple[type[Exception], str], ...] = (
    (InputError, "Correct the file, line and key that are named, then run again. `tierledger validate` lists every problem of book and agreements."),
    (LedgerRuleViolation, "The rules of the ledger forbid it; the message says what stands in the way. Nothing was written."),
    (CheckFailed, "The rows that are named contradict the check. Correct the feed or agreement they come from, then run again."),
    (BookLocked, "Wait until the other run has ended, or stop it; nothing has to be deleted. Then run again."),
    (SqlError, "If the message names a value, correct its feed; else it is a fault of the program: report it with what `tierledger doctor` prints."),
    (PostgresFailed, "Parquet and DuckDB hold the run; PostgreSQL has what it had. Do what the message says, then run again: it is published there then."),
    (OSError, "The machine refused a file: look at free space and rights of the book's folder (`tierledger doctor`), then run again."),
)
_FAULT = "This is a fault of the program, not of your input. Report it with what `tierledger doctor` prints."


def way_out(error: BaseException | None) -> str:
    """What to do about the error."""
    return next((advice for kind, advice in _WAYS_OUT if isinstance(error, kind)), _FAULT)


def is_foreseen(error: BaseException) -> bool:
    """Whether the error's own words say it all; otherwise the program is at fault, and its traceback is needed."""
    return isinstance(error, tuple(kind for kind, _ in _WAYS_OUT))
