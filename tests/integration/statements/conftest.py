"""The demo's published set with what statements read besides, and all statements of its last period.

Belongs here: fixtures. Does not belong here: statements about them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from assets.published.reader import connect_set, read_manifest_of
from assets.runtime.sql import scan
from assets.statements.document.parts import Document
from assets.statements.document.tell import tell
from assets.statements.read import list_participants, read_period, read_statements
from assets.statements.reasons import write_reasons
from assets.statements.statement import Period, Statement
from assets.statements.words import words_of
from models.book.statement_settings import StatementSettings

SETTINGS = StatementSettings(sender="Quayside Beverages B.V.\nVeerhaven 12", contact="rebates@quayside.example")
Opened = tuple[duckdb.DuckDBPyConnection, Period]


def told(statement: Statement, language: str = "en") -> Document:
    return tell(statement, words_of(language), SETTINGS)


@contextmanager
def opened(book: Path, wanted: str | None, scratch: Path) -> Iterator[Opened]:
    """A connection to the demo's set, with the table `reasons` of a period."""
    current = (book / "published" / "current").resolve()
    manifest = read_manifest_of(current)
    assert manifest is not None
    with connect_set(current, manifest) as con:
        period = read_period(con, wanted, manifest["run"], "demo")
        reasons = scratch / "reasons.parquet"
        write_reasons(con, period, reasons)
        con.execute(f"create view reasons as from {scan(reasons)}")
        yield con, period


@pytest.fixture(scope="session")
def last_period(demo_book: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with opened(demo_book, None, tmp_path_factory.mktemp("reasons")) as found:
        yield found


@pytest.fixture(scope="session")
def statements(last_period: Opened) -> dict[str, Statement]:
    """By participant."""
    con, period = last_period
    participants = list_participants(con, period, [])
    return dict(zip(participants, read_statements(con, period, participants), strict=True))
