"""Models as dbt compiled them, kept so that a run whose models were compiled before does without dbt.

Belongs here: keeping what dbt ran for each model, and running it again. Does not belong here: compiling (assets/transform/dbt.py), SQL (dbt_project/).

What dbt compiles of a model depends on the project and on what the model reads of the vars (assets/transform/read_vars.py), and on nothing else: no
model reads the warehouse while it is compiled. So each model is kept by itself, and books share all that does not differ between them: a book whose models
were all compiled before, each for another book perhaps, needs no dbt.
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

#: Files that stay in a folder: a book has one for each model and selection, and new ones when its feeds, conditions or agreements use something else.
_KEPT = 3000
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


def read_compiled(folder: Path, variables: Mapping[str, Any], selection: Sequence[str]) -> dict[str, CompiledModel | None]:
    """The models of a selection in their order, by name, compiled for these values of the vars that each has been seen to read.

    None for one that is not compiled for them yet, or whose file is damaged. Empty where nobody knows which models are selected.
    """
    names = _read(_selection_file(folder, selection))
    if not isinstance(names, list):
        return {}
    return {name: _read_model(_model_file(folder, name, variables, _seen_reads(folder, name))) for name in names}


def keep_compiled(
    folder: Path, variables: Mapping[str, Any], selection: Sequence[str], models: Sequence[CompiledModel], reads: Mapping[str, Iterable[VarPath]]
) -> None:
    """Write each model, whole or not at all. Where the disk is full or the cache gone, the next run compiles again.

    selection: what selects these models, in their order. reads: by name of the model, what it read of the vars. Which ones it reads may depend on values,
    so all that were ever seen are part of the name of its file. Of two processes that note them at the same time one may lose what it saw: then its file is
    not found, and its models are compiled again.
    """
    for model in models:
        seen = _seen_reads(folder, model.name) | set(reads.get(model.name, ()))
        store(_reads_file(folder, model.name), json.dumps(sorted(seen)).encode())
        store(_model_file(folder, model.name, variables, seen), json.dumps({"sha256": _digest(model), "model": asdict(model)}).encode())
    file = _selection_file(folder, selection)
    store(file, json.dumps([model.name for model in models]).encode())
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


def _read(file: Path) -> Any:
    """What a file says, or None where it is not there or damaged. Files that are used last stay."""
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    with contextlib.suppress(OSError):  # it may be another user's
        os.utime(file)
    return content


def _read_model(file: Path) -> CompiledModel | None:
    content = _read(file)
    try:
        model = CompiledModel(**content["model"])
        return model if content["sha256"] == _digest(model) else None
    except (KeyError, TypeError):
        return None


def _seen_reads(folder: Path, model: str) -> set[VarPath]:
    try:
        return {tuple(map(str, path)) for path in _read(_reads_file(folder, model)) or ()}
    except TypeError:
        return set()


def _selection_file(folder: Path, selection: Sequence[str]) -> Path:
    return folder / "compiled" / f"{_short_hash(selection)}.json"


def _model_file(folder: Path, model: str, variables: Mapping[str, Any], reads: Iterable[VarPath]) -> Path:
    values = [[path, value_at(variables, path)] for path in sorted(reads)]
    return folder / "compiled" / f"{model}-{_short_hash(values)}.json"


def _reads_file(folder: Path, model: str) -> Path:
    return folder / "compiled" / f"{model}.reads"


def _short_hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, default=str).encode()).hexdigest()[:32]


def _schema(name: str) -> str:
    return name.split(".")[0]


def _digest(model: CompiledModel) -> str:
    return hashlib.sha256(json.dumps(asdict(model), sort_keys=True).encode()).hexdigest()
