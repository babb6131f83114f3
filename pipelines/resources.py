"""What the assets are given: the book, and the one run that works on it.

Belongs here: opening the book for a run, under its lock. Does not belong here: what the steps do (assets/), which book (pipelines/settings.py).
"""

import datetime as dt
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from pydantic import Field, PrivateAttr

from assets.archive.receipts import check_book
from assets.archive.run_identity import record_failure
from assets.preflight import check_machine
from assets.runtime.book_folder import BookLocked, lock_book, open_book, open_run
from assets.runtime.context import CheckFailed, RunContext, StepReport
from assets.runtime.events import bound_fields
from assets.runtime.machine_errors import translate_machine_errors
from models.documents import InputError
from pipelines.failures import as_failure
from pipelines.run import STEPS, Step
from pipelines.settings import read_secret


class BookFolder(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The book, for looking only."""

    folder: str = Field(description="Folder with book.yaml")

    @property
    def path(self) -> Path:
        return Path(self.folder).resolve()


class BookRun(dg.ConfigurableResource):  # type: ignore[type-arg]
    """One run of the book: holds its lock while the run lasts, and carries out the steps."""

    book: BookFolder
    as_of: str | None = Field(default=None, description="Last day that exists for this run, such as 2026-03-31. Default: book.yaml's as_of, else today (UTC).")
    _context: RunContext = PrivateAttr()
    _done: set[str] = PrivateAttr(default_factory=set)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator["BookRun", None, None]:
        try:
            open_book(self.book.path)
            with lock_book(self.book.path):
                self._done = set()
                self._context = open_run(self.book.path, self._day(), _created_at(context), secret=read_secret)
                with translate_machine_errors(self.book.path):
                    check_machine(self._context)
                    for message in check_book(self._context):
                        context.log.warning(message) if context.log else None
                with bound_fields(book=self._context.book.book, as_of=self._context.as_of):
                    yield self
        except (InputError, BookLocked, OSError) as error:
            raise as_failure(error) from None

    @property
    def context(self) -> RunContext:
        return self._context

    def run_step(self, step: Step) -> StepReport:
        """Run one step. A check that fails is noted in the history of runs, as the command does.

        Publishing alone, without the checks, first holds them: what a failed run left in the warehouse does not get out.
        """
        if step.name == "publish" and "checks" not in self._done:
            self.run_step(next(step for step in STEPS if step.name == "checks"))
        try:
            with translate_machine_errors(self.book.path):
                report = step(self._context)
        except CheckFailed:
            record_failure(self._context)
            raise
        self._done.add(step.name)
        return report

    def _day(self) -> dt.date | None:
        try:
            return dt.date.fromisoformat(self.as_of) if self.as_of else None
        except ValueError:
            raise dg.Failure(f"as_of: {self.as_of!r} is not a day; write it like 2026-03-31", allow_retries=False) from None


def _created_at(context: dg.InitResourceContext) -> dt.datetime:
    """When the run was asked for: the one clock that all its steps share, also when each has a process of its own."""
    record = context.instance.get_run_record_by_id(context.run_id) if context.instance and context.run_id else None
    return record.create_timestamp.astimezone(dt.UTC) if record else dt.datetime.now(dt.UTC)
