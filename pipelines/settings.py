"""Environment variables. This is the only place that reads them.

TIERLEDGER_BOOK       the book to work on when no --book is given (default: the current folder if it is a book, else books/demo below it)
TIERLEDGER_LOG        format of the log when no --log-format is given: text or json
TIERLEDGER_LOG_FILE   file to which the log is appended when no --log-file is given
DAGSTER_HOME          settings and history of the Dagster instance for `tierledger ui` (default: .dagster_home below the book)
and those that book.yaml names as `env:NAME`; POLARS_MAX_THREADS is set if book.yaml has limits.threads
"""

from __future__ import annotations

import os
from pathlib import Path

from assets.runtime.masking import keep_secret

DEMO_BOOK = Path("books/demo")


def book_folder() -> Path:
    """The book to work on when the caller names none."""
    if name := os.environ.get("TIERLEDGER_BOOK"):
        return Path(name)
    return Path.cwd() if Path("book.yaml").is_file() else DEMO_BOOK


def log_format() -> str | None:
    """The format of the log when the caller names none. None: no log."""
    return os.environ.get("TIERLEDGER_LOG") or None


def log_file() -> Path | None:
    """The log file when the caller names none."""
    name = os.environ.get("TIERLEDGER_LOG_FILE")
    return Path(name) if name else None


def dagster_home() -> Path | None:
    """The folder of the Dagster instance, if the environment names one."""
    name = os.environ.get("DAGSTER_HOME")
    return Path(name) if name else None


def read_secret(name: str) -> str | None:
    """The secret that book.yaml names as `env:NAME`, or None if it is not set. From now on it is masked in all output."""
    value = os.environ.get(name)
    keep_secret(value or "")
    return value


def limit_polars(threads: int) -> None:
    """Limit the threads of Polars. It reads the variable when it is first imported; later the call has no effect. No result depends on it."""
    os.environ.setdefault("POLARS_MAX_THREADS", str(threads))


def child_environment(**more: str) -> dict[str, str]:
    """The environment for a child process: this one's, with `more` set."""
    return {**os.environ, **more}
