"""In which run each payout was computed last, and why it was then: what `explain` says of a payout that a run left as it was.

Belongs here: the note of it in the warehouse, and its file next to the published sets, which is no table of them: it says how they came about.
Does not belong here: what is computed anew (changed_participants.py), how it is shown.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import duckdb

from assets.incremental.changed_lines import CAUSES
from assets.incremental.mode import why_full
from assets.incremental.recomputed import COMPUTED_ANEW
from assets.runtime.sql import scan, table_exists
from models.sql_text import literal

FILE = "computed.parquet"
_IDS = "intermediate.int_payouts_identified"


@dataclass(frozen=True)
class PayoutRun:
    """The run that computed a payout last, and why."""

    run_id: str
    why: str


def record_payout_runs(con: duckdb.DuckDBPyConnection) -> None:
    """Once all payouts are computed: enter those that were computed anew in calc.payout_runs. Those that were deleted are gone from it."""
    run_id = "(select run_id from calc.current_run)"
    why = why_full(con)
    if why is not None:
        con.execute(f"create or replace table calc.payout_runs as select payout_key, {run_id} as run_id, ? as why from calc.payouts", [why])
    else:
        causes = "{" + ", ".join(f"{number}: {literal(cause)}" for number, cause in enumerate(CAUSES)) + "}"
        con.execute(f"insert into calc.payout_runs select payout_key, {run_id}, (map {causes})[cause_no] from ({COMPUTED_ANEW})")


def write_payout_runs(con: duckdb.DuckDBPyConnection, published: Path) -> None:
    """Replace the file in one step. Where the set was not computed by a run, there is none."""
    if not table_exists(con, "calc", "payout_runs"):
        return
    staged = published / f".{FILE}.tmp"
    query = f"select payout_id, run_id, why from calc.payout_runs join {_IDS} using (payout_key) order by payout_id"
    con.execute(f"copy ({query}) to {literal(str(staged))} (format parquet)")
    os.replace(staged, published / FILE)


def read_payout_run(published: Path, payout_id: str) -> PayoutRun | None:
    """What the file says of a payout; None where there is no file that can be read, or it does not know the payout."""
    try:
        with duckdb.connect() as con:
            rows = con.execute(f"select run_id, why from {scan(published / FILE)} where payout_id = ?", [payout_id]).fetchall()
    except duckdb.Error:
        return None
    return PayoutRun(*rows[0]) if rows else None
