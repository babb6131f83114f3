"""Files that must survive a power cut: written, flushed to disk, then renamed.

Belongs here: the order of write, flush and rename. Does not belong here: what the files contain.
"""

from __future__ import annotations

import os
from pathlib import Path


def flush(path: Path) -> None:
    """Return when a file's bytes, or a folder's entries, are safely on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file in one step: readers see either the old bytes or the new ones. On disk when this returns."""
    staged = path.with_name(f".{path.name}.tmp")
    with staged.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(staged, path)
    flush(path.parent)
