"""The step that runs dbt: its manifest, its failures, and the rounding that SQL and Python share."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import duckdb
import pytest
from jinja2 import Environment

from assets.runtime.errors import SqlError
from assets.transform import dbt
from models.money import round_ratio
from tests.integration.sql.test_dbt_lines import read_feeds, write_book
from tests.integration.sql.test_dbt_references import AGREEMENT, BASE


def test_a_model_that_fails_names_itself_and_the_database_s_words(tmp_path: Path) -> None:
    context = write_book(tmp_path / "book", BASE, AGREEMENT)
    read_feeds(context)
    with duckdb.connect(str(context.warehouse)) as con:
        con.execute("alter table terms.scopes rename column counts_sale to counts_sales")
    with pytest.raises(SqlError, match=r"intermediate\.int_memberships: (?s:.)*counts_sale"):
        dbt.prepare(context)
    with duckdb.connect(str(context.warehouse), config={"threads": 1}) as con:
        con.execute("select 1")


def test_a_book_without_partners_and_products_takes_the_ids_it_finds(tmp_path: Path) -> None:
    book = 'book: small\ncurrency: EUR\nas_of: 2026-06-30\nfeeds:\n  transactions: {files: "feeds/transactions/*.csv"}\n'
    context = write_book(tmp_path / "book", {"transactions/t.csv": BASE["transactions/t.csv"]}, {**AGREEMENT, "two": ("[new]", *AGREEMENT["one"][1:])}, book)
    read_feeds(context)
    dbt.prepare(context)
    with duckdb.connect(str(context.warehouse)) as con:
        assert con.execute("select participant_id from intermediate.int_participants order by 1").fetchall() == [("a",), ("new",)]
        assert con.execute("select count(*) from intermediate.int_lines_credited").fetchall() == [(1,)]


def test_the_manifest_is_kept_until_the_project_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = dbt.load_manifest()
    monkeypatch.setattr(dbt, "_store", lambda *_: pytest.fail("parsed again"))
    assert dbt.load_manifest().nodes.keys() == first.nodes.keys()


@pytest.mark.parametrize("rounding", ["half_up", "half_even"])
@pytest.mark.parametrize("kind", ["bigint", "hugeint"])
def test_sql_rounds_as_python_does(rounding: Any, kind: str) -> None:
    text = (dbt.PROJECT / "macros" / "money.sql").read_text()
    macros = Environment(extensions=["jinja2.ext.do"]).from_string(text).make_module({"var": lambda _: rounding})
    expression = macros.round_ratio("n", "d")  # type: ignore[attr-defined]
    chance = random.Random(1)
    size = 10**12 if kind == "bigint" else 10**30
    pairs = [(n, d) for n in range(-30, 31) for d in range(1, 9)] + [(chance.randint(-size, size), chance.randint(1, size)) for _ in range(500)]
    with duckdb.connect() as con:
        con.execute("create table pairs (n varchar, d varchar)")
        con.executemany("insert into pairs values (?, ?)", [(str(n), str(d)) for n, d in pairs])
        found = con.execute(f"select n, d, ({expression})::varchar from (select n::{kind} as n, d::{kind} as d from pairs)").fetchall()
    assert len(found) == len(pairs)
    assert [r for n, d, r in found if int(r) != round_ratio(int(n), int(d), rounding)] == []
