"""`tierledger rejects`: rejected rows, why they were rejected, and what to do about them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import BookOption, JsonOption, make_console, print_json


def rejects(
    book: BookOption,
    feed: Annotated[str | None, typer.Option("--feed", metavar="FEED", help="Only rows of this feed.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="CODE", help="Only rows rejected for this reason.")] = None,
    export: Annotated[
        Path | None, typer.Option("--export", metavar="DIR", help="Write the rows that are still open to DIR/<feed>.csv, to be corrected.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the rejected rows by reason, and export them for correction.

    Correct the exported file and put it into the feed's landing folder. Each row then replaces the rejected row it names. Rows that wait for a partner
    or product are not exported: they count automatically once it arrives.

    [bold]Examples[/bold]

      tierledger rejects
      tierledger rejects --feed transactions --reason bad_number
      tierledger rejects --export to-correct
      tierledger rejects --json
    """
    from assets.feeds.rejects import export_rejects, group_rejects

    groups = group_rejects(book, feed, reason)
    files = export_rejects(book, export, feed, reason) if export else []
    if as_json:
        print_json({"groups": groups, "exported": [vars(file) for file in files]})
        return
    from rich.markup import escape

    from assets.published.formatting import counted, number
    from models.feeds.row_places import name_place

    console = make_console()
    if not groups:
        console.print("Every row counts: none was rejected." if feed is None and reason is None else "No such row was rejected.")
    for group in groups:
        column = f" in {group['column_name']}" if group["column_name"] else ""
        state = f"{number(group['open'])} open" + (f", {number(group['resolved'])} corrected since" if group["resolved"] else "")
        console.print(f"[bold]{escape(group['feed'])}: {group['reason']}{escape(column)}[/bold]   {state}, in {counted(group['files'], 'file')}")
        console.print(f"  {escape(group['cause'])}", soft_wrap=True)
        place = name_place(group["file_name"], group["row_number"], group["line_number"])
        console.print(f"  e.g. {escape(group['file_name'])}, {place}: {escape(group['message'])}", soft_wrap=True)
        console.print(f"  [cyan]{escape(group['remedy'])}[/cyan]\n", soft_wrap=True)
    for file in files:
        rest = f"; without {number(file.left_out)} that wait or whose line could not be read" if file.left_out else ""
        console.print(f"{counted(file.rows, 'row')} of {file.feed} written to {escape(str(file.file))}{rest}", soft_wrap=True)
    if export and not files:
        console.print("There was nothing to export.")
