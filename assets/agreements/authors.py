"""Who changed an agreement since it was last approved, as git knows it.

Belongs here: reading git's history of one agreement file. Does not belong here: who may approve (assets/agreements/approve.py).
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from models.agreements.approval import terms_sha256
from models.documents import InputError, parse_documents

#: More commits of one file than this are not read.
MAX_COMMITS = 500


def authors_since_approval(folder: Path, file: str, agreement: str, version: int, current: dict[str, Any]) -> list[str]:
    """Names and mail addresses of everyone who changed these terms since they were last approved; empty where git knows nothing.

    Terms that are not committed are by the user that git is set up for.
    """
    if not _git(folder, "rev-parse", "--git-dir") or _git(folder, "check-ignore", file):
        return []
    authors: list[str] = []
    for (names, after), (_, before) in pairwise(_states(folder, file, agreement, version, current)):
        if after is None or _is_approved(after):
            break
        if before is None or terms_sha256(before) != terms_sha256(after):
            authors += filter(None, names)
    return authors


def _states(folder: Path, file: str, agreement: str, version: int, current: dict[str, Any]) -> Iterator[tuple[list[str], dict[str, Any] | None]]:
    """The agreement's document and who wrote it: as it is now, then as each commit had it, the newest first; last the time before it existed."""
    yield [_git(folder, "config", key).strip() for key in ("user.name", "user.email")], current
    for line in _git(folder, "log", f"--max-count={MAX_COMMITS}", "--format=%H%x09%an%x09%ae", "--", file).splitlines():
        commit, *author = line.split("\t")
        if value := _at(folder, commit, file, agreement, version):
            yield author, value
    yield [], None


def _is_approved(value: dict[str, Any]) -> bool:
    approved = value.get("approved")
    return isinstance(approved, dict) and approved.get("terms_sha256") == terms_sha256(value)


def _at(folder: Path, commit: str, file: str, agreement: str, version: int) -> dict[str, Any] | None:
    """The agreement's document as it was committed; None where that file had none."""
    try:
        documents = [document.value for document in parse_documents(_git(folder, "show", f"{commit}:./{file}"), file)]
    except InputError:
        return None
    named = [value for value in documents if isinstance(value, dict) and str(value.get("agreement")) == agreement and value.get("version", 1) == version]
    return named[0] if named else None


def _git(folder: Path, *arguments: str) -> str:
    """What git prints; empty where it is not installed, or the folder is not in a repository."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
