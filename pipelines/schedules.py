"""The schedule of runs. It is off until you switch it on."""

from __future__ import annotations

import dagster as dg

from pipelines.jobs import RUN_BOOK


def every_morning(time_zone: str) -> dg.ScheduleDefinition:
    """One run a day, in the book's time zone."""
    return dg.ScheduleDefinition(
        name="every_morning",
        job_name=RUN_BOOK,
        cron_schedule="0 5 * * *",
        execution_timezone=time_zone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=f"Runs the book every day at 05:00 ({time_zone}), up to book.yaml's as_of, else up to that day.",
    )
