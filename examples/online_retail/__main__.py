"""`python -m examples.online_retail --data DIR --book DIR`: writes the book, over the sample without --data or TIERLEDGER_ONLINE_RETAIL."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from examples.online_retail.write import SAMPLE, write_online_retail_book


def main(
    data: Annotated[Path, typer.Option(envvar="TIERLEDGER_ONLINE_RETAIL", help="Folder of the daily files, 2010-12-01.csv and on.")] = SAMPLE,
    book: Annotated[Path, typer.Option(help="Where the book goes.")] = Path("books/online-retail"),
) -> None:
    """Write the online retail book over the daily files in DATA."""
    try:
        write_online_retail_book(book, data)
    except FileNotFoundError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    lines = "the invented sample" if data == SAMPLE else data
    command = [str(Path(sys.executable).with_name("tierledger")), "run", "--book", str(book)]
    typer.echo(f"{book} is written over {lines}. Next: {shlex.join(command)}")


if __name__ == "__main__":
    typer.run(main)
