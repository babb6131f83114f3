"""`tierledger init`: a new book, with a proposed column mapping for the user's own file."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.options import command_line, make_console

if TYPE_CHECKING:
    from assets.feeds.mapping_proposal import Proposal


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the new book.")],
    feed: Annotated[Path | None, typer.Option("--feed", metavar="FILE", help="Your transactions: CSV, Parquet or JSON lines.")] = None,
    currency: Annotated[str, typer.Option(help="Currency of the book, and of lines without one.")] = "EUR",
) -> None:
    """Make a new book. With --feed, inspect your file and propose a column mapping.

    [bold]Examples[/bold]

      tierledger init my-book --feed sales.csv
      tierledger init my-book --feed sales.parquet --currency GBP
      tierledger init my-book
    """
    from models.documents import InputError, Problem
    from models.money import MINOR_UNITS

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError([Problem(str(folder), 0, "", "already exists and is not empty; name a new folder")])
    if currency not in MINOR_UNITS:
        raise InputError([Problem("--currency", 0, "", f"{currency!r} is not an ISO 4217 currency code such as EUR")])
    if feed is None:
        _write(folder, currency, None, "transactions.csv")
        print(f"{folder} is ready: put files into {folder}/feeds/transactions, adapt book.yaml and agreements/, then:  {command_line('run', folder)}")
        return
    if not feed.is_file():
        raise InputError([Problem(str(feed), 0, "", "there is no such file")])
    _init_with_feed(folder, feed, currency)


def _init_with_feed(folder: Path, feed: Path, currency: str) -> None:
    import duckdb

    from assets.feeds.mapping_proposal import propose_mapping
    from models.sql_text import literal

    with duckdb.connect() as con:
        proposal = propose_mapping(con, feed, currency)
        name = f"{feed.name.split('.')[0]}.csv" if proposal.needs_rewrite else feed.name
        _write(folder, currency, proposal, name)
        target = folder / "feeds" / "transactions" / name
        if proposal.needs_rewrite:
            con.execute(f"copy sample to {literal(str(target))} (format csv, header true)")
            proposal.notes.append(f"no feed can read {feed.name} as it is: the book has a comma-separated copy; convert later files in the same way")
        else:
            shutil.copyfile(feed, target)
    _print_guesses(folder, feed, proposal)


def _write(folder: Path, currency: str, proposal: Proposal | None, file_name: str) -> None:
    """Write book.yaml, one agreement, its JSON Schema for editors, and the folders."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from models.agreements.reference import agreement_json_schema

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = _yaml_text
    suffix = "".join(Path(file_name).suffixes[-2:] if file_name.endswith((".gz", ".zst")) else Path(file_name).suffixes[-1:])
    values: dict[str, Any] = {"name": folder.resolve().name, "currency": currency, "proposal": proposal, "suffix": suffix, **_example_terms(proposal)}
    for place in ("agreements", "feeds/transactions"):
        (folder / place).mkdir(parents=True, exist_ok=True)
    for template, path in (("book.yaml.j2", "book.yaml"), ("agreement.yaml.j2", "agreements/example.yaml")):
        (folder / path).write_text(environment.get_template(template).render(values), encoding="utf-8")
    # editors use it to check agreements as you type; the first line of the example refers to it
    (folder / "agreement.schema.json").write_text(json.dumps(agreement_json_schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _yaml_text(value: object) -> str:
    """A text as YAML: plain if that is safe, otherwise in the quotes that need the least escaping."""
    text = str(value)
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{3,}", text) and text.lower() not in ("true", "false", "null"):
        return text
    if "'" in text and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


def _example_terms(proposal: Proposal | None) -> dict[str, Any]:
    """Year, participant and thresholds of the example. The thresholds are around the largest partner's usual turnover in a quarter."""
    import datetime as dt

    year = (proposal.last_day if proposal and proposal.last_day else dt.date.today()).year
    usual = max(int(proposal.quarterly_amount), 100) if proposal else 100_000
    unit = 10 ** (len(str(usual)) - 2)
    thresholds = [int(usual * share / unit) * unit for share in (0.5, 1.0)]
    return {"year": year, "participant": proposal.largest_partner if proposal else "C-1001", "thresholds": thresholds}


def _print_guesses(folder: Path, feed: Path, proposal: Proposal) -> None:
    from rich.markup import escape
    from rich.table import Table

    console = make_console()
    console.print(f"\n[bold]{escape(feed.name)}[/bold]: {proposal.rows:,} rows, {len(proposal.header)} columns. Read like this (book.yaml):\n")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2), show_header=False)
    for name, expression in proposal.columns.items():
        table.add_row(name, "←", f"[cyan]{escape(expression)}[/cyan]")
    for name, value in proposal.defaults.items():
        table.add_row(name, "=", f"[cyan]{escape(value)}[/cyan]")
    table.add_row("[dim]business key[/dim]", "", escape(", ".join(proposal.key)) if proposal.key else "[dim]none: file and row[/dim]")
    console.print(table)
    if proposal.notes:
        console.print("\n[bold yellow]Check[/bold yellow]")
        for note in proposal.notes:
            console.print(f"  • {escape(note)}")
    console.print(f"\nAn example agreement for [bold]{escape(proposal.largest_partner)}[/bold], your largest partner, is in {folder}/agreements/example.yaml.")
    console.print(f"[bold]Next[/bold]  [cyan]{escape(command_line('run', folder))}[/cyan]")
