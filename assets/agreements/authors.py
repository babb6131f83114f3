"""Who changed an agreement since it was last approved, as git knows it.

Belongs here: reading git's history of an agreement's files. Does not belong here: who may approve (assets/agreements/approve.py).
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from models.agreements.approval import terms_sha256
from models.agreements.for_each import read_documents
from models.documents import Document

#: More commits of one file than this are not read.
MAX_COMMITS = 500


def authors_since_approval(folder: Path, document: Document, agreement: str, version: int) -> list[str]:
    """Names and mail addresses of everyone who changed these terms since they were last approved; empty where git knows nothing.

    Terms that are not committed are by the user that git is set up for.
    """
    files = sorted({document.written.file, document.file})
    if not _git(folder, "rev-parse", "--git-dir") or _git(folder, "check-ignore", *files):
        return []
    authors: list[str] = []
    for (names, after), (_, before) in pairwise(_states(folder, files, agreement, version, document.approved_terms)):
        if after is None or _is_approved(after):
            break
        if before is None or terms_sha256(before) != terms_sha256(after):
            authors += filter(None, names)
    return authors


def _states(folder: Path, files: list[str], agreement: str, version: int, current: dict[str, Any]) -> Iterator[tuple[list[str], dict[str, Any] | None]]:
    """The agreement's terms and who wrote them: as they are now, then as each commit had them, the newest first; last the time before they existed."""
    yield [_git(folder, "config", key).strip() for key in ("user.name", "user.email")], current
    for line in _git(folder, "log", f"--max-count={MAX_COMMITS}", "--format=%H%x09%an%x09%ae", "--", *files).splitlines():
        commit, *author = line.split("\t")
        if value := _at(folder, commit, files, agreement, version):
            yield author, value
    yield [], None


def _is_approved(value: dict[str, Any]) -> bool:
    approved = value.get("approved")
    return isinstance(approved, dict) and approved.get("terms_sha256") == terms_sha256(value)


def _at(folder: Path, commit: str, files: list[str], agreement: str, version: int) -> dict[str, Any] | None:
    """The agreement's terms as they were committed; None where those files had none."""
    texts = {file: _git(folder, "show", f"{commit}:./{file}") for file in files}
    documents = read_documents({file: text for file, text in texts.items() if text})[0]
    values = [(document.value, document.approved_terms) for document in documents if isinstance(document.value, dict)]
    named = [terms for value, terms in values if str(value.get("agreement")) == agreement and value.get("version", 1) == version]
    return named[0] if named else None


def _git(folder: Path, *arguments: str) -> str:
    """What git prints; empty where it is not installed, or the folder is not in a repository."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
