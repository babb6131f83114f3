"""Table of contents of what Dagster loads. Does not belong here: anything that has a body."""

from __future__ import annotations

import datetime as dt
from typing import Any

import dagster as dg

from pipelines.graph import build_assets
from pipelines.jobs import run_book
from pipelines.period_closes import close_parts
from pipelines.resources import BookFolder, BookRun
from pipelines.schedules import every_morning
from pipelines.sensors import new_files
from pipelines.settings import book_folder
from pipelines.tables import read_manifest


def build_defs(**overrides: Any) -> dg.Definitions:
    """Everything, on the book that the environment names; `overrides` replaces resources by name, such as book=BookFolder(folder=…)."""
    book = overrides.get("book") or BookFolder(folder=str(book_folder()))
    closes, (close_periods, month_end) = close_parts(book.path, dt.date.today())
    return dg.Definitions(
        assets=[*build_assets(read_manifest()), closes],
        jobs=[run_book, close_periods],
        schedules=[every_morning, month_end],
        sensors=[new_files],
        resources={"book": book, "book_run": BookRun(book=book), **overrides},
        # one process per run: imports and dbt's start-up once, the book's lock held from the first step to the last
        executor=dg.in_process_executor,
    )


defs = build_defs()
