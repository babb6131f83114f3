"""What every step of a run gets, and what it returns.

Belongs here: the two types, and how a step reports that a check failed. Does not belong here: opening or computing anything.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from models.book.engine_settings import EngineKind
from models.book.settings import Book


def read_clock() -> dt.datetime:
    """The machine's clock, in UTC."""
    return dt.datetime.now(dt.UTC)


def silent(stage: str, done: int, total: int) -> None:
    """Progress that is not shown."""


def no_secret(name: str) -> str | None:
    """An environment without secrets."""
    return None


@dataclass(frozen=True)
class RunContext:
    """One run of one book. `as_of` is the last day that counts for it. `started_at` was read from the clock once, by the caller.

    `progress(stage, done, total)` is called as long work advances, from the thread that runs the step.
    `clock` gives the time of later events of the run, such as its end.
    A rebuild (assets/verification/rebuild.py) takes in no files and uses only its archive. It sets `finished_at` if it repeats a run that has ended,
    `publish_to` if its tables go outside its folder, and `made_from`, the books whose archive and ledger it links to.
    `lands_from`: the book whose landing folders its files arrive in, where that is another one. `only_tables`: publish nothing but the Parquet set,
    of which `tables` names the ones to write, or None for all. `proposal`: the proposed agreements that a simulated run is of, which its set says.
    `full`: everything is computed anew, also what has not changed since the run before.
    `secret(name)` is the environment variable of that name, which only pipelines may read. Its value is masked wherever the program writes.
    """

    folder: Path
    book: Book
    as_of: dt.date
    started_at: dt.datetime
    progress: Callable[[str, int, int], None] = silent
    is_rebuild: bool = False
    finished_at: dt.datetime | None = None
    publish_to: Path | None = None
    made_from: tuple[Path, ...] = ()
    secret: Callable[[str], str | None] = no_secret
    clock: Callable[[], dt.datetime] = read_clock
    full: bool = False
    lands_from: Path | None = None
    only_tables: bool = False
    tables: frozenset[str] | None = None
    proposal: str = ""

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @property
    def lines(self) -> Path:
        """Where Spark's tasks keep tables of lines as files. They belong to the warehouse."""
        return self.folder / "warehouse.lines"

    @property
    def is_on_spark(self) -> bool:
        """Whether Spark computes the work on single lines."""
        return self.book.engine.kind == "spark"

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    @property
    def published(self) -> Path:
        return self.publish_to or self.folder / "published"

    @property
    def landing(self) -> Path:
        """The folder below which the patterns of feeds look."""
        return self.lands_from or self.folder

    @property
    def publishes_database(self) -> bool:
        return self.book.publish.duckdb and not self.only_tables


def on_engine(context: RunContext, engine: EngineKind | None) -> RunContext:
    """The run on this engine instead of the one in book.yaml, whose settings for Spark stay."""
    if engine is None:
        return context
    settings = context.book.engine.model_copy(update={"kind": engine})
    return replace(context, book=context.book.model_copy(update={"engine": settings}))


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """What a step did: rows per table, and the run if it identifies one. Each step adds its own fields in a subclass."""

    rows: Mapping[str, int] = field(default_factory=dict)
    run_id: str | None = None

    @property
    def metrics(self) -> dict[str, int | str]:
        """The numbers and texts of the report by name, for the log and Dagster's page."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, int | str)}


@dataclass(frozen=True, kw_only=True)
class ChecksPassed(StepReport):
    """Every check has passed on the warehouse as it is now. Only the checks return this value, and publishing requires it."""

    checks: int


class CheckFailed(Exception):
    """A check on the data failed. Nothing is published, and the command ends with exit code 1."""

    def __init__(self, check: str, finding: str) -> None:
        self.check = check
        self.finding = finding
        super().__init__(f"{check}: {finding}")
