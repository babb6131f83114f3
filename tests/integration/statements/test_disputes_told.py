"""Disputes on a statement.

Belongs here: which of them, and how they stood. Does not belong here: what is held (tests/golden/disputes.yaml).
"""

from __future__ import annotations

import datetime as dt

from assets.statements.document.tell import tell
from assets.statements.read import read_statements
from assets.statements.words import words_of
from models.book.statement_settings import StatementSettings
from tests.integration.statements.conftest import Opened


def test_disputes_are_told_as_they_stood_at_the_end_of_the_period(last_period: Opened) -> None:
    """One was resolved before the period, one in it, one after it; one was raised after it, and one names no payout."""
    con, period = last_period
    rows = [("D1", "2026-05-02", "2026-05-31"), ("D2", "2026-05-02", "2026-06-01"), ("D3", "2026-06-30", "2026-07-01"), ("D4", "2026-07-01", None)]
    values = ", ".join(f"('{name}', date '{raised}', try_cast('{resolved}' as date))" for name, raised, resolved in rows)
    con.execute(f"""
        create temp table fct_dispute as
        select given.*, payout_id, agreement_id, benefit_id, participant_id, window_start, 'T-1' as transaction_id, 2 as line,
            7.5::decimal(18, 4) as disputed_amount, currency, 'credit' as component,
            'not ours' as reason, if(resolved_on is null, 'open', 'accepted') as status, null::varchar as note,
            '' as source_file, '' as source_sha256, 1 as source_row
        from (values {values}) as given (dispute_id, raised_on, resolved_on)
        cross join (from main.fct_payout where participant_id = 'CH-08' order by payout_id limit 1)
        union all by name select 'D5' as dispute_id, date '2026-06-01' as raised_on, 'CH-08' as participant_id, 'unknown_payout' as status""")
    try:
        statement = next(iter(read_statements(con, period, ["CH-08"])))
    finally:
        con.execute("drop table temp.fct_dispute")
    assert [(row["dispute_id"], row["resolved_on"]) for row in statement.disputes] == [("D2", dt.date(2026, 6, 1)), ("D3", None)]
    document = tell(statement, words_of("en"), StatementSettings())
    table = document.disputes
    assert table is not None
    assert [row[4:] for row in table.rows] == [
        ("T-1/2", "credit; not ours", "Accepted on Jun 1, 2026", "7.50 EUR"),
        ("T-1/2", "credit; not ours", "Open", "7.50 EUR"),
    ]
