"""From the payouts to the journal, and from the files to the rows: totals that an auditor ties to the general ledger and to the sender.

Belongs here: the tables of totals. Does not belong here: statements that must hold (checks.py).
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import duckdb

from assets.archive.manifest import read_manifest
from models.sql_text import literal

#: Name of the file to its query over the published tables. $period is the period.
_TABLES = {
    "accounts": """
        select account, currency, kind, count(distinct entry_id) as entries, sum(debit) as debit, sum(credit) as credit, sum(debit) - sum(credit) as balance
        from fct_journal where period = $period group by all""",
    "accruals": """
        with accrued as (
            select agreement_id, sum(accrual) as accrued, count(distinct payout_id) as payouts from fct_accrual where period = $period group by all
        ),
        booked as (
            select agreement_id, currency, sum(debit) filter (line_no = 1) as booked, count(distinct entry_id) as entries
            from fct_journal where period = $period and kind in ('accrual', 'true_up', 'restatement') group by all
        )
        select agreement_id, currency, payouts, accrued, entries, booked as booked_regardless_of_side
        from accrued full join booked using (agreement_id)""",
    "payouts": """
        select agreement_id, currency, status, count(*) as payouts, sum(payout) as payout, sum(closed_payout) as closed_payout, sum(settled) as settled,
            sum(open_amount) as open_amount, sum(payout_reporting) as payout_reporting
        from fct_payout semi join of_period using (payout_id) group by all""",
    "rows": """
        select feed, count(*) as files, sum(rows_read) as rows_read, sum(rows_loaded) as rows_loaded, sum(rows_duplicate) as rows_duplicate,
            sum(rows_superseded) as rows_superseded, sum(rows_rejected) as rows_rejected, sum(rows_ignored) as rows_ignored
        from audit_feed_file group by all""",
}
INPUTS = "inputs.csv"


def write_reconciliation(con: duckdb.DuckDBPyConnection, folder: Path, period: str) -> None:
    """Write one CSV per table of totals."""
    (folder / "reconciliation").mkdir()
    for name, query in _TABLES.items():
        target = literal(str(folder / "reconciliation" / f"{name}.csv"))
        con.execute(f"copy (from ({query.replace('$period', literal(period))}) order by all) to {target} (format csv, header)")


def write_inputs(con: duckdb.DuckDBPyConnection, archive: Path, folder: Path) -> int:
    """Write one row per file that arrived: its hash, size, the totals that its sender declared, and what became of its rows. Returns how many."""
    columns = ("rows_read", "rows_loaded", "rows_duplicate", "rows_superseded", "rows_rejected", "rows_ignored")
    rows = con.execute(f"select feed, arrival_no, status, {', '.join(columns)} from audit_feed_file").fetchall()
    by_arrival = {(feed, number): rest for feed, number, *rest in rows}
    count = 0
    with (folder / INPUTS).open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["feed", "arrival_no", "file_name", "sha256", "bytes", "arrived_at", "declared_totals", "status", *columns])
        for each in read_manifest(archive):
            if (each.feed, each.arrival_no) in by_arrival:  # one that arrived after the published run is not part of it
                declared = json.dumps(each.totals, sort_keys=True) if each.totals else ""
                found = by_arrival[each.feed, each.arrival_no]
                writer.writerow([each.feed, each.arrival_no, each.file_name, each.sha256, each.bytes, each.arrived_at, declared, *found])
                count += 1
    return count
