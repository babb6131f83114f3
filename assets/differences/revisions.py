"""The agreements of a book at a revision of the git repository that holds it.

Belongs here: asking git. Does not belong here: what follows from the texts (states.py).
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from assets.agreements.texts import read_agreement_texts
from assets.runtime.errors import rejection

_SUFFIXES = (".yaml", ".yml", ".csv")


def texts_at(folder: Path, revision: str) -> dict[str, str]:
    """book.yaml, if git has it, and every agreement file of the book at the revision, by name. Raises InputError with the way out."""
    commit = _git(folder, revision, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    prefix = _git(folder, revision, "rev-parse", "--show-prefix").decode().strip()
    listed = _git(folder, revision, "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit, "--", f"{prefix}agreements", f"{prefix}book.yaml")
    names = [name.removeprefix(prefix) for name in listed.decode("utf-8", "surrogateescape").split("\0") if name]
    agreements = [name for name in names if name.startswith("agreements/") and name.endswith(_SUFFIXES)]
    if not any(name.endswith((".yaml", ".yml")) for name in agreements):
        place = f"{prefix}agreements" if prefix else "agreements"
        raise rejection(revision, f"this revision has no *.yaml below {place}; name one that has, or the folder of a book")
    chosen = sorted(agreements) + [name for name in names if name == "book.yaml"]
    return {name: _text(revision, name, _git(folder, revision, "show", f"{commit}:{prefix}{name}")) for name in chosen}


def changed_since(folder: Path, revision: str) -> list[str]:
    """Files below feeds/ that the revision has otherwise, relative to the book. They are taken as they are now."""
    found = _git(folder, revision, "diff", "--name-only", "-z", "--relative", revision, "--", "feeds")
    return [name for name in found.decode("utf-8", "surrogateescape").split("\0") if name]


def is_changed(folder: Path, texts: dict[str, str]) -> bool:
    """Whether the agreements of the book are others now."""
    return read_agreement_texts(folder) != {name: text for name, text in texts.items() if name != "book.yaml"}


def _text(revision: str, name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise rejection(f"{revision}:{name}", f"not UTF-8 at byte {error.start}; name another revision") from None


def _git(folder: Path, revision: str, *arguments: str) -> bytes:
    tried = f"{revision!r} is no folder of a book or of a published set, and no run in the archive of {folder}"
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        raise rejection(revision, f"{tried}; git is not installed, so it cannot be a revision. Name one of these, or install git") from None
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode("utf-8", "replace").strip()
    if "not a git repository" in said:
        raise rejection(revision, f"{tried}; the book is in no git repository, so it cannot be a revision. `tierledger doctor` names the last run")
    if arguments[:2] == ("rev-parse", "--verify"):
        way_out = "`git fetch origin` brings branches, `git fetch --unshallow` the history that a shallow clone lacks"
        raise rejection(revision, f"{tried}, and git knows no such revision{f' ({said})' if said else ''}. {way_out}")
    raise rejection(revision, f"git {arguments[0]} failed: {said}")
