"""What can be launched by name. Does not belong here: what is in the graph (pipelines/graph.py), when it runs (schedules.py, sensors.py)."""

from __future__ import annotations

import dagster as dg

run_book = dg.define_asset_job(
    "run_book",
    # closing is a decision of its own (pipelines/period_closes.py)
    selection=dg.AssetSelection.all() - dg.AssetSelection.groups("closes"),
    description="The whole way: take in new files, compute every payout, check, publish. The same steps as `tierledger run --force`.",
)
