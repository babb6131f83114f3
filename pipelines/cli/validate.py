"""`tierledger validate`: the book and its agreements, checked without running anything."""

from __future__ import annotations

from typing import Any

import typer

from pipelines.cli.options import BookOption, JsonOption, QuietOption, make_console, print_json


def validate(book: BookOption, quiet: QuietOption = False, as_json: JsonOption = False) -> None:
    """Check book.yaml and every agreement, and list all mistakes with file and line. Runs nothing.

    [bold]Examples[/bold]

      tierledger validate
      tierledger validate --book books/acme
    """
    from assets.agreements import read_agreements
    from assets.books import open_book
    from assets.mapping import check_mappings
    from models.documents import InputError

    problems = []
    sources: list[Any] = []
    require_approval, calendar = False, None
    try:
        settings = open_book(book)
        require_approval, calendar = settings.require_approval, settings.calendar
        problems += check_mappings(book, settings)
    except InputError as error:
        problems += error.problems
    try:
        sources = read_agreements(book, require_approval, calendar) if book.is_dir() else []
    except InputError as error:
        problems += error.problems
    if as_json:
        print_json({"problems": [vars(p) for p in problems], "agreements": [_row(s) for s in sources] if not problems else []})
        if problems:
            raise typer.Exit(2)
        return
    if problems:
        raise InputError(problems)
    if not quiet:
        _print_table([_row(s) for s in sources])


def _row(source: Any) -> dict[str, Any]:
    agreement = source.agreement
    return {
        "agreement": agreement.agreement,
        "title": agreement.title,
        "direction": agreement.direction,
        "currency": agreement.currency,
        "from": agreement.term.from_,
        "to": agreement.term.to,
        "benefits": [f"{b.id} ({b.window}, {b.method})" for b in agreement.benefits],
        "file": f"{source.document.file}:{source.document.line}",
    }


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("agreement", "title", "term", "benefits", "file"):
        table.add_column(heading)
    for row in rows:
        term = f"{row['from']} – {row['to']}"
        table.add_row(*map(escape, (row["agreement"], row["title"], term, ", ".join(row["benefits"]), row["file"])))
    console = make_console()
    console.print(table)
    console.print(f"\n[green]{len(rows)} {'agreement' if len(rows) == 1 else 'agreements'}, no mistakes.[/green]")
