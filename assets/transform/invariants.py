"""Statements that must hold for the results of the SQL models.

Belongs here: queries that must return nothing. Does not belong here: checks of the published copy (assets/publishing/parquet_set.py), checks of
one column (dbt), contradictions between records (reference_checks.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, NamedTuple

from assets.runtime.context import CheckFailed, ChecksPassed, RunContext
from assets.runtime.events import log_event
from assets.runtime.warehouse import open_warehouse
from assets.spark.split_lines import query_lines

if TYPE_CHECKING:
    import duckdb


class Check(NamedTuple):
    """One statement: the mart that Dagster attaches it to, and the query of the rows that break it.

    `lines`: a query over credited lines, which may be read in pieces; the other one reads its rows under that name.
    """

    mart: str
    query: str
    lines: str = ""


#: The statements by name.
CHECKS: dict[str, Check] = {
    "every_row_is_accounted_for": Check(
        "audit_feed_file",
        """
        select feed, file_name, rows_read, rows_loaded, rows_duplicate, rows_superseded, rows_rejected, rows_ignored
        from marts.audit_feed_file
        where rows_read <> rows_loaded + rows_duplicate + rows_superseded + rows_rejected + rows_ignored or rows_loaded < 0""",
    ),
    "every_row_has_one_disposition": Check(
        "audit_feed_file",
        """
        select feed, file_no, row_no
        from (select feed, file_no, row_no from intermediate.int_rows_replaced union all select feed, file_no, row_no from intermediate.int_rows_unresolved)
        group by all having count(*) > 1""",
    ),
    # a line is credited once per membership that contains its date, so memberships that never overlap credit it once. A membership outside the
    # agreement's term contains no day; its order relative to another with the same first day would be arbitrary
    "no_line_counts_twice_for_a_participant": Check(
        "fct_payout_line",
        """
        select line_set_key, participant_key, partner_key, first_day
        from (
            select *, lag(last_day) over memberships >= first_day as is_overlapping
            from intermediate.int_memberships
            where not is_pool_piece and first_day <= last_day
            window memberships as (
                partition by agreement_key, line_set_key, participant_key, partner_key, member_key, counts_from, counts_to order by first_day
            )
        )
        where is_overlapping""",
    ),
    "credited_lines_add_up_to_the_sums": Check(
        "fct_payout_line",
        """
        with credited as (
            select coalesce(sum(amount), 0) as amount, coalesce(sum(line_count), 0) as line_count from lines
        ),
        sums as (
            select coalesce(sum(amount * 1000000), 0) as amount, coalesce(sum(line_count), 0) as line_count
            from intermediate.int_measures_summed where not is_prior
        )
        select * from credited, sums where credited.amount <> sums.amount or credited.line_count <> sums.line_count""",
        lines="select sum(amount_millionths) as amount, count(*) as line_count from intermediate.int_lines_credited where is_in_term",
    ),
    "every_participant_has_every_window_once": Check(
        "fct_payout",
        """
        with expected as (
            select windows.benefit_key, participants.participant_key, windows.window_no
            from terms.windows as windows
            join terms.benefits as benefits using (benefit_key)
            join intermediate.int_participants as participants using (agreement_key)
            join terms.agreements as agreements using (agreement_key)
            cross join terms.settings as settings
            left join staging.stg_participations as parts
                on agreements.pool = 'each' and agreements.agreement_id = parts.agreement and participants.participant_id = parts.participant_id
            group by all
            -- who takes part on some days only has the windows with such a day that has come
            having count(parts.agreement) = 0
                or bool_or(greatest(parts.first_day, windows.window_start) <= least(parts.last_day, windows.window_end, settings.as_of))
        )
        (from expected except all select benefit_key, participant_key, window_no from calc.payouts)
        union all
        (select benefit_key, participant_key, window_no from calc.payouts except all from expected)""",
    ),
    "no_result_is_lost_on_the_way_to_the_marts": Check(
        "fct_payout",
        """
        select *
        from (values
            ('fct_payout', (select count(*) from marts.fct_payout), (select count(*) from calc.payouts)),
            ('fct_achievement', (select count(*) from marts.fct_achievement), (select count(*) from calc.achievement)),
            ('fct_calculation_step', (select count(*) from marts.fct_calculation_step), (select count(*) from calc.calculation_steps))
        ) as counted (mart, published, calculated)
        where published <> calculated""",
    ),
    # entitlement minus what was posted: no matter what was closed, the rows of a payout add up to what is due today
    "accruals_add_up_to_what_is_due": Check(
        "fct_accrual",
        """
        with due as (
            select payout_id, arg_max(accrued_to_date, period_no) - arg_min(accrued_before, period_no) as accrued
            from calc.accruals join intermediate.int_payouts_identified using (payout_key)
            group by payout_id
        ),
        booked as (select payout_id, sum(accrual) as accrued from marts.fct_accrual group by payout_id)
        select payout_id, due.accrued as due, booked.accrued as booked
        from due full join booked using (payout_id)
        where coalesce(due.accrued, 0) <> coalesce(booked.accrued, 0)""",
    ),
    # closing a period checks it entry by entry, and so does `verify`
    "debits_equal_credits": Check(
        "fct_journal",
        """
        select period, currency, sum(debit) as debit, sum(credit) as credit
        from marts.fct_journal group by all having sum(debit) <> sum(credit)""",
    ),
    # an agreement that is edited while the book runs belongs to the next run, under that run's id
    "the_agreements_are_those_the_run_is_named_after": Check(
        "fct_payout",
        """
        select loaded.agreements_sha256 as computed, named.agreements_sha256 as named
        from terms.loaded cross join calc.current_run as named
        where loaded.agreements_sha256 <> named.agreements_sha256""",
    ),
    # for a run in parts (docs/orchestration.md): what was made for another run is not published under this run's id
    "every_step_was_made_for_this_run": Check(
        "fct_payout",
        """
        select steps.step, made.run_id as made_for, named.run_id as this_run
        from (values ('prepare'), ('net'), ('marts')) as steps (step)
        cross join calc.current_run as named
        left join calc.made_for as made on steps.step = made.step
        where made.run_id is distinct from named.run_id""",
    ),
    "every_payout_id_is_unique": Check("fct_payout", "select payout_id from marts.fct_payout group by all having count(*) > 1"),
    "blocked_payouts_pay_nothing": Check("fct_payout", "select payout_id, payout from marts.fct_payout where status = 'blocked' and payout <> 0"),
    "releases_add_up_to_payouts": Check(
        "fct_release",
        """
        select payout_id, payable, settled, amounts, paid
        from marts.fct_payout
        left join (select payout_id, sum(amount) as amounts, sum(settled) as paid from marts.fct_release group by payout_id) using (payout_id)
        where amounts is distinct from payable or paid is distinct from settled""",
    ),
}


def run_checks(context: RunContext) -> ChecksPassed:
    """Check every statement of CHECKS. Raises CheckFailed at the first that does not hold, with the first rows that break it."""
    evaluate_checks(context, list(CHECKS))
    return ChecksPassed(checks=len(CHECKS))


def evaluate_checks(context: RunContext, names: Sequence[str]) -> None:
    """The same for some of the statements."""
    with open_warehouse(context) as con:
        for done, name in enumerate(names):
            context.progress("checks", done, len(names))
            broken = _find_broken(con, context, CHECKS[name])
            if broken:
                columns = ", ".join(c[0] for c in con.description or [])
                raise CheckFailed(name, f"{columns}: " + "; ".join(", ".join(map(str, row)) for row in broken))
            log_event("check_passed", f"Check passed: {name}", check=name)


def _find_broken(con: duckdb.DuckDBPyConnection, context: RunContext, check: Check) -> list[tuple[object, ...]]:
    """The first rows that break a statement."""
    if not check.lines:
        return con.execute(f"from ({check.query}) limit 5").fetchall()
    with query_lines(con, context, check.lines) if context.is_on_spark else nullcontext(check.lines) as lines:
        return con.execute(f"with lines as ({lines}) from ({check.query}) limit 5").fetchall()
