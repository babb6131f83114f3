"""The files of agreements/: their texts, and one hash over all of them.

Belongs here: opening the files. Does not belong here: the language, which only a run with changed agreements loads (assets/agreements/load.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from models.documents import InputError, Problem


def read_agreement_texts(folder: Path) -> dict[str, str]:
    """The text of every agreement file and table below `folder`/agreements, by its name relative to the book."""
    files = sorted(p for pattern in ("*.yaml", "*.yml", "*.csv") for p in (folder / "agreements").rglob(pattern))
    if all(p.suffix == ".csv" for p in files):
        raise InputError([Problem("agreements", 0, "", f"no *.yaml file in {folder / 'agreements'}; write one agreement there (docs/language.md)")])
    texts = {}
    for path in files:
        name = path.relative_to(folder).as_posix()
        try:
            texts[name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise InputError([Problem(name, 0, "", f"not UTF-8 at byte {error.start}; save the file as UTF-8")]) from None
        except OSError as error:
            raise InputError([Problem(name, 0, "", f"cannot be read: {error.strerror}; put the file there, or remove the name")]) from None
    return texts


def agreements_sha256(texts: Mapping[str, str]) -> str:
    """One hash over the names and texts of all agreement files."""
    digest = hashlib.sha256()
    for name, text in texts.items():
        digest.update(f"{name}\0{len(text)}\0{text}".encode())
    return digest.hexdigest()
