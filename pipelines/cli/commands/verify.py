"""`tierledger verify`: rebuild the book from what it keeps, and compare it with what readers see."""

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

    Prints one line per statement. Ends with exit code 1 at the first that does not hold, and names file and row. Works in a temporary folder ($TMPDIR)
    and changes nothing in the book. Takes as long as a run of the whole book.

    Without --head, a ledger that was rewritten from end to end cannot be distinguished from the true one.

    [bold]Examples[/bold]

      tierledger verify
      tierledger verify --head 3f9a1c...   (all 64 characters, as close printed them)
      tierledger verify --json | jq '.statements[] | select(.status != "ok")'
    """
    from pipelines.rebuild import verify_book

    began = time.perf_counter()
    with stoppable_progress(hidden=quiet or as_json) as progress:
        findings = list(verify_book(book, _full_hash(head), progress))
    has_failed = any(finding.is_failed for finding in findings)
    if as_json:
        status = "failed" if has_failed else "ok"
        print_json({"book": book, "status": status, "seconds": round(time.perf_counter() - began, 1), "statements": [vars(each) for each in findings]})
    elif not quiet:
        _print(findings, book)
    elif has_failed:
        typer.echo(as_called(_failure(findings[-1]), book), err=True)
    if has_failed:
        raise typer.Exit(CHECK_FAILED)


def _full_hash(head: str | None) -> str | None:
    """The hash in lower case. Raises BadParameter for part of a hash, which proves little."""
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
        detail = note = ""
        if each.status == "ok":
            detail = _in_words(each.compared)
            note = f"  [yellow]{escape(each.message)}[/yellow]" if each.message else ""
        elif each.status == "not_checked":
            detail = each.message
        console.print(f"{each.id:<4}{_SHOWN[each.status]}  {each.holds}  [cyan]{escape(detail)}[/cyan]{note}", soft_wrap=True)
        if each.is_failed:
            console.print("      " + escape(each.message.replace("\n", "\n      ")), soft_wrap=True)
            console.print(f"      [bold]{escape(as_called(each.way_out, book))}.[/bold]", soft_wrap=True)
    checked = sum(each.status == "ok" for each in findings)
    if not any(each.is_failed for each in findings):
        console.print(f"\n[green]{checked} statements hold.[/green]")


def _failure(each: Finding) -> str:
    return f"{each.id} FAILED: {each.holds}\n  {each.message}\n  {each.way_out}."


def _in_words(compared: dict[str, Any]) -> str:
    from assets.published.formatting import number

    return ", ".join(f"{name.replace('_', ' ')} {number(value) if isinstance(value, int | Decimal) else value}" for name, value in compared.items())
