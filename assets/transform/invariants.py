"""Statements that should hold of what the SQL models made, and references that contradict each other.

Belongs here: queries that must return nothing. Does not belong here: checks of the written copy (assets/publishing/parquet_set.py), checks of one column (dbt).
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from assets.agreements.closed_terms import changed_after_close
from assets.feeds.readers import identifier, quoted
from assets.runtime.context import CheckFailed, RunContext, StepReport
from assets.runtime.events import log_event
from assets.runtime.warehouse import open_warehouse
from models.documents import InputError, Problem, parse_documents
from models.feeds.attributes import column_named, folded
from models.feeds.columns import FEEDS

if TYPE_CHECKING:
    import duckdb

#: At most so many mistakes of one kind are listed; the others are of the same make.
MAX_LISTED = 20

#: Feed, key and days of records that must not hold at the same time: (feed, staging table, key columns).
SPANNED = (
    ("partners", "stg_partners", ("partner_id",)),
    ("products", "stg_products", ("product_id",)),
    ("assignments", "stg_assignments", ("partner_id", "participant_id")),
)

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


def check_references(context: RunContext) -> None:
    """Refuse references that contradict each other, before anything is published.

    Raises InputError: two versions of a partner or product, or two assignments of one partner to one participant, that hold on the same day;
    two rates of one day, two values of a metric; a parent that is nobody's record or its own descendant; an agreement that names someone who is
    not a partner, measures or compares a column that transactions do not have, or compares one with a value that it cannot be compared with;
    an agreement or account that closed periods stand on, gone or changed.
    """
    with open_warehouse(context) as con:
        problems = _overlaps(con) + _double_rates(con) + _double_metrics(con) + _cycles(con)
        problems += _unknown_measures(con, context.folder) + (_unknown_columns(con) or _failing_conditions(con))
        problems += changed_after_close(con)
        if "partners" in context.book.feeds:
            problems += _unknown_parents(con) + _unknown_participants(con)
    if problems:
        raise InputError(problems)


def _overlaps(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    problems = []
    for feed, table, key in SPANNED:
        same = ", ".join(key)
        rows = con.execute(f"""
            with ordered as (
                select
                    *,
                    lag(last_day) over records as earlier_last_day,
                    lag(file_no) over records as earlier_file_no,
                    lag(row_no) over records as earlier_row_no
                from staging.{table}
                window records as (partition by {same} order by first_day, file_no, row_no)
            )
            select files.file_name, o.row_no, concat_ws(' and ', {same}), o.first_day, earlier.file_name, o.earlier_row_no
            from ordered as o
            join raw.feed_files as files on o.file_no = files.file_no
            join raw.feed_files as earlier on o.earlier_file_no = earlier.file_no
            where o.earlier_last_day >= o.first_day
            order by all limit {MAX_LISTED}""").fetchall()
        problems += [
            Problem(
                file,
                row,
                " and ".join(key),
                f"{name} has two records that hold on the same day{'' if day.year == 1 else f', {day}'}: row {row}, and row {other_row} of {other_file}. "
                "Keep one, give them `from` and `to` that do not overlap, "
                f"or declare `key: [{same}]` for the feed {feed} in book.yaml so that the later one counts",
            )
            for file, row, name, day, other_file, other_row in rows
        ]
    return problems


def _double_rates(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    rows = con.execute(f"""
        with ordered as (
            select *, lag(file_no) over rates as earlier_file_no, lag(row_no) over rates as earlier_row_no
            from staging.stg_fx_rates
            window rates as (partition by date, from_currency, to_currency order by file_no, row_no)
        )
        select files.file_name, o.row_no, o.date, o.from_currency, o.to_currency, earlier.file_name, o.earlier_row_no
        from ordered as o
        join raw.feed_files as files on o.file_no = files.file_no
        join raw.feed_files as earlier on o.earlier_file_no = earlier.file_no
        order by all limit {MAX_LISTED}""").fetchall()
    return [
        Problem(
            file,
            row,
            "date, from_currency, to_currency",
            f"two rates from {source} to {target} on {day}: row {row}, and row {other_row} of {other_file}. "
            "Keep one, or declare `key: [date, from_currency, to_currency]` for the feed in book.yaml so that the later one counts",
        )
        for file, row, day, source, target, other_file, other_row in rows
    ]


def _double_metrics(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    """Different values of one day; equal ones do no harm."""
    rows = con.execute(f"""
        with ordered as (
            select *, lag(value) over days as earlier_value, lag(file_no) over days as earlier_file_no, lag(row_no) over days as earlier_row_no
            from staging.stg_metrics
            window days as (partition by participant_id, metric, date order by file_no, row_no)
        )
        select files.file_name, o.row_no, o.participant_id, o.metric, o.date, earlier.file_name, o.earlier_row_no
        from ordered as o
        join raw.feed_files as files on o.file_no = files.file_no
        join raw.feed_files as earlier on o.earlier_file_no = earlier.file_no
        where o.value <> o.earlier_value
        order by all limit {MAX_LISTED}""").fetchall()
    return [
        Problem(
            file,
            row,
            "participant_id, metric, date",
            f"two values of {metric} for {participant} on {day}: row {row}, and row {other_row} of {other_file}. "
            "Keep one, or declare `key: [participant_id, metric, date]` for the feed metrics in book.yaml so that the later one counts",
        )
        for file, row, participant, metric, day, other_file, other_row in rows
    ]


def _columns_of_transactions(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Names that an agreement may use: canonical ones, then those that the files call their other columns."""
    return [column.name for column in FEEDS["transactions"].columns] + _attributes_of_transactions(con)


def _attributes_of_transactions(con: duckdb.DuckDBPyConnection) -> list[str]:
    return [name for (name,) in con.execute("select name from raw.attributes where feed = 'transactions' order by position").fetchall()]


def _unknown_measures(con: duckdb.DuckDBPyConnection, folder: Path) -> list[Problem]:
    """Measured attributes that the transactions do not have."""
    attributes = _attributes_of_transactions(con)
    rows = con.execute(
        """select agreements.source_file, agreements.source_line, benefits.position, benefits.measure_attribute
        from terms.benefits as benefits join terms.agreements as agreements using (agreement_key)
        where benefits.measure_attribute is not null and benefits.measure_attribute not in (select unnest(?))
        order by all""",
        [attributes],
    ).fetchall()
    problems = []
    for file, line, position, attribute in rows[:MAX_LISTED]:
        document = next(d for d in parse_documents((folder / file).read_text(encoding="utf-8"), file) if d.line == line)
        is_mapping = isinstance(document.value["benefits"][position]["measure"], dict)
        path = ("benefits", position, "measure", *(("of",) if is_mapping else ()))
        message = f"{attribute} is neither amount, quantity, margin or count nor an attribute of the transactions{_alike(attribute, attributes)}"
        problems.append(document.problem(path, f"{message}. Name one of theirs ({', '.join(attributes) or 'they have none'}), or let the feed carry it"))
    return problems


def _unknown_columns(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    """Columns of `where` that the transactions do not have."""
    columns = _columns_of_transactions(con)
    known = {folded(name) for name in columns}
    rows = con.execute("select source_file, source_line, source_key, unnest(column_names) from terms.conditions order by all").fetchall()
    return [
        Problem(file, line, key, f"transactions have no column {name}{_alike(name, columns)}. They have {', '.join(columns)}; a text stands in 'single quotes'")
        for file, line, key, name in rows
        if folded(name) not in known
    ][:MAX_LISTED]


def _alike(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, 1)
    return f"; did you mean {close[0]}?" if close else ""


def _failing_conditions(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    """The first line for which a condition is neither true, false nor null, because a value in it is not what it is compared as."""
    problems = []
    conditions = con.execute("select failed, column_names, source_file, source_line, source_key from terms.conditions where failed <> ''").fetchall()
    for failed, names, file, line, key in conditions:
        columns = {name: identifier(column_named(FEEDS["transactions"], name)) for name in names}
        shown = " || ', ' || ".join(f"{quoted(name)} || ' ' || coalesce({column}::varchar, 'nothing')" for name, column in columns.items())
        row = con.execute(f"""
            select files.file_name, lines.row_no, lines.shown
            from (select file_no, row_no, {shown} as shown from staging.stg_transactions where {failed} order by file_no, row_no limit 1) as lines
            join raw.feed_files as files on lines.file_no = files.file_no""").fetchone()
        if row:
            message = f"the condition has no value for row {row[1]} of {row[0]}, where there is {row[2]}"
            problems.append(Problem(file, line, key, f"{message}. Correct the row, or let the condition ask first whether there is such a value (CASE WHEN)"))
    return problems[:MAX_LISTED]


def _cycles(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    """One problem per cycle of parents, named by its smallest id."""
    rows = con.execute(f"""
        with recursive inside as (
            select distinct below.partner_key
            from intermediate.int_partners_descended as below
            join intermediate.int_partners_descended as above
              on below.ancestor_key = above.partner_key and below.partner_key = above.ancestor_key and below.ancestor_key <> below.partner_key
            union select partner_key from staging.stg_partners where parent_id = partner_id
        ),
        links as (
            select distinct partner_id, parent_id, file_no, row_no from staging.stg_partners
            where partner_key in (from inside) and parent_id in (select partner_id from staging.stg_partners where partner_key in (from inside))
        ),
        walked as (
            select partner_id as start, parent_id as reached, [partner_id, parent_id] as path from links
            union all
            select start, parent_id, list_append(path, parent_id)
            from walked join links on reached = partner_id
            where reached <> start and parent_id >= start and (parent_id = start or not list_contains(path, parent_id))
        )
        select files.file_name, links.row_no, array_to_string(any_value(path), ' → ')
        from walked join links on start = links.partner_id join raw.feed_files as files on links.file_no = files.file_no
        where reached = start and len(path) > 1
        group by start, files.file_name, links.row_no
        order by all limit {MAX_LISTED}""").fetchall()
    return [Problem(file, row, "parent_id", f"partners are each other's parents: {path}. Remove one of these links") for file, row, path in rows]


def _unknown_parents(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    rows = con.execute(f"""
        select files.file_name, partners.row_no, partners.partner_id, partners.parent_id
        from staging.stg_partners as partners join raw.feed_files as files on partners.file_no = files.file_no
        where parent_id is not null and parent_id not in (select partner_id from staging.stg_partners)
        order by all limit {MAX_LISTED}""").fetchall()
    return [
        Problem(file, row, "parent_id", f"the parent {parent} of {partner} is not among the partners. Add a record of it, or leave parent_id empty")
        for file, row, partner, parent in rows
    ]


def _unknown_participants(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    rows = con.execute(f"""
        with named as (
            select agreement_key, 'participants' as key, value as id from terms.participant_rules where attribute = 'partner_id'
            union all
            select agreement_key, 'payee', payee_id from terms.agreements where payee_id is not null
        )
        select agreements.source_file, agreements.source_line, named.key, agreements.agreement_id, named.id
        from named join terms.agreements as agreements on named.agreement_key = agreements.agreement_key
        where named.id not in (select partner_id from staging.stg_partners)
        order by all limit {MAX_LISTED}""").fetchall()
    return [
        Problem(file, line, key, f"{agreement} names {partner}, which is not in the partners feed. Correct the id, or add the partner to the feed")
        for file, line, key, agreement, partner in rows
    ]
