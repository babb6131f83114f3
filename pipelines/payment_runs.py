"""Payments by Dagster: a job that proposes a batch, and a schedule for it. Nothing here approves.

Belongs here: what launches a proposal. Does not belong here: what a batch is (assets/payments/batches.py), approving (pipelines/cli/ledger/pay.py).
"""

import datetime as dt

import dagster as dg
from pydantic import Field

from assets.graph.failures import as_failure, cause
from assets.graph.hooks import explain_failure
from assets.graph.resources import BookFolder
from assets.graph.step_assets import POOL
from models.calendars import day_in
from pipelines.pay import propose_payments as propose


class ProposalConfig(dg.Config):
    """Who proposes, and what."""

    proposed_by: str = Field(description="Who proposes; stays in the ledger. Another person approves.")
    due_by: str | None = Field(default=None, description="What is due by this day (YYYY-MM-DD); default: by the last day that counts.")


@dg.op(pool=POOL, description="Runs the book, and proposes a batch of what is due and open. Approving it is left to a person.")
def propose_batch(context: dg.OpExecutionContext, config: ProposalConfig, book: BookFolder) -> None:
    """Propose a batch."""
    try:
        proposal = propose(book.path, dt.date.fromisoformat(config.due_by) if config.due_by else None, config.proposed_by)
    except Exception as error:
        raise as_failure(error) from cause(error)
    if proposal.record is None:
        context.log.info("Nothing to pay: no part is due and open.")
    else:
        way_on = f"tierledger pay --approve {proposal.record.batch} --by NAME"
        context.log.info(f"Batch {proposal.record.batch} proposed: {len(proposal.payments)} payments. Another person approves it: {way_on}")


@dg.job(hooks={explain_failure}, description="Proposes a payment batch, as `tierledger pay --due-by` does. No job approves one.")
def propose_payments() -> None:
    propose_batch()


def weekly_payments(time_zone: str) -> dg.ScheduleDefinition:
    """The schedule that proposes, in the book's time zone."""

    @dg.schedule(
        name="weekly_payments",
        job=propose_payments,
        cron_schedule="0 6 * * 1",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=f"On Mondays at 06:00 ({time_zone}), proposes a payment batch of what is due. A person approves it.",
    )
    def weekly_payments(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        config = {"ops": {propose_batch.name: {"config": {"proposed_by": "schedule weekly_payments"}}}}
        return dg.RunRequest(run_key=f"pay {day_in(time_zone, context.scheduled_execution_time)}", run_config=config)

    return weekly_payments
