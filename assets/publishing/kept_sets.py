"""How long a published set stays after the next one has replaced it.

Belongs here: which sets readers may still need, and removing the others. Does not belong here: writing a set (assets/publishing/parquet_set.py).

Two sets always stay. An older one stays while a process on this machine has its tierledger.duckdb open, because views in it read the set's files.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

from assets.published.reader import DATABASE

#: Sets that stay besides the current one, for readers that opened them before the switch.
KEPT_SETS = 2


def keep_for_readers(published: Path) -> None:
    """Before tierledger.duckdb is replaced: give it a second name in the folder of its set, by which to ask whether a reader has it open."""
    current = (published / "current").resolve()
    if not (published / DATABASE).is_file() or not current.is_dir():
        return
    (current / DATABASE).unlink(missing_ok=True)
    try:
        os.link(published / DATABASE, current / DATABASE)
    except OSError:  # a file system without hard links: the set stays as long as one without readers
        return


def remove_older(published: Path) -> None:
    """Remove the sets that nobody needs, and the second names of databases that nobody has open."""
    current = (published / "current").resolve()
    sets = sorted((p for p in (published / "runs").iterdir() if p.is_dir() and p != current), key=lambda p: p.stat().st_mtime_ns, reverse=True)
    for place, path in enumerate(sets):
        if _is_open(path / DATABASE):
            continue
        if place >= KEPT_SETS:
            shutil.rmtree(path)
        else:
            (path / DATABASE).unlink(missing_ok=True)


def _is_open(database: Path) -> bool:
    """Whether a process has the database open. DuckDB holds a shared lock on a file that it reads."""
    try:
        database.chmod(0o600)  # an exclusive lock needs a file opened for writing
        with database.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    except OSError:  # locks are not supported here
        return False
    finally:
        if database.exists():
            database.chmod(0o444)
    return False
