"""Environment variables. This is the only place that reads them.

TIERLEDGER_BOOK   the book to work on when no --book is given (default: books/demo below the current folder)
and those that book.yaml names as `env:NAME`
"""

from __future__ import annotations

import os
from pathlib import Path

DEMO_BOOK = Path("books/demo")


def book_folder() -> Path:
    """The book to work on when the caller names none."""
    return Path(os.environ.get("TIERLEDGER_BOOK") or DEMO_BOOK)


def read_secret(name: str) -> str | None:
    """What book.yaml names as `env:NAME`; None where it is not set."""
    return os.environ.get(name)


def child_environment(**more: str) -> dict[str, str]:
    """This process's environment for one that it starts, with `more` set."""
    return {**os.environ, **more}
