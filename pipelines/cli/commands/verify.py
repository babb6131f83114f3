"""`tierledger verify`: the book is made again from what it keeps and held against what readers see."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.commands.run import stoppable_progress
from pipelines.cli.options import CHECK_FAILED, BookOption, JsonOption, QuietOption, as_called, make_console, print_json

if TYPE_CHECKING:
    from pathlib import Path

    from assets.verification.verify import Finding

_SHOWN = {"ok": "[green]ok[/green]", "failed": "[bold red]FAILED[/bold red]", "not_checked": "[dim]–[/dim]"}


def verify(
    book: BookOption,
    head: Annotated[str | None, typer.Option("--head", metavar="SHA", help="The head that `close` printed, kept elsewhere: the ledger must hold it.")] = None,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Prove the book: rebuild it from archive, agreements and ledger, compare every table, check the chain of closes and every reconciliation.

    One line per statement; ends with exit code 1 at the first that does not hold, naming file and row. Works in a temporary folder ($TMPDIR) and
    changes nothing in the book. Takes as long as a run of the whole book.

    Without --head, a ledger that somebody wrote anew from end to end cannot be told from a true one.

    [bold]Examples[/bold]

      tierledger verify
      tierledger verify --head 3f9a1c...   (all 64 characters, as close printed them)
      tierledger verify --json | jq '.statements[] | select(.status != "ok")'
    """
    from pipelines.rebuild import verify_book

    began = time.perf_counter()
    with stoppable_progress(hidden=quiet or as_json) as progress:
        findings = list(verify_book(book, _whole(head), progress))
    has_failed = any(finding.is_failed for finding in findings)
    if as_json:
        message = [{**vars(finding)} for finding in findings]
        print_json({"book": book, "status": "failed" if has_failed else "ok", "seconds": round(time.perf_counter() - began, 1), "statements": message})
    elif not quiet:
        _print(findings, book)
    elif has_failed:
        typer.echo(as_called(_in_words(findings[-1]), book), err=True)
    if has_failed:
        raise typer.Exit(CHECK_FAILED)


def _whole(head: str | None) -> str | None:
    """Part of a hash proves little."""
    if head is None:
        return None
    cleaned = head.strip().lower()
    if len(cleaned) != 64 or set(cleaned) - set("0123456789abcdef"):
        raise typer.BadParameter(f"{head!r} is not a head: 64 hex digits, as `tierledger close` prints them", param_hint="--head")
    return cleaned


def _print(findings: list[Finding], book: Path) -> None:
    from rich.markup import escape

    console = make_console()
    for each in findings:
        message = _figures(each.compared) if each.status == "ok" else each.message if each.status == "not_checked" else ""
        note = f"  [yellow]{escape(each.message)}[/yellow]" if each.status == "ok" and each.message else ""
        console.print(f"{each.id:<4}{_SHOWN[each.status]}  {each.holds}  [cyan]{escape(message)}[/cyan]{note}", soft_wrap=True)
        if each.is_failed:
            console.print("      " + escape(each.message.replace("\n", "\n      ")), soft_wrap=True)
            console.print(f"      [bold]{escape(as_called(each.way_out, book))}.[/bold]", soft_wrap=True)
    checked = sum(each.status == "ok" for each in findings)
    if not any(each.is_failed for each in findings):
        console.print(f"\n[green]{checked} statements hold.[/green]")


def _in_words(each: Finding) -> str:
    return f"{each.id} FAILED: {each.holds}\n  {each.message}\n  {each.way_out}."


def _figures(compared: dict[str, Any]) -> str:
    from pipelines.cli.formatting import number

    return ", ".join(f"{name.replace('_', ' ')} {number(value) if isinstance(value, int | Decimal) else value}" for name, value in compared.items())
