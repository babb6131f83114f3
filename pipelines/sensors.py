"""What starts a run by itself: files whose content has not been seen. Off until somebody switches it on.

A file is known by the hash of its bytes, per feed: touching, renaming or dropping it again starts nothing.
"""

import hashlib
import json

import dagster as dg

from assets.archive.manifest import read_manifest
from assets.feeds.landing import Landed
from models.documents import InputError
from pipelines.jobs import run_book
from pipelines.landing import find_landed, hash_of
from pipelines.resources import BookFolder
from pipelines.tables import key

#: The tag under which Dagster keeps the version of an asset's data.
DATA_VERSION = "dagster/data_version"


@dg.sensor(
    name="new_files",
    job=run_book,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Runs the book when a landing folder holds a file whose content no run has taken in.",
)
def new_files(context: dg.SensorEvaluationContext, book: BookFolder) -> dg.SensorResult | dg.SkipReason:
    """One run for all new files together. The cursor holds what lies in the landing folders and was seen: `feed:hash`.

    A file that a run failed on is not tried again by itself: it is in the cursor, and the run's log says what to do.
    """
    try:
        landed = find_landed(book.path)
        taken_in = {f"{arrival.feed}:{arrival.sha256}" for arrival in read_manifest(book.path / "archive")}
        waiting = [file.name for files in landed.values() for file in files if not file.is_settled]
        there = {f"{feed}:{hash_of(file)}" for feed, files in landed.items() for file in files if file.is_settled}
    except (InputError, OSError) as error:
        return dg.SkipReason(f"The landing folders cannot be read: {error}")
    seen = set(json.loads(context.cursor or "[]"))
    new = sorted(there - seen - taken_in)
    cursor = json.dumps(sorted(there))
    if not new:
        still = f" Still being written: {', '.join(waiting)}." if waiting else ""
        return dg.SensorResult(skip_reason=f"Nothing new among {len(there)} files.{still}", cursor=cursor)
    observed = [_observe(feed, files) for feed, files in landed.items() if any(name.startswith(f"{feed}:") for name in new)]
    run_key = hashlib.sha256("\n".join(new).encode()).hexdigest()
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=run_key, tags={"new_files": str(len(new))})], cursor=cursor, asset_events=observed)


def _observe(feed: str, files: list[Landed]) -> dg.AssetObservation:
    """What lies in the landing folder of a feed, for the asset that stands for it."""
    version = hashlib.sha256("\n".join(sorted({hash_of(file) for file in files})).encode()).hexdigest()[:16]
    metadata = {"files": len(files), "bytes": sum(file.size for file in files)}
    return dg.AssetObservation(key("feeds", feed), metadata=metadata, tags={DATA_VERSION: version})
