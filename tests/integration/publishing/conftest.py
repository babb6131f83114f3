"""What tests of PostgreSQL share: a server, a book that is published, a database with nothing in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.runtime.context import RunContext
from tests.support.once import make_once
from tests.support.postgres_books import (
    CLEARED,
    PASSWORD,
    SET_UP,
    context_of,
    make_book,
    make_database,
)
from tests.support.postgres_server import Server, running_server


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    with running_server() as server:
        server.run(*SET_UP)
        yield server


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book whose files are published, and which no PostgreSQL has seen. Tests leave it as it is."""
    return make_once(tmp_path_factory, "postgres", make_book)


@pytest.fixture(scope="package")
def shared(server: Server) -> str:
    return make_database(server, "shared")


@pytest.fixture
def database(server: Server, shared: str) -> Iterator[str]:
    """A database with nothing in it."""
    yield shared
    server.run(*CLEARED, database=shared)


@pytest.fixture
def context(published: Path, server: Server, database: str) -> RunContext:
    return context_of(published, server.address("publisher", database, PASSWORD))
