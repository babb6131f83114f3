"""Opening a book folder: its settings, the last day that exists for a run, and the lock that lets one run in at a time.

Belongs here: what has to be true before a step may start. Does not belong here: what book.yaml may say (models/book/settings.py).
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from assets.runtime.context import RunContext, on_engine, read_clock
from models.book.engine_settings import EngineKind
from models.book.settings import Book, parse_book
from models.calendars import FIRST_YEAR, LAST_YEAR, day_in
from models.documents import InputError, Problem

LOCK = ".lock"


class BookLocked(Exception):
    """Another process is working on this book. The text names it."""


class Overtaken(BookLocked):
    """A run in another folder has written to the book's store since this one began. Nothing of this run is there."""


def open_book(folder: Path) -> Book:
    """The checked settings of the book in `folder`. Raises InputError when there is no book, or with every mistake in book.yaml."""
    path = folder / "book.yaml"
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        way_out = "`tierledger demo` writes the demo book, `tierledger init DIR` a new one; choose a book with --book DIR"
        raise InputError([Problem(str(folder), 0, "", f"there is no book here (no book.yaml). {way_out}")]) from None
    except UnicodeDecodeError as error:
        raise InputError([Problem(str(path), 0, "", f"this is not UTF-8 text (byte {error.start}); save it as UTF-8")]) from None
    except OSError as error:
        raise InputError([Problem(str(path), 0, "", f"cannot be read: {error.strerror}")]) from None
    book = parse_book(text, str(path))
    if not book.publish.parquet:
        reason = "`explain` and the DuckDB file are read from the Parquet set; leave this true"
        raise InputError([Problem(str(path), 0, "publish.parquet", reason)])
    return book


def book_day(book: Book, now: dt.datetime | None = None) -> dt.date:
    """The last day that exists for the book: `as_of` of book.yaml, else today in its time zone."""
    return book.as_of or day_in(book.time_zone, now or read_clock())


def time_zone_of(folder: Path) -> str:
    """The time zone of the book in `folder`; UTC where book.yaml is missing or wrong, for what must load all the same."""
    try:
        return open_book(folder).time_zone
    except InputError:
        return "UTC"


def open_run(folder: Path, as_of: dt.date | None, now: dt.datetime, engine: EngineKind | None = None, **more: Any) -> RunContext:
    """What the steps of a run need: the book, and `as_of` from the caller, else from book.yaml, else the day of `now` in the book's time zone.

    engine: instead of the one in book.yaml.
    """
    book = open_book(folder)
    day = as_of or book_day(book, now)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise InputError([Problem(str(folder), 0, "as_of", f"{day} is not between {FIRST_YEAR} and {LAST_YEAR}; give the last day that counts for this run")])
    return on_engine(RunContext(folder.resolve(), book, day, now, **more), engine)


@contextmanager
def lock_book(folder: Path) -> Iterator[None]:
    """Hold the book for the block. Raises BookLocked at once when another process has it.

    The lock belongs to the open file, so a crash releases it and there is never a lock file to delete.
    """
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise InputError([Problem(str(folder), 0, "", f"the book's folder cannot be written: {error.strerror}")]) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BookLocked(f"{folder}: another run is in progress: {_named(os.pread(descriptor, 1000, 0))}. Wait for it, or stop it.") from None
        started = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": started}
        from assets.runtime.machine_errors import translate_machine_errors  # it imports the engine, which read-only commands do not load

        with translate_machine_errors(folder):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


@contextmanager
def share_book(folder: Path) -> Iterator[None]:
    """Keep runs out for the block, which only reads the book and writes nothing into it. Raises BookLocked when a run is in progress."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # no run has ever locked it
        yield
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BookLocked(f"{folder}: a run is in progress: {_named(os.pread(descriptor, 1000, 0))}. Wait for it, or stop it.") from None
        yield
    finally:
        os.close(descriptor)


def lock_holder(folder: Path) -> str | None:
    """Who holds the book's lock, in words; None when it is free."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return _named(os.pread(descriptor, 1000, 0))
    finally:
        os.close(descriptor)


def _named(content: bytes) -> str:
    holder: dict[str, Any] = {}
    with suppress(ValueError):
        holder = json.loads(content)
    return f"process {holder.get('pid', '?')} on {holder.get('host', '?')} since {holder.get('since', '?')}"
