"""`tierledger ui`: Dagster's web page on one book."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import BookOption
from pipelines.settings import child_environment

#: dagster.yaml and workspace.yaml are part of the package, so that an installed wheel has them.
_PACKAGE = Path(__file__).resolve().parents[2]


def ui(book: BookOption, port: Annotated[int, typer.Option(help="Port of the web page.")] = 3000) -> None:
    """Open Dagster's web page on the book: the graph from feed to published table, runs, checks, schedules.

    [bold]Examples[/bold]

      tierledger ui
      tierledger ui --book books/acme --port 3100
    """
    from assets.runtime.book_folder import open_book

    open_book(book)
    home = book.resolve() / ".dagster_home"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_bytes((_PACKAGE / "dagster.yaml").read_bytes())
    command = [sys.executable, "-m", "dagster", "dev", "--workspace", str(_PACKAGE / "workspace.yaml"), "--port", str(port)]
    environment = child_environment(TIERLEDGER_BOOK=str(book.resolve()), DAGSTER_HOME=str(home))
    print(f"http://localhost:{port} shows {book} in a moment. Ctrl-C ends it.", flush=True)
    os.chdir(home)
    # this process becomes Dagster, so that Ctrl-C and a service manager reach it directly
    os.execve(command[0], command, environment)
