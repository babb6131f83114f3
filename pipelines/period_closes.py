"""Closing by Dagster: a job for one fiscal period, and a schedule for the one that ended last.

Belongs here: what launches a close. Does not belong here: what closing is (pipelines/close.py), how closed periods are shown (assets/graph/period_closes.py).
"""

import dagster as dg
from pydantic import Field

from assets.graph.failures import as_failure, cause
from assets.graph.hooks import explain_failure
from assets.graph.period_closes import PERIODS, list_ended, report_close
from assets.graph.resources import BookFolder
from assets.graph.step_assets import POOL
from assets.runtime.book_folder import open_book
from models.calendars import ONE_DAY, day_in
from models.documents import InputError
from pipelines.close import close_book


class CloseConfig(dg.Config):
    """Who closes, and what they accept."""

    closed_by: str = Field(description="Who closes; stays in the ledger.")
    approved_by: str | None = Field(default=None, description="Who approves it, another person; needed where book.yaml has require_approval: true.")
    with_earlier: bool = Field(default=False, description="Close the open periods before it too, in order.")
    accept_open: str | None = Field(default=None, description="Close although payouts are blocked or rows rejected; the reason stays in the ledger.")


@dg.op(pool=POOL, description="Runs the book, freezes the period in the ledger, and publishes again.")
def close_period(context: dg.OpExecutionContext, config: CloseConfig, book: BookFolder) -> None:
    """Close the period of the partition."""
    try:
        closing = close_book(book.path, context.partition_key, config.closed_by, config.with_earlier, config.accept_open, approved_by=config.approved_by)
    except Exception as error:
        raise as_failure(error) from cause(error)
    context.log.info(f"{closing.period}: {'closed' if closing.closed else 'was closed before'}; head {closing.head}")
    heads = {each.record.period: each.record.chain_sha256 for each in closing.closed} or {closing.period: closing.head}
    context.instance.add_dynamic_partitions(str(PERIODS.name), list(heads))
    for event in report_close(book.path, heads):
        context.log_event(event)  # type: ignore[arg-type]  # it takes evaluations of checks too


@dg.job(
    partitions_def=PERIODS,
    hooks={explain_failure},
    description="Closes the period chosen, as `tierledger close` does. No materialization of assets closes anything.",
)
def close_periods() -> None:
    close_period()


def month_end(time_zone: str) -> dg.ScheduleDefinition:
    """The schedule that closes, in the book's time zone."""

    @dg.schedule(
        name="month_end",
        job=close_periods,
        cron_schedule="0 6 5 * *",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=f"On the fifth of the month at 06:00 ({time_zone}), closes the period that ended last.",
    )
    def month_end(context: dg.ScheduleEvaluationContext, book: BookFolder) -> dg.RunRequest | dg.SkipReason:
        """Periods are looked up when the schedule is evaluated, because the code location may have been loaded months ago."""
        try:
            today = day_in(open_book(book.path).time_zone, context.scheduled_execution_time)
            ended = list_ended(book.path, today - ONE_DAY)  # the day itself is not over
        except InputError as error:
            return dg.SkipReason(f"The book's periods cannot be read: {error}")
        if not ended:
            return dg.SkipReason("No period of the book has ended yet.")
        context.instance.add_dynamic_partitions(str(PERIODS.name), ended)
        config = {"ops": {close_period.name: {"config": {"closed_by": "schedule month_end"}}}}
        return dg.RunRequest(run_key=f"close {ended[-1]}", partition_key=ended[-1], run_config=config)

    return month_end
