"""Closing, reopening and writing off under the book's lock: run the book, add to its ledger, and publish the result.

Belongs here: the order of these. Does not belong here: what they do (assets/closing/close.py), how they are shown (pipelines/cli/).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from assets.runtime.book_folder import lock_book, open_book, open_run
from assets.runtime.context import RunContext, read_clock, silent
from assets.runtime.machine_errors import translate_machine_errors
from pipelines.run import Clock, Progress, RunSummary, run_locked_book

if TYPE_CHECKING:
    from assets.closing.close import Closed
    from models.records.chain import Record
    from models.records.write_offs import WriteOff

_T = TypeVar("_T")


@dataclass(frozen=True)
class Closing:
    """The result of `close`. `closed`: the periods closed now, none if the period was closed before. `later`: changes to it since then, with one row
    per period they will be posted in, reason and currency."""

    period: str
    closed: list[Closed]
    later: list[dict[str, Any]]
    head: str


def close_book(
    folder: Path,
    period: str,
    by: str,
    with_earlier: bool = False,
    accept_open: str | None = None,
    progress: Progress = silent,
    clock: Clock = read_clock,
    approved_by: str | None = None,
) -> Closing:
    """Run the book, freeze the period as it was published, and publish again. Raises what a run raises, and LedgerRuleViolation."""

    def add(context: RunContext) -> Closing:
        from assets.closing.close import close_periods, list_differences
        from assets.ledger.folder import read_ledger
        from models.records.chain import head

        closed = close_periods(context, period, by, with_earlier, accept_open, approved_by)
        later = [] if closed else list_differences(context, period)
        return Closing(period, closed, later, head(read_ledger(context.ledger).records))

    return add_between_runs(folder, progress, clock, add, lambda closing: bool(closing.closed))


def reopen_book(folder: Path, period: str, reason: str, by: str, approved_by: str, progress: Progress = silent, clock: Clock = read_clock) -> Record:
    """Record the reopening, and publish the result."""

    def add(context: RunContext) -> Record:
        from assets.closing.close import reopen_period

        return reopen_period(context, period, reason, by, approved_by)

    return add_between_runs(folder, progress, clock, add)


def write_off_difference(
    folder: Path,
    payout: str,
    reason: str,
    by: str,
    amount: Decimal | None = None,
    progress: Progress = silent,
    clock: Clock = read_clock,
    approved_by: str | None = None,
) -> WriteOff:
    """Run the book, record the write-off of what is then open, and publish again."""

    def add(context: RunContext) -> WriteOff:
        from assets.closing.close import write_off_payout

        return write_off_payout(context, payout, reason, by, amount, approved_by)

    return add_between_runs(folder, progress, clock, add)


def add_between_runs(
    folder: Path, progress: Progress, clock: Clock, add: Callable[[RunContext], _T], has_added: Callable[[_T], bool] = lambda added: True
) -> _T:
    """Run first, so that no decision rests on outdated results, and run again if anything was added."""
    open_book(folder)
    with lock_book(folder), translate_machine_errors(folder):
        before: RunSummary = run_locked_book(folder, progress=progress, clock=clock)
        added = add(open_run(folder, before.as_of, clock(), clock=clock))
        if has_added(added):
            run_locked_book(folder, before.as_of, progress, clock=clock)
    return added
