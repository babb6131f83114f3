"""`tierledger run`: from the feeds to the published tables."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.book.engine_settings import EngineKind
from pipelines.cli import BEGAN
from pipelines.cli.options import CHECK_FAILED, BookOption, JsonOption, QuietOption, parse_day, print_json
from pipelines.cli.stopping import stop_if_asked
from pipelines.logging.format import is_on_standard_error

if TYPE_CHECKING:
    import datetime as dt

    from pipelines.run import Progress, RunSummary


def run(
    book: BookOption,
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DAY", help="Last day that counts for this run; default: as_of of book.yaml, else today.")
    ] = None,
    known_at: Annotated[
        str | None,
        typer.Option("--known-at", metavar="DAY", help="Publish only what was known at the end of that day, into published-known-at/DAY."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Run every step even if nothing has changed.")] = False,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Rebuild a damaged warehouse from the archive first. Nothing is lost.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Compute everything, also what has not changed since the run before.")] = False,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Run as usual, then compute everything, and compare every table. The full run stays published.")
    ] = False,
    engine: Annotated[
        EngineKind | None, typer.Option("--engine", help="What computes single lines, instead of the engine in book.yaml. The results are the same.")
    ] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take in new files, compute every payout, check, publish.

    Runs are safe to repeat: if nothing is new, nothing changes. Readers of published/ see the old tables or the new ones, never a mix.

    [bold]Examples[/bold]

      tierledger run
      tierledger run --book books/acme --as-of 2026-03-31
      tierledger run --known-at 2026-04-05
      tierledger run --shadow
      tierledger run --engine spark
      tierledger run --json | jq .agreements
    """
    if shadow:
        if known_at or full or rebuild:
            raise typer.BadParameter("leave out --known-at, --full and --rebuild: it runs the book both ways", param_hint="--shadow")
        _run_shadow(book, as_of, quiet, as_json, engine)
    elif known_at is None:
        run_and_show(book, as_of, force, quiet, as_json, rebuild, full, engine)
    elif rebuild:
        raise typer.BadParameter("--known-at does not use the book's warehouse; leave out one of the two", param_hint="--rebuild")
    else:
        _run_known_at(book, parse_day(known_at), as_of, force, quiet, as_json, engine)


def run_and_show(
    book: Path,
    as_of: str | None = None,
    force: bool = False,
    quiet: bool = False,
    as_json: bool = False,
    rebuild: bool = False,
    full: bool = False,
    engine: EngineKind | None = None,
) -> None:
    """Run the book with progress on the terminal, then print the summary."""
    day: dt.date | None = parse_day(as_of) if as_of else None
    from pipelines.run import StartUp, run_book

    imported = StartUp(time.perf_counter() - BEGAN, time.process_time())
    with stoppable_progress(hidden=quiet or as_json) as progress:
        summary = run_book(book, day, progress, force, rebuild, full=full, engine=engine)
    summary.start_up += imported
    if as_json:
        print_json(_as_object(summary))
    elif not quiet:
        from pipelines.cli.summary import print_summary

        print_summary(summary, book)
    if summary.unreadable_files:
        from models.documents import InputError

        raise InputError(summary.unreadable_files)  # the other files count, but the exit code must show that not all did


def _run_shadow(book: Path, as_of: str | None, quiet: bool, as_json: bool, engine: EngineKind | None) -> None:
    """Run the book both ways, and print the summary and what differs. Exit code 1 if anything does."""
    from pipelines.shadow import run_shadow

    with stoppable_progress(hidden=quiet or as_json) as progress:
        found = run_shadow(book, parse_day(as_of) if as_of else None, progress, engine=engine)
    if as_json:
        print_json({**_as_object(found.summary), "differences": found.differences})
    elif not quiet:
        from pipelines.cli.summary import print_shadow

        print_shadow(found, book)
    if found.differences:
        raise typer.Exit(CHECK_FAILED)


def _run_known_at(book: Path, day: dt.date, as_of: str | None, force: bool, quiet: bool, as_json: bool, engine: EngineKind | None) -> None:
    """Run what the book knew on the day, and print whether that is what was published then."""
    last_day = parse_day(as_of) if as_of else None
    from pipelines.rebuild import run_known_at

    with stoppable_progress(hidden=quiet or as_json) as progress:
        known = run_known_at(book, day, last_day, progress, force, engine=engine)
    run = known.snapshot.run
    is_same = run is not None and run.run_id == known.summary.run_id
    if as_json:
        then = {"run_id": run.run_id, "started_at": run.started_at, "as_of": run.as_of} if run else None
        print_json({"known_at": day, "published_then": then, "is_same": is_same, **_as_object(known.summary)})
    elif not quiet:
        from pipelines.cli.summary import print_known_at

        print_known_at(known, book)


@contextmanager
def stoppable_progress(hidden: bool) -> Iterator[Progress]:
    """The same bars. After a stop signal, work stops before its next part."""
    with progress_bars(hidden) as show:

        def progress(stage: str, done: int, total: int) -> None:
            stop_if_asked()
            show(stage, done, total)

        yield progress


@contextmanager
def progress_bars(hidden: bool) -> Iterator[Progress]:
    """A bar per step on standard error, or nothing if that is not a terminal."""
    from assets.runtime.context import silent

    if hidden or is_on_standard_error():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

    from assets.steps import STEPS

    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
        return
    titles = {step.name: step.title for step in STEPS} | {"hashing": "Hashing the archive", "comparing": "Comparing", "postgres": "To PostgreSQL"}
    tasks: dict[str, TaskID] = {}
    columns = (SpinnerColumn(finished_text="[green]✓"), TextColumn("{task.description:<22}"), BarColumn(bar_width=30), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:

        def advance(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(titles.get(stage, stage), total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield advance


def _as_object(summary: RunSummary) -> dict[str, object]:
    return {
        "run_id": summary.run_id,
        "status": summary.status,
        "as_of": summary.as_of,
        "book": summary.folder,
        "start_up": {"seconds": summary.start_up.seconds, "cpu_seconds": summary.start_up.cpu_seconds},
        "stages": summary.stages,
        "feeds": summary.feeds,
        "warnings": summary.warnings,
        "notes": summary.notes,
        "unreadable": [str(problem) for problem in summary.unreadable_files],
        "agreements": summary.agreements,
        "recomputed": None if summary.recomputed is None else asdict(summary.recomputed),
        "published": {
            "folder": summary.published_in / "current",
            "rows": summary.published,
            **({"store": summary.published_to} if summary.published_to else {}),
        },
    }
