"""Payment batches under the book's lock: run the book, add to its ledger, and publish the result.

Belongs here: the order of these. Does not belong here: what they do (assets/payments/batches.py), how they are shown (pipelines/cli/ledger/pay.py).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from assets.runtime.context import RunContext, read_clock, silent
from pipelines.close import add_between_runs
from pipelines.run import Clock, Progress

if TYPE_CHECKING:
    from assets.payments.batches import Approval, Proposal
    from models.records.payment_batches import BatchRecord


def propose_payments(folder: Path, due_by: dt.date | None, by: str, progress: Progress = silent, clock: Clock = read_clock) -> Proposal:
    """Propose a batch of what is due by the day, by default the last day that counts. Raises what a run raises, and LedgerRuleViolation."""

    def add(context: RunContext) -> Proposal:
        from assets.payments.batches import propose_batch

        return propose_batch(context, due_by or context.as_of, by)

    return add_between_runs(folder, progress, clock, add, lambda proposal: proposal.record is not None)


def approve_payments(folder: Path, number: int, by: str, progress: Progress = silent, clock: Clock = read_clock) -> Approval:
    """Approve a batch and write its files."""

    def add(context: RunContext) -> Approval:
        from assets.payments.batches import approve_batch

        return approve_batch(context, number, by)

    return add_between_runs(folder, progress, clock, add, lambda approval: approval.is_new)


def cancel_payments(folder: Path, number: int, by: str, reason: str, progress: Progress = silent, clock: Clock = read_clock) -> tuple[BatchRecord, bool]:
    """Cancel a batch. Also whether it is new."""

    def add(context: RunContext) -> tuple[BatchRecord, bool]:
        from assets.payments.batches import cancel_batch

        return cancel_batch(context, number, by, reason)

    return add_between_runs(folder, progress, clock, add, lambda cancelled: cancelled[1])
