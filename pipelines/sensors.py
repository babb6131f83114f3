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
from assets.feeds.landing import Landed
from assets.graph.period_closes import PERIODS, list_ended
from assets.graph.resources import BookFolder
from assets.graph.specs import CONTRACT, key
from assets.graph.step_assets import CHECKED_COPY, FINISHED_AT
from assets.published.reader import read_manifest
from assets.runtime.context import read_clock
from assets.runtime.versions import code_version
from assets.transform.invariants import CHECKS
from models.documents import InputError
from pipelines.jobs import RUN_BOOK
from pipelines.landing import find_landed, hash_of
from pipelines.stores import refresh_published

#: Minutes until a file is tried again that the last run did not take in: after the first try at once, after the second, …; the last one repeats.
BACK_OFF = (0, 5, 15, 60, 240, 1440)
#: What a run is that may still take files in.
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
#: The tag under which Dagster keeps the version of an asset's data.
DATA_VERSION = "dagster/data_version"
#: The tag under which it keeps the version of the code that made it.
CODE_VERSION = "dagster/code_version"


@dg.sensor(
    name="new_files",
    job_name=RUN_BOOK,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Runs the book when a landing folder holds a file whose content no published run has, and again later if a run failed.",
)
def new_files(context: dg.SensorEvaluationContext, book: BookFolder) -> dg.SensorResult | dg.SkipReason:
    """One run for all new files together. The cursor holds the files that no published run has, `feed:hash`: how often they were tried, and when."""
    try:
        landed = find_landed(book.path)
        published = ((read_manifest(book.path / "published") or {}).get("run") or {}).get("arrivals", {})
        arrivals = read_arrivals(book.path / "archive")
        taken_in = {f"{arrival.feed}:{arrival.sha256}" for arrival in arrivals if arrival.arrival_no <= published.get(arrival.feed, 0)}
        waiting = [file.name for files in landed.values() for file in files if not file.is_settled]
        present = {f"{feed}:{hash_of(file)}": file.name for feed, files in landed.items() for file in files if file.is_settled}
    except (InputError, OSError) as error:
        return dg.SkipReason(f"The landing folders cannot be read: {error}")
    now = read_clock()
    new = {each: name for each, name in sorted(present.items()) if each not in taken_in}
    tries = {each: tried for each, tried in _read_cursor(context.cursor).items() if each in new}
    due = [each for each in new if each not in tries or now >= _next_try(*tries[each])]
    if not due or _is_running(context.instance):
        still = f" Still being written: {', '.join(waiting)}." if waiting else ""
        reason = _why_not(new, tries, len(present)) if not due else "A run is in progress. New files are looked at again after it."
        return dg.SensorResult(skip_reason=reason + still, cursor=json.dumps(tries))
    observed = [_observe(feed, files) for feed, files in landed.items() if any(each.startswith(f"{feed}:") for each in new)]
    # a run takes in every file that is there, or, if one is rejected, none of them
    tries = {each: (tries.get(each, (0, ""))[0] + 1, now.isoformat()) for each in new}
    run_key = hashlib.sha256(json.dumps(tries).encode()).hexdigest()
    request = dg.RunRequest(run_key=run_key, tags={"new_files": str(len(new))})
    return dg.SensorResult(run_requests=[request], cursor=json.dumps(tries), asset_events=observed)


def _read_cursor(cursor: str | None) -> dict[str, tuple[int, str]]:
    """The tries by file. Version 0.1.0 kept a list of the files it had seen: those are tried again now."""
    found = json.loads(cursor or "{}")
    return {each: (int(times), str(at)) for each, (times, at) in found.items()} if isinstance(found, dict) else {}


def _next_try(times: int, at: str) -> dt.datetime:
    """When a file is due again that was tried so many times."""
    return dt.datetime.fromisoformat(at) + dt.timedelta(minutes=BACK_OFF[min(times, len(BACK_OFF)) - 1])


def _is_running(instance: dg.DagsterInstance) -> bool:
    return bool(instance.get_run_records(dg.RunsFilter(job_name=RUN_BOOK, statuses=UNFINISHED), limit=1))


def _why_not(new: Mapping[str, str], tries: Mapping[str, tuple[int, str]], files: int) -> str:
    """Why no run is started now."""
    if not new:
        return f"Nothing new among {files} files."
    most = max(times for times, _ in tries.values())
    soonest = min(_next_try(*tried) for tried in tries.values())
    what = f"Not published, after {most} {'try' if most == 1 else 'tries'}: {', '.join(sorted(set(new.values()))[:5])}"
    return f"{what}. The log of the last run says why. Next try at {soonest:%Y-%m-%d %H:%M} UTC, or start a run yourself."


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
    try:
        refresh_published(book.path)
    except (InputError, OSError) as error:
        return dg.SkipReason(f"What is published cannot be read: {error}")
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
