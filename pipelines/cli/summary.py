"""The summary of a run as text: rows read, payouts by agreement, what was written where, and what to do next."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assets.published.formatting import money, number, size
from assets.runtime.versions import code_version
from pipelines.cli.options import command_line, make_console
from pipelines.rebuild import KnownAt
from pipelines.run import RunSummary
from pipelines.shadow import Shadow

#: At most so many warnings are shown.
_WARNINGS = 8
_DIRECTIONS = {"payable": "we pay", "receivable": "we receive"}


def print_summary(summary: RunSummary, book: Path) -> None:
    """Print it to standard output."""
    console = make_console()
    _print_run(console, summary, book)
    _print_next(console, summary, book)


def print_shadow(shadow: Shadow, book: Path) -> None:
    """The same for a run that was made both ways, with the first difference of each table."""
    print_summary(shadow.summary, book)
    console = make_console()
    if not shadow.differences:
        console.print("[bold]Shadow[/bold]  a full run gave the same bytes in every table but audit_run.", soft_wrap=True)
    for table, difference in shadow.differences.items():
        console.print(f"[red]{table}[/red] differs from the full run, which is published: {escape(difference)}", soft_wrap=True)


def print_known_at(known: KnownAt, book: Path) -> None:
    """The same for a run as known on a day, with what was known, and whether it is what was published then."""
    console = make_console()
    summary, snapshot, run = known.summary, known.snapshot, known.snapshot.run
    console.print()
    knew = f"{number(len(snapshot.arrivals))} files, {number(len(snapshot.ledger.records))} closes and reopenings"
    console.print(f"As known at the end of [bold]{known.day}[/bold] (UTC): {knew}.")
    if run is None:
        console.print("[yellow]No run was published by then: the earliest known terms were used.[/yellow]")
    elif run.run_id == summary.run_id:
        console.print(f"This is the run that was published then, on {run.started_at:%Y-%m-%d at %H:%M:%S}.")
    else:
        console.print(f"Published then: run [cyan]{run.run_id}[/cyan] as of {run.as_of}; this one differs {_describe_difference(known)}.")
    _print_run(console, summary, book)


def _describe_difference(known: KnownAt) -> str:
    """How a run as known on a day differs from the one that was published then."""
    run, snapshot = known.snapshot.run, known.snapshot
    if run is not None and run.as_of != snapshot.as_of:
        return f"in its as_of, {snapshot.as_of}"
    if run is not None and run.code_version != code_version():
        return f"in the version of the program: {run.code_version} then, {code_version()} now"
    return "in what arrived by the end of the day but was published later"


def _print_run(console: Console, summary: RunSummary, book: Path) -> None:
    name = book.resolve().name
    console.print()
    if summary.status == "nothing_new":
        console.print(f"[bold]{escape(name)}[/bold]: nothing new. Run [cyan]{summary.run_id}[/cyan] as of {summary.as_of} stays published.")
    else:
        console.print(f"[bold]{escape(name)}[/bold]: published run [cyan]{summary.run_id}[/cyan] as of {summary.as_of}.")
    console.print()
    console.print(_feeds(summary))
    if not any(feed["feed"] == "transactions" for feed in summary.feeds):
        console.print("[yellow]No transactions: no file of feeds.transactions.files in book.yaml is taken in.[/yellow]")
    _print_warnings(console, summary, book)
    for note in summary.notes:
        console.print(escape(note), soft_wrap=True)
    console.print(_agreements(summary, has_room=console.width >= 110))
    for line in _totals(summary):
        console.print(line)
    console.print()
    if summary.recomputed:
        console.print(escape(str(summary.recomputed)), soft_wrap=True)
        console.print()
    _print_written(console, summary, book)
    _print_time(console, summary)


def _feeds(summary: RunSummary) -> Table:
    table = Table(title="Feeds", title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    has_ignored = any(feed["rows_ignored"] for feed in summary.feeds)
    for heading in ("files", "not loaded", "rows", "loaded", "duplicate", "superseded", "rejected", *(["ignored"] if has_ignored else [])):
        table.add_column(heading, justify="right")
    for feed in summary.feeds:
        counts = [number(feed[f"rows_{kind}"]) for kind in ("read", "loaded", "duplicate", "superseded")]
        rejected = number(feed["rows_rejected"])
        files = (number(feed["files"]), number(feed["files_not_loaded"]))
        ignored = [number(feed["rows_ignored"])] if has_ignored else []
        table.add_row(feed["feed"], *files, *counts, f"[yellow]{rejected}[/yellow]" if feed["rows_rejected"] else rejected, *ignored)
    return table


def _print_warnings(console: Console, summary: RunSummary, book: Path) -> None:
    warnings = summary.warnings
    if warnings:
        console.print()
    for warning in warnings[:_WARNINGS]:
        console.print(f"[yellow]![/yellow] {escape(warning)}", soft_wrap=True)
    if len(warnings) > _WARNINGS:
        all_of_them = escape(command_line("run --json", book))
        console.print(f"[yellow]![/yellow] and {number(len(warnings) - _WARNINGS)} more like these ({all_of_them} lists all)", soft_wrap=True)


def _agreements(summary: RunSummary, has_room: bool) -> Table:
    table = Table(title="\nPayouts", title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("agreement", no_wrap=True)
    if has_room:
        table.add_column("title", no_wrap=True)
    table.add_column("", no_wrap=True)
    for heading in ("windows", "paying", "blocked", "total"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in summary.agreements[:40]:
        blocked = f"[red]{number(row['blocked'])}[/red]" if row["blocked"] else "0"
        title = (escape(row["title"] or ""),) if has_room else ()
        table.add_row(
            escape(row["agreement_id"]),
            *title,
            _DIRECTIONS.get(row["direction"], ""),
            number(row["payouts"]),
            number(row["paying"]),
            blocked,
            money(row["total"], row["currency"]),
        )
    if len(summary.agreements) > 40:
        table.add_row(f"… and {number(len(summary.agreements) - 40)} more")
    return table


def _totals(summary: RunSummary) -> list[str]:
    totals: dict[tuple[str, str], Decimal] = {}
    for row in summary.agreements:
        key = (row["direction"], row["currency"])
        totals[key] = totals.get(key, Decimal(0)) + row["total"]
    return [f"  {_DIRECTIONS.get(direction, direction)} [bold]{money(total, currency)}[/bold]" for (direction, currency), total in sorted(totals.items())]


def _print_written(console: Console, summary: RunSummary, book: Path) -> None:
    published = book / summary.published_in.relative_to(summary.folder)
    verb = "Written" if summary.status == "published" else "Published"
    files = sum(path.stat().st_size for path in (published / "current").glob("*.parquet"))
    console.print(f"[bold]{verb}[/bold]", soft_wrap=True)
    console.print(
        f"  {published / 'current'}/*.parquet   {len(summary.published)} tables, {number(sum(summary.published.values()))} rows, {size(files)}", soft_wrap=True
    )
    if summary.published_to:
        console.print(f"  {summary.published_to}/current.json   the same set in the store", soft_wrap=True)
    database = published / "tierledger.duckdb"
    if database.is_file():
        console.print(f"  {database}   the same tables for SQL, {size(database.stat().st_size)}", soft_wrap=True)


def _print_time(console: Console, summary: RunSummary) -> None:
    total = sum(summary.stages.values()) + summary.start_up.seconds
    stages = " · ".join(f"{name} {seconds:.1f}" for name, seconds in summary.stages.items() if seconds >= 0.05)
    console.print(f"[bold]Took[/bold] {total:.1f} s: start-up {summary.start_up.seconds:.1f}{' · ' if stages else ''}{stages}", soft_wrap=True)


def _print_next(console: Console, summary: RunSummary, book: Path) -> None:
    payout = f" {summary.largest_payout[:8]}" if summary.largest_payout else ""
    explain, ui = (escape(command_line(arguments, book)) for arguments in (f"explain{payout}", "ui"))
    console.print(f"[bold]Next[/bold]  [cyan]{explain}[/cyan]   why the largest payout is what it is", soft_wrap=True)
    console.print(f"      [cyan]{ui}[/cyan]   the same steps on a web page", soft_wrap=True)
