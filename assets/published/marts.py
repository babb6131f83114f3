"""The yml files of the marts: what each published table is, and which keys it has.

Belongs here: reading descriptions and keys. Does not belong here: where they are shown or declared (assets/publishing/duckdb_file.py,
assets/publishing/postgres/publish.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from assets.runtime.sql import as_pattern, scan
from models.feeds.columns import FEEDS
from models.sql_text import identifier, literal

if TYPE_CHECKING:
    import duckdb

_MARTS = Path(__file__).resolve().parents[2] / "dbt_project" / "models" / "marts"
#: The description of a column that a feed carries along (assets/publishing/attribute_columns.py).
_CARRIED = "A further column of the feed, as its text."
_REFERENCE = re.compile(r"ref\('(\w+)'\)")


@dataclass(frozen=True)
class Keys:
    """The keys of a published table. `references`: column to the table whose primary key it is."""

    not_null: tuple[str, ...] = ()
    primary: tuple[str, ...] = ()
    references: tuple[tuple[str, str], ...] = ()


def descriptions() -> dict[str, tuple[str, dict[str, str]]]:
    """Table to (description, column to description)."""
    found = {}
    for model in _models():
        columns = {c["name"]: _one_line(c.get("description", "")) for c in model.get("columns", [])}
        found[model["name"]] = (_one_line(model.get("description", "")), columns)
    return found


def described_columns() -> dict[str, list[dict[str, Any]]]:
    """Table to its columns, each with name, data_type and description on one line."""
    return {m["name"]: [{**c, "description": _one_line(c.get("description", ""))} for c in m.get("columns", [])] for m in _models()}


def described_feeds() -> dict[str, tuple[str, dict[str, str]]]:
    """Feed to (description, canonical column to description)."""
    sources = _read_yaml(_MARTS.parent / "sources.yml")["sources"]
    tables = {table["name"]: table for source in sources if source["name"] == "raw" for table in source["tables"]}
    return {
        feed: (_one_line(tables[feed]["description"]), {c["name"]: _one_line(c["description"]) for c in tables[feed]["columns"] if c.get("description")})
        for feed in FEEDS
    }


@cache
def declared_keys() -> dict[str, Keys]:
    """Table to its keys, from the tests in the yml files. A primary key is a unique column, or the columns of `is_one_row_per` if none can be null."""
    models = _models()
    primary = {model["name"]: _primary_key(model) for model in models}
    found = {}
    for model in models:
        referred = [(column["name"], _target(test)) for column in model["columns"] for test in column.get("data_tests", []) if "relationships" in test]
        references = tuple((column, table) for column, (table, field) in referred if primary.get(table) == (field,))
        found[model["name"]] = Keys(tuple(_not_null(model)), primary[model["name"]], references)
    return found


def keys_that_hold(con: duckdb.DuckDBPyConnection, table: str, files: list[Path], declared: dict[str, Keys]) -> Keys:
    """The declared keys of a table that hold in its files, so that declaring them never stops a publish. References: see below."""
    keys = declared.get(table, Keys())
    present = {name for name, *_ in con.execute(f"describe from {scan(files)}").fetchall()}
    null_count = "select path_in_schema from parquet_metadata(?) group by 1 having coalesce(sum(stats_null_count), 1) > 0"
    with_nulls = {name for (name,) in con.execute(null_count, [[as_pattern(path) for path in files]]).fetchall()}
    not_null = tuple(name for name in keys.not_null if name in present - with_nulls)
    if not keys.primary or not set(keys.primary) <= set(not_null):
        return Keys(not_null, references=keys.references)
    columns = ", ".join(map(identifier, keys.primary))
    repeated = con.execute(f"select 1 from {scan(files)} group by {columns} having count(*) > 1 limit 1").fetchall()
    return Keys(not_null, () if repeated else keys.primary, keys.references)


def references_that_hold(con: duckdb.DuckDBPyConnection, table: str, files: dict[str, list[Path]], found: dict[str, Keys]) -> Keys:
    """The keys of a table, with those references alone that hold. `found`: the keys of every table of the set, `files`: its files."""

    def holds(column: str, target: str) -> bool:
        if target not in found or len(found[target].primary) != 1:
            return False
        (key,) = found[target].primary
        lost = f"select 1 from {scan(files[table])} as a anti join {scan(files[target])} as b on a.{identifier(column)}"
        return not con.execute(f"{lost} = b.{identifier(key)} where a.{identifier(column)} is not null limit 1").fetchall()

    keys = found[table]
    return replace(keys, references=tuple((column, target) for column, target in keys.references if holds(column, target)))


def comment_statements(kind: str, place: str, table: str, described: dict[str, tuple[str, dict[str, str]]], present: set[str]) -> list[str]:
    """The statements that store the descriptions as comments, where anyone who opens the database finds them."""
    if table not in described:
        return []
    description, columns = described[table]
    return [
        f"comment on {kind} {place}.{table} is {literal(description)}",
        *(f"comment on column {place}.{table}.{identifier(name)} is {literal(columns.get(name, _CARRIED))}" for name in sorted(present)),
    ]


@cache
def _models() -> tuple[dict[str, Any], ...]:
    return tuple(model for path in sorted(_MARTS.rglob("*.yml")) for model in _read_yaml(path).get("models", []))


def _read_yaml(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return content


def _not_null(model: dict[str, Any]) -> list[str]:
    return [column["name"] for column in model["columns"] if "not_null" in column.get("data_tests", [])]


def _primary_key(model: dict[str, Any]) -> tuple[str, ...]:
    unique = [column["name"] for column in model["columns"] if "unique" in column.get("data_tests", [])]
    grain = [test["is_one_row_per"]["arguments"]["columns"] for test in model.get("data_tests", []) if "is_one_row_per" in test]
    candidates = [unique[:1], *grain]
    return next((tuple(columns) for columns in candidates if columns and set(columns) <= set(_not_null(model))), ())


def _target(test: dict[str, Any]) -> tuple[str, str]:
    arguments = test["relationships"]["arguments"]
    table = _REFERENCE.fullmatch(arguments["to"])
    return (table.group(1) if table else "", arguments["field"])


def _one_line(text: str) -> str:
    return " ".join(text.split())
