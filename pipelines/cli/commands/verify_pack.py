"""`tierledger verify-pack`: checks an evidence pack without the book that it was made from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.options import CHECK_FAILED, JsonOption, make_console, print_json

if TYPE_CHECKING:
    from assets.evidence.verify_pack import Finding


def verify_pack(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The pack.", exists=True, dir_okay=False, readable=True)],
    sha256: Annotated[str | None, typer.Option("--sha256", metavar="SHA", help="The sha256 of the pack, kept elsewhere.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check an evidence pack: that no byte of it was changed, and that what it says follows from what it holds. Needs no book.

    Looks at the container, every hash, the agreements, the chain of closes, the sample, the tables, the rows, and recomputes every payout.
    Ends with exit code 1 and names each file that was changed.

    Without --sha256, a pack that was rewritten from end to end cannot be distinguished from the true one.

    [bold]Examples[/bold]

      tierledger verify-pack evidence-2026-03.zip
      tierledger verify-pack evidence-2026-03.zip --sha256 3f9a1c...   (all 64 characters)
    """
    from assets.evidence import verify_pack as checking

    findings = list(checking.verify_pack(file, sha256.strip().lower() if sha256 else None))
    has_failed = any(each.problems for each in findings)
    if as_json:
        print_json({"file": file, "status": "failed" if has_failed else "ok", "statements": [vars(each) for each in findings]})
    else:
        _print(findings)
    if has_failed:
        raise typer.Exit(CHECK_FAILED)


def _print(findings: list[Finding]) -> None:
    from rich.markup import escape

    console = make_console()
    for each in findings:
        shown = "[bold red]FAILED[/bold red]" if each.problems else "[green]ok[/green]"
        console.print(f"{shown}  {each.holds}  [cyan]{escape(each.note)}[/cyan]", soft_wrap=True)
        for problem in each.problems:
            console.print(f"      {escape(problem)}", soft_wrap=True)
    if not any(each.problems for each in findings):
        console.print(f"\n[green]{len(findings)} statements hold.[/green]")
