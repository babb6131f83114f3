"""A folder somewhere: in an object store (s3://, gs://, abfss://) or, by a file:// URL, on a disk that several machines mount.

Belongs here: listing, reading, and the two writes that never overwrite what they have not seen: `create` and `replace_if`. Does not belong here: what the
objects are (assets/archive/stored_archive.py, assets/published/stored_set.py, assets/feeds/stored_files.py). Folders of a book that have no URL are read
and written as files, without this module.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from assets.runtime.durable_files import flush
from assets.runtime.errors import StoreFailed, rejection
from models.book.storage_settings import StorageSettings
from models.store_urls import split_url

if TYPE_CHECKING:
    import obstore

Secret = Callable[[str], str | None]
T = TypeVar("T")
R = TypeVar("R")
#: Requests that are under way at a time.
_AT_ONCE = 8
#: Larger files are sent in parts, for which the client knows no condition. What is sent is held in memory: so much, or two parts, per request under way.
ONE_REQUEST = 16 * 10**6
_PART = 8 * 10**6
#: Secrets that the client reads from the environment by itself: to be masked.
_AMBIENT = {
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    "gs": ("GOOGLE_SERVICE_ACCOUNT_KEY",),
    "abfss": ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_KEY", "AZURE_STORAGE_TOKEN", "AZURE_CLIENT_SECRET", "AZURE_STORAGE_CLIENT_SECRET"),
}
_PROBE = ".tierledger-probe"
_CONDITIONS = "A store must support conditional writes: If-None-Match and If-Match, in S3's terms"


@dataclass(frozen=True)
class Version:
    """What one content of an object is known by. It differs from that of every other content."""

    tag: str
    number: str | None = None


@dataclass(frozen=True)
class Entry:
    """An object as a listing has it. `key`: its name below the folder."""

    key: str
    size: int
    version: Version
    modified: datetime


@dataclass(frozen=True)
class Store:
    """A folder in a store. `url` is what messages name; `lock` is the file to hold while a file on a disk is replaced."""

    url: str
    client: obstore.store.ObjectStore = field(compare=False)
    lock: Path | None = None

    def entries(self, folder: str = "") -> Iterator[Entry]:
        """Every object below the folder, in no order."""
        with self._translated():
            for found in self.client.list(folder or None):
                yield from (Entry(each["path"], each["size"], _version(each), each["last_modified"]) for each in found)

    def read(self, key: str) -> tuple[bytes, Version] | None:
        """The bytes of an object and their version. None: there is no such object."""
        with self._translated():
            try:
                found = self.client.get(key)
                return bytes(found.bytes()), _version(found.meta)
            except FileNotFoundError:
                return None

    def fetch(self, key: str, target: Path, version: Version | None = None) -> bool:
        """Write an object to a new file, which is on disk when this returns. False: there is no such object, or it has another version."""
        with self._translated():
            try:
                found = self.client.get(key)
            except FileNotFoundError:
                return False
            if version and _version(found.meta) != version:
                return False
            with target.open("wb") as file:
                for chunk in found.stream(min_chunk_size=_PART):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
        return True

    def create(self, key: str, content: bytes | Path) -> bool:
        """Write a new object, whole or not at all. False: there is one of that name, which stays as it is.

        A file that is sent in parts may replace one that another writer creates meanwhile: give it a name that only its bytes or this writer have.
        """
        from obstore.exceptions import AlreadyExistsError

        with self._translated():
            if isinstance(content, Path) and content.stat().st_size > ONE_REQUEST:
                if self._is_there(key):
                    return False
                self.client.put(key, content, chunk_size=_PART, max_concurrency=2)
            else:
                try:
                    self.client.put(key, content, mode="create")
                except AlreadyExistsError:
                    return False
            self._flush(key)
        return True

    def replace_if(self, key: str, content: bytes, version: Version | None) -> bool:
        """Replace an object that has this version; None: create it. False: it has another one, and stays as it is."""
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self._translated(), self._locked():
            try:
                if version is None:
                    self.client.put(key, content, mode="create")
                elif self.lock:
                    if _version(self.client.head(key)) != version:
                        return False
                    self.client.put(key, content)
                else:
                    self.client.put(key, content, mode=_as_condition(version), use_multipart=False)
            except (AlreadyExistsError, PreconditionError, FileNotFoundError):
                found = self.read(key)
                return found is not None and found[0] == content  # the answer to the first request was lost, and the second one found it done
            self._flush(key)
        return True

    def delete(self, keys: list[str]) -> None:
        """Remove objects. One that is gone already is no error."""
        with self._translated():
            for key in keys:
                try:
                    self.client.delete(key)
                except FileNotFoundError:
                    continue

    def _is_there(self, key: str) -> bool:
        try:
            self.client.head(key)
        except FileNotFoundError:
            return False
        return True

    def _flush(self, key: str) -> None:
        """On a disk: return when the file is safely there."""
        if self.lock:
            path = self.lock.parent / key
            flush(path)
            flush(path.parent)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """On a disk, which knows no condition: one writer at a time."""
        if self.lock is None:
            yield
            return
        with self.lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Errors of the store as one sentence that names it."""
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

        try:
            yield
        except StoreFailed:
            raise
        except (BaseError, OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None:  # this machine's own disk
                raise
            text = " ".join(str(error).split("\n\nDebug source")[0].split())
            said = re.search("<Message>(.*?)</Message>", text)
            reason = (said[1] if said else text[:500]).rstrip(".")
            is_refused = isinstance(error, PermissionDeniedError | UnauthenticatedError) or "403 Forbidden" in text
            advice = "Check its credentials and permissions" if is_refused else "Check its URL, its endpoint and region (storage.options), and the network"
            raise StoreFailed(f"{self.url} cannot be read or written: {reason}. {advice}, then run again.") from None


def open_store(url: str, settings: StorageSettings, secret: Secret) -> Store:
    """The folder of a URL that book.yaml names. Nothing is sent yet. Raises InputError when an option is wrong or its variable is not set."""
    from obstore.exceptions import BaseError
    from obstore.store import LocalStore, from_url

    root, path = split_url(url)
    scheme = root.partition("://")[0]
    if scheme == "file":
        folder = Path("/") / path
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise rejection("book.yaml", f"{url}: the folder cannot be made: {error.strerror}") from None
        return Store(url, LocalStore(folder), folder / ".lock")
    for name in _AMBIENT[scheme]:
        secret(name)
    options = {name: _value(name, value, url, secret) for name, value in settings.options_for(url).items()}
    is_plain = str(options.get("endpoint", "")).startswith("http://")
    client: Any = {"allow_http": is_plain, "timeout": timedelta(minutes=10), "connect_timeout": timedelta(seconds=10)}
    retries: Any = {"max_retries": 4, "retry_timeout": timedelta(minutes=1)}
    try:
        store = from_url(f"{root}/{path}" if path else root, config=options, client_options=client, retry_config=retries)  # type: ignore[call-overload]
    except (BaseError, ValueError, TypeError) as error:
        raise rejection("book.yaml", f"storage.options for {url}: {str(error).splitlines()[0]}") from None
    return Store(url, store)


def in_parallel(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """The results in order. The first error is raised when all that had begun have ended."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(work, items))


def refuse_without_conditions(store: Store, replaces: bool) -> None:
    """Raise InputError when the store ignores the conditions of writes, so that two runs could overwrite each other.

    `replaces`: also try to replace an object that has changed meanwhile. Leaves one small object, which later runs use again.
    """
    name = "archive" if not replaces else "published"
    store.create(_PROBE, b"0")
    if store.create(_PROBE, b"1"):
        raise rejection("book.yaml", f"storage.{name}: {store.url} overwrites an object that a write was to create. {_CONDITIONS}; choose one that does")
    found = store.read(_PROBE) if replaces else None
    if found is None:
        return
    content, version = found
    changed = str(int(content) + 1).encode() if content.isdigit() else b"1"
    store.replace_if(_PROBE, changed, version)  # another run that tries at the same moment may come first
    if store.replace_if(_PROBE, changed + b"0", version):
        message = f"storage.{name}: {store.url} replaces an object that has changed since it was read. {_CONDITIONS}; choose one that does"
        raise rejection("book.yaml", message)


def _value(name: str, value: str | bool | int, url: str, secret: Secret) -> str | bool | int:
    if not isinstance(value, str) or not value.startswith("env:"):
        return value
    variable = value.removeprefix("env:")
    found = secret(variable)
    if not found:
        raise rejection("book.yaml", f"storage.options for {url}: {name} is in the environment variable {variable}, which is not set; set it, then run again")
    return found


def _version(found: Any) -> Version:
    return Version(found["e_tag"] or str(found["last_modified"]), found.get("version"))


def _as_condition(version: Version) -> Any:
    return {"e_tag": version.tag, **({"version": version.number} if version.number else {})}
