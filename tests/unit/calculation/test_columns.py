"""The columns that models/calculation/columns.py declares, held against what the steps return, what is written and what the code names.

Belongs here: that declaration and frames are the same. Does not belong here: what the columns hold.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
import yaml

from assets.transform.calculate import QUERIES
from models.agreements.tables.terms import make_terms
from models.agreements.tables.terms_columns import SCHEMAS
from models.calculation import results
from models.calculation.columns import EXPLAINED, INPUTS, OPTIONAL, STEPS, TABLES, ColumnsDiffer, DataType, check_frame, read_inputs

ROOT = Path(__file__).parents[3]
SOURCES = [path for folder in ("calculation", "curves") for path in sorted((ROOT / "models" / folder).rglob("*.py")) if path.name != "columns.py"]
#: Methods whose plain strings are names of columns.
NAMING = {
    "col", "select", "with_columns", "over", "sort", "drop", "drop_nulls", "explode", "group_by", "partition_by", "unique", "filter", "then", "otherwise",
    "coalesce", "int_ranges", "struct", "min_horizontal", "max_horizontal", "rows_by_key", "join", "join_asof", "changes",
}  # fmt: skip
MAKING = {"alias", "with_row_index"}
#: Variables that hold frames or pay forms by name: their keys are not columns.
BY_NAME = ("frames", "of", "TABLES", "forms")


@pytest.fixture
def frames(demo_book: Path) -> dict[str, pl.DataFrame]:
    with duckdb.connect(str(demo_book / "warehouse.duckdb"), read_only=True) as con:
        return {name: con.sql(query).pl() for name, query in QUERIES.items()}


def _compute(frames: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    periods = frames["periods"]
    as_of = periods["last_day"].max()
    return dict(results.compute_results(frames, as_of, periods["period_no"].max(), "half_up"))  # type: ignore[arg-type]


def columns_after(step: str, frame: pl.DataFrame) -> dict[str, DataType]:
    """Every column that the wide frame has after a step: of windows, benefits and all steps so far, and those optional that it has."""
    declared: dict[str, DataType] = {**INPUTS["windows"], **INPUTS["benefits"]}
    for name, added in STEPS.items():
        declared |= {column: dtype for column, (dtype, _) in added.items()}
        if name == step:
            break
    optional = {column: dtype for column in frame.columns for pattern, (dtype, _) in OPTIONAL.items() if re.fullmatch(pattern, column)}
    return declared | optional


def test_every_step_returns_the_columns_declared(frames: dict[str, pl.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    returned: dict[str, pl.DataFrame] = {}

    def watch(step: str) -> None:
        run = getattr(results, step)

        def watched(*arguments: Any) -> pl.DataFrame:
            returned[step] = run(*arguments)
            return returned[step]

        monkeypatch.setattr(results, step, watched)

    for step in STEPS:
        watch(step)
    _compute(frames)
    for step in STEPS:
        check_frame(step, returned[step], columns_after(step, returned[step]))
    optional = [re.fullmatch(pattern, column) for pattern in OPTIONAL for column in returned["combine_payouts"].columns]
    assert any(optional), "the demo book has ranks and metrics"


def test_what_is_written_has_the_columns_of_the_dbt_sources(demo_book: Path) -> None:
    sources = yaml.safe_load((ROOT / "dbt_project/models/sources.yml").read_text(encoding="utf-8"))["sources"]
    tables = {table["name"]: table for table in next(source for source in sources if source["name"] == "calc")["tables"]}
    with duckdb.connect(str(demo_book / "warehouse.duckdb"), read_only=True) as con:
        for name, columns in TABLES.items():
            written = [(column, kind.replace(",", ", ").lower()) for column, kind, *_ in con.sql(f"describe calc.{name}").fetchall()]
            assert written == [(column["name"], column["data_type"]) for column in tables[name]["columns"]]
            assert [column for column, _ in written] == list(columns)


def test_a_frame_with_another_column_or_type_is_refused(frames: dict[str, pl.DataFrame]) -> None:
    extra = frames["metrics"].with_columns(pl.lit(1).alias("more"))
    with pytest.raises(ColumnsDiffer, match="more is Int32, declared is nothing"):
        check_frame("metrics", extra, INPUTS["metrics"])
    assert read_inputs({**frames, "metrics": extra})["metrics"].columns == list(INPUTS["metrics"])
    as_text = {**frames, "targets": frames["targets"].with_columns(pl.col("target").cast(pl.String))}
    with pytest.raises(ColumnsDiffer, match=r"targets: target is String, declared is Decimal"):
        _compute(as_text)


def test_a_row_of_terms_names_every_column() -> None:
    from models.agreements.tables.terms import _Terms
    from models.book.settings import parse_book

    book = parse_book('{book: b, currency: EUR, as_of: 2025-12-31, feeds: {transactions: {files: "*.csv"}}}')
    assert book.as_of is not None
    assert {name: list(frame.columns) for name, frame in make_terms(book, [], book.as_of).items()} == {name: list(SCHEMAS[name]) for name in SCHEMAS}
    with pytest.raises(ValueError, match="differ in the columns agreement_id, other"):
        _Terms(book, [], book.as_of)._add("nets", agreement_key=1, other="B")


def test_no_column_is_named_that_is_not_declared() -> None:
    declared = {column for types in (*INPUTS.values(), *SCHEMAS.values(), *STEPS.values(), *TABLES.values(), EXPLAINED) for column in types}
    unknown = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in SOURCES
        for tree in [ast.parse(path.read_text(encoding="utf-8"))]
        for made in [{name for name, _ in _names(tree, MAKING)} | _keys(tree)]
        for name, line in (*_names(tree, NAMING), *_in_brackets(tree))
        if name not in declared | made and not any(re.fullmatch(pattern, name) for pattern in OPTIONAL)
    ]
    assert unknown == []


def _names(tree: ast.AST, methods: set[str]) -> Iterator[tuple[str, int]]:
    """The plain strings that calls of these methods are given, alone, in lists, or as `on`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
            given = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg in ("on", "left_on", "right_on"))] if name in methods else []
            for value in given:
                for each in value.elts if isinstance(value, ast.List | ast.Tuple) else [value]:
                    if isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value.isidentifier():
                        yield each.value, each.lineno


def _in_brackets(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """The plain strings that variables are asked for in brackets, as `rows["tier"]`."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Name(id=variable), slice=ast.Constant(value=str(name))) if variable not in BY_NAME:
                yield name, node.lineno


def _keys(tree: ast.AST) -> set[str]:
    """Names that a module gives by keyword or as keys of a dict, as `select(days=…)`, `pl.DataFrame({"row": …})` and `rename` do."""
    keys = {keyword.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for keyword in node.keywords if keyword.arg}
    return keys | {
        key.value for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }
