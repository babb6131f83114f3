"""The tables that dbt reads have the columns and types that dbt_project/models/sources.yml describes.

Belongs here: descriptions beside the warehouse of a run. Does not belong here: the page made of them (tests/architecture).
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import duckdb
import pytest
import yaml

from models.feeds.columns import FEEDS

SOURCES = Path(__file__).resolve().parents[3] / "dbt_project" / "models" / "sources.yml"
DESCRIBED = {
    (source["name"], table["name"]): [(column["name"], column["data_type"]) for column in table["columns"]]
    for source in yaml.safe_load(SOURCES.read_text(encoding="utf-8"))["sources"]
    for table in source["tables"]
}
#: What the steps note for themselves; dbt does not read it.
NOTES = {("raw", name) for name in ("declared_totals", "feed_columns", "feed_settings", "landed_files")} | {
    ("terms", "loaded"), ("calc", "made_for"), ("calc", "payout_runs"), ("changes", "mode"),
}  # fmt: skip

Columns = dict[tuple[str, str], list[tuple[str, str]]]


@pytest.fixture(scope="module")
def found(demo_book: Path) -> Columns:
    """Every table of the described schemas in the demo's warehouse, with its columns in order."""
    columns: Columns = defaultdict(list)
    schemas = sorted({schema for schema, _ in DESCRIBED})
    with duckdb.connect(str(demo_book / "warehouse.duckdb"), read_only=True) as con:
        for schema, table, column, kind in con.execute(
            "select table_schema, table_name, column_name, lower(data_type) from information_schema.columns"
            " where list_contains(?, table_schema) order by table_schema, table_name, ordinal_position",
            [schemas],
        ).fetchall():
            columns[schema, table].append((column, kind.replace(",", ", ")))
    return columns


def test_every_table_is_described(found: Columns) -> None:
    assert set(found) - NOTES == set(DESCRIBED)


@pytest.mark.parametrize("table", DESCRIBED, ids=".".join)
def test_columns_are_those_described(found: Columns, table: tuple[str, str]) -> None:
    """A feed's table has further columns: those that its files carry along."""
    schema, name = table
    carries_along = schema == "raw" and name in FEEDS and FEEDS[name].attributes
    assert found[table][: len(DESCRIBED[table]) if carries_along else None] == DESCRIBED[table]
