"""`tierledger init`: a new book, with a proposed column mapping for the user's own file."""

from __future__ import annotations

import json
import shutil
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.options import command_line, make_console
from pipelines.cli.proposed_feed import feed_lines, yaml_value

if TYPE_CHECKING:
    from assets.feeds.proposal.proposal import Proposal
    from assets.feeds.proposal.trial import Trial


class Example(StrEnum):
    """Books to learn from."""

    mid_year = "mid-year"


_PAGES = {Example.mid_year: "docs/from-a-spreadsheet.md"}


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the new book.")],
    feed: Annotated[Path | None, typer.Option("--feed", metavar="FILE", help="Your transactions: CSV, XLSX, Parquet or JSON lines.")] = None,
    currency: Annotated[str | None, typer.Option(help="Currency of the book, and of lines without one.", show_default="that of most lines, else EUR")] = None,
    example: Annotated[Example | None, typer.Option("--example", help="An example instead: mid-year begins in July with opening balances.")] = None,
) -> None:
    """Make a new book. With --feed, inspect your file, propose how it is read, and try that out on it. With --example, copy an example to learn from.

    [bold]Examples[/bold]

      tierledger init my-book --feed sales.csv
      tierledger init my-book --feed sales.xlsx --currency GBP
      tierledger init my-book
      tierledger init july --example mid-year
    """
    from models.currencies import MINOR_UNITS
    from models.documents import InputError, Problem

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError([Problem(str(folder), 0, "", "already exists and is not empty; name a new folder")])
    if currency is not None and currency not in MINOR_UNITS:
        raise InputError([Problem("--currency", 0, "", f"{currency!r} is not an ISO 4217 currency code such as EUR")])
    if example is not None:
        if feed is not None or currency is not None:
            raise InputError([Problem("--example", 0, "", "an example has its own files and currency; leave out --feed and --currency, or --example")])
        _copy_example(folder, example)
        return
    if feed is None:
        _write(folder, currency or "EUR", "", None, None)
        print(f"{folder} is ready: put files into {folder}/feeds/transactions, adapt book.yaml and agreements/, then:  {command_line('run', folder)}")
        return
    if not feed.is_file():
        is_url = ":/" in str(feed)  # as a path it has lost a slash
        message = "download one of its files and name that, then set `files` in book.yaml to the URL" if is_url else "there is no such file"
        raise InputError([Problem(str(feed), 0, "", message)])
    _init_with_feed(folder, feed, currency)


def _copy_example(folder: Path, example: Example) -> None:
    """Write the files of an example, but for its module."""
    from importlib import import_module

    source = Path(str(import_module(f"examples.{example.value.replace('-', '_')}").__file__)).parent
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"), dirs_exist_ok=True)
    print(f"{folder} is ready; {_PAGES[example]} walks through it:  {command_line('run', folder)}")


def _init_with_feed(folder: Path, feed: Path, currency: str | None) -> None:
    from assets.feeds.proposal.propose import propose
    from assets.feeds.proposal.trial import try_with_key

    proposal = propose(feed, currency)
    trial = None if proposal.missing else try_with_key(proposal, feed)
    _write(folder, currency or (trial.currency if trial else "") or "EUR", feed_lines(proposal, trial, feed.name), proposal, trial)
    shutil.copyfile(feed, folder / "feeds" / proposal.feed / feed.name)
    _print_proposal(folder, feed, proposal, trial)


def _write(folder: Path, currency: str, proposed: str, proposal: Proposal | None, trial: Trial | None) -> None:
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
    environment.filters["quoted"] = yaml_value
    feed = proposal.feed if proposal else ""
    values: dict[str, Any] = {"name": folder.resolve().name, "currency": currency, "proposed": proposed, "proposed_feed": feed, **_example_terms(trial)}
    for place in ("agreements", "feeds/transactions", *([f"feeds/{feed}"] if feed else [])):
        (folder / place).mkdir(parents=True, exist_ok=True)
    for template, path in (("book.yaml.j2", "book.yaml"), ("agreement.yaml.j2", "agreements/example.yaml")):
        (folder / path).write_text(environment.get_template(template).render(values), encoding="utf-8")
    # editors use it to check agreements as you type; the first line of the example refers to it
    (folder / "agreement.schema.json").write_text(json.dumps(agreement_json_schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _example_terms(trial: Trial | None) -> dict[str, Any]:
    """Year, participant and thresholds of the example. The thresholds are around the largest partner's usual turnover in a quarter."""
    import datetime as dt

    year = (trial.last_day if trial and trial.last_day else dt.date.today()).year
    usual = max(int(trial.quarterly_amount), 100) if trial and trial.largest_partner else 100_000
    unit = 10 ** (len(str(usual)) - 2)
    thresholds = [int(usual * share / unit) * unit for share in (0.5, 1.0)]
    return {"year": year, "participant": trial.largest_partner if trial and trial.largest_partner else "C-1001", "thresholds": thresholds}


def _print_proposal(folder: Path, feed: Path, proposal: Proposal, trial: Trial | None) -> None:
    from rich.markup import escape
    from rich.table import Table

    console = make_console()
    console.print(f"\n[bold]{escape(feed.name)}[/bold], as feed {proposal.feed}. Read like this (book.yaml):\n")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2), show_header=False)
    for sign, lines in (("", proposal.settings), ("←", proposal.columns), ("=", proposal.defaults)):
        for name, value in lines.items():
            shown = yaml_value(value) if sign == "" else str(value)
            table.add_row(name, sign, f"[cyan]{escape(shown)}[/cyan]", f"[dim]{escape(proposal.reasons.get(name, ''))}[/dim]")
    table.add_row("key", "", escape(", ".join(proposal.key)) if proposal.key else "none: a row is known by its file and place", "")
    console.print(table)
    if proposal.undecided:
        console.print("\n[bold yellow]Decide[/bold yellow] (comments in book.yaml)")
        for each in proposal.undecided:
            console.print(f"  • {escape(f'{each.name}: {yaml_value(each.value)}')}  [dim]{escape(each.why)}[/dim]")
    if trial is None:
        console.print(f"\nNot tried out: first say in book.yaml what is {escape(', '.join(proposal.missing))}.")
    else:
        console.print(f"\n[bold]Tried out[/bold]  {escape(trial.sentence())}.")
        for currency, total in trial.totals:
            agrees = ", as the file's own total says" if total == proposal.stated_total else ""
            console.print(f"           They add up to {total.normalize():,f} {currency}{agrees}.")
    if trial and trial.largest_partner:
        console.print(f"An example agreement for [bold]{escape(trial.largest_partner)}[/bold], your largest partner, is in {folder}/agreements/example.yaml.")
    console.print(f"[bold]Next[/bold]  [cyan]{escape(command_line('run', folder))}[/cyan]")
