"""Running the steps in this process, one after the other.

Belongs here: timing, the lock, when a run ends early, the summary of a run. Does not belong here: the order of the steps (assets/steps.py), what a step does
(the packages of assets/), how a run is shown (pipelines/cli/).
"""

from __future__ import annotations

import datetime as dt
import importlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from assets.preflight import check_machine
from assets.runtime.book_folder import lock_book, open_book, open_run
from assets.runtime.context import CheckFailed, RunContext, StepReport, read_clock, silent
from assets.runtime.events import log_event
from assets.runtime.machine_errors import translate_machine_errors
from assets.spark.session import begin_session
from assets.steps import AGREEMENTS, CALCULATE, CHECKS, FEEDS, IDENTIFY, LEDGER, MARTS, NET, PREPARE, PUBLISH, Step
from models.book.engine_settings import EngineKind
from models.documents import Problem
from pipelines.logging.run_events import log_run
from pipelines.settings import limit_polars, read_secret

if TYPE_CHECKING:
    from assets.agreements.load import Terms
    from assets.incremental.recomputed import Recomputed

Progress = Callable[[str, int, int], None]
Clock = Callable[[], dt.datetime]
P = ParamSpec("P")
R = TypeVar("R", bound=StepReport)


@dataclass(frozen=True)
class StartUp:
    """The time before the first row is processed: imports and dbt's parse. Wall-clock and CPU seconds."""

    seconds: float
    cpu_seconds: float

    def __add__(self, other: StartUp) -> StartUp:
        return StartUp(round(self.seconds + other.seconds, 4), round(self.cpu_seconds + other.cpu_seconds, 4))


@dataclass(frozen=True)
class _Found:
    """What a person should look at."""

    warnings: list[str]
    notes: list[str]
    unreadable_files: list[Problem]


@dataclass
class RunSummary:
    """The result of a run. `status` is published or nothing_new; `stages` are seconds per step, without start-up.

    `published_to`: the URL of the store that the set is in too.
    `recomputed`: what was computed anew, and why; None where nothing is new.
    `notes`: what is worth knowing, and was asked for. `unreadable_files`: files that were skipped because of their permissions.
    """

    run_id: str
    status: str
    as_of: dt.date
    folder: Path
    stages: dict[str, float]
    start_up: StartUp
    warnings: list[str]
    notes: list[str]
    unreadable_files: list[Problem]
    feeds: list[dict[str, Any]]
    agreements: list[dict[str, Any]]
    largest_payout: str | None
    published: dict[str, int]
    published_in: Path
    published_to: str | None
    recomputed: Recomputed | None


def run_book(
    folder: Path,
    as_of: dt.date | None = None,
    progress: Progress = silent,
    force: bool = False,
    rebuild: bool = False,
    clock: Clock = read_clock,
    full: bool = False,
    engine: EngineKind | None = None,
) -> RunSummary:
    """Run every step on the book. Stop after the feeds if nothing that decides the result has changed (unless `force`).

    `full`: compute everything, also what has not changed. `engine`: instead of the one in book.yaml. `rebuild`: rebuild the warehouse from the archive first.
    Raises InputError (wrong input, or a damaged warehouse), CheckFailed (nothing published),
    BookLocked (another run is in progress), MachineRefused (no space, no permission), PostgresFailed (published, but not to PostgreSQL).
    """
    open_book(folder)
    with lock_book(folder):
        return run_locked_book(folder, as_of, progress, force, rebuild, clock, full, engine)


def run_locked_book(
    folder: Path,
    as_of: dt.date | None = None,
    progress: Progress = silent,
    force: bool = False,
    rebuild: bool = False,
    clock: Clock = read_clock,
    full: bool = False,
    engine: EngineKind | None = None,
) -> RunSummary:
    """The same for a caller that holds the book's lock."""
    context = open_run(folder, as_of, clock(), progress=progress, engine=engine, secret=read_secret, clock=clock, full=full)
    return run_steps(context, force or full, rebuild)


def run_steps(context: RunContext, force: bool = False, rebuild: bool = False) -> RunSummary:
    """The same for a run that is already open."""
    if context.book.limits.threads:
        limit_polars(context.book.limits.threads)
    with translate_machine_errors(context.folder), log_run(context) as log_end:
        check_machine(context)
        if context.is_on_spark:
            begin_session(context)
        summary = _run_steps(context, force, rebuild)
        log_end(summary.status, summary.run_id)
        return summary


def _run_steps(context: RunContext, force: bool, rebuild: bool) -> RunSummary:
    progress = context.progress
    stages: dict[str, float] = {}

    def do(step: Step[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        progress(step.name, 0, 1)
        began = time.perf_counter()
        report = step(context, *args, **kwargs)
        stages[step.name] = round(time.perf_counter() - began, 4)
        progress(step.name, 1, 1)
        return report

    start_up = _import("assets.feeds.load", "assets.archive.run_identity", "assets.publishing.parquet_set", "assets.archive.receipts")
    from assets.archive.receipts import checked_book
    from assets.archive.run_identity import has_same_terms, is_published, record_failure
    from assets.publishing.postgres.publish import publish_to_postgres
    from assets.runtime.warehouse import open_warehouse

    with checked_book(context, rebuild) as warnings:
        for warning in warnings:
            log_event("warning", warning, logging.WARNING)
        try:
            # report mistakes in the agreements before any file is taken in
            began = time.perf_counter()
            terms = None if has_same_terms(context) else _read_terms(context)
            reading = time.perf_counter() - began
            # stays open for the whole run: then it costs steps nothing to open and close it, and data that one step has read is in memory for the next
            with open_warehouse(context):
                do(LEDGER)
                feeds = do(FEEDS)
                found = _Found([*warnings, *feeds.warnings], list(feeds.notes), list(feeds.unreadable_files))
                run_id = do(IDENTIFY).run_id
                if not force and is_published(context, run_id):
                    publish_to_postgres(context)  # an earlier run may have reached only Parquet and DuckDB
                    return _summarize(context, "nothing_new", stages, start_up, found)
                start_up += _import("assets.transform.calculate", "assets.transform.dbt")
                do(AGREEMENTS, terms)
                stages[AGREEMENTS.name] = round(stages[AGREEMENTS.name] + reading, 4)
                start_up += _start_dbt(context)
                found.warnings.extend(do(PREPARE).warnings)
                do(CALCULATE)
                do(NET)
                do(MARTS)
                do(PUBLISH, do(CHECKS))
                recomputed = _read_recomputed(context)
        except CheckFailed:
            record_failure(context)
            raise
    return _summarize(context, "published", stages, start_up, found, recomputed)


def _read_recomputed(context: RunContext) -> Recomputed:
    from assets.incremental.recomputed import read_recomputed
    from assets.runtime.warehouse import open_warehouse

    with open_warehouse(context) as con:
        recomputed = read_recomputed(con)
    log_event("recomputed", str(recomputed), payouts=recomputed.payouts, of=recomputed.all_payouts, causes=recomputed.causes, why_full=recomputed.why_full)
    return recomputed


def _read_terms(context: RunContext) -> Terms:
    from assets.agreements.load import read_terms  # with the whole language, which a run with nothing new does without

    return read_terms(context)


def _import(*modules: str) -> StartUp:
    """Import what the next steps need, and return how long that took."""
    with _measured() as took:
        for module in modules:
            importlib.import_module(module)
    return took()


def _start_dbt(context: RunContext) -> StartUp:
    """dbt's imports and parsing, ahead of the first step that needs them; none where the models were compiled before."""
    from assets.transform.dbt import needs_dbt, start_dbt

    with _measured() as took:
        if needs_dbt(context):
            start_dbt()
    return took()


@contextmanager
def _measured() -> Iterator[Callable[[], StartUp]]:
    """Time a part of start-up."""
    began, began_cpu = time.perf_counter(), time.process_time()
    yield lambda: StartUp(time.perf_counter() - began, time.process_time() - began_cpu)


def _summarize(
    context: RunContext, status: str, stages: dict[str, float], start_up: StartUp, found: _Found, recomputed: Recomputed | None = None
) -> RunSummary:
    from assets.payments.open_parts import describe_proposed
    from assets.published.reader import count_feeds, list_payouts, open_set, read_manifest, sum_agreements

    manifest = read_manifest(context.published) or {}
    with open_set(context.published) as con:
        return RunSummary(
            run_id=manifest["run_id"],
            status=status,
            as_of=context.as_of,
            folder=context.folder,
            stages=stages,
            start_up=start_up,
            warnings=found.warnings,
            notes=[*found.notes, *describe_proposed(con)],
            unreadable_files=found.unreadable_files,
            feeds=count_feeds(con),
            agreements=sum_agreements(con),
            largest_payout=next((row["payout_id"] for row in list_payouts(con, 1)), None),
            published=manifest["rows"],
            published_in=context.published,
            published_to=None if context.is_rebuild else context.book.storage.published,
            recomputed=recomputed,
        )
