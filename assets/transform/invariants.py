"""Statements that should hold of what the SQL models made.

Belongs here: queries that must return nothing. Does not belong here: checks of the written copy (assets/publishing/parquet_set.py), checks of
one column (dbt), contradictions between records (reference_checks.py).
"""

from __future__ import annotations

from assets.runtime.context import CheckFailed, RunContext, StepReport
from assets.runtime.events import log_event
from assets.runtime.warehouse import open_warehouse

#: Name of a statement: the query that returns the rows that break it.
CHECKS: dict[str, str] = {
    "every_row_is_accounted_for": """
        select feed, file_name, rows_read, rows_loaded, rows_duplicate, rows_superseded, rows_rejected
        from marts.audit_feed_file
        where rows_read <> rows_loaded + rows_duplicate + rows_superseded + rows_rejected or rows_loaded < 0""",
    "every_row_has_one_disposition": """
        select feed, file_no, row_no
        from (select feed, file_no, row_no from intermediate.int_rows_replaced union all select feed, file_no, row_no from intermediate.int_rows_unresolved)
        group by all having count(*) > 1""",
    # a line is credited once per membership that holds its date: memberships that never overlap credit it once. One that lies outside the
    # agreement's term holds no day; it would stand beside another of the same first day, before or after it as it happens
    "no_line_counts_twice_for_a_participant": """
        select line_set_key, participant_key, partner_key, first_day
        from (
            select *, lag(last_day) over (partition by agreement_key, line_set_key, participant_key, partner_key order by first_day) >= first_day as
            is_overlapping
            from intermediate.int_memberships
            where not is_pool_piece and first_day <= last_day
        )
        where is_overlapping""",
    "credited_lines_add_up_to_the_sums": """
        with lines as (
            select coalesce(sum(amount_millionths), 0) as amount, count(*) as line_count from intermediate.int_lines_credited where is_in_term
        ),
        sums as (
            select coalesce(sum(amount * 1000000), 0) as amount, coalesce(sum(line_count), 0) as line_count
            from intermediate.int_measures_summed where not is_prior
        )
        select * from lines, sums where lines.amount <> sums.amount or lines.line_count <> sums.line_count""",
    "every_participant_has_every_window_once": """
        with expected as (
            select windows.benefit_key, participants.participant_key, windows.window_no
            from terms.windows as windows
            join terms.benefits as benefits using (benefit_key)
            join intermediate.int_participants as participants using (agreement_key)
        )
        (from expected except all select benefit_key, participant_key, window_no from calc.payouts)
        union all
        (select benefit_key, participant_key, window_no from calc.payouts except all from expected)""",
    "no_result_is_lost_on_the_way_to_the_marts": """
        select *
        from (values
            ('fct_payout', (select count(*) from marts.fct_payout), (select count(*) from calc.payouts)),
            ('fct_achievement', (select count(*) from marts.fct_achievement), (select count(*) from calc.achievement)),
            ('fct_calculation_step', (select count(*) from marts.fct_calculation_step), (select count(*) from calc.calculation_steps))
        ) as counted (mart, published, calculated)
        where published <> calculated""",
    # entitlement minus what was posted: whatever was closed, the rows of a payout add up to what is due today
    "accruals_add_up_to_what_is_due": """
        with due as (
            select payout_id, arg_max(accrued_to_date, period_no) as accrued
            from calc.accruals join intermediate.int_payouts_identified using (payout_key)
            group by payout_id
        ),
        booked as (select payout_id, sum(accrual) as accrued from marts.fct_accrual group by payout_id)
        select payout_id, due.accrued as due, booked.accrued as booked
        from due full join booked using (payout_id)
        where coalesce(due.accrued, 0) <> coalesce(booked.accrued, 0)""",
    # entry by entry it is held when a period is closed, and by `verify`
    "debits_equal_credits": """
        select period, currency, sum(debit) as debit, sum(credit) as credit
        from marts.fct_journal group by all having sum(debit) <> sum(credit)""",
    # an agreement that is edited while the book runs: the next run takes it, under its own name
    "the_agreements_are_those_the_run_is_named_after": """
        select loaded.agreements_sha256 as computed, named.agreements_sha256 as named
        from terms.loaded cross join calc.current_run as named
        where loaded.agreements_sha256 <> named.agreements_sha256""",
    "every_payout_id_is_unique": "select payout_id from marts.fct_payout group by all having count(*) > 1",
    "blocked_payouts_pay_nothing": "select payout_id, payout from marts.fct_payout where status = 'blocked' and payout <> 0",
}


def run_checks(context: RunContext) -> StepReport:
    """Hold every statement of CHECKS against the warehouse. Raises CheckFailed at the first that does not hold, with the first rows that break it."""
    with open_warehouse(context) as con:
        for done, (name, query) in enumerate(CHECKS.items()):
            context.progress("checks", done, len(CHECKS))
            broken = con.execute(f"from ({query}) limit 5").fetchall()
            if broken:
                columns = ", ".join(c[0] for c in con.description or [])
                raise CheckFailed(name, f"{columns}: " + "; ".join(", ".join(map(str, row)) for row in broken))
            log_event("check_passed", f"Check passed: {name}", check=name)
    return StepReport(figures={"checks": len(CHECKS)})
