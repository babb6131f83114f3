"""`tierledger ui`: Dagster's web page on one book."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import BookOption
from pipelines.settings import child_environment

_ROOT = Path(__file__).resolve().parents[2]


def ui(book: BookOption, port: Annotated[int, typer.Option(help="Port of the web page.")] = 3000) -> None:
    """Open Dagster's web page on the book: the graph from feed to published table, runs, checks, schedules.

    [bold]Examples[/bold]

      tierledger ui
      tierledger ui --book books/acme --port 3100
    """
    from assets.books import open_book

    open_book(book)
    home = book.resolve() / ".dagster_home"
    home.mkdir(exist_ok=True)
    settings = _ROOT / "dagster.yaml"
    if settings.is_file():
        (home / "dagster.yaml").write_bytes(settings.read_bytes())
    dagster = Path(sys.executable).with_name("dagster")
    environment = child_environment(TIERLEDGER_BOOK=str(book.resolve()), DAGSTER_HOME=str(home))
    command = [str(dagster), "dev", "--workspace", str(_ROOT / "workspace.yaml"), "--port", str(port)]
    raise typer.Exit(subprocess.call(command, env=environment, cwd=_ROOT))
