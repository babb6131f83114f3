"""`tierledger explain`: why a payout is what it is, as text, JSON, or a page to print."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from pipelines.cli.options import BookOption, command_line, make_console, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from assets.published.explanation import Explanation
    from assets.published.explanation_view import Pairs, Table


class Format(StrEnum):
    """How an explanation is shown."""

    text = "text"
    json = "json"
    html = "html"


def explain(
    book: BookOption,
    payout: Annotated[
        str | None, typer.Argument(help="A payout id, its first characters, or AGREEMENT/BENEFIT/PARTICIPANT/WINDOW_START. Without it, list the largest.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", "-f", help="Output format.")] = Format.text,
    lines: Annotated[int | None, typer.Option(min=0, help="How many transaction lines to list [default: 20; up to 1000 in JSON and HTML].")] = None,
    output: Annotated[Path | None, typer.Option("--out", "--output", "-o", metavar="FILE", help="Write to this file instead of standard output.")] = None,
) -> None:
    """Explain an amount: clause, terms, tier, the formula with its numbers, and every line behind it with its place in the file.

    [bold]Examples[/bold]

      tierledger explain
      tierledger explain 3f9a
      tierledger explain ACME-2026/volume-bonus/C-1001/2026-01-01 --lines 100
      tierledger explain 3f9a --format html --out why.html
    """
    from assets.published.explanation import explain_payout, largest_payouts

    if payout is None:
        _list_largest(largest_payouts(book, 20), book)
        return
    found = explain_payout(book, payout, lines if lines is not None else 20 if form is Format.text else 1000)
    if output is None:
        _show(found, form)
        return
    with output.open("w", encoding="utf-8") as file:
        _show(found, form, file)
    print(f"Written to {output}", file=sys.stderr)


def _show(explanation: Explanation, form: Format, file: TextIO | None = None) -> None:
    if form is Format.json:
        print_json(vars(explanation), file)
    elif form is Format.html:
        print(render_page(explanation), file=file)
    else:
        _print_text(explanation, make_console(file))


def render_page(explanation: Explanation) -> str:
    """One self-contained HTML page. All data in it is escaped."""
    from assets.published.explanation_view import present
    from assets.published.payout_curve import draw_curve
    from pipelines.cli.pages import open_page

    return open_page("explain.html.j2").render(t=present(explanation), e=explanation, curve=draw_curve(explanation))


def _print_text(explanation: Explanation, console: Console) -> None:
    from rich.markup import escape

    from assets.published.explanation_view import present

    t = present(explanation)
    console.print(f"\n{escape(t.headline)} [bold green]{escape(t.amount)}[/bold green]\n")
    if t.blocked:
        missing, way_out = t.blocked
        console.print(f"  [bold red]Blocked[/bold red]  {escape(missing)}", soft_wrap=True)
        console.print(f"  [cyan]{escape(way_out)}[/cyan]\n", soft_wrap=True)
    _print_pairs(console, t.subject)
    if t.quote:
        console.print(f"\n  [italic]“{escape(t.quote)}”[/italic]")
    console.print("\n[bold]Money[/bold]")
    _print_pairs(console, t.money)
    if t.adjustments.rows:
        console.print("\n[bold]Adjusted by people[/bold]")
        _print_table(console, t.adjustments)
    if t.disputes.rows:
        console.print("\n[bold]Disputed[/bold]")
        _print_table(console, t.disputes)
    if t.releases.rows:
        console.print("\n[bold]Paid in parts[/bold]")
        _print_table(console, t.releases)
    if t.payments.rows:
        console.print("\n[bold]Payments[/bold]")
        _print_table(console, t.payments)
    if t.batches.rows:
        console.print("\n[bold]In payment batches[/bold]")
        _print_table(console, t.batches)
    if t.accruals.rows:
        console.print("\n[bold]Accruals[/bold]")
        _print_table(console, t.accruals)
    if t.outlook:
        console.print("\n[bold]If it goes on like this[/bold]")
        _print_pairs(console, t.outlook)
    console.print("\n[bold]Figures[/bold]")
    _print_pairs(console, t.figures)
    if t.tiers.rows:
        console.print(f"\n[bold]Tiers[/bold]  [dim]{escape(t.tier_note)}[/dim]")
        _print_table(console, t.tiers)
    console.print("\n[bold]Calculation[/bold]")
    _print_table(console, t.steps)
    if t.lines.rows:
        console.print("\n[bold]Lines[/bold]")
        _print_table(console, t.lines)
    console.print(f"[dim]{escape(t.line_note)}[/dim] Sum of all shares: [bold]{escape(t.line_sum)}[/bold]")
    if t.files.rows:
        console.print("\n[bold]Files[/bold]")
        _print_table(console, t.files)


def _print_pairs(console: Console, pairs: Pairs) -> None:
    from rich.markup import escape

    width = max(len(name) for name, _ in pairs) + 2
    for name, value in pairs:
        console.print(f"  [dim]{name:<{width}}[/dim]{escape(value)}")


def _print_table(console: Console, table: Table) -> None:
    from rich import table as rich_table
    from rich.markup import escape

    shown = rich_table.Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    shown.add_column("")
    for position, heading in enumerate(table.headings):
        shown.add_column(heading, justify="right" if position in table.right else "left")
    for position, row in enumerate(table.rows):
        is_marked = position == table.marked
        shown.add_row("→" if is_marked else " ", *map(escape, row), style="bold green" if is_marked else None)
    console.print(shown)


def _list_largest(rows: list[dict[str, object]], book: Path) -> None:
    from rich.markup import escape

    from assets.published.explanation_view import Table
    from assets.published.formatting import money

    console = make_console()
    if not rows:
        console.print("No payouts are published: no window of any agreement has begun.")
        return
    headings = ("payout id", "agreement", "benefit", "participant", "window", "payout", "status")
    keys = ("payout_id", "agreement_id", "benefit_id", "participant_id", "window_start")
    cells = [(*(str(r[k]) for k in keys), money(r["payout"], str(r["currency"])), str(r["status"])) for r in rows]  # type: ignore[arg-type]
    console.print("[bold]The largest payouts[/bold]")
    _print_table(console, Table(headings, cells, frozenset({5})))
    first = command_line(f"explain {str(rows[0]['payout_id'])[:8]}", book)
    console.print(
        f"\n[dim]All of them: {book}/published/current/fct_payout.parquet[/dim]   {escape(first)}",
        soft_wrap=True,
    )
