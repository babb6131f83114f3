"""Books that are kept in a store, for commands that read them: their folder is brought up to date first.

Belongs here: when that is done, and with which secrets. Does not belong here: how (assets/publishing/pulled_set.py, assets/archive/stored_archive.py).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assets.runtime.context import RunContext


def refresh_published(folder: Path) -> None:
    """Bring published/ up to date. Does nothing without a store, or while a run holds the book: that run has done it."""
    from assets.runtime.book_folder import BookLocked, lock_book

    context = _context(folder)
    if context.book.storage.published is None:
        return
    from assets.publishing.pulled_set import is_up_to_date, pull_published

    if is_up_to_date(context):  # without the lock, which a run may want now
        return
    try:
        with lock_book(folder):
            pull_published(context, only_read=True)
    except BookLocked:
        return


def pull_all(folder: Path) -> RunContext:
    """Bring archive/ and published/ up to date, archived files included. The caller holds the book's lock."""
    context = _context(folder)
    if context.book.storage.archive or context.book.storage.published:
        from assets.archive.manifest import read_manifest
        from assets.archive.stored_archive import drop_bad_copies, fetch_archived, pull_archive
        from assets.publishing.pulled_set import pull_published

        pull_archive(context)
        hashes = {arrival.sha256 for arrival in read_manifest(context.archive)}
        drop_bad_copies(context, hashes)
        fetch_archived(context, hashes)
        pull_published(context, only_read=True)
    return context


def reads_published(command: Callable[..., None]) -> Callable[..., None]:
    """A command that reads published/ of its book."""

    @functools.wraps(command)
    def with_newest(*arguments: Any, **options: Any) -> None:
        if _may_have_store(options["book"]):
            refresh_published(options["book"])
        command(*arguments, **options)

    return with_newest


def _may_have_store(book: Path) -> bool:
    """Whether book.yaml has the key, or just the word: most books have no store, and commands on them start without reading all settings."""
    try:
        return b"storage" in (book / "book.yaml").read_bytes()
    except OSError:  # the command reports it
        return False


def _context(folder: Path) -> RunContext:
    from assets.runtime.book_folder import open_run
    from assets.runtime.context import read_clock
    from pipelines.settings import read_secret

    return open_run(folder, None, read_clock(), secret=read_secret)
