"""Files that a power cut must not take back: written, flushed to the disk, and then under their name.

Belongs here: the order of write, flush and rename. Does not belong here: what the files hold.
"""

from __future__ import annotations

import os
from pathlib import Path


def flush(path: Path) -> None:
    """Return when a file's bytes, or a folder's names, are on the disk for sure."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, data: bytes) -> None:
    """Put a file in place of the one of that name in one step: readers see the old bytes or the new ones. On disk when this returns."""
    beside = path.with_name(f".{path.name}.tmp")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    flush(path.parent)
