"""Errors of the machine: disk full, no permission to write, a damaged warehouse. The engines' messages become one message with the way out.

Belongs here: recognising such errors, and what to do about them. Does not belong here: checks before a run (assets/runtime/book_folder.py, assets/preflight.py,
assets/archive/receipts.py).
"""

from __future__ import annotations

import errno
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from assets.runtime.errors import SqlError
from models.documents import InputError, Problem

#: DuckDB's messages when its file or its log is damaged.
_DAMAGE = re.compile(
    r"corrupt (database|wal) file|replaying wal|wal was created|warehouse\.duckdb.*not a valid|read enough bytes from file.*warehouse\.duckdb"
    r"|sqlite_scanner",  # a file that begins like one of SQLite's
    re.IGNORECASE,
)
_FULL = re.compile(r"no space left|disk quota|file too large|max_temp_directory_size|errno 28|errno 122|errno 27", re.IGNORECASE)
_FILES = re.compile(r"too many open files|errno 24", re.IGNORECASE)
_RIGHTS = re.compile(r"permission denied|read-only file system|cannot open file|operation not permitted", re.IGNORECASE)
_MEMORY = re.compile(r"out of memory error|cannot allocate memory|errno 12\b", re.IGNORECASE)
_USED = re.compile(r"/([0-9.]+ [KMG]iB) used")
_PUBLISHED_IS_INTACT = "What readers of published/ see is complete and from one run."


class MachineRefused(OSError):
    """The machine stopped the run: no space, memory, open files or permission. The text says what happened, and the way out."""


def damaged(folder: Path, message: str) -> InputError:
    """The message for a warehouse that cannot be trusted, with the command that rebuilds it."""
    reason = message.splitlines()[0].rstrip(".")
    way_out = f"Nothing is lost: `tierledger run --rebuild --book {shlex.quote(str(folder))}` rebuilds it from the archive"
    return InputError([Problem("warehouse.duckdb", 0, "", f"cannot be trusted: {reason}. {way_out}")])


def is_damage(error: BaseException) -> bool:
    """Whether the engine could not read back what it had written."""
    text = str(error)
    return bool(_DAMAGE.search(text) or isinstance(error, duckdb.FatalException)) and not _FULL.search(text)


@contextmanager
def translate_machine_errors(folder: Path) -> Iterator[None]:
    """Turn errors of the machine and of a damaged warehouse in the block into one message."""
    try:
        yield
    except (duckdb.Error, SqlError, OSError, RuntimeError, MemoryError) as error:
        translated = _translate(error, folder)
        if translated is None:
            raise
        raise translated from error


def _translate(error: Exception, folder: Path) -> Exception | None:
    """None: the error is clear as it is, or is a bug in the program."""
    if isinstance(error, MachineRefused):
        return None
    text = str(error)
    number = error.errno if isinstance(error, OSError) else None
    place = str(getattr(error, "filename", None) or folder)
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or _FULL.search(text):
        message = f"{place}: the disk is full, or a limit on its use is reached ({_first(text)})"
        return MachineRefused(
            f"{message}. {_PUBLISHED_IS_INTACT} Make room for the book ({folder}) and for its spill folder (limits.spill of book.yaml), then run again."
        )
    if isinstance(error, MemoryError) or _MEMORY.search(text):
        had = _USED.search(text)
        message = f"the run needs more memory than it may use ({f'the engine {had[1]}' if had else _first(text)})"
        way_out = "Give it more in book.yaml (`limits: {memory: 2GB}`) or fewer threads (`limits: {threads: 1}`); `tierledger doctor` shows both"
        return MachineRefused(f"{folder}: {message}. {_PUBLISHED_IS_INTACT} {way_out}.")
    if number in (errno.EMFILE, errno.ENFILE) or _FILES.search(text):
        return MachineRefused(f"{place}: too many files are open ({_first(text)}). {_PUBLISHED_IS_INTACT} Allow more with `ulimit -n 1024`, then run again.")
    if number in (errno.EACCES, errno.EPERM, errno.EROFS) or (not isinstance(error, OSError) and _RIGHTS.search(text)):
        message = f"{place}: the run is not permitted to read or write it ({_first(text)})"
        return MachineRefused(f"{message}. {_PUBLISHED_IS_INTACT} Give the user that runs it access to the book's folder, then run again.")
    if number == errno.EIO:
        return MachineRefused(f"{place}: the disk failed ({_first(text)}). {_PUBLISHED_IS_INTACT} Check the disk, then run again.")
    if not isinstance(error, OSError | RuntimeError) and is_damage(error):
        return damaged(folder, _first(text))
    return None


def _first(text: str) -> str:
    return text.strip().splitlines()[0].rstrip(".") if text.strip() else "no reason given"
