"""Files of feeds that land in a store: `files: s3://…` of book.yaml.

Belongs here: which objects match, which of them are fetched, and where to. Does not belong here: files in folders and taking files in (landing.py), reading
a store (assets/runtime/stores.py).

An object is known by its key, version, size and time. One that was taken in is never fetched again as long as they are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assets.feeds.checks.control_totals import SIDE_CARS, is_side_car
from assets.runtime.stores import Entry, Secret, Store, in_parallel, open_store
from models.book.storage_settings import StorageSettings
from models.store_urls import fixed_part, is_match, is_url, split_url


@dataclass(frozen=True)
class StoredFile:
    """An object that matches a feed's pattern. `side_cars`: the objects beside it, by the ending of their names."""

    store: Store
    entry: Entry
    side_cars: Mapping[str, Entry] = field(compare=False)

    @property
    def identity(self) -> str:
        """What changes whenever its bytes may have."""
        entry = self.entry
        return f"{self.store.url}/{entry.key}|{entry.version.tag}|{entry.version.number}|{entry.size}|{entry.modified.isoformat()}"

    @property
    def name(self) -> str:
        """What the file is called: its key, as a file in the book's folder is called by its path there."""
        return self.entry.key

    def fetch(self, target: Path) -> bool:
        """Fetch it to a new file. False: it was replaced or removed since it was listed."""
        target.parent.mkdir(parents=True, exist_ok=True)
        return self.store.fetch(self.entry.key, target, self.entry.version)

    def fetch_side_cars(self, target: Path) -> None:
        """Fetch what stands beside it to the same places beside `target`."""
        target.parent.mkdir(parents=True, exist_ok=True)
        for ending, entry in self.side_cars.items():
            self.store.fetch(entry.key, target.with_name(target.name + ending))


def find_stored(patterns: Iterable[str], settings: StorageSettings, secret: Secret) -> list[StoredFile]:
    """The objects that match one of the patterns that are URLs, in order of URL. Side-cars are not files of their own."""
    found: dict[str, StoredFile] = {}
    for pattern in filter(is_url, patterns):
        root, path = split_url(pattern)
        store = open_store(root, settings, secret)
        listed = {entry.key: entry for entry in store.entries(fixed_part(path))}
        for file in _matching(store, path, listed):
            found[f"{root}/{file.entry.key}"] = file
    return [found[url] for url in sorted(found)]


def fetch_side_cars(files: Iterable[tuple[StoredFile, Path]]) -> None:
    """Fetch the side-cars of files, each to the place of its file."""
    in_parallel(lambda each: each[0].fetch_side_cars(each[1]), files)


def place_of(file: StoredFile, scratch: Path) -> Path:
    """A path of its own in the scratch folder, with the object's own last name."""
    return scratch / f"landed-{hashlib.sha256(file.identity.encode()).hexdigest()[:16]}" / file.entry.key.rpartition("/")[2]


def _matching(store: Store, path: str, listed: Mapping[str, Entry]) -> Iterator[StoredFile]:
    for key, entry in listed.items():
        if is_match(path, key) and not is_side_car(key):
            yield StoredFile(store, entry, {ending: listed[key + ending] for ending in SIDE_CARS if key + ending in listed})
