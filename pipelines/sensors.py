"""Sensors on the book. `new_files` starts a run for files with new content; it is off until you switch it on. `published_runs` reports published runs.

A file is identified by the hash of its bytes, per feed. Touching, renaming or delivering it again starts nothing.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from assets.archive.manifest import read_manifest as read_arrivals
from assets.archive.run_identity import code_version
from assets.feeds.landing import Landed
from assets.graph.period_closes import PERIODS, list_ended
from assets.graph.resources import BookFolder
from assets.graph.specs import CONTRACT, key
from assets.graph.step_assets import CHECKED_COPY, FINISHED_AT
from assets.published.reader import read_manifest
from assets.transform.invariants import CHECKS
from models.documents import InputError
from pipelines.jobs import RUN_BOOK
from pipelines.landing import find_landed, hash_of

#: The tag under which Dagster keeps the version of an asset's data.
DATA_VERSION = "dagster/data_version"
#: The tag under which it keeps the version of the code that made it.
CODE_VERSION = "dagster/code_version"


@dg.sensor(
    name="new_files",
    job_name=RUN_BOOK,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Runs the book when a landing folder holds a file whose content no run has taken in.",
)
def new_files(context: dg.SensorEvaluationContext, book: BookFolder) -> dg.SensorResult | dg.SkipReason:
    """One run for all new files together. The cursor holds the files seen in the landing folders: `feed:hash`.

    A file on which a run failed is not retried automatically. It is in the cursor, and the run's log says what to do.
    """
    try:
        landed = find_landed(book.path)
        taken_in = {f"{arrival.feed}:{arrival.sha256}" for arrival in read_arrivals(book.path / "archive")}
        waiting = [file.name for files in landed.values() for file in files if not file.is_settled]
        present = {f"{feed}:{hash_of(file)}" for feed, files in landed.items() for file in files if file.is_settled}
    except (InputError, OSError) as error:
        return dg.SkipReason(f"The landing folders cannot be read: {error}")
    seen = set(json.loads(context.cursor or "[]"))
    new = sorted(present - seen - taken_in)
    cursor = json.dumps(sorted(present))
    if not new:
        still = f" Still being written: {', '.join(waiting)}." if waiting else ""
        return dg.SensorResult(skip_reason=f"Nothing new among {len(present)} files.{still}", cursor=cursor)
    observed = [_observe(feed, files) for feed, files in landed.items() if any(name.startswith(f"{feed}:") for name in new)]
    run_key = hashlib.sha256("\n".join(new).encode()).hexdigest()
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=run_key, tags={"new_files": str(len(new))})], cursor=cursor, asset_events=observed)


def _observe(feed: str, files: list[Landed]) -> dg.AssetObservation:
    """The files in a feed's landing folder, as an observation of its asset."""
    version = hashlib.sha256("\n".join(sorted({hash_of(file) for file in files})).encode()).hexdigest()[:16]
    metadata = {"files": len(files), "bytes": sum(file.size for file in files)}
    return dg.AssetObservation(key("feeds", feed), metadata=metadata, tags={DATA_VERSION: version})


@dg.sensor(
    name="published_runs",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports what `tierledger run` has published, so that the page shows it, and which periods can be closed. Starts nothing.",
)
def published_runs(context: dg.SensorEvaluationContext, book: BookFolder) -> dg.SensorResult | dg.SkipReason:
    """One materialization per table and one evaluation per check of the run, unless Dagster itself has published it."""
    manifest = read_manifest(book.path / "published")
    if manifest is None:
        return dg.SkipReason("Nothing is published.")
    run = manifest["run"]
    published = f"{run['run_id']} {run['finished_at']}"
    if published == context.cursor:
        return dg.SkipReason("Nothing was published since.")
    events = [] if _finished_at(context.instance) == run["finished_at"] else list(_report_run(_graph(context), manifest))
    periods = list_ended(book.path, dt.date.fromisoformat(run["as_of"]))
    requests = [PERIODS.build_add_request(periods)] if periods else []
    reason = f"Reported run {run['run_id']}." if events else f"Dagster has published run {run['run_id']}."
    return dg.SensorResult(cursor=published, asset_events=events, dynamic_partitions_requests=requests, skip_reason=reason)


def _finished_at(instance: dg.DagsterInstance) -> str | None:
    """When the last published run that Dagster knows of ended."""
    event = instance.get_latest_materialization_event(key("published", "fct_payout"))
    found = event.asset_materialization.metadata.get(FINISHED_AT) if event and event.asset_materialization else None
    return str(found.value) if found else None


def _graph(context: dg.SensorEvaluationContext) -> AssetGraph:
    assert context.repository_def is not None, "a sensor is evaluated in a repository"
    return context.repository_def.asset_graph


def _report_run(graph: AssetGraph, manifest: Mapping[str, Any]) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation]:
    """A published run has written every table and passed every check, apart from dbt's tests."""
    facts = {"run_id": manifest["run_id"], FINISHED_AT: manifest["run"]["finished_at"], "made by": "tierledger run"}
    is_same_code = manifest["run"]["code_version"] == code_version()
    for asset in sorted(graph.materializable_asset_keys):
        schema, table = asset.path
        rows = {"dagster/row_count": manifest["rows"][table]} if schema == "published" else {}
        version = graph.get(asset).code_version
        yield dg.AssetMaterialization(asset, metadata={**facts, **rows}, tags={CODE_VERSION: version} if version and is_same_code else {})
    for check in sorted(graph.asset_check_keys, key=str):
        if check.name in CHECKS or check.name in CHECKED_COPY or check.name == CONTRACT:
            yield dg.AssetCheckEvaluation(asset_key=check.asset_key, check_name=check.name, passed=True, metadata=facts)
