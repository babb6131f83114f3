"""The yml files of the marts: what each published table is, and which keys it has.

Belongs here: reading descriptions and keys. Does not belong here: where they are shown or declared (assets/publishing/duckdb_file.py,
assets/publishing/postgres/publish.py).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from assets.runtime.cache_folder import open_cache, store
from assets.runtime.sql import as_pattern, scan
from models.feeds.columns import FEEDS
from models.sql_text import identifier, literal

if TYPE_CHECKING:
    import duckdb

_MARTS = Path(__file__).resolve().parents[2] / "dbt_project" / "models" / "marts"
#: The description of a column that a feed carries along (assets/publishing/attribute_columns.py).
_CARRIED = "A further column of the feed, as its text."
#: Views over published tables: no file of the set holds them.
VIEWS = ("audit_line", "fct_collected_line", "fct_prior_line", "fct_review_figure")
_REFERENCED = re.compile(r"\{\{ ref\(\"(\w+)\"\) \}\}")
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


@cache
def view_query(name: str) -> str:
    """The query of one of VIEWS, over published tables by their names alone."""
    return _REFERENCED.sub(r"\1", _view_text(name))


def parts_of_view(name: str) -> str:
    """The common tables of a view's query, without its last select: for a question about the same rows in more detail."""
    return view_query(name)[: view_query(name).rindex("\nselect\n")]


@cache
def tables_of_view(name: str) -> frozenset[str]:
    """The tables that a view reads."""
    return frozenset(_REFERENCED.findall(_view_text(name)))


def view_statements(place: str, present: Collection[str]) -> list[str]:
    """What makes and describes those of VIEWS that can be made of the tables that are there."""
    described = descriptions()
    statements = []
    for name in VIEWS:
        if tables_of_view(name) <= set(present) and name not in present:
            statements.append(f"create view {place}.{name} as {view_query(name)}")
            statements += comment_statements("view", place, name, described, set(described[name][1]))
    return statements


def columns_of(con: duckdb.DuckDBPyConnection, files: list[Path]) -> dict[str, str]:
    """The columns of a table's files and their types, in order."""
    rows = con.sql(f"from {scan(files)}")
    return dict(zip(rows.columns, map(str, rows.types), strict=True))


def keys_that_hold(
    con: duckdb.DuckDBPyConnection, files: Mapping[str, list[Path]], columns: Mapping[str, Collection[str]], declared: Mapping[str, Keys]
) -> dict[str, Keys]:
    """The declared keys of tables that hold in their files, so that declaring them never stops a publish. References: see below."""
    table_of = {path.name: table for table, paths in files.items() for path in paths}
    null_count = "select file_name, path_in_schema from parquet_metadata(?) group by all having coalesce(sum(stats_null_count), 1) > 0"
    paths = [as_pattern(path) for paths in files.values() for path in paths]
    with_nulls = {(table_of[Path(file).name], column) for file, column in con.execute(null_count, [paths]).fetchall()}
    found = {}
    for table in files:
        keys = declared.get(table, Keys())
        not_null = tuple(name for name in keys.not_null if name in columns[table] and (table, name) not in with_nulls)
        found[table] = replace(keys, not_null=not_null, primary=keys.primary if set(keys.primary) <= set(not_null) else ())
    repeated = _with_repeated_keys(con, files, found)
    return {table: replace(keys, primary=()) if table in repeated else keys for table, keys in found.items()}


def _with_repeated_keys(con: duckdb.DuckDBPyConnection, files: Mapping[str, list[Path]], found: Mapping[str, Keys]) -> set[str]:
    queries = [
        f"select {literal(table)} where exists (select 1 from {scan(files[table])} group by {', '.join(map(identifier, keys.primary))} having count(*) > 1)"
        for table, keys in found.items()
        if keys.primary
    ]
    return {table for (table,) in con.execute(" union all ".join(queries)).fetchall()} if queries else set()


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
def _view_text(name: str) -> str:
    (path,) = _MARTS.rglob(f"{name}.sql")
    return re.sub(r"\{#.*?#\}\s*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


@cache
def _models() -> tuple[dict[str, Any], ...]:
    """The models of all files, kept as JSON: reading the YAML takes a tenth of a second, in every process."""
    paths = sorted(_MARTS.rglob("*.yml"))
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()[:20]
    kept = open_cache("marts", digest) / "models.json"
    with suppress(OSError, ValueError):
        return tuple(json.loads(kept.read_bytes()))
    models = tuple(model for path in paths for model in _read_yaml(path).get("models", []))
    store(kept, json.dumps(models).encode())
    return models


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
