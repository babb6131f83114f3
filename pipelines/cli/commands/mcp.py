"""`tierledger mcp`: the published tables for a model that asks, by the Model Context Protocol."""

from __future__ import annotations

import gc
import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import BookOption


def mcp(
    book: BookOption,
    participant: Annotated[list[str] | None, typer.Option("--participant", metavar="ID", help="Show the rows of this participant alone; repeatable.")] = None,
    role: Annotated[
        str | None, typer.Option("--role", metavar="ROLE", help="Show what this role of publish.postgres may read, every row or its participants'.")
    ] = None,
) -> None:
    """Answer questions of an AI assistant from the published tables. It can read, and nothing else.

    An assistant starts this command itself and talks to it over standard input and output. Needs [bold]pip install 'tierledger\\[mcp]'[/bold].

    [bold]Examples[/bold]

      tierledger mcp --book books/demo
      tierledger mcp --book books/demo --participant CUST-0042
      tierledger mcp --book books/demo --role acme
    """
    from assets.runtime.errors import rejection

    if importlib.util.find_spec("mcp") is None:
        raise rejection("tierledger mcp", "the package mcp is not installed: pip install 'tierledger[mcp]'")
    if participant and role:
        raise rejection("--role", "a role has its participants already; give one of --participant and --role")
    if not (book / "book.yaml").is_file():
        raise rejection(str(book), "is no book: it has no book.yaml; name one with --book")
    from pipelines.answers.server import make_server

    own = _participants_of(book, role) if role else participant or None
    gc.enable()  # switched off for commands that end soon
    make_server(book, own).run("stdio")


def _participants_of(book: Path, role: str) -> list[str] | None:
    """Whose rows a role of the book's database reads; None: every row."""
    import datetime as dt

    from assets.publishing.postgres.connection import open_transaction, wanted_settings
    from assets.publishing.postgres.grants import participants_of
    from assets.runtime.book_folder import open_run
    from assets.runtime.errors import rejection

    context = open_run(book, None, dt.datetime.now(dt.UTC))
    settings = wanted_settings(context)
    if settings is None:
        raise rejection("--role", "the book publishes to no PostgreSQL that could know the role; use --participant")
    with open_transaction(context) as transaction:
        return participants_of(transaction, settings, role)
