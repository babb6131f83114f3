"""Errors that several packages raise or recognise, and that import no engine.

Belongs here: their definitions. Does not belong here: errors of the machine (machine_errors.py), mistakes in the input (models/documents.py).
"""

from __future__ import annotations

from models.documents import InputError, Problem


class SqlError(Exception):
    """A model could not be built: its name and the database's message."""


class StoreFailed(OSError):
    """An object store could not be reached, or refused a request. The text says which, why, and the way out."""


def rejection(name: str, reason: str, line: int = 0) -> InputError:
    """The error that rejects a whole file."""
    return InputError([Problem(name, line, "", reason)])
