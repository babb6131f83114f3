"""The resources of the assets: the book, and the run that works on it.

Belongs here: opening the book for a run, under its lock. Does not belong here: what the steps do (the other packages), which book and which secrets
(pipelines/resources.py).
"""

import datetime as dt
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

import dagster as dg
from pydantic import Field, PrivateAttr

from assets.archive.receipts import checked_book
from assets.archive.run_identity import read_run_id, record_failure
from assets.graph.failures import as_failure
from assets.preflight import check_machine
from assets.publishing.parquet_set import PublishReport
from assets.runtime.book_folder import BookLocked, lock_book, open_book, open_run
from assets.runtime.context import CheckFailed, ChecksPassed, RunContext, StepReport, no_secret, read_clock
from assets.runtime.events import bound_fields
from assets.runtime.machine_errors import translate_machine_errors
from assets.runtime.warehouse import open_warehouse
from assets.spark.session import begin_session
from assets.steps import AGREEMENTS, CHECKS, FEEDS, IDENTIFY, LEDGER, PUBLISH, Step
from assets.transform.dbt import DataTest, run_tests
from assets.transform.invariants import evaluate_checks
from models.book.engine_settings import EngineKind
from models.documents import InputError, Problem

P = ParamSpec("P")
R = TypeVar("R", bound=StepReport)
#: The steps that need nothing in the warehouse.
_FIRST = (LEDGER, FEEDS, IDENTIFY, AGREEMENTS)


class BookFolder(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The book, for reading only."""

    folder: str = Field(description="Folder with book.yaml")

    @property
    def path(self) -> Path:
        return Path(self.folder).resolve()


class BookRun(dg.ConfigurableResource):  # type: ignore[type-arg]
    """One run of the book. It holds the book's lock for its duration, and runs the steps."""

    book: BookFolder
    as_of: str | None = Field(default=None, description="Last day that counts for this run, such as 2026-03-31; by default book.yaml's as_of, else today.")
    full: bool = Field(default=False, description="Compute everything, also what has not changed since the run before.")
    engine: str | None = Field(default=None, description="duckdb or spark: what computes single lines, instead of the engine in book.yaml.")
    _context: RunContext = PrivateAttr()
    _checks: ChecksPassed | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator["BookRun", None, None]:
        try:
            open_book(self.book.path)
            with lock_book(self.book.path):
                self._context = open_run(self.book.path, self._day(), _created_at(context), self._engine(), secret=self.read_secret, full=self.full)
                with translate_machine_errors(self.book.path):
                    check_machine(self._context)
                    with checked_book(self._context) as warnings:
                        for message in warnings:
                            context.log.warning(message) if context.log else None
                    if self._context.is_on_spark:
                        begin_session(self._context)
                with bound_fields(book=self._context.book.book, as_of=self._context.as_of):
                    yield self
        except (InputError, BookLocked, OSError) as error:
            raise as_failure(error) from None

    @property
    def context(self) -> RunContext:
        return self._context

    def read_secret(self, name: str) -> str | None:
        """The secret that book.yaml names as `env:NAME`. There is none here; a subclass that may read the environment returns it."""
        return no_secret(name)

    def run_step(self, step: Step[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run one step that writes tables. It invalidates earlier checks."""
        self._checks = None
        if step not in _FIRST:
            self._require_run()
        return self._do(step, *args, **kwargs)

    def check(self) -> ChecksPassed:
        """Run every check. The run is identified again first, so that files taken in since are not published under an earlier id."""
        self._require_run()
        self._do(IDENTIFY)
        self._checks = self._do(CHECKS)
        return self._checks

    def check_some(self, names: Sequence[str]) -> None:
        """Run these checks, for a part of a run. Publishing needs all of them."""
        self._require_run()
        with translate_machine_errors(self.book.path):
            evaluate_checks(self._context, names)

    def publish(self) -> PublishReport:
        """Publish what was checked. Without checks in this run, run them first, so that nothing of a failed or partial run is published."""
        return self._do(PUBLISH, self._checks or self.check())

    def run_tests(self, names: Sequence[str]) -> list[DataTest]:
        """Run these data tests of dbt."""
        self._require_run()
        with translate_machine_errors(self.book.path):
            return run_tests(self._context, names)

    def _do(self, step: Step[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run one step. A failed check is recorded in the history of runs, as the command does."""
        try:
            with translate_machine_errors(self.book.path):
                return step(self._context, *args, **kwargs)
        except CheckFailed:
            record_failure(self._context)
            raise

    def _require_run(self) -> None:
        """Raises InputError when no run has begun, because then a part of a run has nothing to build on."""
        with open_warehouse(self._context) as con:
            if read_run_id(con) is None:
                message = "the warehouse holds no run yet; run the whole book once, by the job run_book or `tierledger run`"
                raise InputError([Problem(str(self.book.path), 0, "", message)])

    def _engine(self) -> EngineKind | None:
        if self.engine not in (None, "duckdb", "spark"):
            raise dg.Failure(f"engine: {self.engine!r} is not an engine; write duckdb or spark", allow_retries=False)
        return self.engine  # type: ignore[return-value]

    def _day(self) -> dt.date | None:
        try:
            return dt.date.fromisoformat(self.as_of) if self.as_of else None
        except ValueError:
            raise dg.Failure(f"as_of: {self.as_of!r} is not a day; write it like 2026-03-31", allow_retries=False) from None


def _created_at(context: dg.InitResourceContext) -> dt.datetime:
    """When the run was requested. All its steps share this time, even if each has its own process."""
    record = context.instance.get_run_record_by_id(context.run_id) if context.instance and context.run_id else None
    return record.create_timestamp.astimezone(dt.UTC) if record else read_clock()
