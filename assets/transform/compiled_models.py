"""Models as dbt compiled them, kept so that a run whose models were compiled before does without dbt.

Belongs here: keeping what dbt ran for each model, and running it again. Does not belong here: compiling (assets/transform/dbt.py), SQL (dbt_project/).

What dbt compiles depends on the project, on the selection and on what its models read of the vars (assets/transform/read_vars.py), and on nothing
else: no model reads the warehouse while it is compiled. So books that differ in what a selection never reads share its file.
Starting dbt takes 2 s of CPU and its work around the models of a small book 1.5 s, where their SQL takes 0.3 s.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from assets.runtime.cache_folder import store
from assets.runtime.errors import SqlError
from assets.runtime.warehouse import transaction
from assets.spark.line_tables import line_relations
from assets.transform.read_vars import Path as VarPath
from assets.transform.read_vars import value_at

#: Files that stay in a folder: a book has one for each selection, and new ones when its feeds, conditions or agreements use something else.
_KEPT = 200
#: What dbt sends to the database for a model apart from looking (select, describe) and from dropping what has become another kind of relation.
_CHANGES = ("create ", "insert ", "delete ", "set ", "reset ", "drop type ")


@dataclass(frozen=True)
class BuiltModel:
    """One model as it was built. `name` is schema.table, `kind` table or view, `sql` what the database was given."""

    name: str
    kind: str
    seconds: float
    sql: str


@dataclass(frozen=True)
class CompiledModel:
    """One model in the order in which they are built. `statements` build it, hooks included; `columns` are name and type of each, where it has a contract.

    `lines`: what its meta says of transaction lines, for an engine that works on pieces of them.
    """

    name: str
    kind: str
    sql: str
    statements: list[str]
    columns: list[list[str]] | None
    lines: dict[str, Any] | None = None


BuildLines = Callable[[duckdb.DuckDBPyConnection, CompiledModel], bool]


def compiled_file(folder: Path, variables: Mapping[str, Any], selection: Sequence[str], reads: Iterable[VarPath] | None = None) -> Path:
    """Where the models of this selection are kept, compiled for these values of the vars that it has been seen to read.

    reads: what `note_reads` returned, for models that were just compiled. Then another process that writes the list meanwhile takes nothing away.
    """
    values = [[path, value_at(variables, path)] for path in sorted(_seen_reads(folder, selection) if reads is None else reads)]
    return folder / "compiled" / f"{_short_hash([selection, values])}.json"


def note_reads(folder: Path, selection: Sequence[str], reads: Iterable[VarPath]) -> set[VarPath]:
    """Add the vars that the models of a selection have read. Returns all that were seen.

    Which ones they read may depend on values, so all that were ever seen are part of the name of a file. Of two processes that note at the same time one
    may lose what it saw: then its file is not found, and its models are compiled again.
    """
    file, seen = _reads_file(folder, selection), _seen_reads(folder, selection) | set(reads)
    store(file, json.dumps(sorted(seen)).encode())
    return seen


def read_compiled(file: Path) -> list[CompiledModel] | None:
    """The models, or None: not compiled yet, or the file is damaged."""
    try:
        content = json.loads(file.read_bytes())
        models = [CompiledModel(**each) for each in content["models"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if content.get("sha256") != _digest(models):
        return None
    with contextlib.suppress(OSError):
        os.utime(file)  # those used last stay
    return models


def keep_compiled(file: Path, models: Sequence[CompiledModel]) -> None:
    """Write them, whole or not at all. Where the disk is full or the cache gone, the next run compiles again."""
    store(file, json.dumps({"sha256": _digest(models), "models": [asdict(model) for model in models]}).encode())
    with contextlib.suppress(OSError):
        for old in sorted(file.parent.glob("*.json"), key=lambda each: each.stat().st_mtime)[:-_KEPT]:
            old.unlink(missing_ok=True)


def changes_the_database(statement: str) -> bool:
    """Whether a statement that dbt sent for a model belongs to building it."""
    return statement.lstrip().lower().startswith(_CHANGES)


def columns_of(con: duckdb.DuckDBPyConnection, schemas: Sequence[str]) -> dict[str, list[list[str]]]:
    """Name and type of the columns of each relation in these schemas, by schema.table."""
    rows = con.execute(
        """
        select schema_name || '.' || table_name, list([column_name, data_type] order by column_index)
        from duckdb_columns() where database_name = current_database() and list_contains(?, schema_name) group by all""",
        [list(schemas)],
    ).fetchall()
    return dict(rows)


def build_compiled(con: duckdb.DuckDBPyConnection, models: Sequence[CompiledModel], build_lines: BuildLines | None = None) -> tuple[BuiltModel, ...]:
    """Build the models in their order. Raises SqlError for one that fails or whose columns are not those of its contract.

    build_lines: builds a model of lines in pieces, or says that it is built here.
    """
    con.execute("set force_compression = 'uncompressed'")  # as in profiles.yml
    try:
        _make_room(con, models)
        built = tuple(_build_all(con, models, build_lines, _find_built_views(con)))
    finally:
        with contextlib.suppress(duckdb.Error):  # an engine that has given up says so once, with the model's name
            con.execute("reset force_compression")
    under_contract = [model for model in models if model.columns is not None]
    columns = columns_of(con, sorted({_schema(model.name) for model in under_contract})) if under_contract else {}
    for model in under_contract:
        if columns[model.name] != model.columns:
            raise SqlError(f"{model.name}: its contract has the columns {model.columns}, and it has {columns[model.name]}")
    return built


def _build_all(
    con: duckdb.DuckDBPyConnection, models: Sequence[CompiledModel], build_lines: BuildLines | None, views: Mapping[str, str]
) -> Iterator[BuiltModel]:
    """Each table in a transaction of its own, with the views before it: every commit waits for the disk, and most models are views."""
    remaining = iter(models)
    while group := _up_to_a_table(remaining):
        if build_lines:  # it has connections of its own, which see what is committed
            yield from (_build(con, model, build_lines, views) for model in group)
        else:
            with transaction(con):
                yield from [_build(con, model, None, views) for model in group]


def _up_to_a_table(models: Iterator[CompiledModel]) -> list[CompiledModel]:
    group = []
    for model in models:
        group.append(model)
        if model.kind != "view":
            break
    return group


def _build(con: duckdb.DuckDBPyConnection, model: CompiledModel, build_lines: BuildLines | None, views: Mapping[str, str]) -> BuiltModel:
    began = time.perf_counter()
    try:
        made_by = _short_hash([model.statements, model.columns]) if _stays(model) else None
        if (build_lines is None or not build_lines(con, model)) and (made_by is None or views.get(model.name) != made_by):
            for statement in model.statements:
                con.execute(statement)
            if made_by is not None:
                con.execute(f"comment on view {model.name} is '{made_by}'")
    except duckdb.Error as error:
        raise SqlError(f"{model.name}: {error}") from error
    return BuiltModel(model.name, model.kind, round(time.perf_counter() - began, 3), model.sql)


def _stays(model: CompiledModel) -> bool:
    """Whether a view is the same for as long as its statement and its contract are, which has its types. Making all of them is a tenth of a small run."""
    return model.kind == "view" and model.columns is not None and len(model.statements) == 1


def _find_built_views(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The views that were made here, and the hash of what made each, which is its comment."""
    found = con.execute("select schema_name || '.' || view_name, comment from duckdb_views() where database_name = current_database() and comment is not null")
    return dict(found.fetchall())


def _make_room(con: duckdb.DuckDBPyConnection, models: Sequence[CompiledModel]) -> None:
    """The schemas, and nothing of another kind under a model's name: an earlier version of the project may have made a table of what is a view now."""
    for schema in sorted({_schema(model.name) for model in models}):
        con.execute(f"create schema if not exists {schema}")
    kinds = dict(
        con.execute(
            """
            select schema_name || '.' || table_name, 'table' from duckdb_tables() where database_name = current_database()
            union all select schema_name || '.' || view_name, 'view' from duckdb_views() where database_name = current_database()"""
        ).fetchall()
    )
    in_files = line_relations(con)  # views over files of lines
    for model in models:
        if model.name not in in_files and kinds.get(model.name, model.kind) != model.kind:
            con.execute(f"drop {kinds[model.name]} {model.name} cascade")


def _seen_reads(folder: Path, selection: Sequence[str]) -> set[VarPath]:
    try:
        return {tuple(map(str, path)) for path in json.loads(_reads_file(folder, selection).read_bytes())}
    except (OSError, ValueError, TypeError):
        return set()


def _reads_file(folder: Path, selection: Sequence[str]) -> Path:
    return folder / "compiled" / f"{_short_hash(selection)}.reads"


def _short_hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, default=str).encode()).hexdigest()[:32]


def _schema(name: str) -> str:
    return name.split(".")[0]


def _digest(models: Sequence[CompiledModel]) -> str:
    return hashlib.sha256(json.dumps([asdict(model) for model in models], sort_keys=True).encode()).hexdigest()
