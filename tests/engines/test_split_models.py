"""How models of lines say that they are cut: each one that reads lines says so, and one that does not is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.runtime.errors import SqlError
from assets.spark.line_models import LineModel
from assets.spark.line_tables import LineFile, create_registers, note_driver_view, register_columns, show_table
from assets.spark.split_models import read_split, split_of, with_rows_once
from assets.spark.stages import grouped
from assets.transform.dbt import load_manifest

LINES = "raw.transactions"


def says(model: Any) -> dict[str, Any] | None:
    return dict(model.config.meta["lines"]) if "lines" in model.config.meta else None


def models_of_lines() -> dict[str, dict[str, Any] | None]:
    """The models that read lines: transactions, what stays files, and what is seen through a view on them. By name what they say."""
    manifest = load_manifest()
    models = {key: node for key, node in manifest.nodes.items() if node.resource_type == "model"}
    sources = {key for key, source in manifest.sources.items() if f"{source.schema}.{source.name}" == LINES}
    found: dict[str, dict[str, Any] | None] = {}
    reached = set(sources)
    while True:
        readers = {key for key, model in models.items() if reached.intersection(model.depends_on.nodes) and model.name not in found}
        if not readers:
            return found
        for key in readers:
            found[models[key].name] = declared = says(models[key])
            is_small = declared is not None and declared.get("split_by") == "driver"
            if declared is not None and not is_small and (models[key].config.materialized == "view" or "into" in declared):
                reached.add(key)


MODELS = models_of_lines()


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_model_of_lines_says_how_it_is_split(name: str) -> None:
    assert MODELS[name] is not None, f"{name} reads lines; its yml needs config: meta: lines: split_by"
    read_split(name, MODELS[name] or {})


def test_no_other_model_says_so() -> None:
    assert {node.name for node in load_manifest().nodes.values() if node.resource_type == "model" and says(node)} == set(MODELS)


def test_what_is_split_by_columns_is_kept_by_them() -> None:
    """A bucket has all rows of its columns' values, because whoever wrote it put them there."""
    for name, declared in MODELS.items():
        by = (declared or {}).get("split_by")
        for read, columns in by.items() if isinstance(by, dict) else ():
            if read in MODELS:
                assert (MODELS[read] or {})["into"] == columns, f"{name} reads {read} by {columns}"


@pytest.fixture
def warehouse(tmp_path: Path) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(str(tmp_path / "warehouse.duckdb"))
    con.execute("create schema raw; create schema staging; create schema intermediate")
    create_registers(con)
    register_columns(con, LINES, [("file_no", "INTEGER"), ("amount", "DECIMAL(18,6)")])
    show_table(con, LINES)
    con.execute("create view staging.seen as select amount from raw.transactions")
    con.execute("create table staging.small (x integer)")
    return con


def model(sql: str, meta: dict[str, Any] | None) -> LineModel:
    return LineModel("intermediate.int_new", "table", sql, [], meta)


@pytest.mark.parametrize("sql", ['select * from "warehouse"."raw"."transactions"', "from staging.seen", 'from "staging"."seen" join staging.small on true'])
def test_a_model_that_does_not_say_is_refused_by_name(warehouse: duckdb.DuckDBPyConnection, sql: str) -> None:
    with pytest.raises(SqlError, match=r"intermediate\.int_new reads raw\.transactions.*split_by"):
        split_of(warehouse, model(sql, None))


def test_a_model_without_lines_needs_to_say_nothing(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert split_of(warehouse, model("from staging.small", None)) is None


def test_a_piece_of_a_view_that_needs_all_lines_is_refused(warehouse: duckdb.DuckDBPyConnection) -> None:
    note_driver_view(warehouse, "staging.seen", is_one=True)
    assert split_of(warehouse, model("from staging.seen", None)) is None, "the driver reads it whole"
    with pytest.raises(SqlError, match=r"split by file, and reads staging\.seen, which needs all lines"):
        split_of(warehouse, model("from staging.seen, raw.transactions", {"split_by": "file"}))


@pytest.mark.parametrize("meta", [{}, {"split_by": "files"}, {"split_by": {}}, {"split_by": {"int_x": []}}, {"split_by": "file", "keep": True}])
def test_a_way_that_nobody_knows_is_refused(meta: dict[str, Any]) -> None:
    with pytest.raises(SqlError, match=r"int_new: meta\.lines"):
        read_split("int_new", meta)


def test_groups_have_every_file_once_and_no_more_groups_than_asked_for() -> None:
    files = [LineFile(number, Path(str(number)), rows) for number, rows in enumerate([5, 1, 1, 9, 0, 3, 3, 3, 20, 1])]
    for wanted in (1, 2, 3, 5, 100):
        groups = grouped(files, lambda file: file.rows, wanted)
        assert [file for group in groups for file in group] == files
        assert all(groups)
    assert [len(group) for group in grouped(files[:3], lambda file: file.rows, 1)] == [3]


def test_one_task_alone_sees_rows_that_come_from_no_line_and_none_asks_for_what_the_sql_does_not_read() -> None:
    empty = {"stg_payments": "no payments", "int_payments_converted": "none converted"}
    assert with_rows_once([["a"], ["b"]], {"stg_payments": "payments", "stg_other": "others"}, empty) == [["payments", "a"], ["no payments", "b"]]
