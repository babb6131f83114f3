"""`tierledger lineage`: where a published column comes from, as text, JSON, a page, or a Mermaid flowchart."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import BookOption, make_console, print_json

if TYPE_CHECKING:
    from typing import TextIO

    from rich.console import Console

    from assets.published.lineage import ColumnOrigins


class Format(StrEnum):
    """How lineage is shown."""

    text = "text"
    json = "json"
    html = "html"
    mermaid = "mermaid"


def lineage(
    book: BookOption,
    column: Annotated[str, typer.Argument(metavar="COLUMN", help="A published column, as fct_payout.payout; or a table, for all its columns.")],
    form: Annotated[Format, typer.Option("--format", "-f", help="Output format.")] = Format.text,
    output: Annotated[Path | None, typer.Option("--out", "--output", "-o", metavar="FILE", help="Write to this file instead of standard output.")] = None,
) -> None:
    """Show where a published column comes from: the columns of your files, agreements and settings, and the way from there.

    The same is in the published table column_lineage and on Dagster's page of every table.

    [bold]Examples[/bold]

      tierledger lineage fct_payout.payout
      tierledger lineage fct_payout_line
      tierledger lineage fct_payout.settled --format mermaid
      tierledger lineage fct_payout.measure --format html --out measure.html
    """
    from assets.published.lineage import find_origins

    found = find_origins(book, column)
    if output is None:
        _show(found, form)
        return
    with output.open("w", encoding="utf-8") as file:
        _show(found, form, file)
    print(f"Written to {output}", file=sys.stderr)


def _show(columns: list[ColumnOrigins], form: Format, file: TextIO | None = None) -> None:
    from pipelines.cli.lineage_view import draw_mermaid

    if form is Format.json:
        print_json({"columns": [vars(each) for each in columns]}, file)
    elif form is Format.html:
        print(render_page(columns), file=file)
    elif form is Format.mermaid:
        print(draw_mermaid(columns), end="", file=file)
    else:
        _print_text(columns, make_console(file))


def render_page(columns: list[ColumnOrigins]) -> str:
    """One self-contained HTML page. All data in it is escaped."""
    from pipelines.cli.lineage_view import present_origins
    from pipelines.cli.pages import open_page

    return open_page("lineage.html.j2").render(columns=[present_origins(each) for each in columns])


def _print_text(columns: list[ColumnOrigins], console: Console) -> None:
    from rich.markup import escape

    from assets.published.lineage import ARROW
    from pipelines.cli.lineage_view import present_origins

    for each in map(present_origins, columns):
        console.print(f"\n[bold green]{escape(each.name)}[/bold green]")
        if each.expression:
            console.print(f"  [dim]{escape(each.expression)}[/dim]", soft_wrap=True)
        for origin in each.files if len(columns) == 1 else []:
            console.print(f"  [bold]{escape(origin.feed)}[/bold]  {escape(origin.source)}", soft_wrap=True)
            console.print(f"    [dim]{escape(ARROW.join(origin.way))}[/dim]", soft_wrap=True)
        for feed in dict.fromkeys(origin.feed for origin in each.files) if len(columns) > 1 else []:
            sources = ", ".join(origin.source for origin in each.files if origin.feed == feed)
            console.print(f"  [bold]{escape(feed)}[/bold]  {escape(sources)}", soft_wrap=True)
        for title, names in each.others:
            console.print(f"  [bold]{escape(title)}[/bold]  {escape(names)}", soft_wrap=True)
