"""Rows that this run took in and that count otherwise than most people mean: outside every term, in shares that do not add to 1, of no known line.

Belongs here: these warnings, which need the agreements or the rows of several files. Does not belong here: contradictions, which stop the run
(assets/transform/reference_checks.py), warnings about one file (assets/feeds/).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from assets.runtime.context import RunContext
from assets.runtime.warehouse import open_warehouse
from assets.transform.book_features import find_share_unit
from models.feeds.row_places import name_place

if TYPE_CHECKING:
    import duckdb


def describe_unused_rows(context: RunContext) -> list[str]:
    """One sentence per kind. Only about files that arrived with this run, so that each is reported once."""
    arrived_at = context.started_at.astimezone(dt.UTC).replace(tzinfo=None)
    with open_warehouse(context) as con:
        new = "select feed, file_no from raw.feed_files where status = 'loaded' and arrived_at = ?"
        arrived = dict(con.execute(f"select feed, list(file_no) from ({new}) group by feed", [arrived_at]).fetchall())
        return [
            *_outside_terms(con, arrived.get("transactions", [])),
            *_uneven_shares(con, arrived.get("assignments", [])),
            *_uneven_credits(con, arrived.get("credits", [])),
            *(told for feed in ("collections", "disputes") for told in _of_nothing(con, feed, arrived.get(feed, []))),
        ]


def _outside_terms(con: duckdb.DuckDBPyConnection, files: list[int]) -> list[str]:
    """Lines before the year that precedes every term, which targets and baselines look at, or after every term."""
    found = con.execute(_OUTSIDE, [files]).fetchall() if files else []
    return [
        f"{f'{rows:,} transaction lines are' if rows > 1 else '1 transaction line is'} dated outside every agreement's term, "
        f"such as {day} in {name_place(file, row_no, line)} of {file}: before {first} or after {last} "
        "no line counts, nor does a prior year. Correct the dates, or ignore this if the agreements are still to come"
        for rows, day, row_no, line, file, first, last in found
        if rows
    ]


def _uneven_shares(con: duckdb.DuckDBPyConnection, files: list[int]) -> list[str]:
    given = [files, find_share_unit(con)]
    found = con.execute(_UNEVEN.format(of="named"), given).fetchall() if files else []
    if found and found[0][0]:  # whether they have lines takes a scan of all lines
        found = con.execute(_UNEVEN.format(of="staging.stg_transactions"), given).fetchall()
    return [
        f"the shares in assignments of {partners:,} {'partners' if partners > 1 else 'partner'} do not add to 1, "
        f"such as {partner}: {_written(con, parts)}{'' if day.year == 1 else f' from {day}'}. {_WHAT_THAT_MEANS}"
        for partners, partner, parts, day in found
        if partners
    ]


def _uneven_credits(con: duckdb.DuckDBPyConnection, files: list[int]) -> list[str]:
    found = con.execute(_UNEVEN_CREDITS, [files, find_share_unit(con)]).fetchall() if files else []
    return [
        f"the shares in credits of {credits:,} {'transactions or lines' if credits > 1 else 'transaction or line'} do not add to 1, "
        f"such as {name}: {_written(con, parts)}. {_WHAT_THAT_MEANS}"
        for credits, name, parts in found
        if credits
    ]


def _written(con: duckdb.DuckDBPyConnection, parts: int) -> str:
    """A sum of shares as people write it."""
    share = Fraction(parts, find_share_unit(con))
    return str(share) if 10**6 % share.denominator else f"{Decimal(share.numerator) / share.denominator:.6f}"


def _of_nothing(con: duckdb.DuckDBPyConnection, feed: str, files: list[int]) -> list[str]:
    """Rows of a feed about transactions that no file has had so far."""
    found = con.execute(_UNKNOWN.format(feed=feed), [files]).fetchall() if files else []
    return [
        f"{f'{rows:,} {feed} are' if rows > 1 else f'1 {feed[:-1]} is'} of no transaction line so far, such as {transaction}: "
        "they count once the transaction arrives. Correct the ids if it never will"
        for rows, transaction in found
        if rows
    ]


_WHAT_THAT_MEANS = "What is missing is credited to nobody, and what is above 1 is credited more than once"
_OUTSIDE = """
    with terms as (select min(term_from) - 400 as first_day, max(term_to) as last_day from terms.agreements),
    outside as (
        select lines.file_no, lines.row_no, lines.date, terms.first_day, terms.last_day
        from staging.stg_transactions_keyed as lines cross join terms
        where list_contains(?::integer[], lines.file_no) and (lines.date < terms.first_day or lines.date > terms.last_day)
    ),
    example as (select * from outside order by file_no, row_no limit 1)
    select (select count(*) from outside), example.date, example.row_no, raw.find_line(file_no, example.row_no), files.file_name,
        example.first_day, example.last_day
    from example join raw.feed_files as files using (file_no)"""

_UNKNOWN = """
    select count(*), min(transaction_id)
    from raw.{feed} as rows
    where list_contains(?::integer[], file_no) and transaction_id is not null and not exists (
        from raw.transactions as lines
        where lines.transaction_id = rows.transaction_id and lines.line = coalesce(rows.line, lines.line)
    )"""

#: Spans of days with the same assignments begin on the first day of one, or on the day after another.
_UNEVEN = """
    with named as (select distinct partner_id from staging.stg_assignments where list_contains(?::integer[], file_no)),
    assignments as (select * from staging.stg_assignments semi join named using (partner_id)),
    days as (
        select partner_id, first_day as day from assignments
        union select partner_id, last_day + 1 from assignments where last_day < date '9999-12-31'
    ),
    summed as (
        select days.partner_id, days.day, sum(share_parts)::bigint as parts
        from days join assignments on days.partner_id = assignments.partner_id and days.day between first_day and last_day
        group by all
    ),
    uneven as (select * from summed semi join {of} using (partner_id) where parts <> ?)
    select count(distinct partner_id), min(partner_id), arg_min(parts, (partner_id, day)), arg_min(day, (partner_id, day)) from uneven"""

_UNEVEN_CREDITS = """
    with named as (select distinct transaction_id from staging.stg_credits where list_contains(?::integer[], file_no)),
    summed as (
        select concat(transaction_id, '/' || line) as name, sum(share_parts)::bigint as parts
        from staging.stg_credits semi join named using (transaction_id) group by transaction_id, line
    ),
    uneven as (select * from summed where parts <> ?)
    select count(*), min(name), arg_min(parts, name) from uneven"""
