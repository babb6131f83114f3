"""What counted and what did not: lines and sums per reason, for every payout whose window has days in the period.

Belongs here: one query over the rows of all files. Does not belong here: which reason is the first (dbt_project/models/marts/audit/audit_line.sql).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from assets.published.marts import parts_of_view
from assets.statements.statement import Period
from models.sql_text import literal


def write_reasons(con: duckdb.DuckDBPyConnection, period: Period, target: Path) -> None:
    """Write them to a Parquet file: payout_id, place (how far the lines came), reason, currency, lines, amount."""
    span = {"first": period.first_day, "last": period.last_day}
    con.execute(f"create temp table windows as {_WINDOWS}", span)
    con.execute("create temp table rows_in_windows as select t.* from fct_transaction as t, (select min(window_start) as a, max(window_end) as b from windows) "
                "where t.date between a and b or t.original_date between a and b")  # fmt: skip
    con.execute("create temp view fct_transaction as from rows_in_windows")  # the view below reads these rows alone
    con.execute(f"copy ({parts_of_view('audit_line')}, {_COUNTED}) to {literal(target)} (format parquet)")
    con.execute("drop view temp.fct_transaction; drop table rows_in_windows; drop table windows")


_WINDOWS = """
    select payout_id, agreement_id, benefit_id, participant_id, window_start, least(window_end, $last) as window_end
    from fct_payout where window_start <= $last and window_end >= $first
"""
#: Of several roads of a participant the one counts on which a row comes farthest. A row that was not loaded is told by its partner. Rows that were somebody
#: else's on their day (reasons 1 and 2) are counted; what they were worth is nobody else's business.
_COUNTED = """
    told as (
        select windows.payout_id, decided.source_sha256, decided.source_row, max(decided.place) as place
        from decided join windows using (agreement_id, benefit_id, participant_id)
        where decided.counted_date between windows.window_start and windows.window_end group by all
    ),
    partners_of as (select distinct agreement_id, participant_id, partner_id, valid_from, valid_to from audit_road),
    not_loaded as (
        select distinct windows.payout_id, t.source_sha256, t.source_row
        from rows_in_windows as t join partners_of using (partner_id) join windows using (agreement_id, participant_id)
        where t.disposition <> 'loaded' and t.date between partners_of.valid_from and partners_of.valid_to
            and t.date between windows.window_start and windows.window_end
    )
    select told.payout_id, told.place, reasons.reason, t.currency, count(*) as lines, sum(t.amount) filter (told.place > 2) as amount
    from told join reasons using (place) join rows_in_windows as t using (source_sha256, source_row) group by all
    union all
    select not_loaded.payout_id, 0, t.disposition, t.currency, count(*), sum(t.amount)
    from not_loaded join rows_in_windows as t using (source_sha256, source_row) group by all
"""
