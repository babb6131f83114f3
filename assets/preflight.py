"""Whether the machine has what a run needs, checked before the run takes anything in.

Belongs here: permissions, files and paths, as problems with a way out. Does not belong here: what a run may use (assets/runtime/limits.py), space
(assets/runtime/disk_space.py).
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from assets.publishing.postgres.connection import check_address
from assets.runtime.context import RunContext
from assets.runtime.disk_space import existing, too_little_space
from assets.runtime.limits import Limits, limits_of
from models.documents import InputError, Problem

_FORMULA = re.compile(r"\{[{%#]")
#: Open files that the process should be allowed, and the fewest that it can work with.
_USUAL_OPEN_FILES, _LEAST_OPEN_FILES = 4096, 200


def check_machine(context: RunContext) -> None:
    """Raise InputError with everything that prevents a run: folders that cannot be written, no space, inodes or open files left, no address.

    Deletes what a killed run has spilled, and brings the folder up to date with the book's stores. The caller holds the book's lock.
    """
    check_address(context)
    limits = limits_of(context)
    problems = [*_code_in_paths(context, limits), *_unwritable(context, limits), *_too_few_open_files()]
    if not problems:
        _clear_spilled(limits.spill)
        problems = too_little_space(context, limits, 0)
    if problems:
        raise InputError(problems)
    if context.book.storage.archive or context.book.storage.published:
        check_stores(context)
        _pull_stores(context)


def check_stores(context: RunContext) -> None:
    """Raise InputError when a store that the book is kept in would let two runs overwrite each other."""
    from assets.archive.stored_archive import archive_store
    from assets.publishing.stored_set import published_store
    from assets.runtime.stores import refuse_without_conditions

    for store, replaces in ((archive_store(context), False), (published_store(context), True)):
        if store is not None:
            refuse_without_conditions(store, replaces)


def _pull_stores(context: RunContext) -> None:
    """Bring the book's folder up to date with its stores."""
    from assets.archive.stored_archive import pull_archive  # with all that publishing needs, for books without a store to start without it
    from assets.publishing.pulled_set import pull_published

    pull_archive(context)
    pull_published(context)


def open_files_allowed() -> int:
    """How many files the process may hold open. Raises the limit to the usual one if the machine allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _USUAL_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _USUAL_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return _USUAL_OPEN_FILES if soft == resource.RLIM_INFINITY else soft


def _code_in_paths(context: RunContext, limits: Limits) -> list[Problem]:
    """dbt's profile contains both paths, and dbt evaluates text in such brackets."""
    paths = {context.folder: "", limits.spill.parent: "limits.spill"}
    message = "the path holds {{, {% or {#, which dbt would evaluate as a template; rename the folder"
    return [Problem(str(path), 0, key, message) for path, key in paths.items() if _FORMULA.search(str(path))][:1]


def _unwritable(context: RunContext, limits: Limits) -> list[Problem]:
    """Folders in which no file can be created, and files that cannot be changed. For a folder that does not exist yet, its parent is checked."""
    problems = []
    wanted = {context.folder: "", context.archive: "", context.published: "", context.published / "runs": "", limits.spill.parent: "limits.spill"}
    for folder in dict.fromkeys(map(existing, wanted)):
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            message = f"no file can be written here: {error.strerror}; give the run write permission, or free some space"
            problems.append(Problem(str(folder), 0, wanted.get(folder, ""), message))
    if context.warehouse.exists() and not os.access(context.warehouse, os.W_OK):
        problems.append(
            Problem(str(context.warehouse), 0, "", "cannot be written; give the run write permission, or delete it: the next run rebuilds it from the archive")
        )
    return problems


def _too_few_open_files() -> list[Problem]:
    allowed = open_files_allowed()
    if allowed >= _LEAST_OPEN_FILES:
        return []
    return [Problem("machine", 0, "", f"only {allowed} files may be open at a time, a run needs {_LEAST_OPEN_FILES}; raise it: ulimit -n {_USUAL_OPEN_FILES}")]


def _clear_spilled(spill: Path) -> None:
    for path in spill.parent.glob(f"{spill.name}*"):
        with suppress(FileNotFoundError):
            shutil.rmtree(path)
