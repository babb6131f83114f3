"""What the machine does to a run: disk full, no right to write, a damaged warehouse. The engines' words become one message with the way out.

Belongs here: recognising such errors and saying what to do. Does not belong here: checks before a run (assets/runtime/book_folder.py, assets/preflight.py,
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

#: What DuckDB says when bytes of its file or its log are not those it wrote.
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
_KEPT = "What readers of published/ see is whole and from one run."


class MachineRefused(OSError):
    """The machine did not let the run do its work. The text says what, and the way out."""


def damaged(folder: Path, message: str) -> InputError:
    """The one message for a warehouse that cannot be trusted, with the one command that mends it."""
    reason = message.splitlines()[0].rstrip(".")
    way_out = f"Nothing of it is lost: `tierledger run --rebuild --book {shlex.quote(str(folder))}` makes it again from the archive"
    return InputError([Problem("warehouse.duckdb", 0, "", f"cannot be relied upon: {reason}. {way_out}")])


def is_damage(error: BaseException) -> bool:
    """Whether the engine could not read back what it had written."""
    text = str(error)
    return bool(_DAMAGE.search(text) or isinstance(error, duckdb.FatalException)) and not _FULL.search(text)


@contextmanager
def translate_machine_errors(folder: Path) -> Iterator[None]:
    """Errors of the machine and of a damaged warehouse leave the block as one message."""
    try:
        yield
    except (duckdb.Error, SqlError, OSError, RuntimeError, MemoryError) as error:
        plain = _in_plain_words(error, folder)
        if plain is None:
            raise
        raise plain from error


def _in_plain_words(error: Exception, folder: Path) -> Exception | None:
    """None: the error speaks for itself, or is a fault of the program."""
    if isinstance(error, MachineRefused):
        return None
    text = str(error)
    number = error.errno if isinstance(error, OSError) else None
    place = str(getattr(error, "filename", None) or folder)
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or _FULL.search(text):
        message = f"{place}: the disk is full, or a limit on its use is reached ({_first(text)})"
        return MachineRefused(f"{message}. {_KEPT} Make room for the book ({folder}) and for what it spills (limits.spill of book.yaml), then run again.")
    if isinstance(error, MemoryError) or _MEMORY.search(text):
        had = _USED.search(text)
        message = f"the run needs more memory than it may have ({f'the engine {had[1]}' if had else _first(text)})"
        way_out = "Give it more in book.yaml (`limits: {memory: 2GB}`) or fewer threads (`limits: {threads: 1}`); `tierledger doctor` shows both"
        return MachineRefused(f"{folder}: {message}. {_KEPT} {way_out}.")
    if number in (errno.EMFILE, errno.ENFILE) or _FILES.search(text):
        return MachineRefused(f"{place}: too many files are open ({_first(text)}). {_KEPT} Allow more with `ulimit -n 1024`, then run again.")
    if number in (errno.EACCES, errno.EPERM, errno.EROFS) or (not isinstance(error, OSError) and _RIGHTS.search(text)):
        message = f"{place}: the run may not read or write it ({_first(text)})"
        return MachineRefused(f"{message}. {_KEPT} Give its user the rights to the book's folder, then run again.")
    if number == errno.EIO:
        return MachineRefused(f"{place}: the disk failed ({_first(text)}). {_KEPT} Look at the disk, then run again.")
    if not isinstance(error, OSError | RuntimeError) and is_damage(error):
        return damaged(folder, _first(text))
    return None


def _first(text: str) -> str:
    return text.strip().splitlines()[0].rstrip(".") if text.strip() else "no reason given"
