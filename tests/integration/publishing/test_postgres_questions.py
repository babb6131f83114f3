"""The queries of docs/questions.md in a real PostgreSQL give the answers that they give in tierledger.duckdb."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.publishing.postgres.publish import publish_to_postgres
from tests.integration.publishing.test_questions import QUERIES
from tests.support.postgres_books import BOOK, PASSWORD, context_of
from tests.support.postgres_server import Server


def shown(row: dict[str, Any]) -> list[Any]:
    """The values of a row as both write them: decimals without the zeros at their end."""
    return [round(float(value), 6) if isinstance(value, int | float) else value for value in row.values()]


@pytest.mark.long
def test_the_twelve_questions_have_the_same_answers_in_postgresql(demo_book: Path, server: Server, database: str, tmp_path: Path) -> None:
    book = shutil.copytree(demo_book, tmp_path / "demo", symlinks=True)
    settings = book / "book.yaml"
    settings.write_text(settings.read_text().split("\npublish:")[0] + "\npublish:" + BOOK.split("publish:")[1])
    assert publish_to_postgres(context_of(book, server.address("publisher", database, PASSWORD)))
    with duckdb.connect(str(book / "published" / "tierledger.duckdb"), read_only=True) as con:
        for number, sql in QUERIES.items():
            expected = [shown(json.loads(text)) for (text,) in con.execute(f"select to_json(t)::varchar from ({sql}) as t").fetchall()]
            asked = f"select row_to_json(t)::text from ({sql}) as t"
            found = server.ask(asked, role="bi", database=database, first=("set search_path = rebates",))
            assert [shown(json.loads(text)) for (text,) in found] == expected, number
