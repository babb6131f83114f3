"""Errors of the steps as a person on the web page should read them: what happened, and the way out.

Belongs here: which error has which way out. Does not belong here: how the command shows the same errors (pipelines/cli/main.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assets.publishing.postgres.connection import PostgresFailed
from assets.runtime.book_folder import BookLocked
from assets.runtime.context import CheckFailed
from assets.runtime.errors import SqlError
from models.documents import InputError
from models.records.closing import LedgerRuleViolation
from pipelines.logging.masking import mask

if TYPE_CHECKING:
    import dagster as dg

KEPT_MESSAGE = "What was published before stays."
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
WAY_OUT = "way out"


def as_failure(error: Exception) -> dg.Failure:
    """The error as Dagster's failure: its own words, and the way out as metadata."""
    import dagster as dg  # the command says the same words without it

    text = str(error) if cause(error) is None else f"{type(error).__name__}: {error}"
    return dg.Failure(mask(text), metadata={WAY_OUT: way_out(error)}, allow_retries=False)


def cause(error: Exception) -> Exception | None:
    """What the page shows below the failure: the traceback where the program is at fault, nothing where the words say it all."""
    return None if isinstance(error, tuple(kind for kind, _ in _WAYS_OUT)) else error


def way_out(error: BaseException | None) -> str:
    """One or two sentences that say what to do about the error."""
    metadata: dict[str, dg.MetadataValue] = getattr(error, "metadata", {})  # as_failure put it there
    if WAY_OUT in metadata:
        return str(metadata[WAY_OUT].value)
    return next((advice for kind, advice in _WAYS_OUT if isinstance(error, kind)), _FAULT)
