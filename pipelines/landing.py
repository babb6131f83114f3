"""The files in the landing folders, by the hash of their bytes.

Belongs here: finding the files of feeds. Does not belong here: taking them in (assets/feeds/load.py), starting runs (pipelines/sensors.py).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from assets.feeds.landing import Landed, find_files
from assets.runtime.book_folder import open_book
from assets.runtime.file_hashes import file_sha256


def find_landed(folder: Path) -> dict[str, list[Landed]]:
    """Feed to the files in its landing folders. Raises InputError when the book or a pattern is wrong."""
    feeds = open_book(folder).feeds
    return {name: find_files(folder, name, settings.patterns) for name, settings in feeds.items()}


def hash_of(file: Landed) -> str:
    """SHA-256 of the file's bytes. The file is read again only if its path, size or times have changed."""
    return _hash(file.path, file.identity)


@lru_cache(maxsize=100_000)
def _hash(path: Path, identity: str) -> str:
    return file_sha256(path)
