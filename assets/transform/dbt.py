"""The SQL half of a run: dbt in this process, on the book's warehouse.

Belongs here: starting dbt, its manifest, turning its failures into one message. Does not belong here: SQL (dbt_project/), checks
(assets/transform/invariants.py, reference_checks.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.incremental.changed_lines import find_changed_lines, find_compared_lines, note_changed_sums
from assets.incremental.kept_tables import forget_run, is_kept
from assets.incremental.mode import decide_mode, is_incremental
from assets.runtime.cache_folder import open_cache, store
from assets.runtime.context import RunContext, StepReport
from assets.runtime.errors import SqlError
from assets.runtime.events import log_event
from assets.runtime.limits import limits_of
from assets.runtime.warehouse import open_warehouse
from assets.spark.line_models import LineModel
from assets.spark.line_tables import without_lines
from assets.spark.split_models import build_split, split_of
from assets.transform.book_features import read_book_features
from assets.transform.compiled_models import (
    BuiltModel,
    CompiledModel,
    build_compiled,
    changes_the_database,
    columns_of,
    keep_compiled,
    read_compiled,
)
from assets.transform.prior_members import find_changed_members
from assets.transform.read_vars import Path as VarPath
from assets.transform.read_vars import ReadVars
from assets.transform.reference_checks import check_references
from assets.transform.unmatched_names import find_unmatched_names
from assets.transform.unused_rows import describe_unused_rows

if TYPE_CHECKING:
    import duckdb

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
#: What the Polars results feed is `publish`; everything else is `prepare`. The cut is by lineage, so neither half can wait for the other.
PREPARE = ("--exclude", "source:calc+")
#: The two parts of it that an incremental run builds before and after it looks for what has changed in the lines.
REFERENCES = ("--exclude", "source:calc+", "source:changes.lines+", "source:changes.measures_before+")
LINES = ("--select", "source:changes.lines+", "source:changes.measures_before+", "--exclude", "source:calc+")
NET_TAG = "tag:net_of"
PUBLISH = ("--select", "source:calc+", "--exclude", NET_TAG)
#: What agreements pay on lines that others are net of, and those lines with it taken off. They are built only during the calculation, by books that have
#: such agreements.
DEDUCTIONS = ("--select", "+int_net_of_deductions,source:calc+")
NETTED = ("--select", "int_lines_netted", "int_measures_netted")

_QUIET = ("--quiet", "--log-level", "none", "--log-level-file", "none", "--no-write-json", "--no-populate-cache")


@dataclass(frozen=True)
class DataTest:
    """One data test as dbt ran it. `failures` counts the rows that break it; `message` says why it could not be run."""

    name: str
    has_passed: bool
    seconds: float
    failures: int
    message: str


@dataclass(frozen=True, kw_only=True)
class ModelsReport(StepReport):
    """The models that were built, and what a person should look at."""

    models: int
    built: tuple[BuiltModel, ...]
    warnings: tuple[str, ...] = ()


def prepare(context: RunContext, models: Sequence[str] = ()) -> ModelsReport:
    """Build staging and intermediate tables and the marts that need no calculation; refuse references that contradict each other.

    `models`: only these of them, from what the warehouse holds. Raises SqlError when a model fails, InputError for two versions of a record at once, two
    rates of a day, a cycle of parents.
    """
    if models:
        with open_warehouse(context) as con:
            forget_run(con)
        return _report(context, _run_models(context, _these(models)))
    with open_warehouse(context) as con:
        variables = _read_features(con, context)
        decide_mode(con, context, variables)
        incremental = is_incremental(con)
    variables["incremental"] = incremental
    report = _report(context, _build_incrementally(context, variables) if incremental else _run_models(context, PREPARE, variables))
    with open_warehouse(context) as con:
        note_changed_sums(con)
    check_references(context)
    report = replace(report, warnings=_warn(context))
    _note(context, "prepare")
    return report


def _build_incrementally(context: RunContext, variables: dict[str, Any]) -> tuple[BuiltModel, ...]:
    """Build what lines are credited by, look for what has changed in it, and build the lines that it reaches."""
    with open_warehouse(context) as con:
        find_compared_lines(con, variables["book"]["feeds"]["transactions"]["key"])
        built = _run_models(context, REFERENCES, variables)
        find_changed_lines(con, variables["book"]["has_originals"])
        variables["incremental"] = is_incremental(con)  # where too much has changed, it is not any more
    return (*built, *_run_models(context, LINES, variables))


def _warn(context: RunContext) -> tuple[str, ...]:
    """What is legal and probably not meant, each logged as a warning."""
    with open_warehouse(context) as con:
        warnings = tuple(map(str, [*find_unmatched_names(con, context.book.feeds), *find_changed_members(con)]))
    warnings += tuple(describe_unused_rows(context))
    for warning in warnings:
        log_event("warning", warning, logging.WARNING)
    return warnings


def build_marts(context: RunContext, models: Sequence[str] = ()) -> ModelsReport:
    """Build the marts that read calc.*, or only these `models` of them. They are views: what publishing reads from them is computed then, once."""
    report = _report(context, _run_models(context, _these(models) or PUBLISH))
    if not models:
        _note(context, "marts")
    return report


def build_deductions(context: RunContext, variables: dict[str, Any] | None = None) -> tuple[BuiltModel, ...]:
    """Build what agreements pay on lines that others are net of. `variables`: as in read_variables, where the warehouse has no feeds."""
    return _run_models(context, DEDUCTIONS, variables)


def build_netted(context: RunContext, variables: dict[str, Any] | None = None) -> tuple[BuiltModel, ...]:
    """Build the lines and sums of agreements that are net of others, less what is in calc.lines_netted."""
    return _run_models(context, NETTED, variables)


def build_sums(context: RunContext, variables: dict[str, Any]) -> tuple[BuiltModel, ...]:
    """Build the sums of the credited lines, and nothing else."""
    return _run_models(context, _these(("int_measures_summed",)), {**variables, "incremental": False})


def run_tests(context: RunContext, names: Sequence[str]) -> list[DataTest]:
    """Run these data tests of the project against the warehouse. A test that finds rows is no error."""
    result = invoke_dbt(context, load_manifest(), "test", *_these(names))
    tested = [
        DataTest(each.node.name, each.status in ("pass", "warn"), each.execution_time, each.failures or 0, each.message or "")
        for each in getattr(result.result, "results", [])
    ]
    if len(tested) < len(names):
        raise SqlError(str(result.exception or "dbt did not finish its tests"))
    return tested


def _these(names: Sequence[str]) -> tuple[str, ...]:
    return ("--select", *names) if names else ()


def _report(context: RunContext, built: tuple[BuiltModel, ...]) -> ModelsReport:
    with open_warehouse(context) as con:
        tables = [model.name for model in built if model.kind == "table"]  # counting a view would compute it
        rows = {name: con.sql(f"select count(*) from {name}").fetchall()[0][0] for name in tables}
    return ModelsReport(rows=rows, models=len(built), built=built)


def _note(context: RunContext, step: str) -> None:
    """All of the step's models were built for the run that the warehouse is in."""
    from assets.archive.run_identity import record_step  # it imports Polars, which commands that only look do not load

    with open_warehouse(context) as con:
        record_step(con, step)


def start_dbt() -> None:
    """What dbt does once per process, ahead of the first step that needs it: its imports, the manifest, and reading project and profile.

    Reading them makes the schemas they are checked against; dbt keeps those, so that every later invocation takes a tenth of the time.
    """
    runner, _ = _import_dbt()
    try:
        result = runner(manifest=_models_alone()).invoke(["parse", *_QUIET, *_places()])
    finally:
        _close()
    if not result.success:
        raise SqlError(f"the dbt project does not parse: {result.exception}")


@cache
def _models_alone() -> Any:
    """The manifest that runs go by, read once per process: dbt lets several invocations use one."""
    return load_manifest(has_tests=False)


def load_manifest(has_tests: bool = True) -> Any:
    """dbt's manifest of the project, parsed anew only when a file of the project or dbt itself has changed.

    Without its tests, as a run takes it, it loads in a tenth of the time.
    """
    runner, manifest = _import_dbt()
    from dbt.parser.manifest import extended_mashumaro_encoder, extended_mashumuro_decoder  # they know dates, which unit tests hold

    file = _target() / f"{'whole' if has_tests else 'models'}.msgpack"
    with contextlib.suppress(FileNotFoundError):
        return manifest.from_msgpack(file.read_bytes(), decoder=extended_mashumuro_decoder)
    if has_tests:
        result = runner().invoke(["parse", *_QUIET, *_places()])
        if not result.success:
            raise SqlError(f"the dbt project does not parse: {result.exception}")
        found = result.result
        found.files = {}  # absolute paths, which are another checkout's where the cache is shared
    else:
        found = _without_tests(load_manifest())
    store(file, found.to_msgpack(extended_mashumaro_encoder))
    return found


def _without_tests(manifest: Any) -> Any:
    """The manifest with models, sources and macros alone."""
    manifest.nodes = {key: node for key, node in manifest.nodes.items() if node.resource_type == "model"}
    manifest.unit_tests, manifest.exposures, manifest.docs = {}, {}, {}
    manifest.build_parent_and_child_maps()
    return manifest


def compile_models(**variables: Any) -> dict[str, str]:
    """The SQL of every model by schema.table, as a full run compiles it: for a book that uses everything, or for `book`. It needs no warehouse."""
    runner, _ = _import_dbt()
    try:
        result = runner(manifest=_models_alone()).invoke(["compile", *_QUIET, *_places()], vars={"incremental": False, "warehouse": ":memory:", **variables})
    finally:
        _close()
    if not result.success:
        raise SqlError(f"the dbt project does not compile: {result.exception}")
    return {_relation(each.node): each.node.compiled_code for each in result.result.results}


def read_default_book() -> dict[str, Any]:
    """The var `book` of a book that uses everything, as the project has it."""
    import yaml

    book: dict[str, Any] = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]["book"]
    return book


def needs_dbt(context: RunContext) -> bool:
    """Whether the models of a whole run are still to be compiled for what the book uses now, as far as can be said before the run has decided."""
    with open_warehouse(context) as con:
        variables = {"incremental": is_kept(con) and not context.full, **_read_features(con, context)}
    selections = (REFERENCES, LINES, PUBLISH) if variables["incremental"] else (PREPARE, PUBLISH)
    return not all(is_compiled(read_compiled(_target(), variables, selection)) for selection in selections)


def _run_models(context: RunContext, selection: tuple[str, ...], variables: dict[str, Any] | None = None) -> tuple[BuiltModel, ...]:
    """Build the selected models, tests left out: as they were compiled before, or by dbt. `variables`: those of read_variables, if they have been read.

    Raises SqlError with every model that failed.
    """
    variables = variables or read_variables(context)
    models = read_compiled(_target(), variables, selection)
    if not is_compiled(models) and context.is_on_spark:
        with open_warehouse(context) as con, without_lines(con):  # dbt has no way to compile that does not build; without lines it takes no time
            _compile(context, selection, variables)
        models = read_compiled(_target(), variables, selection)
        if not is_compiled(models):
            raise SqlError("the compiled models cannot be kept, and Spark needs them: is the cache folder writable?")
    if not any(models.values()):
        return _compile(context, selection, variables)
    before, by_dbt, after = _around_missing(models)
    built = _build(context, before)
    if by_dbt:
        built += (*_compile(context, _these(by_dbt), variables), *_build(context, after))
    return built


def is_compiled(models: Mapping[str, CompiledModel | None]) -> bool:
    """Whether nothing is left for dbt."""
    return bool(models) and None not in models.values()


def _build(context: RunContext, models: Sequence[CompiledModel]) -> tuple[BuiltModel, ...]:
    with open_warehouse(context) as con:
        return build_compiled(con, models, partial(_build_lines, context) if context.is_on_spark else None)


def _around_missing(models: Mapping[str, CompiledModel | None]) -> tuple[list[CompiledModel], list[str], list[CompiledModel]]:
    """The models that can be built before those that dbt has still to compile; what dbt builds, which is those and all between them; the models after."""
    if is_compiled(models):
        return [each for each in models.values() if each], [], []
    nodes = _models_alone().nodes
    parents = {_relation(node): {_relation(nodes[key]) for key in node.depends_on.nodes if key in nodes} for node in nodes.values()}
    children: defaultdict[str, set[str]] = defaultdict(set)
    for name, read in parents.items():
        for each in read:
            children[each].add(name)
    missing = {name for name, model in models.items() if model is None}
    below, above = _reach(children, missing), _reach(parents, missing)
    by_dbt = missing | below & above
    before = [model for name, model in models.items() if model and name not in below | by_dbt]
    after = [model for name, model in models.items() if model and name in below - by_dbt]
    return before, [name.split(".")[1] for name in models if name in by_dbt], after


def _reach(edges: Mapping[str, Iterable[str]], start: Iterable[str]) -> set[str]:
    """What can be reached from any of `start` in one step or more."""
    found: set[str] = set()
    ahead = list(start)
    while ahead:
        new = set(edges.get(ahead.pop(), ())) - found
        found |= new
        ahead += new
    return found


def _build_lines(context: RunContext, con: duckdb.DuckDBPyConnection, model: CompiledModel) -> bool:
    """Build a model of lines on Spark. False where the driver builds it."""
    line_model = LineModel(model.name, model.kind, model.sql, model.statements, model.lines)
    split = split_of(con, line_model)
    return split is not None and build_split(con, context, line_model, split)


def _compile(context: RunContext, selection: tuple[str, ...], variables: dict[str, Any]) -> tuple[BuiltModel, ...]:
    """Have dbt compile and build the selected models, and keep what it compiled."""
    statements: defaultdict[str, list[str]] = defaultdict(list)
    reads: defaultdict[str, set[VarPath]] = defaultdict(set)
    compiling = ""  # one model at a time: the profile has one thread

    def note_event(event: Any) -> None:
        nonlocal compiling
        if event.info.name == "NodeCompiling":
            compiling = event.data.node_info.unique_id
        if event.info.name == "SQLQuery" and changes_the_database(event.data.sql):
            statements[event.data.node_info.unique_id].append(event.data.sql)

    def note_read(path: VarPath) -> None:
        reads[compiling].add(path)

    result = invoke_dbt(context, _models_alone(), "run", *selection, callback=note_event, note_read=note_read, variables=variables)
    failed = [r for r in getattr(result.result, "results", []) if r.status == "error"]
    if failed:
        raise SqlError("\n".join(f"{r.node.schema}.{r.node.name}: {r.message}" for r in failed))
    if not result.success:
        raise SqlError(str(result.exception or "dbt did not finish"))
    results = result.result.results
    with open_warehouse(context) as con:
        columns = columns_of(con, sorted({r.node.schema for r in results if r.node.config.contract.enforced}))
    models = [_compiled(r.node, statements[r.node.unique_id], columns) for r in results]
    # what is read before the first model is, and vars that are no mappings, count as read by each
    by_all = {("rounding",), ("incremental",)} | reads[""]
    keep_compiled(_target(), variables, selection, models, {_relation(r.node): reads[r.node.unique_id] | by_all for r in results})
    return tuple(BuiltModel(_relation(r.node), _kind(r.node), round(r.execution_time, 3), r.node.compiled_code or "") for r in results)


def _compiled(node: Any, statements: list[str], columns: dict[str, list[list[str]]]) -> CompiledModel:
    contract = columns[_relation(node)] if node.config.contract.enforced else None
    return CompiledModel(_relation(node), _kind(node), node.compiled_code, statements, contract, node.config.meta.get("lines"))


def _kind(node: Any) -> str:
    return "table" if node.config.materialized == "incremental" else str(node.config.materialized)


def _relation(node: Any) -> str:
    return f"{node.schema}.{node.name}"


def invoke_dbt(
    context: RunContext,
    manifest: Any,
    *command: str,
    callback: Callable[[Any], None] | None = None,
    note_read: Callable[[VarPath], object] | None = None,
    variables: dict[str, Any] | None = None,
) -> Any:
    """One invocation of dbt on the book's warehouse; returns dbt's own result. No connection stays open.

    `callback` gets its events, `note_read` what it reads of the var `book`; `variables`: those of read_variables, if they have been read.
    """
    runner, _ = _import_dbt()
    variables = {"warehouse": str(context.warehouse), "engine": limits_of(context).engine, **(variables or read_variables(context))}
    if note_read is not None:
        variables["book"] = ReadVars(variables["book"], note_read, ("book",))
    with open_warehouse(context):  # dbt's connection is to the same instance of the engine, so it may reach no more files than ours
        try:
            return runner(manifest=manifest, callbacks=[callback] if callback else []).invoke([*command, *_QUIET, *_places()], vars=variables)
        finally:
            _close()


def read_variables(context: RunContext) -> dict[str, Any]:
    """The vars that the SQL depends on."""
    with open_warehouse(context) as con:
        return {"incremental": is_incremental(con), **_read_features(con, context)}


def _read_features(con: duckdb.DuckDBPyConnection, context: RunContext) -> dict[str, Any]:
    """The vars that the book decides."""
    return {"rounding": context.book.rounding, "book": read_book_features(con, context.book.feeds).as_var()}


def _places() -> tuple[str, ...]:
    """Where dbt reads, and where it writes: the project may be installed where nobody writes."""
    written = str(_target())
    return ("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", written, "--log-path", written)


@cache
def _target() -> Path:
    """The folder that dbt writes to: one for each state of the project."""
    return open_cache("dbt", _project_digest())


def _project_digest() -> str:
    """One hash over dbt's version and every file of the project that parsing reads."""
    digest = hashlib.sha256()
    for name in ("dbt-core", "dbt-duckdb"):
        digest.update(f"{name} {importlib.metadata.version(name)}\n".encode())
    for file in sorted(f for pattern in ("*.yml", "macros/**/*", "models/**/*", "tests/**/*") for f in PROJECT.glob(pattern) if f.is_file()):
        digest.update(f"{file.relative_to(PROJECT)}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:20]


def _close() -> None:
    """Close the database: dbt's adapter keeps it open while models run, nothing may afterwards."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import reset_adapters

    DuckDBConnectionManager.close_all_connections()
    reset_adapters()


def _import_dbt() -> tuple[Any, Any]:
    """dbt's runner and manifest classes. Importing them takes seconds, so it happens in the first step that needs them."""
    from dbt.cli.main import dbtRunner
    from dbt.contracts.graph.manifest import Manifest

    return dbtRunner, Manifest
