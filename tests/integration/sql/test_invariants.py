"""Every statement of CHECKS has a book that breaks it; the run is refused by that name.

Belongs here: one damaged warehouse per way of breaking a statement. Does not belong here: statements about a published set
(tests/integration/publishing/test_publishing.py) or about closed periods (tests/integration/ledger/test_verify.py).
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from assets.runtime.book_folder import open_run
from assets.runtime.context import CheckFailed, RunContext
from assets.runtime.warehouse import open_warehouse
from assets.transform import dbt
from assets.transform.invariants import CHECKS, run_checks
from pipelines.run import run_book
from tests.support.bonus_book import deliver, published_bytes

#: (statement, table, what is done to it): only this statement, or one after it, is broken by it.
DAMAGES = [
    ("every_row_is_accounted_for", "marts.audit_feed_file", "update made set rows_loaded = rows_loaded + 1 where arrival_no = 1"),
    ("every_row_is_accounted_for", "marts.audit_feed_file", "update made set rows_rejected = rows_rejected + rows_loaded + 1, rows_loaded = -1"),
    ("every_row_has_one_disposition", "intermediate.int_rows_replaced", "insert into made from (from made limit 1)"),
    (
        "every_row_has_one_disposition",
        "intermediate.int_rows_unresolved",
        "insert into made select feed, file_no, row_no, 'unknown_partner', 'partner_id', 'C9' from intermediate.int_rows_replaced limit 1",
    ),
    ("no_line_counts_twice_for_a_participant", "intermediate.int_memberships", "insert into made from (from made limit 1)"),
    (
        "no_line_counts_twice_for_a_participant",
        "intermediate.int_memberships",
        "insert into made select * replace (last_day as first_day, last_day + 1 as last_day) from made limit 1",  # one day in common
    ),
    ("credited_lines_add_up_to_the_sums", "intermediate.int_measures_summed", "update made set amount = amount + line_count * 0.000001"),
    ("credited_lines_add_up_to_the_sums", "intermediate.int_measures_summed", "update made set line_count = line_count + 1"),
    ("every_participant_has_every_window_once", "calc.payouts", "delete from made where payout_key = (select max(payout_key) from made)"),
    ("every_participant_has_every_window_once", "calc.payouts", "insert into made from (from made limit 1)"),
    ("no_result_is_lost_on_the_way_to_the_marts", "marts.fct_payout", "delete from made where payout_id = (select min(payout_id) from made)"),
    ("no_result_is_lost_on_the_way_to_the_marts", "marts.fct_achievement", "insert into made from (from made limit 1)"),
    ("no_result_is_lost_on_the_way_to_the_marts", "marts.fct_calculation_step", "delete from made where step_no = 1"),
    ("accruals_add_up_to_what_is_due", "marts.fct_accrual", "update made set accrual = accrual + 0.0001 where payout_id = (select min(payout_id) from made)"),
    ("accruals_add_up_to_what_is_due", "marts.fct_accrual", "delete from made where accrual <> 0"),
    (
        "accruals_add_up_to_what_is_due",
        "marts.fct_accrual",
        "delete from made where payout_id = (select min(payout_id) from (select payout_id from made group by all having sum(accrual) <> 0))",  # all of its rows
    ),
    ("accruals_add_up_to_what_is_due", "marts.fct_accrual", "insert into made select * replace ('another' as payout_id) from made where accrual <> 0 limit 1"),
    ("debits_equal_credits", "marts.fct_journal", "update made set debit = debit + 0.01 where line_no = 1"),
    ("debits_equal_credits", "marts.fct_journal", "update made set credit = credit + 0.01 where line_no = 2"),
    ("debits_equal_credits", "marts.fct_journal", "update made set currency = 'USD' where line_no = 2"),
    ("the_agreements_are_those_the_run_is_named_after", "terms.loaded", "update made set agreements_sha256 = 'edited'"),
    ("every_step_was_made_for_this_run", "calc.made_for", "update made set run_id = 'another' where step = 'net'"),
    ("every_step_was_made_for_this_run", "calc.made_for", "delete from made where step = 'marts'"),
    (
        "every_payout_id_is_unique",
        "marts.fct_payout",
        "update made set payout_id = (select min(payout_id) from made) where payout_id = (select max(payout_id) from made)",
    ),
    ("blocked_payouts_pay_nothing", "marts.fct_payout", "update made set status = 'blocked' where payout <> 0"),
    ("blocked_payouts_pay_nothing", "marts.fct_payout", "update made set status = 'blocked', payout = -payout where payout <> 0"),
    ("releases_add_up_to_payouts", "marts.fct_release", "update made set amount = amount + 1"),
    ("releases_add_up_to_payouts", "marts.fct_release", "update made set settled = settled + 1"),
]  # fmt: skip


def damage_table(context: RunContext, table: str, change: str) -> None:
    """Put a changed copy of a table or view in its place."""
    with open_warehouse(context) as con:
        con.execute(f"create table made as from {table}")
        before = con.execute("from made").fetchall()
        con.execute(change)
        assert con.execute("from made").fetchall() != before
        (kind,) = con.execute("select table_type from information_schema.tables where table_schema || '.' || table_name = ?", [table]).fetchone() or ("",)
        con.execute(f"drop {'view' if kind == 'VIEW' else 'table'} {table}")
        con.execute(f"create view {table} as from made")


def test_every_statement_is_broken_by_some_damage() -> None:
    assert {statement for statement, *_ in DAMAGES} == CHECKS.keys()


def open_copy(book: Path, folder: Path) -> RunContext:
    """The settings and the warehouse alone."""
    for name in ("book.yaml", "warehouse.duckdb"):
        shutil.copyfile(book / name, folder / name)
    return open_run(folder, None, dt.datetime.now(dt.UTC))


def test_a_whole_book_breaks_none(ran_book: Path, tmp_path: Path) -> None:
    assert run_checks(open_copy(ran_book, tmp_path)).checks == len(CHECKS)


@pytest.mark.parametrize(("statement", "table", "change"), DAMAGES)
def test_a_statement_that_does_not_hold_is_named(ran_book: Path, tmp_path: Path, statement: str, table: str, change: str) -> None:
    context = open_copy(ran_book, tmp_path)
    damage_table(context, table, change)
    with pytest.raises(CheckFailed) as failed:
        run_checks(context)
    assert failed.value.check == statement
    assert failed.value.finding


def test_a_run_whose_tables_break_a_statement_publishes_nothing(ran_book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = shutil.copytree(ran_book, tmp_path / "book", symlinks=True)
    before = published_bytes(book)
    deliver(book, {"2026-05-01.csv": "T9,1,2026-05-01,C1,1.00,EUR\n"})
    build_marts = dbt.build_marts

    def build_other_marts(context: RunContext, models: Sequence[str]) -> dbt.ModelsReport:
        report = build_marts(context, models)
        damage_table(context, "marts.fct_payout", "update made set status = 'blocked' where payout <> 0")
        return report

    monkeypatch.setattr(dbt, "build_marts", build_other_marts)
    with pytest.raises(CheckFailed, match="blocked_payouts_pay_nothing"):
        run_book(book)
    assert published_bytes(book) == before
