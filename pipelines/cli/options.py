"""Options that several commands share, and their output.

Belongs here: options, consoles, the exit codes. Does not belong here: a single command.
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
    """The --book option of a suggested command. Empty for the default book."""
    return "" if book == book_folder() else f" --book {book}"


def parse_day(text: str) -> dt.date:
    """A day written YYYY-MM-DD."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day written YYYY-MM-DD, such as 2026-06-30") from None


def make_console(file: TextIO | None = None) -> Console:
    """The console for text. It is as wide as the terminal, or wide enough for every table if there is none."""
    from rich.console import Console

    console = Console(file=file, highlight=False)
    return console if console.is_terminal else Console(file=file, highlight=False, width=180)


def print_json(value: Any, file: TextIO | None = None) -> None:
    """One JSON object, by default on standard output. Money is text, so that no reader turns it into a float."""
    print(json.dumps(value, indent=2, default=plain_value, ensure_ascii=False), file=file or sys.stdout)
