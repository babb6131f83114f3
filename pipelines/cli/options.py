"""Options that several commands share, their output, and suggested commands.

Belongs here: options, consoles, the exit codes, how a suggested command is written. Does not belong here: a single command.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from pipelines.logging.format import plain_value
from pipelines.settings import book_folder

if TYPE_CHECKING:
    from rich.console import Console

DONE, CHECK_FAILED, WRONG_INPUT = 0, 1, 2
_NAME = "tierledger"
#: What `python -m` takes.
_PACKAGE = "pipelines.cli"
#: Commands that take the folder of a book as their argument.
_WITHOUT_OPTION = ("demo", "init")
#: A command in backticks, as in messages, or on its own indented line, as in examples.
_PROPOSED = re.compile(rf"(`|^ +){_NAME} ([a-z][^`\n]*)", re.MULTILINE)

BookOption = Annotated[
    Path,
    typer.Option(
        "--book",
        metavar="DIR",
        default_factory=book_folder,
        show_default="$TIERLEDGER_BOOK, else this folder, else books/demo",
        help="The book to work on.",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def named_book(arguments: list[str]) -> Path:
    """The book that a command line names, otherwise the default book."""
    for argument, following in itertools.pairwise([*arguments, ""]):
        if argument == "--book":
            return Path(following)
        if argument.startswith("--book="):
            return Path(argument.removeprefix("--book="))
    return book_folder()


def naming(book: Path) -> str:
    """The --book option of a suggested command. Empty for the default book."""
    return "" if book == book_folder() else f" --book {shlex.quote(str(book))}"


def program() -> str:
    """The program as it was called, so that a printed command works when it is pasted."""
    started = sys.modules["__main__"].__spec__
    if started is not None and started.parent == _PACKAGE:
        return f"{shlex.quote(sys.orig_argv[0])} -m {_PACKAGE}"
    called = Path(sys.argv[0])
    if called.name != _NAME:  # called from Python
        return _NAME
    found = shutil.which(_NAME)
    return _NAME if found and Path(found).absolute() == called.absolute() else shlex.quote(sys.argv[0])


def command_line(arguments: str, book: Path) -> str:
    """A suggested command for this book, as it must be typed."""
    return f"{program()} {arguments}{naming(book)}"


def as_called(text: str, book: Path | None = None) -> str:
    """A text with suggested commands, rewritten with the program as it was called, and with the book if the text names none."""

    def replaced(match: re.Match[str]) -> str:
        start, arguments = match.groups()
        takes_book = start == "`" and "--book" not in arguments and not arguments.startswith(_WITHOUT_OPTION)
        return f"{start}{program()} {arguments}{naming(book) if book and takes_book else ''}"

    return _PROPOSED.sub(replaced, text)


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
