"""`tierledger withdraw`: a file that was delivered by mistake no longer counts."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.options import BookOption, JsonOption, QuietOption, command_line, make_console, print_json


def withdraw(
    book: BookOption,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Its name as audit_feed_file has it, or the first 8 characters of its hash.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; stays in the manifest.")],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who withdraws it.")],
    feed: Annotated[str | None, typer.Option("--feed", metavar="NAME", help="Only for this feed. Default: for every feed that the file serves.")] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Withdraw a file that was delivered by mistake: from the next run on it counts no more.

    Rows of earlier files that it had replaced count again. Rows that corrected its rejected rows go with it. The file stays in the archive, and
    archive/manifest.jsonl says who withdrew it, when and why.
    What it changes in closed periods is posted in the first open one.

    [bold]Examples[/bold]

      tierledger withdraw feeds/transactions/2026-03.csv --reason "test data" --by "J. Doe"
      tierledger withdraw 3f9a12bc --feed payments --reason "wrong bank" --by "J. Doe"
    """
    from assets.archive.manifest import MANIFEST
    from assets.archive.stored_archive import overtaken_by_arrivals, pull_archive, shared_log
    from assets.archive.withdrawals import counting_copies, withdraw_file
    from assets.runtime.book_folder import lock_book, open_book, open_run
    from assets.runtime.context import read_clock
    from pipelines.settings import read_secret

    open_book(book)
    archive = book / "archive"
    with lock_book(book):
        context = open_run(book, None, read_clock(), secret=read_secret)
        pull_archive(context)
        withdrawn = withdraw_file(archive, file, feed, reason, by, read_clock(), shared_log(context, MANIFEST))
        if not withdrawn:
            raise overtaken_by_arrivals(context)
    copies = counting_copies(archive, withdrawn)
    if as_json:
        found_by_name = {"withdrawn": withdrawn, "copies": copies}
        named = {name: [{"feed": each.feed, "file_name": each.file_name, "sha256": each.sha256} for each in found] for name, found in found_by_name.items()}
        print_json(named)
    elif not quiet:
        from rich.markup import escape

        console = make_console()
        for each in withdrawn:
            console.print(f"[bold]{escape(each.file_name)}[/bold] of {each.feed} is withdrawn. It stays in the archive.", soft_wrap=True)
        for each in copies:
            copy = f"{escape(each.file_name)} has the same bytes and counts now; withdraw it too if it is the same mistake."
            console.print(f"[yellow]![/yellow] {copy}", soft_wrap=True)
        console.print(f"[bold]Next[/bold]  [cyan]{escape(command_line('run', book))}[/cyan]   computes without it", soft_wrap=True)
