"""Compiled models: what is kept of them comes back whole or not at all, and builds what it says.

Belongs here: the kept files and running them. Does not belong here: that dbt and they make the same book
(tests/integration/sql/test_compiled_books.py).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.runtime.errors import SqlError
from assets.transform import compiled_models
from assets.transform.compiled_models import CompiledModel, build_compiled, changes_the_database, keep_compiled, read_compiled
from assets.transform.read_vars import Path as VarPath

MODELS = [
    CompiledModel("staging.stg_one", "view", "select 1", ["create or replace view staging.stg_one as (select 1 as n)"], None),
    CompiledModel(
        "marts.two",
        "table",
        "select n",
        ["drop type if exists marts.small", "create type marts.small as enum ('a')", "create or replace table marts.two as (select n from staging.stg_one)"],
        [["n", "INTEGER"]],
    ),
]


SELECTION = ("--select", "a")


def keep(folder: Path, variables: dict[str, Any], *paths: VarPath, models: list[CompiledModel] = MODELS, selection: tuple[str, ...] = SELECTION) -> None:
    """Keep the models; the last of them has read these paths."""
    keep_compiled(folder, variables, selection, models, {models[-1].name: paths})


def read(folder: Path, variables: dict[str, Any], selection: tuple[str, ...] = SELECTION) -> list[CompiledModel | None] | None:
    """The models, or None where one is missing."""
    found = list(read_compiled(folder, variables, selection).values())
    return found if found and None not in found else None


def test_what_is_kept_comes_back_in_its_order(tmp_path: Path) -> None:
    assert read(tmp_path, {}) is None
    keep(tmp_path, {}, models=MODELS[::-1])
    assert read(tmp_path, {}) == MODELS[::-1]
    assert read(tmp_path, {}, ("--select", "b")) is None


def test_what_a_model_never_reads_does_not_matter(tmp_path: Path) -> None:
    first, second, third = ({"book": {"key": [key], "day": day}} for key, day in (("a", "date"), ("a", None), ("b", None)))
    keep(tmp_path, first, ("book", "key"))
    assert read(tmp_path, second) == MODELS
    assert read_compiled(tmp_path, third, SELECTION) == {MODELS[0].name: MODELS[0], MODELS[1].name: None}
    keep(tmp_path, first, ("book", "day"))
    assert read(tmp_path, second) is None
    keep(tmp_path, second)
    assert read(tmp_path, second) == MODELS
    assert read(tmp_path, third) is None, "what was seen before counts too"


def test_models_of_several_books_make_another_book(tmp_path: Path) -> None:
    """Each book has compiled one of the two as the third needs it; another selection has a model in common."""
    one, two = MODELS
    other_one, other_two = replace(one, sql="select 2"), replace(two, sql="select 3")
    reads = {one.name: [("a",)], two.name: [("b",)]}
    keep_compiled(tmp_path, {"a": 1, "b": 1}, SELECTION, [one, two], reads)
    keep_compiled(tmp_path, {"a": 2, "b": 2}, SELECTION, [other_one, other_two], reads)
    assert read(tmp_path, {"a": 1, "b": 2}) == [one, other_two]
    assert read(tmp_path, {"a": 2, "b": 1}) == [other_one, two]
    keep_compiled(tmp_path, {"a": 3, "b": 3}, ("--select", "c"), [one], reads)
    assert read(tmp_path, {"a": 3, "b": 1}) == [one, two]


def test_a_list_that_another_process_overwrote_names_no_wrong_file(tmp_path: Path) -> None:
    one, other = ({"book": {"key": [key], "day": "date"}} for key in "ab")
    keep(tmp_path, one, ("book", "key"))
    (tmp_path / "compiled" / "marts.two.reads").write_text('[["book", "day"]]')
    assert read(tmp_path, other) is None
    keep(tmp_path, one, ("book", "key"))
    assert json.loads((tmp_path / "compiled" / "marts.two.reads").read_text()) == [["book", "day"], ["book", "key"]]


@pytest.mark.parametrize("content", ["", "[", "[[1]]", "7", '{"a": 1}'])
def test_damaged_reads_find_nothing(tmp_path: Path, content: str) -> None:
    keep(tmp_path, {"rounding": "half_up"}, ("rounding",))
    (tmp_path / "compiled" / "marts.two.reads").write_text(content)
    assert read(tmp_path, {"rounding": "half_even"}) is None
    assert read(tmp_path, {"rounding": "half_up"}) is None
    keep(tmp_path, {"rounding": "half_up"}, ("rounding",))
    assert read(tmp_path, {"rounding": "half_up"}) == MODELS


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[:-20],
        lambda text: text.replace("select 1 as n", "select 2 as n"),
        lambda text: json.dumps([1]),
        lambda text: text.replace('"kind"', '"sort"'),
        lambda text: text.replace("sha256", "sha512"),
    ],
)
def test_a_damaged_model_is_as_none(tmp_path: Path, damage: Callable[[str], str]) -> None:
    keep(tmp_path, {})
    (file,) = (tmp_path / "compiled").glob("staging.stg_one-*.json")
    file.write_text(damage(file.read_text()))
    assert read(tmp_path, {}) is None


@pytest.mark.parametrize("content", ["", "[", "7", '{"a": 1}', '["marts.two", "staging.unknown"]'])
def test_a_damaged_selection_is_as_none(tmp_path: Path, content: str) -> None:
    keep(tmp_path, {})
    (file,) = set((tmp_path / "compiled").glob("*.json")) - set((tmp_path / "compiled").glob("*-*.json"))
    file.write_text(content)
    assert read(tmp_path, {}) is None


def test_those_used_last_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_models, "_KEPT", 6)
    sets = [("--select", name) for name in "abc"]
    for n, selection in enumerate(sets[:2]):
        keep(tmp_path, {"n": n}, ("n",), selection=selection, models=MODELS[1:])
    for file in (tmp_path / "compiled").iterdir():
        os.utime(file, (1, 1))
    monkeypatch.setattr(compiled_models, "_KEPT", 4)
    assert read(tmp_path, {"n": 0}, sets[0])
    keep(tmp_path, {"n": 2}, ("n",), selection=sets[2], models=MODELS[1:])
    assert [read(tmp_path, {"n": n}, selection) is not None for n, selection in enumerate(sets)] == [True, False, True]


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "compiled").write_text("a file")
    keep(tmp_path, {}, ("rounding",))
    assert read(tmp_path, {}) is None


def test_models_are_built_in_their_order_and_no_setting_stays() -> None:
    with duckdb.connect() as con:
        before = con.execute("select current_setting('force_compression')").fetchall()
        built = build_compiled(con, MODELS)
        assert [(model.name, model.kind, model.sql) for model in built] == [(model.name, model.kind, model.sql) for model in MODELS]
        assert con.execute("from marts.two").fetchall() == [(1,)]
        assert con.execute("select current_setting('force_compression')").fetchall() == before
        build_compiled(con, MODELS)


def test_a_table_that_has_become_a_view_is_replaced() -> None:
    with duckdb.connect() as con:
        con.execute("create schema staging; create table staging.stg_one as select 7 as n; create schema marts; create view marts.two as select 8 as n")
        build_compiled(con, MODELS)
        assert con.execute("from marts.two").fetchall() == [(1,)]


@pytest.mark.parametrize("columns", [[["n", "BIGINT"]], [["m", "INTEGER"]], [["n", "INTEGER"], ["m", "INTEGER"]]])
def test_other_columns_than_the_contract_s_are_refused(columns: list[list[str]]) -> None:
    with duckdb.connect() as con, pytest.raises(SqlError, match=r"marts\.two: its contract"):
        build_compiled(con, [MODELS[0], replace(MODELS[1], columns=columns)])


def test_a_model_that_fails_names_itself() -> None:
    with duckdb.connect() as con, pytest.raises(SqlError, match=r"marts\.two: (?s:.)*stg_one"):
        build_compiled(con, MODELS[1:])


@pytest.mark.parametrize(
    ("statement", "is_change"),
    [
        ("\n  create or replace view a as (select 1)", True),
        ("set disabled_optimizers = 'x'", True),
        ("reset disabled_optimizers", True),
        ("\n    drop type if exists a;\n    create type a as enum (select 1)", True),
        ("drop table if exists a cascade", False),
        ("select * from (select 1) where false limit 0", False),
        ("DESCRIBE (select 1)", False),
        ("BEGIN", False),
    ],
)
def test_of_what_dbt_sends_only_what_builds_is_kept(statement: str, is_change: bool) -> None:
    assert changes_the_database(statement) is is_change


@pytest.mark.parametrize(
    ("between", "is_made_again"),
    [
        ("select 1", False),
        ("create or replace table staging.numbers as select 7 as n", False),  # a view reads what is there when it is asked
        ("create or replace view marts.seen as select 5 as n", True),  # another program made it
        ("drop view marts.seen", True),
    ],
)
def test_a_view_under_contract_is_made_again_only_where_it_is_another(between: str, is_made_again: bool) -> None:
    statement = "create or replace view marts.seen as (select n from staging.numbers)"
    model = CompiledModel("marts.seen", "view", "select n", [statement], [["n", "INTEGER"]])
    oid = "select view_oid from duckdb_views() where view_name = 'seen'"
    with duckdb.connect() as con:
        con.execute("create schema staging; create table staging.numbers as select 3 as n")
        build_compiled(con, [model])
        before = con.execute(oid).fetchall()
        con.execute(between)
        build_compiled(con, [model])
        assert (con.execute(oid).fetchall() != before) is is_made_again
        assert con.execute("from marts.seen").fetchall() == con.execute("from staging.numbers").fetchall()
        build_compiled(con, [replace(model, statements=[statement.replace("(select n", "(select n + 1 as n")])])
        assert con.execute("from marts.seen").fetchall() == con.execute("select n + 1 from staging.numbers").fetchall()


def test_a_view_is_made_again_for_another_contract() -> None:
    """The statement may be the same, and what it reads of another type: a view that stays could not be read any more."""
    model = CompiledModel("marts.seen", "view", "select n", ["create or replace view marts.seen as (select n from staging.numbers)"], [["n", "INTEGER"]])
    with duckdb.connect() as con:
        con.execute("create schema staging; create table staging.numbers as select 3 as n")
        build_compiled(con, [model])
        con.execute("create or replace table staging.numbers as select 3::bigint as n")
        build_compiled(con, [replace(model, columns=[["n", "BIGINT"]])])
        assert con.execute("from marts.seen").fetchall() == [(3,)]


def test_a_view_without_a_contract_or_with_a_hook_is_made_each_time() -> None:
    bare = CompiledModel("marts.bare", "view", "select 1", ["create or replace view marts.bare as (select 1 as n)"], None)
    hooked = CompiledModel("marts.hooked", "view", "", ["set timezone = 'UTC'", "create or replace view marts.hooked as (select 1 as n)"], [["n", "INTEGER"]])
    oids = "select view_oid from duckdb_views() where schema_name = 'marts' order by view_name"
    with duckdb.connect() as con:
        build_compiled(con, [bare, hooked])
        before = con.execute(oids).fetchall()
        build_compiled(con, [bare, hooked])
        assert not set(before) & set(con.execute(oids).fetchall())
