"""What a user can do about an error, in a sentence or two.

Belongs here: the way out for each kind of error. Does not belong here: showing it on the terminal (pipelines/cli/main.py) or on the web page
(assets/graph/failures.py).
"""

from __future__ import annotations

from assets.publishing.postgres.connection import PostgresFailed
from assets.runtime.book_folder import BookLocked, Overtaken
from assets.runtime.context import CheckFailed
from assets.runtime.errors import SqlError, StoreFailed
from models.documents import InputError
from models.records.closing import LedgerRuleViolation

_WAYS_OUT: tuple[tuple[type[Exception], str], ...] = (
    (InputError, "Correct the named file, line and key, then run again. `tierledger validate` lists every problem in book and agreements."),
    (LedgerRuleViolation, "The rules of the ledger forbid it; the message says why. Nothing was written."),
    (CheckFailed, "The named rows contradict the check. Correct the feed or agreement they come from, then run again."),
    (Overtaken, "Run again: it starts from what the other run has written. Nothing has to be deleted."),
    (BookLocked, "Wait until the other run has ended, or stop it, then run again. Nothing has to be deleted."),
    (SqlError, "If the message names a value, correct its feed. Otherwise it is a bug in the program: report it with the output of `tierledger doctor`."),
    (PostgresFailed, "Parquet and DuckDB hold the run; PostgreSQL is unchanged. Follow the message, then run again to publish it there too."),
    (StoreFailed, "Check the store's URL, options, credentials and the network (`tierledger doctor`), then run again. What it held before is there still."),
    (OSError, "A file could not be read or written: check free space and permissions of the book's folder (`tierledger doctor`), then run again."),
)
_BUG = "This is a bug in the program, not a problem with your input. Report it with the output of `tierledger doctor`."


def way_out(error: BaseException | None) -> str:
    """What to do about the error."""
    return next((advice for kind, advice in _WAYS_OUT if isinstance(error, kind)), _BUG)


def is_foreseen(error: BaseException) -> bool:
    """Whether the error's message is sufficient. Otherwise it is a bug in the program, and its traceback is needed."""
    return isinstance(error, tuple(kind for kind, _ in _WAYS_OUT))
