"""`tierledger write-off`: write off a small difference between what is owed and what was paid."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from pipelines.cli.commands.run import stoppable_progress
from pipelines.cli.ledger.close import SecondPersonOption
from pipelines.cli.options import BookOption, JsonOption, QuietOption, make_console, print_json


def write_off(
    book: BookOption,
    payout: Annotated[str, typer.Argument(metavar="PAYOUT", help="A payout id, its first characters, or AGREEMENT/BENEFIT/PARTICIPANT/WINDOW_START.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; stays in the ledger.")],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who writes it off.")],
    amount: Annotated[str | None, typer.Option("--amount", metavar="AMOUNT", help="In the agreement's currency. Default: all that is open.")] = None,
    approved_by: SecondPersonOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write off what is still open of a payout: a cent lost to rounding, a bank charge.

    The line goes to ledger/write_offs.jsonl and never changes. All write-offs of a payout together may not exceed the limit in book.yaml
    (close: {write_off_limit: 1}, in the agreement's currency) or what is open.

    [bold]Examples[/bold]

      tierledger write-off 3f9a --reason "bank charge" --by "J. Doe"
      tierledger write-off ACME-2026/volume-bonus/C-1001/2026-01-01 --amount 0.02 --reason rounding --by "J. Doe"
    """
    wanted = _parse_amount(amount) if amount is not None else None
    from pipelines.close import write_off_difference

    with stoppable_progress(hidden=quiet or as_json) as progress:
        written = write_off_difference(book, payout, reason, by, wanted, progress, approved_by=approved_by)
    if as_json:
        print_json(written.model_dump())
    elif not quiet:
        from rich.markup import escape

        from assets.published.formatting import money

        name = f"{written.agreement_id}/{written.benefit_id}/{written.participant_id}/{written.window_start}"
        console = make_console()
        console.print(f"[bold]{money(written.amount, written.currency)}[/bold] of {escape(name)} written off, posted in {written.period}.", soft_wrap=True)


def _parse_amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is not an amount such as 0.25") from None
