"""What must hold of a pack's tables: statements as queries over its CSV files. The pack is built only if they hold; `verify-pack` asks them again.

Belongs here: the statements, and evaluating them. Does not belong here: files and hashes (verify_pack.py), recomputing payouts (recompute.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from assets.evidence.tables import PackedTable, path_of
from assets.published.reader import fetch
from models.sql_text import identifier, literal

#: At most so many rows that break a statement are listed.
_LISTED = 5


class Statement(NamedTuple):
    """What must hold. `compared`: a query of one row with the numbers that were compared. `broken`: the rows that break it. $period is the period."""

    holds: str
    tables: tuple[str, ...]
    compared: str
    broken: str


_BALANCES = """
    select payout_id, sum(case direction when 'payable' then credit - debit else debit - credit end) as amount
    from fct_journal join (select payout_id, direction from fct_payout) using (payout_id)
    where kind in ('accrual', 'true_up', 'restatement')
        and account_role = case direction when 'payable' then 'payable_liability' else 'receivable_asset' end
    group by payout_id"""

STATEMENTS: dict[str, Statement] = {
    "payouts_are_unique": Statement(
        "Every payout of the pack has one row, and every payout of the period is in it",
        ("fct_payout", "pack_payout"),
        "select count(*) as payouts, (select count(*) from pack_payout) as listed from fct_payout",
        "select payout_id, count(*) as rows from pack_payout left join fct_payout using (payout_id) group by payout_id having count(agreement_id) <> 1",
    ),
    "lines_add_up_to_payouts": Statement(
        "The lines of a payout add up to it",
        ("fct_payout_line", "fct_payout"),
        "select count(*) as lines, count(distinct payout_id) as payouts, sum(line_payout) as line_payout from fct_payout_line",
        """select payout_id, payout, coalesce(sum(line_payout), 0) as lines
        from fct_payout join pack_payout using (payout_id) left join fct_payout_line using (payout_id)
        where is_detailed group by payout_id, payout having coalesce(payout, 0) <> coalesce(sum(line_payout), 0)""",
    ),
    "lines_add_up_to_measures": Statement(
        "The lines of a payout, and its opening balance, add up to the measure of its periods",
        ("fct_payout", "fct_payout_line", "fct_balance", "fct_achievement"),
        "select count(*) as lines, sum(credited_measure) as credited from fct_payout_line",
        """with brought as (
            select payout_id, credited_measure from fct_payout_line where transaction_id is not null
            union all select payout_id, coalesce(measure, 0) from fct_balance where status = 'counted'
        ),
        lines as (
            select payout_id, sum(credited_measure) as credited from brought semi join (from fct_payout where measure is not null) as known using (payout_id)
            group by payout_id
        ),
        measured as (select payout_id, sum(measure_period) as measure, count(*) = count(measure_period) as is_whole from fct_achievement group by payout_id)
        select payout_id, measure, credited from lines join measured using (payout_id) where is_whole and measure <> credited""",
    ),
    "payouts_name_their_clause": Statement(
        "Every payout names an agreement version, benefit, clause and run that the pack has",
        ("fct_payout", "dim_benefit", "dim_agreement", "audit_run"),
        "select count(*) as payouts, count(distinct (agreement_id, agreement_version)) as versions from fct_payout",
        """select payout_id, agreement_id, agreement_version, clause, run_id from fct_payout
        anti join (
            select agreement_id, agreement_version, benefit_id, clause, run_id
            from dim_benefit join dim_agreement using (agreement_id, agreement_version) cross join audit_run where content_sha256 is not null
        ) using (agreement_id, agreement_version, benefit_id, clause, run_id)""",
    ),
    "ended_windows_are_accrued": Statement(
        "Where the window has ended, what was accrued over all periods is the payout",
        ("fct_payout", "fct_accrual", "fct_balance"),
        "select count(*) as payouts, sum(payout) as payout from fct_payout where status in ('final', 'closed')",
        """with booked as (
            select payout_id, accrual from fct_accrual union all select payout_id, accrued from fct_balance where status = 'counted'
        )
        select payout_id, payout, coalesce(sum(accrual), 0) as accrued from fct_payout left join booked using (payout_id)
        where status in ('final', 'closed') group by payout_id, payout having payout <> coalesce(sum(accrual), 0)""",
    ),
    "entries_balance": Statement(
        "In every entry of the period debits equal credits",
        ("fct_journal",),
        "select count(distinct entry_id) as entries, sum(debit) as debit, sum(credit) as credit from fct_journal",
        """select entry_id, currency, sum(debit) as debit, sum(credit) as credit, count(*) as lines from fct_journal
        group by all having sum(debit) <> sum(credit) or count(*) <> 2 or min(least(debit, credit)) < 0""",
    ),
    "accruals_are_in_the_journal": Statement(
        "What a payout accrued in the period is what the journal of the period books for it",
        ("fct_accrual", "fct_journal", "fct_payout"),
        "select count(*) as accruals, sum(accrual) as accrued from fct_accrual where period = $period",
        f"""with booked as ({_BALANCES}),
        accrued as (select payout_id, sum(accrual) as accrual from fct_accrual where period = $period group by payout_id)
        select payout_id, accrual, amount as booked from accrued full join booked using (payout_id)
        where coalesce(accrual, 0) <> coalesce(amount, 0)""",
    ),
    "rows_of_files_are_accounted_for": Statement(
        "Of every file that arrived, rows read = loaded + duplicate + superseded + rejected + ignored, and each rejected row is listed",
        ("audit_feed_file", "audit_reject"),
        "select count(*) as files, sum(rows_read) as rows, sum(rows_loaded) as loaded, sum(rows_rejected) as rejected from audit_feed_file",
        """select feed, file_name, rows_read, rows_loaded, rows_rejected, count(row_number) as rejects_listed
        from audit_feed_file left join audit_reject using (feed, file_name, sha256)
        group by feed, file_name, sha256, arrival_no, rows_read, rows_loaded, rows_duplicate, rows_superseded, rows_rejected, rows_ignored
        having rows_read <> rows_loaded + rows_duplicate + rows_superseded + rows_rejected + rows_ignored or rows_rejected <> count(row_number)""",
    ),
    "lines_come_from_files_that_count": Statement(
        "Every line comes from a file that arrived and counts",
        ("fct_payout_line", "audit_feed_file"),
        "select count(distinct source_sha256) as files, count(distinct (source_sha256, source_row)) as rows from fct_payout_line",
        """select payout_id, transaction_id, source_file from fct_payout_line
        anti join (select sha256 from audit_feed_file where feed = 'transactions' and status = 'loaded') as files on source_sha256 = sha256
        where source_sha256 is not null""",
    ),
}


def open_tables(folder: Path, columns: Mapping[str, Iterable[tuple[str, str]]]) -> duckdb.DuckDBPyConnection:
    """A private connection with the CSV files of a pack as tables. `columns`: by table, names and types in order."""
    con = duckdb.connect(config={"threads": 2})
    con.execute("set timezone = 'UTC'")
    for table, listed in columns.items():
        types = "{" + ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in listed) + "}"
        con.execute(
            f"create table {identifier(table)} as from read_csv({literal(str(folder / path_of(table)))}, header = true, auto_detect = false, columns = {types})"
        )
    return con


def columns_of(packed: Iterable[PackedTable]) -> dict[str, tuple[tuple[str, str], ...]]:
    """By table, names and types in order."""
    return {table.name: table.columns for table in packed}


def evaluate(con: duckdb.DuckDBPyConnection, period: str) -> list[dict[str, Any]]:
    """One entry per statement: its name, what holds, the numbers compared, and the first rows that break it."""
    found = []
    for name, statement in STATEMENTS.items():
        compared = fetch(con, _filled(statement.compared, period))[0]
        broken = fetch(con, f"from ({_filled(statement.broken, period)}) limit {_LISTED}")
        texts = [", ".join(f"{key} {value}" for key, value in row.items()) for row in broken]
        found.append({"check": name, "holds": statement.holds, "compared": {key: str(value) for key, value in compared.items()}, "broken": texts})
    return found


def _filled(query: str, period: str) -> str:
    return query.replace("$period", literal(period))
