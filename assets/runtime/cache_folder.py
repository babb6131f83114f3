"""The folder for files that can be rebuilt: the user's cache folder, never the package's own.

Belongs here: choosing the folder, keeping it small, writing its files. Does not belong here: what is kept there (assets/transform/dbt.py), and
anything of a book.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

#: How many folders of one kind are kept. Several versions of the program share the cache, each with its own folder.
_KEPT = 8


def open_cache(kind: str, digest: str) -> Path:
    """The folder of this digest in the user's cache. If the cache cannot be written, a private folder that is removed when the process ends.

    Of each kind the folders used last stay.
    """
    from platformdirs import user_cache_path  # most commands need no cache

    folder = user_cache_path("tierledger") / kind / digest
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            os.utime(folder)
            _remove_unused(folder.parent)
            return folder
    except OSError:  # the home folder is missing, read-only or full
        pass
    temporary = tempfile.mkdtemp(prefix="tierledger-")
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    return Path(temporary)


def store(file: Path, content: bytes) -> None:
    """Write a file whole or not at all: other processes read it. Where the disk is full or the cache gone, it is left out and made again."""
    staged = file.with_suffix(f".{os.getpid()}")
    try:
        file.parent.mkdir(exist_ok=True)
        staged.write_bytes(content)
        staged.replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            staged.unlink(missing_ok=True)


def _remove_unused(parent: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # another process may remove the same ones
        for folder in sorted(parent.iterdir(), key=lambda each: each.stat().st_mtime)[:-_KEPT]:
            shutil.rmtree(folder, ignore_errors=True)
