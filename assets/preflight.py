"""Whether the machine has what a run needs, looked at before the run takes anything in.

Belongs here: rights, files and space, as mistakes with a way out. Does not belong here: what a run may take (assets/runtime/limits.py).
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from assets.publishing.postgres.connection import check_address
from assets.runtime.context import RunContext
from assets.runtime.limits import Limits, limits_of
from models.documents import InputError, Problem

#: Bytes that a run writes for every byte of a new file: its copy in the archive, typed tables, lines, the published set. Measured for CSV: 2.3 (wide lines)
#: to 4.8 (narrow ones), without what is spilled.
WRITTEN_PER_BYTE = 8
#: The same for files that are packed.
WRITTEN_PER_PACKED_BYTE = 30
_FORMULA = re.compile(r"\{[{%#]")
#: Files that the process should be able to hold open, and without which it cannot work; names that a run makes.
_USUAL_OPEN_FILES, _LEAST_OPEN_FILES, _NEW_NAMES = 4096, 200, 500


def check_machine(context: RunContext) -> None:
    """Raise InputError with all that stands in the way of a run: folders that cannot be written, no space, no names, no open files, no address.

    What a run that was killed had spilled is cleared away. The caller holds the book's lock.
    """
    check_address(context)
    limits = limits_of(context)
    problems = [*_code_in_paths(context, limits), *_unwritable(context, limits), *_too_few_open_files()]
    if not problems:
        _clear_spilled(limits.spill)
        problems = _too_little_space(context, limits, 0)
    if problems:
        raise InputError(problems)


def check_space(context: RunContext, new_files: Iterable[tuple[int, bool]]) -> None:
    """Raise InputError when there is no room for what new files become. Each: its bytes, and whether they are packed."""
    needed = sum(size * (WRITTEN_PER_PACKED_BYTE if is_packed else WRITTEN_PER_BYTE) for size, is_packed in new_files)
    if problems := _too_little_space(context, limits_of(context), needed):
        raise InputError(problems)


def open_files_allowed() -> int:
    """How many files the process may hold open; raised to what is usual where the machine lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _USUAL_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _USUAL_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return _USUAL_OPEN_FILES if soft == resource.RLIM_INFINITY else soft


def _code_in_paths(context: RunContext, limits: Limits) -> list[Problem]:
    """dbt's profile takes both paths and computes what stands in such brackets."""
    paths = {context.folder: "", limits.spill.parent: "limits.spill"}
    message = "the path holds {{, {% or {#, which dbt would take for a formula; give the folder another name"
    return [Problem(str(path), 0, key, message) for path, key in paths.items() if _FORMULA.search(str(path))][:1]


def _unwritable(context: RunContext, limits: Limits) -> list[Problem]:
    """Folders a file cannot be made in, and files that cannot be changed. A folder that is still to be made needs its parent."""
    problems = []
    wanted = {context.folder: "", context.archive: "", context.published: "", context.published / "runs": "", limits.spill.parent: "limits.spill"}
    for folder in dict.fromkeys(map(_existing, wanted)):
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            message = f"no file can be written here: {error.strerror}; give the run the right to, or free some space"
            problems.append(Problem(str(folder), 0, wanted.get(folder, ""), message))
    if context.warehouse.exists() and not os.access(context.warehouse, os.W_OK):
        problems.append(Problem(str(context.warehouse), 0, "", "cannot be written; give the run the right to, or delete it: the archive rebuilds it"))
    return problems


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())


def _too_few_open_files() -> list[Problem]:
    allowed = open_files_allowed()
    if allowed >= _LEAST_OPEN_FILES:
        return []
    return [Problem("machine", 0, "", f"only {allowed} files may be open at a time, a run needs {_LEAST_OPEN_FILES}; raise it: ulimit -n {_USUAL_OPEN_FILES}")]


def _too_little_space(context: RunContext, limits: Limits, needed: int) -> list[Problem]:
    problems = []
    places = {os.stat(folder).st_dev: folder for folder in (_existing(limits.spill.parent), context.folder)}
    for folder in places.values():
        free = shutil.disk_usage(folder).free
        wanted = limits.disk_free + (needed if folder == context.folder else 0)
        if free < wanted:
            why = f"the new files need about {_size(needed)}, and " if needed and folder == context.folder else ""
            message = (
                f"{_size(free)} are free; {why}{_size(limits.disk_free)} are to stay free (limits.disk_free of book.yaml). Free some space, then run again"
            )
            problems.append(Problem(str(folder), 0, "disk", message))
        found = os.statvfs(folder)
        if found.f_files and found.f_favail < _NEW_NAMES:
            message = f"its disk can hold only {found.f_favail} more files (inodes); remove some, then run again"
            problems.append(Problem(str(folder), 0, "disk", message))
    return problems


def _clear_spilled(spill: Path) -> None:
    for path in spill.parent.glob(f"{spill.name}*"):
        with suppress(FileNotFoundError):
            shutil.rmtree(path)


def _size(count: int) -> str:
    return f"{count / 10**9:.1f} GB" if count >= 10**8 else f"{count / 10**6:.1f} MB"
