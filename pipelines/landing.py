"""The files in the landing folders, by the hash of their bytes.

Belongs here: finding the files of feeds. Does not belong here: taking them in (assets/feeds/load.py), starting runs (pipelines/sensors.py).
"""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path

from assets.feeds.landing import Landed, as_landed, find_files
from assets.feeds.stored_files import StoredFile, find_stored
from assets.runtime.book_folder import open_book
from assets.runtime.file_hashes import file_sha256
from pipelines.settings import read_secret


def find_landed(folder: Path) -> dict[str, list[Landed]]:
    """Feed to the files in its landing folders. Raises InputError when the book or a pattern is wrong."""
    book = open_book(folder)
    found = {}
    for name, settings in book.feeds.items():
        stored = find_stored(settings.patterns, book.storage, read_secret)
        found[name] = find_files(folder, name, settings.patterns) + [as_landed(file, Path(file.name)) for file in stored]
    return found


def hash_of(file: Landed) -> str:
    """SHA-256 of the file's bytes. The file is read again only if its path, size or times have changed."""
    return _hash_of_object(file.stored) if file.stored else _hash(file.path, file.identity)


@lru_cache(maxsize=100_000)
def _hash(path: Path, identity: str) -> str:
    return file_sha256(path)


@lru_cache(maxsize=100_000)
def _hash_of_object(file: StoredFile) -> str:
    with tempfile.TemporaryDirectory(prefix="tierledger-") as scratch:
        target = Path(scratch) / "object"
        if not file.fetch(target):
            raise FileNotFoundError(f"{file.name} was replaced while it was read")
        return file_sha256(target)
