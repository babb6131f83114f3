"""`tierledger close`: freeze a period in the ledger, and print the head that proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.commands.run import stoppable_progress
from pipelines.cli.options import BookOption, JsonOption, QuietOption, make_console, print_json

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.close import Closing

SecondPersonOption = Annotated[
    str | None, typer.Option("--approved-by", metavar="NAME", help="Who approves it, another person; needed where book.yaml has require_approval: true.")
]
PeriodArgument = Annotated[str, typer.Argument(metavar="PERIOD", help="Fiscal year and number of the period, such as 2026-03.")]


def close(
    book: BookOption,
    period: PeriodArgument,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who closes; stays in the ledger.")],
    with_earlier: Annotated[bool, typer.Option("--with-earlier", help="Close the open periods before it too, in order.")] = False,
    accept_open: Annotated[
        str | None,
        typer.Option("--accept-open", metavar="REASON", help="Close even though payouts are blocked or rows rejected; the reason stays in the ledger."),
    ] = None,
    approved_by: SecondPersonOption = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Freeze a period: its accruals, payouts and journal become files under ledger/ that never change.

    Runs the book first, and publishes again afterwards. Later changes to a closed period are posted as differences, with their reason, in the first
    open period. A period cannot be closed if it has not ended, an earlier one is open, payouts are blocked, or more rows are rejected than book.yaml
    allows (close: {quarantine_limit: 0}). Closing a closed period does nothing.

    Keep the printed head in another place: with it, nobody can rewrite the ledger unnoticed.

    [bold]Examples[/bold]

      tierledger close 2026-03 --by "J. Doe"
      tierledger close 2026-06 --by "J. Doe" --with-earlier
      tierledger close 2026-03 --by "J. Doe" --accept-open "two rows of the old shop system, worth 3.20"
    """
    from pipelines.close import close_book

    with stoppable_progress(hidden=quiet or as_json) as progress:
        closing = close_book(book, period, by, with_earlier, accept_open, progress, approved_by=approved_by)
    if as_json:
        print_json(_as_object(closing, book))
    elif not quiet:
        _print(closing, book)


def _as_object(closing: Closing, book: Path) -> dict[str, object]:
    return {
        "period": closing.period,
        "status": "closed" if closing.closed else "already_closed",
        "closed": [
            {
                "period": each.record.period,
                "version": each.record.version,
                "folder": book / "ledger" / each.record.folder,
                "rows": {name: facts.rows for name, facts in each.record.files.items()},
                "accruals": each.totals,
                "overrides": [override.model_dump() for override in each.record.overrides],
                "chain_sha256": each.record.chain_sha256,
            }
            for each in closing.closed
        ],
        "later": closing.later,
        "head": closing.head,
    }


def _print(closing: Closing, book: Path) -> None:
    from rich.markup import escape

    from assets.published.formatting import counted, money

    console = make_console()
    for each in closing.closed:
        again = f", version {each.record.version}" if each.record.version > 1 else ""
        rows = {name: facts.rows for name, facts in each.record.files.items()}
        console.print(f"[bold]{each.record.period}[/bold] closed{again}: {escape(str(book / 'ledger' / each.record.folder))}", soft_wrap=True)
        for total in each.totals:
            console.print(f"  {total['direction']:<11} {money(total['accrual'], total['currency']):>20}   {counted(total['rows'], 'accrual')}")
        console.print(f"  {counted(rows['payouts.csv'], 'payout')}, {counted(rows['journal.csv'], 'journal line')}")
        for override in each.record.overrides:
            console.print(f"  [yellow]accepted by {escape(override.by)}[/yellow] ({escape(override.reason)}): {escape(override.finding)}", soft_wrap=True)
    if not closing.closed:
        console.print(f"[bold]{closing.period}[/bold] is already closed; nothing was written.")
        for row in closing.later:
            amount = money(row["accrual"], row["currency"] or "")
            console.print(f"  since then: {amount} ({row['reason']}), {counted(row['rows'], 'accrual')}, to be posted in {row['period']}")
    console.print(f"Head  [cyan]{closing.head}[/cyan]   keep it in another place: it proves that nothing before it was changed", soft_wrap=True)
