"""The SQL half of a run: dbt in this process, on the book's warehouse.

Belongs here: starting dbt, its manifest, turning its failures into one message. Does not belong here: SQL (dbt_project/), checks
(assets/transform/invariants.py, reference_checks.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from assets.runtime.context import RunContext, StepReport
from assets.runtime.errors import SqlError
from assets.runtime.limits import limits_of
from assets.runtime.warehouse import open_warehouse
from assets.transform.reference_checks import check_references

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
#: What the Polars results feed is `publish`; everything else is `prepare`. The cut is by lineage, so neither half can wait for the other.
PREPARE = ("--exclude", "source:calc+")
PUBLISH = ("--select", "source:calc+", "--exclude", "tag:net_of")
#: What amounts net of other agreements' payouts are made of; tagged net_of, and made only while the calculation of a book that needs it goes on.
NETTED = ("--select", "+tag:net_of,source:calc+")

_QUIET = ("--quiet", "--log-level", "none", "--log-level-file", "none", "--no-write-json", "--no-populate-cache")


def prepare(context: RunContext) -> StepReport:
    """Build staging and intermediate tables and the marts that need no calculation; refuse references that contradict each other.

    Raises SqlError when a model fails, InputError for two versions of a record at once, two rates of a day, a cycle of parents.
    """
    built = _run_models(context, PREPARE)
    check_references(context)
    with open_warehouse(context) as con:
        tables = [name for name, kind in built.items() if kind == "table"]  # counting a view would compute it
        return StepReport(rows={name: con.sql(f"select count(*) from {name}").fetchall()[0][0] for name in tables})


def publish_marts(context: RunContext) -> StepReport:
    """Build the marts that read calc.*. They are views: what publishing reads from them is computed then, once."""
    return StepReport(rows={}, figures={"models": len(_run_models(context, PUBLISH))})


def build_netted(context: RunContext) -> None:
    """Build what is read of payouts while agreements that are net of them are computed."""
    _run_models(context, NETTED)


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

    digest = _project_digest()
    cache = PROJECT / "target" / f"{'whole' if has_tests else 'models'}-{digest}.msgpack"
    with contextlib.suppress(FileNotFoundError):
        return manifest.from_msgpack(cache.read_bytes(), decoder=extended_mashumuro_decoder)
    if has_tests:
        result = runner().invoke(["parse", *_QUIET, *_places()])
        if not result.success:
            raise SqlError(f"the dbt project does not parse: {result.exception}")
        found = result.result
    else:
        found = _without_tests(load_manifest())
    _store(cache, found.to_msgpack(extended_mashumaro_encoder))
    return found


def _without_tests(manifest: Any) -> Any:
    """The manifest with models, sources and macros alone."""
    manifest.nodes = {key: node for key, node in manifest.nodes.items() if node.resource_type == "model"}
    manifest.unit_tests, manifest.exposures, manifest.docs, manifest.files = {}, {}, {}, {}
    manifest.build_parent_and_child_maps()
    return manifest


def _run_models(context: RunContext, selection: tuple[str, ...]) -> dict[str, str]:
    """Run the selected models, tests left out. Returns schema.table of each: table or view. No connection stays open."""
    runner, _ = _import_dbt()
    variables = {
        "warehouse": str(context.warehouse),
        "engine": limits_of(context).engine,
        "rounding": context.book.rounding,
        "feeds": list(context.book.feeds),
    }
    with open_warehouse(context):  # dbt's connection is to the same instance of the engine, so it may reach no more files than ours
        try:
            result = runner(manifest=_models_alone()).invoke(["run", *selection, *_QUIET, *_places(), "--vars", json.dumps(variables)])
        finally:
            _close()
    failed = [r for r in getattr(result.result, "results", []) if r.status == "error"]
    if failed:
        raise SqlError("\n".join(f"{r.node.schema}.{r.node.name}: {r.message}" for r in failed))
    if not result.success:
        raise SqlError(str(result.exception or "dbt did not finish"))
    return {f"{r.node.schema}.{r.node.name}": r.node.config.materialized for r in result.result.results}


def _places() -> tuple[str, ...]:
    return ("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT))


def _project_digest() -> str:
    """One hash over dbt's version and every file of the project that parsing reads."""
    digest = hashlib.sha256()
    for name in ("dbt-core", "dbt-duckdb"):
        digest.update(f"{name} {importlib.metadata.version(name)}\n".encode())
    for file in sorted(f for pattern in ("*.yml", "macros/**/*", "models/**/*", "tests/**/*") for f in PROJECT.glob(pattern) if f.is_file()):
        digest.update(f"{file.relative_to(PROJECT)}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:20]


def _store(cache: Path, content: bytes) -> None:
    """Keep a parsed manifest beside older ones' place; a project folder that cannot be written is parsed each time."""
    try:
        cache.parent.mkdir(exist_ok=True)
        for old in cache.parent.glob(f"{cache.name.split('-')[0]}-*.msgpack"):
            old.unlink(missing_ok=True)
        beside = cache.with_suffix(f".{os.getpid()}")
        beside.write_bytes(content)
        beside.replace(cache)
    except PermissionError:
        return


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
