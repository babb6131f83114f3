"""Fifty questions, asked of the demo book through a client of the protocol, answered with what the tables hold.

Belongs here: whole answers. Does not belong here: who may ask what (test_rights.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from tests.support.answers import ask, ask_all

ASKED: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "asked.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def answers(demo_book: Path) -> dict[str, Any]:
    """The answer to every question."""
    found = ask_all(demo_book, [(each["call"], _texts(each.get("with", {}))) for each in ASKED])
    return dict(zip((each["asked"] for each in ASKED), found, strict=True))


@pytest.fixture(scope="module")
def tables(demo_book: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(demo_book / "published" / "tierledger.duckdb"), read_only=True) as con:
        yield con


@pytest.mark.parametrize("each", ASKED, ids=lambda each: each["asked"])
def test_an_answer_holds_what_the_tables_hold(each: dict[str, Any], answers: dict[str, Any], tables: duckdb.DuckDBPyConnection) -> None:
    rows = _rows(answers[each["asked"]], each.get("from", "rows"))
    wanted = _texts(each.get("only", {}))
    rows = [row for row in rows if all(row.get(key) == value for key, value in wanted.items())][: each.get("first")]
    told = [tuple(_plain(_at(row, column)) for column in each["take"]) for row in rows]
    known = [tuple(map(_plain, row)) for row in tables.execute(each["sql"]).fetchall()]
    assert known, "a question without an answer shows nothing"
    assert sorted(told, key=str) == sorted(known, key=str) if each.get("sorted") else told == known


def test_fifty_questions_are_asked() -> None:
    assert len({each["asked"] for each in ASKED}) >= 50


def test_no_figure_is_one_that_no_table_holds(answers: dict[str, Any], tables: duckdb.DuckDBPyConnection) -> None:
    """Every number of every answer, wherever it is in it."""
    numbers = tables.execute("select table_name, column_name from duckdb_columns() where not internal and data_type similar to '(DECIMAL|.*INT).*'").fetchall()
    of_tables = " union ".join(f"select distinct {column}::decimal(38,12) from {table}" for table, column in numbers if table != "audit_line")
    held = {Decimal(value) for (value,) in tables.execute(of_tables).fetchall() if value is not None}
    told = {number for answer in answers.values() for number in _numbers(answer)}
    assert len(told) > 500
    assert not told - held


def test_every_figure_comes_with_its_payout_and_step(answers: dict[str, Any]) -> None:
    for each in ASKED:
        if each["call"] in ("find_payouts", "payout_lines"):
            assert all(row["payout_id"] and row["step"] and row["step_no"] for row in answers[each["asked"]]["rows"])


def test_nothing_is_written(demo_book: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in demo_book.rglob("*")}
    ask(demo_book, "find_payouts", {})
    ask(demo_book, "why_not", {"transaction": "INV-010877"})
    assert {path: path.stat().st_mtime_ns for path in demo_book.rglob("*")} == before


def _rows(answer: Any, place: str) -> list[dict[str, Any]]:
    found = answer
    for part in place.split("."):
        found = found[int(part)] if part.isdigit() else found[part]
    return found if isinstance(found, list) else [found]


def _at(row: Any, column: str) -> Any:
    for part in column.split("."):
        row = (row or {}).get(part)
    return row


def _texts(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, dt.date) else value for key, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dt.date):
        return value.isoformat()
    try:
        return Decimal(value) if value is not None else None
    except (InvalidOperation, TypeError, ValueError):
        return value


def _numbers(value: Any) -> Iterator[Decimal]:
    """The figures of an answer: amounts are texts that are a number, counts are numbers."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("next_cursor", "clause", "code_version") and not key.endswith(("_id", "period")):
                yield from _numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _numbers(inner)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        try:
            yield Decimal(value)
        except InvalidOperation:
            return
