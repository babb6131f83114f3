"""Table of contents of what Dagster loads. Does not belong here: anything that has a body."""

from __future__ import annotations

from typing import Any

import dagster as dg

from assets.graph.period_closes import closed_periods
from assets.graph.specs import read_manifest
from assets.graph.step_assets import build_assets
from assets.runtime.book_folder import time_zone_of
from pipelines.jobs import build_jobs
from pipelines.payment_runs import propose_payments, weekly_payments
from pipelines.period_closes import close_periods, month_end
from pipelines.resources import BookFolder, BookRunWithSecrets
from pipelines.schedules import every_morning
from pipelines.sensors import new_files, published_runs
from pipelines.settings import book_folder


def build_defs(**overrides: Any) -> dg.Definitions:
    """Everything, on the book that the environment names; `overrides` replaces resources by name, such as book=BookFolder(folder=…)."""
    book = overrides.get("book") or BookFolder(folder=str(book_folder()))
    assets, time_zone = build_assets(read_manifest()), time_zone_of(book.path)
    return dg.Definitions(
        assets=[*assets, closed_periods()],
        jobs=[*build_jobs(assets), close_periods, propose_payments],
        schedules=[every_morning(time_zone), month_end(time_zone), weekly_payments(time_zone)],
        sensors=[new_files, published_runs],
        resources={"book": book, "book_run": BookRunWithSecrets(book=book), **overrides},
        # one process per run: imports and dbt's start-up once, the book's lock held from the first step to the last
        executor=dg.in_process_executor,
    )


defs = build_defs()
