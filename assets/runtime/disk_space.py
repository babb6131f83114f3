"""Whether the disks have room for what a run writes.

Belongs here: free space and inodes, as problems with a way out. Does not belong here: what a run may use (limits.py), other checks of the machine
(assets/preflight.py).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from assets.runtime.context import RunContext
from assets.runtime.limits import Limits, limits_of
from models.documents import InputError, Problem

#: Bytes that a run writes for every byte of a new file: its copy in the archive, typed tables, lines, the published set. Measured for CSV: 2.3 (wide lines)
#: to 4.8 (narrow ones), without spilling.
WRITTEN_PER_BYTE = 8
#: The same for compressed files.
WRITTEN_PER_PACKED_BYTE = 30
#: Files and folders that a run creates.
_NEW_NAMES = 500


def check_space(context: RunContext, new_files: Iterable[tuple[int, bool]]) -> None:
    """Raise InputError when there is no room for processing new files. Each file: its bytes, and whether it is compressed."""
    needed = sum(size * (WRITTEN_PER_PACKED_BYTE if is_packed else WRITTEN_PER_BYTE) for size, is_packed in new_files)
    if problems := too_little_space(context, limits_of(context), needed):
        raise InputError(problems)


def too_little_space(context: RunContext, limits: Limits, needed: int) -> list[Problem]:
    """Problems with the disks of the book and of its spill folder, if `needed` bytes are to be written into the book."""
    problems = []
    places = {os.stat(folder).st_dev: folder for folder in (existing(limits.spill.parent), context.folder)}
    for folder in places.values():
        free = shutil.disk_usage(folder).free
        wanted = limits.disk_free + (needed if folder == context.folder else 0)
        if free < wanted:
            why = f"the new files need about {_size(needed)}, and " if needed and folder == context.folder else ""
            message = f"{_size(free)} are free; {why}{_size(limits.disk_free)} must stay free (limits.disk_free of book.yaml). Free some space, then run again"
            problems.append(Problem(str(folder), 0, "disk", message))
        found = os.statvfs(folder)
        if found.f_files and found.f_favail < _NEW_NAMES:
            message = f"its disk can hold only {found.f_favail} more files (inodes); remove some, then run again"
            problems.append(Problem(str(folder), 0, "disk", message))
    return problems


def existing(folder: Path) -> Path:
    """The folder, or its nearest ancestor that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def _size(count: int) -> str:
    return f"{count / 10**9:.1f} GB" if count >= 10**8 else f"{count / 10**6:.1f} MB"
