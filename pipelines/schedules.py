"""The schedule of runs. It is off until you switch it on."""

from __future__ import annotations

import dagster as dg

from pipelines.jobs import RUN_BOOK

every_morning = dg.ScheduleDefinition(
    name="every_morning",
    job_name=RUN_BOOK,
    cron_schedule="0 5 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Runs the book every day at 05:00 UTC, up to book.yaml's as_of, else up to that day.",
)
