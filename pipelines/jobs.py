"""What can be launched by name. Does not belong here: what is in the graph (assets/graph/), when it runs (schedules.py, sensors.py), closing
(period_closes.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg

from assets.graph.step_assets import DBT_TESTS

RUN_BOOK = "run_book"
DATA_TESTS = "data_tests"


def build_jobs(assets: Sequence[Any]) -> list[Any]:
    """The jobs over these assets and checks."""
    tests = dg.AssetSelection.checks(*(each for each in assets if isinstance(each, dg.AssetChecksDefinition) and each.node_def.name == DBT_TESTS))
    return [
        dg.define_asset_job(
            RUN_BOOK,
            selection=dg.AssetSelection.all() - tests,
            description="A full run: take in new files, compute every payout, check, publish. The same steps as `tierledger run --force`.",
        ),
        dg.define_asset_job(
            DATA_TESTS,
            selection=tests,
            description="dbt's data tests on what the warehouse holds, one per column and rule. They compute the large views many times and block nothing.",
        ),
    ]
