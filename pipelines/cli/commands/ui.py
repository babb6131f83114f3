"""`tierledger ui`: Dagster's web page on one book."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import BookOption
from pipelines.settings import child_environment, dagster_home

#: dagster.yaml and workspace.yaml are part of the package, so that an installed wheel has them.
_PACKAGE = Path(__file__).resolve().parents[2]
#: Dagster proposes `dg dev` instead, which is a development dependency and needs a project folder.
_NO_ADVICE = "ignore:Function `dev_command` is superseded"


def ui(
    book: BookOption,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the web page.")] = 3000,
) -> None:
    """Open Dagster's web page on the book: the graph from feed to published table, runs, checks, schedules.

    History and settings are in $DAGSTER_HOME, else in .dagster_home below the book. An existing dagster.yaml is not changed.

    [bold]Examples[/bold]

      tierledger ui
      tierledger ui --book books/acme --host 0.0.0.0 --port 3100
    """
    from assets.runtime.book_folder import open_book

    open_book(book)
    home = prepare_home(dagster_home() or book.resolve() / ".dagster_home")
    workspace = str(_PACKAGE / "workspace.yaml")
    command = [sys.executable, "-W", _NO_ADVICE, "-m", "dagster", "dev", "--workspace", workspace, "--host", host, "--port", str(port)]
    print(f"http://{host}:{port} shows {book} in a moment. Ctrl-C ends it.", flush=True)
    environment = child_environment(TIERLEDGER_BOOK=str(book.resolve()), DAGSTER_HOME=str(home))
    os.chdir(home)
    # this process becomes Dagster, so that Ctrl-C and a service manager reach it directly
    os.execve(command[0], command, environment)


def prepare_home(home: Path) -> Path:
    """The folder of a Dagster instance, with our settings if it has none."""
    home.mkdir(parents=True, exist_ok=True)
    settings = home / "dagster.yaml"
    if not settings.exists():
        settings.write_bytes((_PACKAGE / "dagster.yaml").read_bytes())
    return home.resolve()
