"""`tierledger reopen`: open the last closed period again, with a reason and two names."""

from __future__ import annotations

from typing import Annotated

import typer

from pipelines.cli.commands.run import stoppable_progress
from pipelines.cli.ledger.close import PeriodArgument
from pipelines.cli.options import BookOption, JsonOption, QuietOption, command_line, make_console, print_json


def reopen(
    book: BookOption,
    period: PeriodArgument,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; stays in the ledger.")],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who asks for it.")],
    approved_by: Annotated[str, typer.Option("--approved-by", metavar="NAME", help="Who approves it; must be another person.")],
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Open the last closed period again. Nothing is taken back: both versions stay in the ledger.

    What the close posted stays posted; closing again adds the differences as version 2. Earlier periods stay closed: changes to them are posted in
    the first open period and need no reopening.

    [bold]Examples[/bold]

      tierledger reopen 2026-03 --reason "price list of March was wrong" --by "J. Doe" --approved-by "A. Roe"
    """
    from pipelines.close import reopen_book

    with stoppable_progress(hidden=quiet or as_json) as progress:
        record = reopen_book(book, period, reason, by, approved_by, progress)
    if as_json:
        fields = {key: getattr(record, key) for key in ("period", "version", "reason", "requested_by", "approved_by")}
        print_json({**fields, "folder": book / "ledger" / record.folder, "head": record.chain_sha256})
    elif not quiet:
        from rich.markup import escape

        console = make_console()
        console.print(f"[bold]{record.period}[/bold] is open again; version {record.version} stays in the ledger.", soft_wrap=True)
        console.print(f"Head  [cyan]{record.chain_sha256}[/cyan]", soft_wrap=True)
        close = escape(command_line(f"close {record.period} --by NAME", book))
        console.print(f"[bold]Next[/bold]  [cyan]{close}[/cyan]   posts the differences as version {record.version + 1}")
