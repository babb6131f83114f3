"""Errors that several wings raise or recognise, and that know of no engine.

Belongs here: their shape. Does not belong here: what the machine refuses (machine_errors.py), mistakes of people (models/documents.py).
"""

from __future__ import annotations

from models.documents import InputError, Problem


class SqlError(Exception):
    """A model could not be built: its name and the database's own words."""


def refusal(name: str, reason: str, line: int = 0) -> InputError:
    """The error that refuses a whole file."""
    return InputError([Problem(name, line, "", reason)])
