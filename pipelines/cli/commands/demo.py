"""`tierledger demo`: the example book, written and run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import JsonOption, QuietOption
from pipelines.settings import DEMO_BOOK


def demo(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder for the book.", show_default=True)] = DEMO_BOOK,
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove the existing demo book and start over.")] = False,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write the demo book and run it: a beverage distributor, 24 months, rebates in both directions.

    [bold]Examples[/bold]

      tierledger demo
      tierledger demo --fresh
      tierledger demo /tmp/my-demo
    """
    from assets.runtime.book_folder import lock_book
    from examples.demo.generate import write_demo_book
    from pipelines.cli.commands.run import run_and_show

    is_book = (folder / "book.yaml").is_file()
    if fresh and is_book:
        _require_demo_book(folder)
        with lock_book(folder):
            shutil.rmtree(folder)
    if fresh or not is_book:
        write_demo_book(folder)
    run_and_show(folder, quiet=quiet, as_json=as_json)


def _require_demo_book(folder: Path) -> None:
    """Only a demo book may be removed. Raises InputError for any other book."""
    from assets.runtime.book_folder import open_book
    from models.documents import InputError, Problem

    if open_book(folder).book != "demo":
        raise InputError([Problem(str(folder), 0, "", "this is not the demo book (book.yaml says otherwise); --fresh would remove it. Name another folder")])
