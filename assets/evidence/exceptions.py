"""What an auditor asks about first: rejected rows, blocked payouts, overrides, reopenings, write-offs, withdrawn files, terms without approval.

Belongs here: collecting them in one table. Does not belong here: the tables that they come from.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import duckdb

from assets.ledger.folder import Ledger
from assets.published.reader import fetch

PATH = "exceptions.csv"
_COLUMNS = ("kind", "subject", "what", "reason", "by", "approved_by", "at")
#: Of each kind: subject, what, reason, by, approved_by, at.
_QUERIES = {
    "blocked payout": """
        select payout_id, concat_ws('/', agreement_id, benefit_id, participant_id, window_start), status_reason, null, null, null
        from fct_payout semi join of_period using (payout_id) where status = 'blocked'""",
    "rejected row": """
        select concat(file_name, ', row ', row_number), concat_ws(' ', feed, column_name, message), r.reason, null, null, null
        from audit_reject as r anti join audit_reject_resolved as x using (feed, sha256, file_name, row_number)""",
    "withdrawn file": """
        select concat(feed, ' ', file_name), concat(rows_read, ' rows'), reason, null, null, null from audit_feed_file where status = 'withdrawn'""",
    "terms without approval": """
        select concat(agreement_id, ' version ', agreement_version), title, null, null, null, null
        from dim_agreement semi join fct_payout using (agreement_id, agreement_version) where approved_by is null""",
    "difference to a closed period": """
        select payout_id, concat(accrual, ' of ', origin_period, ' posted in ', period), reason, null, null, null
        from fct_accrual where period = $period and origin_period <> period""",
}


def write_exceptions(con: duckdb.DuckDBPyConnection, ledger: Ledger, period: str, folder: Path) -> dict[str, int]:
    """Write one row per exception. Returns how many there are of each kind, also where there are none."""
    rows = [*_of_tables(con, period), *_of_ledger(ledger)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(rows)
    (folder / PATH).write_text(text.getvalue(), encoding="utf-8", newline="")
    kinds = (*_QUERIES, "accepted error", "reopened period", "write-off")
    return {kind: sum(row[0] == kind for row in rows) for kind in kinds}


def _of_tables(con: duckdb.DuckDBPyConnection, period: str) -> Iterator[tuple[object, ...]]:
    for kind, query in _QUERIES.items():
        parameters = {"period": period} if "$period" in query else None
        yield from (
            (kind, *row.values())
            for row in fetch(con, f"select * from ({query}) as found (subject, what, reason, named, approved, moment) order by all", parameters)
        )


def _of_ledger(ledger: Ledger) -> Iterator[tuple[object, ...]]:
    for record in ledger.records:
        for override in record.overrides:
            yield "accepted error", f"close of {record.period}", f"{override.check}: {override.finding}", override.reason, override.by, None, record.closed_at
        if record.kind == "reopen":
            yield "reopened period", record.period, f"version {record.version}", record.reason, record.requested_by, record.approved_by, record.closed_at
    for each in ledger.write_offs:
        yield "write-off", each.payout_id, f"{each.amount} {each.currency}", each.reason, each.by, each.approved_by, each.written_at
