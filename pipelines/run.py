"""The steps of a run in order, and running them in this process.

Belongs here: order, timing, the lock, what a run came to. Does not belong here: what a step does (assets/), how it is shown (pipelines/cli/).
"""

from __future__ import annotations

import datetime as dt
import importlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assets.preflight import check_machine
from assets.runtime.book_folder import lock_book, open_book, open_run
from assets.runtime.context import CheckFailed, RunContext, StepReport, silent
from assets.runtime.events import log_event
from assets.runtime.machine_errors import translate_machine_errors
from pipelines.logging.run_events import log_run, log_step
from pipelines.settings import limit_polars, read_secret

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Step:
    """One step: its name, what a person reads while it works, and the function, imported only when it is its turn."""

    name: str
    title: str
    function: str

    def __call__(self, context: RunContext) -> StepReport:
        module, name = self.function.split(":")
        with log_step(context, self.name, self.title) as log_report:
            report: StepReport = getattr(importlib.import_module(module), name)(context)
            log_report(report)
        return report


STEPS: tuple[Step, ...] = (
    Step("ledger", "Reading the ledger", "assets.closing.load_ledger:load_ledger"),
    Step("feeds", "Reading feeds", "assets.feeds.load:load_feeds"),
    Step("identify", "Naming the run", "assets.archive.run_identity:identify_run"),
    Step("agreements", "Loading agreements", "assets.agreements.load:load_agreements"),
    Step("prepare", "Crediting lines", "assets.transform.dbt:prepare"),
    Step("calculate", "Calculating payouts", "assets.transform.calculate:calculate"),
    Step("marts", "Building tables", "assets.transform.dbt:publish_marts"),
    Step("checks", "Checking", "assets.transform.invariants:run_checks"),
    Step("publish", "Publishing", "assets.publishing.parquet_set:publish"),
)
_STEP = {step.name: step for step in STEPS}


@dataclass(frozen=True)
class StartUp:
    """What it takes before the first row is touched: imports and dbt's parse. Seconds on the clock and of CPU."""

    seconds: float
    cpu_seconds: float

    def __add__(self, other: StartUp) -> StartUp:
        return StartUp(round(self.seconds + other.seconds, 4), round(self.cpu_seconds + other.cpu_seconds, 4))


@dataclass
class RunSummary:
    """What a run came to. `status` is published or nothing_new; `stages` are seconds per step, without start-up."""

    run_id: str
    status: str
    as_of: dt.date
    folder: Path
    stages: dict[str, float]
    start_up: StartUp
    reports: dict[str, StepReport] = field(repr=False)
    feeds: list[dict[str, Any]]
    agreements: list[dict[str, Any]]
    largest_payout: str | None
    published: dict[str, int]
    published_in: Path


def run_book(folder: Path, as_of: dt.date | None = None, progress: Progress = silent, force: bool = False, rebuild: bool = False) -> RunSummary:
    """Run every step on the book, or stop after the feeds when nothing that decides the result has changed (unless `force`).

    `rebuild`: make the warehouse again from the archive first. Raises InputError (what the user gave is wrong, or the warehouse is damaged), CheckFailed
    (nothing published), BookLocked (another run is at work), MachineRefused (no room, no right), PostgresFailed (published, but not there).
    """
    open_book(folder)
    with lock_book(folder):
        return run_locked_book(folder, as_of, progress, force, rebuild)


def run_locked_book(folder: Path, as_of: dt.date | None = None, progress: Progress = silent, force: bool = False, rebuild: bool = False) -> RunSummary:
    """The same for a caller that holds the book's lock."""
    return run_steps(open_run(folder, as_of, dt.datetime.now(dt.UTC), progress=progress, secret=read_secret), force, rebuild)


def run_steps(context: RunContext, force: bool = False, rebuild: bool = False) -> RunSummary:
    """The same for a run that was opened before."""
    if context.book.limits.threads:
        limit_polars(context.book.limits.threads)
    with translate_machine_errors(context.folder), log_run(context) as tell_end:
        check_machine(context)
        summary = _run_steps(context, force, rebuild)
        tell_end(summary.status, summary.run_id)
        return summary


def _run_steps(context: RunContext, force: bool, rebuild: bool) -> RunSummary:
    progress = context.progress
    reports: dict[str, StepReport] = {}
    stages: dict[str, float] = {}

    def do(name: str) -> None:
        if name not in reports:
            progress(name, 0, 1)
            began = time.perf_counter()
            reports[name] = _STEP[name](context)
            stages[name] = round(time.perf_counter() - began, 4)
            progress(name, 1, 1)

    start_up = _import("assets.feeds.load", "assets.agreements.load", "assets.archive.run_identity", "assets.publishing.parquet_set", "assets.archive.receipts")
    from assets.archive.receipts import check_book
    from assets.archive.run_identity import has_same_terms, is_published, record_failure
    from assets.publishing.postgres.publish import publish_to_postgres
    from assets.runtime.warehouse import open_warehouse

    message = check_book(context, rebuild)
    for each in message:
        log_event("warning", each, logging.WARNING)
    try:
        if not has_same_terms(context):
            do("agreements")  # a mistake in them is refused before a file is taken in
        # held open for the whole run: steps open and close it for nothing, and what one has read is in memory for the next
        with open_warehouse(context):
            do("ledger")
            do("feeds")
            reports["feeds"].figures["warnings"][:0] = message
            do("identify")
            if not force and is_published(context, reports["identify"].figures["run_id"]):
                publish_to_postgres(context)  # a run before may have reached Parquet and DuckDB alone
                return _summarize(context, "nothing_new", stages, start_up, reports)
            start_up += _import("assets.transform.calculate", "assets.transform.dbt") + _load_dbt()
            for step in STEPS:
                do(step.name)
    except CheckFailed:
        record_failure(context)
        raise
    return _summarize(context, "published", stages, start_up, reports)


def _import(*modules: str) -> StartUp:
    """Import what the next steps need, and say what that took."""
    with _measured() as took:
        for module in modules:
            importlib.import_module(module)
    return took()


def _load_dbt() -> StartUp:
    """Import and parse, ahead of the first step that needs them."""
    from assets.transform.dbt import start_dbt

    with _measured() as took:
        start_dbt()
    return took()


@contextmanager
def _measured() -> Iterator[Callable[[], StartUp]]:
    """Time a part of start-up."""
    began, began_cpu = time.perf_counter(), time.process_time()
    yield lambda: StartUp(time.perf_counter() - began, time.process_time() - began_cpu)


def _summarize(context: RunContext, status: str, stages: dict[str, float], start_up: StartUp, reports: dict[str, StepReport]) -> RunSummary:
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
            reports=reports,
            feeds=count_feeds(con),
            agreements=sum_agreements(con),
            largest_payout=next((row["payout_id"] for row in list_payouts(con, 1)), None),
            published=manifest["rows"],
            published_in=context.published,
        )
