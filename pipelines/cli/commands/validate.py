"""`tierledger validate`: the book and its agreements, checked and linted without running anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.cli.options import BookOption, JsonOption, QuietOption, make_console, print_json

#: Agreements in the table. Their mistakes, warnings and notes are all listed.
_MOST_LISTED = 200
#: Lines given to the terminal in one piece, which it takes apart in time that grows with the square of their number.
_AT_ONCE = 100


def validate(
    book: BookOption,
    lint: Annotated[
        bool, typer.Option("--lint/--no-lint", help="Also list what is legal but may not be intended: cliffs, falling pay, tiers that change nothing.")
    ] = True,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of an agreement, for editors, and do nothing else.")] = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Check book.yaml and every agreement, and list all mistakes with file and line; then lint the curves. Runs nothing.

    A warning marks what is probably unintended, a note what is worth knowing. Neither stops a run.

    [bold]Examples[/bold]

      tierledger validate
      tierledger validate --book books/acme --no-lint
      tierledger validate --schema > agreement.schema.json
    """
    if schema:
        from models.agreements.reference import agreement_json_schema

        print_json(agreement_json_schema())
        return
    sources, problems = _read(book)
    found: list[Any] = []
    if lint and not problems:
        from assets.runtime.book_folder import open_book, time_zone_of
        from assets.runtime.context import read_clock
        from models.agreements.lint.lint import lint_agreements
        from models.agreements.needed_feeds import warn_of_missing_feeds
        from models.calendars import day_in

        today = day_in(time_zone_of(book), read_clock())
        found = sorted([*lint_agreements(sources, today), *warn_of_missing_feeds(sources, open_book(book).feeds)])
    if as_json:
        print_json(
            {"problems": [vars(p) for p in problems], "lint": [vars(p) for p in found], "agreements": [_row(s) for s in sources] if not problems else []}
        )
        if problems:
            raise typer.Exit(2)
        return
    if problems:
        from models.documents import InputError

        raise InputError(problems)
    if not quiet:
        _print_table(sources, found)


def _read(book: Path) -> tuple[list[Any], list[Any]]:
    """The agreements and every mistake of book.yaml, mappings and agreements."""
    from assets.agreements.load import read_agreements
    from assets.feeds.column_mapping import check_mappings
    from assets.runtime.book_folder import book_day, open_book
    from models.documents import InputError

    problems, approval_day, calendar = [], None, None
    sources: list[Any] = []
    try:
        settings = open_book(book)
        calendar = settings.calendar
        approval_day = book_day(settings) if settings.require_approval else None
        problems += check_mappings(book, settings)
    except InputError as error:
        problems += error.problems
    try:
        sources = read_agreements(book, approval_day, calendar) if book.is_dir() else []
    except InputError as error:
        problems += error.problems
    return sources, problems


def _row(source: Any) -> dict[str, Any]:
    agreement = source.agreement
    return {
        "agreement": agreement.agreement,
        "title": agreement.title or agreement.agreement,
        "version": agreement.version,
        "direction": agreement.direction,
        "currency": agreement.currency,
        "from": agreement.term.from_,
        "to": agreement.term.to,
        "benefits": [f"{b.id} ({b.window}, {_pays(b)})" for b in agreement.benefits],
        "file": f"{source.document.file}:{source.document.line}",
    }


def _pays(benefit: Any) -> str:
    """How a benefit pays, in a word."""
    return "matrix" if benefit.matrix else "draw" if benefit.draw else "manual" if benefit.manual else str(benefit.method)


def _print_table(sources: list[Any], found: list[Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("agreement", "title", "term", "benefits", "file"):
        table.add_column(heading)
    for row in map(_row, sources[:_MOST_LISTED]):
        term = f"{row['from']} – {row['to']}"
        table.add_row(*map(escape, (row["agreement"], row["title"], term, ", ".join(row["benefits"]), row["file"])))
    console = make_console()
    console.print(table)
    if len(sources) > _MOST_LISTED:
        console.print(f"… and {len(sources) - _MOST_LISTED:,} more; --json lists them all")
    for severity, colour in (("warning", "yellow"), ("note", "dim")):
        if listed := [p for p in found if p.severity == severity]:
            console.print(f"\n[bold]{len(listed)} {severity}{'s' if len(listed) > 1 else ''}[/bold]")
            for start in range(0, len(listed), _AT_ONCE):
                console.out("\n".join(map(str, listed[start : start + _AT_ONCE])), style=colour, highlight=False)
    console.print(f"\n[green]{len(sources)} {'agreement' if len(sources) == 1 else 'agreements'}, no mistakes.[/green]")
