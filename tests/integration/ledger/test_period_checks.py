"""What Dagster is told of a closed period: every statement has published tables that break it.

Belongs here: a small published set per way of breaking a statement. Does not belong here: closing (test_closing.py), the job (test_dagster.py).
"""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from assets.graph.period_closes import CHECKS, report_close
from assets.published.reader import sealed

#: Two closed months; January was opened again and closed anew. In March nothing is closed.
TABLES = {
    "audit_close": """(values
        ('2026-01', 1, 'close', false), ('2026-01', 1, 'reopen', false), ('2026-01', 2, 'close', true), ('2026-02', 1, 'close', true)
    ) as rows (period, version, kind, is_in_force)""",
    "fct_accrual": """(values
        ('p1', '2026-01', '2026-01', 10.00, true), ('p1', '2026-02', '2026-01', -1.00, true), ('p2', '2026-02', '2026-02', 0.00, false),
        ('p3', '2026-03', '2026-03', 5.00, false)
    ) as rows (payout_id, period, origin_period, accrual, is_posted)""",
    "fct_journal": """(values
        ('e1', '2026-01', 'EUR', 10.00, 0.00), ('e1', '2026-01', 'EUR', 0.00, 10.00), ('e2', '2026-02', 'EUR', 1.00, 0.00), ('e2', '2026-02', 'EUR', 0.00, 1.00)
    ) as rows (entry_id, period, currency, debit, credit)""",
}
#: Statement, table, what is done to it.
DAMAGES = [
    ("period_is_closed", "audit_close", "delete from made where period = '2026-02'"),
    ("period_is_closed", "audit_close", "update made set is_in_force = false where period = '2026-02'"),
    ("period_is_closed", "audit_close", "update made set kind = 'reopen' where period = '2026-02'"),
    ("nothing_of_the_period_is_unposted", "fct_accrual", "update made set is_posted = false where accrual = 10"),
    ("nothing_of_the_period_is_unposted", "fct_accrual", "update made set is_posted = false where accrual = -1"),
    ("journal_of_the_period_balances", "fct_journal", "update made set debit = 2 where debit = 1"),
    ("journal_of_the_period_balances", "fct_journal", "update made set entry_id = 'e3' where debit = 1"),
]


def evaluate(book: Path, damaged: str = "", change: str = "") -> dict[str, bool]:
    """Whether each statement holds of January and February."""
    folder = book / "published" / "current"
    folder.mkdir(parents=True)
    (folder / "tables.json").write_text(json.dumps(sealed({"rows": TABLES, "sha256": TABLES})))
    for table, rows in TABLES.items():
        with duckdb.connect() as con:
            con.execute(f"create table made as from {rows}")
            if table == damaged:
                con.execute(change)
            con.execute(f"copy made to '{folder / table}.parquet'")
    events = list(report_close(book, {"2026-01": "head-1", "2026-02": "head-2"}))
    assert [event.partition for event in events if isinstance(event, dg.AssetMaterialization)] == ["2026-01", "2026-02"]
    return {str(event.check_name): event.passed for event in events if isinstance(event, dg.AssetCheckEvaluation)}


def test_every_statement_holds_of_whole_tables(tmp_path: Path) -> None:
    assert evaluate(tmp_path) == dict.fromkeys(CHECKS, True)


@pytest.mark.parametrize(("statement", "table", "change"), DAMAGES)
def test_a_statement_that_does_not_hold_fails_alone(tmp_path: Path, statement: str, table: str, change: str) -> None:
    assert evaluate(tmp_path, table, change) == {**dict.fromkeys(CHECKS, True), statement: False}


def test_every_statement_is_broken_by_some_damage() -> None:
    assert {statement for statement, *_ in DAMAGES} == CHECKS.keys()
