"""`tierledger doctor`: the first thing to run when something is wrong."""

from __future__ import annotations

import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.runtime.masking import mask
from pipelines.cli.options import BookOption, JsonOption, make_console, print_json
from pipelines.settings import read_secret

if TYPE_CHECKING:
    from models.book.settings import Book


def doctor(book: BookOption, as_json: JsonOption = False) -> None:
    """Show versions, who holds the lock, disk, memory, settings, stores, the last run, and what is published.

    [bold]Examples[/bold]

      tierledger doctor
      tierledger doctor --json
    """
    findings = {"versions": _versions(), "machine": _machine(book), "spark": _spark(book), "book": _book(book), "published": _published(book)}
    if as_json:
        print_json(findings)
        return
    from rich.markup import escape

    console = make_console()
    for title, facts in findings.items():
        console.print(f"[bold]{title}[/bold]")
        for name, value in facts.items():
            console.print(f"  {name:<18}{escape(str(value))}")


def _versions() -> dict[str, str]:
    import json

    from assets.runtime.versions import code_version, engine_versions

    versions: dict[str, str] = json.loads(engine_versions())
    return {"tierledger": code_version(), **versions}


def _machine(book: Path) -> dict[str, Any]:
    import datetime as dt

    from assets.preflight import open_files_allowed
    from assets.published.formatting import size
    from assets.runtime.book_folder import open_run
    from assets.runtime.limits import limits_of, machine_memory, machine_threads
    from models.documents import InputError

    place = next(p for p in (book.resolve(), *book.resolve().parents) if p.exists())
    facts: dict[str, Any] = {
        "disk free": size(shutil.disk_usage(place).free),
        "memory": size(machine_memory()),
        "cores": machine_threads(),
        "open files": open_files_allowed(),
    }
    available = _available_memory()
    if available:
        facts["memory free"] = size(available)
    with suppress(InputError):  # reported under "book"
        limits = limits_of(open_run(book, None, dt.datetime.now(dt.UTC)))
        facts |= {"limits.memory": size(limits.memory), "limits.threads": limits.threads}
        facts |= {"limits.spill": limits.spill, "limits.disk_free": size(limits.disk_free)}
    return facts


def _spark(book: Path) -> dict[str, str]:
    """Whether Spark could start, and what a book that uses it sets."""
    import datetime as dt

    from assets.runtime.book_folder import open_run
    from assets.spark.session import find_java, missing_parts, settings_of
    from models.documents import InputError

    missing = missing_parts()
    facts = {"state": "; ".join(missing) or f"can start, with {find_java()}"}
    with suppress(InputError):  # reported under "book"
        run = open_run(book, None, dt.datetime.now(dt.UTC))
        if run.is_on_spark:
            facts["master"] = settings_of(run)["spark.master"]
    return facts


def _available_memory() -> int | None:
    if sys.platform != "linux":
        return None
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), None)


def _book(book: Path) -> dict[str, Any]:
    from assets.published.formatting import size
    from assets.runtime.book_folder import lock_holder, open_book
    from models.documents import InputError

    facts: dict[str, Any] = {"folder": book.resolve(), "lock": lock_holder(book) or "free"}
    try:
        settings = open_book(book)
    except InputError as error:
        return {**facts, "book.yaml": str(error)}
    warehouse = book / "warehouse.duckdb"
    return {
        **facts,
        "name": settings.book,
        "currency": settings.currency,
        "as_of": settings.as_of or "today",
        "calendar": settings.calendar.kind,
        "feeds": ", ".join(settings.feeds),
        "engine": settings.engine.kind,
        **_postgres(settings),
        **_stores(settings),
        "warehouse": size(warehouse.stat().st_size) if warehouse.is_file() else "none yet: the first run makes it",
    }


def _postgres(settings: Book) -> dict[str, str]:
    postgres = settings.publish.postgres
    if postgres is None:
        return {}
    state = "is set" if read_secret(postgres.variable) else "is not set"
    return {"postgres": f"schema {postgres.schema_name}; {postgres.variable} {state}"}


def _stores(settings: Book) -> dict[str, str]:
    """Each URL of the book, and whether something can be listed there."""
    from assets.runtime.errors import StoreFailed
    from assets.runtime.stores import open_store
    from models.documents import InputError
    from models.store_urls import fixed_part, is_url, split_url

    storage = settings.storage
    places = {f"storage.{name}": (url, "") for name, url in (("archive", storage.archive), ("published", storage.published)) if url}
    for feed, each in settings.feeds.items():
        for root, pattern in map(split_url, filter(is_url, each.patterns)):
            places[f"feeds.{feed}"] = (root, fixed_part(pattern))
    facts = {}
    for name, (url, folder) in places.items():
        shown = f"{url}/{folder}" if folder else url
        try:
            is_empty = next(open_store(url, storage, read_secret).entries(folder), None) is None
            facts[name] = f"{shown}: can be listed, {'and is empty' if is_empty else 'and has objects'}"
        except (InputError, StoreFailed) as error:
            facts[name] = mask(str(error))
    return facts


def _published(book: Path) -> dict[str, Any]:
    from assets.published.reader import fetch, open_published
    from models.documents import InputError

    try:
        with open_published(book) as con:
            last = fetch(con, "select * from audit_run order by finished_at desc limit 1")
    except InputError:
        return {"state": "nothing published yet"}
    return last[0] if last else {"state": "no run recorded"}
