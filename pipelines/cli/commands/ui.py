"""`tierledger ui`: Dagster's web page on one book."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import BookOption
from pipelines.settings import child_environment

_ROOT = Path(__file__).resolve().parents[3]


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
    (home / "dagster.yaml").write_bytes((_ROOT / "dagster.yaml").read_bytes())
    dagster = str(Path(sys.executable).with_name("dagster"))
    environment = child_environment(TIERLEDGER_BOOK=str(book.resolve()), DAGSTER_HOME=str(home), PYTHONPATH=str(_ROOT))
    print(f"http://localhost:{port} shows {book} in a moment. Ctrl-C ends it.", flush=True)
    os.chdir(home)
    # this process becomes Dagster, so that Ctrl-C and a service manager reach it directly
    os.execve(dagster, [dagster, "dev", "--workspace", str(_ROOT / "workspace.yaml"), "--port", str(port)], environment)
