"""The calculation of payouts by tasks, where it is larger than the memory of a run: a batch of participants each.

Belongs here: handing batches out, and reading back what they come to. Does not belong here: who is in a batch (models/calculation/batches.py), the
calculation, writing tables (assets/transform/calculate.py).

Frames go out and come back as files, each under a name of its own. A task numbers its payouts from 0: whoever writes them knows how many there are before.
"""

from __future__ import annotations

import datetime as dt
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from assets.spark.session import run_each
from models.calculation.batches import OF_PARTICIPANTS
from models.calculation.results import compute_results
from models.currencies import Rounding
from models.money import AmountTooLarge

if TYPE_CHECKING:
    from assets.runtime.context import RunContext

Results = Iterable[tuple[str, pl.DataFrame]]


@dataclass(frozen=True)
class _Batch:
    """The files of the frames by name, where results go, and what they are computed for."""

    frames: Mapping[str, str]
    folder: str
    as_of: dt.date
    as_of_period: int
    rounding: Rounding


@dataclass(frozen=True)
class _Computed:
    """The files of the results by name; or why there are none, which is the same however often they are computed."""

    files: Mapping[str, str]
    too_large: str = ""


def compute_by_tasks(context: RunContext, batches: Iterable[Mapping[str, pl.DataFrame]], as_of_period: int) -> Iterator[Results]:
    """The results of each batch in order, their payouts numbered from 0. Raises AmountTooLarge."""
    folder = context.lines / "batches" / uuid.uuid4().hex
    folder.mkdir(parents=True)
    try:
        tasks = []
        shared: dict[str, str] = {}
        for batch in batches:
            shared = shared or {name: _write(frame, folder) for name, frame in batch.items() if name not in OF_PARTICIPANTS}
            own = {name: _write(batch[name], folder) for name in OF_PARTICIPANTS}
            tasks.append(_Batch({**shared, **own}, str(folder), context.as_of, as_of_period, context.book.rounding))
        for computed in run_each(context, _compute, tasks):
            if computed.too_large:
                raise AmountTooLarge(computed.too_large)
            yield ((name, _read(file)) for name, file in computed.files.items())
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)


def _compute(batch: _Batch) -> _Computed:
    """In a worker: compute one batch."""
    frames = {name: _read(file) for name, file in batch.frames.items()}
    try:
        results = compute_results(frames, batch.as_of, batch.as_of_period, batch.rounding)
        return _Computed({name: _write(frame, Path(batch.folder)) for name, frame in results})
    except AmountTooLarge as error:
        return _Computed({}, str(error))


def _write(frame: pl.DataFrame, folder: Path) -> str:
    path = folder / f"{uuid.uuid4().hex}.arrow"
    frame.write_ipc(path)
    return str(path)


def _read(file: str) -> pl.DataFrame:
    return pl.read_ipc(file)
