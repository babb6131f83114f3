"""Options that several commands share, and what the command prints to.

Belongs here: options, consoles, the exit codes. Does not belong here: any one command.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from pipelines.logging.format import plain_value
from pipelines.settings import book_folder

if TYPE_CHECKING:
    from rich.console import Console

DONE, CHECK_FAILED, WRONG_INPUT = 0, 1, 2

BookOption = Annotated[
    Path,
    typer.Option("--book", metavar="DIR", default_factory=book_folder, show_default="$TIERLEDGER_BOOK, else books/demo", help="The book to work on."),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def naming(book: Path) -> str:
    """How a command that is proposed names the book: not at all where it is the one that goes without saying."""
    return "" if book == book_folder() else f" --book {book}"


def parse_day(text: str) -> dt.date:
    """A day written YYYY-MM-DD."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day written YYYY-MM-DD, such as 2026-06-30") from None


def make_console(file: TextIO | None = None) -> Console:
    """Where text goes: as wide as the terminal; wide enough for every table where there is none."""
    from rich.console import Console

    console = Console(file=file, highlight=False)
    return console if console.is_terminal else Console(file=file, highlight=False, width=180)


def print_json(value: Any, file: TextIO | None = None) -> None:
    """One JSON object, on standard output where no file is given; money as text, so that no reader makes it a float."""
    print(json.dumps(value, indent=2, default=plain_value, ensure_ascii=False), file=file or sys.stdout)
