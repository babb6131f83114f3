"""What every step of a run is given, and what it hands back.

Belongs here: the two shapes, and how a step says that a check failed. Does not belong here: opening or computing anything.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from models.book.settings import Book


def read_clock() -> dt.datetime:
    """The machine's clock, in UTC."""
    return dt.datetime.now(dt.UTC)


def silent(stage: str, done: int, total: int) -> None:
    """Progress nobody looks at."""


def no_secret(name: str) -> str | None:
    """An environment that holds nothing."""
    return None


@dataclass(frozen=True)
class RunContext:
    """One run of one book. `as_of` is the last day that exists for it; the clock was read once, at the border.

    `progress(stage, done, total)` is called as long work advances, from the thread that runs the step.
    `clock` says when a later act of the run happens, such as its end.
    A rebuild (assets/verification/rebuild.py) takes nothing in: its archive is all there is; `finished_at` is set where it makes a run again that ended then,
    and `publish_to` where its tables go elsewhere than into its folder, `made_from` the book whose archive and ledger it links to.
    `secret(name)` is the environment variable of that name, which only the border may read; what it returns is masked wherever the program writes.
    """

    folder: Path
    book: Book
    as_of: dt.date
    started_at: dt.datetime
    progress: Callable[[str, int, int], None] = silent
    is_rebuild: bool = False
    finished_at: dt.datetime | None = None
    publish_to: Path | None = None
    made_from: Path | None = None
    secret: Callable[[str], str | None] = no_secret
    clock: Callable[[], dt.datetime] = read_clock

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    @property
    def published(self) -> Path:
        return self.publish_to or self.folder / "published"


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """What a step did: rows per table, and the run where it names one. Each step adds what it has to say in a class of its own."""

    rows: Mapping[str, int] = field(default_factory=dict)
    run_id: str | None = None

    @property
    def metrics(self) -> dict[str, int | str]:
        """The numbers and texts of the report by name, for the log and the page."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, int | str)}


@dataclass(frozen=True, kw_only=True)
class ChecksPassed(StepReport):
    """Every check was held against the warehouse as it is now, and holds. Only the checks return it; publishing asks for it."""

    checks: int


class CheckFailed(Exception):
    """A statement about the data that should hold does not. Nothing is published; the command ends with exit code 1."""

    def __init__(self, check: str, finding: str) -> None:
        self.check = check
        self.finding = finding
        super().__init__(f"{check}: {finding}")
