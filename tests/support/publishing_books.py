"""A book whose marts are made by hand: three payouts of three lines each, ready to be published, again and again under other names.

Belongs here: that book. Does not belong here: statements about what is published.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb

from assets.runtime.context import RunContext
from models.book.settings import parse_book

BOOK = 'book: test\ncurrency: EUR\nfeeds: {transactions: {files: "feeds/transactions/*.csv"}}\n'


def make_published_book(folder: Path) -> RunContext:
    """A book with a run named and three payouts of three lines each in its marts."""
    (folder / "agreements").mkdir()
    (folder / "agreements" / "a.yaml").write_text("agreement: A\n")
    (folder / "book.yaml").write_text(BOOK)
    context = RunContext(folder, parse_book(BOOK), dt.date(2026, 6, 30), dt.datetime(2026, 7, 1, tzinfo=dt.UTC))
    with duckdb.connect(str(context.warehouse)) as con:
        for schema in ("raw", "calc", "intermediate", "marts"):
            con.execute(f"create schema {schema}")
        con.execute(
            "create table raw.feed_files as select 'transactions' as feed, 1 as arrival_no, 9::bigint as rows_read, 0::bigint as lines_outside, "
            "1 as rows_per_row"
        )
        con.execute("create table calc.current_run as select 'run-a' as run_id, now()::timestamp as started_at, date '2026-06-30' as as_of, "
                    "'v' as code_version, 'x' as agreements_sha256, 'y' as inputs_sha256, 'z' as settings_sha256, "
                    "'l' as ledger_sha256, 'w' as write_offs_sha256")  # fmt: skip
        con.execute("create table calc.runs (run_id varchar, started_at timestamp, finished_at timestamp, as_of date, code_version varchar, "
                    "agreements_sha256 varchar, inputs_sha256 varchar, settings_sha256 varchar, engine_versions varchar, rows bigint, "
                    "payouts bigint, payout_total varchar, status varchar)")  # fmt: skip
        con.execute("create table marts.fct_payout as select 'p' || i as payout_id, 'EUR' as currency, 30.0::decimal(18,4) as payout, "
                    "(select run_id from calc.current_run) as run_id from range(3) t(i)")  # fmt: skip
        con.execute("create view marts.fct_payout_line as select payout_id, 10.0::decimal(18,4) as line_payout, run_id "
                    "from marts.fct_payout, range(3) order by payout_id")  # fmt: skip
        con.execute("create table intermediate.int_payouts_to_allocate as select payout_id, '2026-Q2' as part, 3::bigint as line_count from marts.fct_payout")
        con.execute("create view marts.audit_run as from calc.runs")
    return context


def change_run(context: RunContext, run_id: str) -> None:
    """Name the next run."""
    with duckdb.connect(str(context.warehouse)) as con:
        con.execute("update calc.current_run set run_id = ?", [run_id])
        con.execute("update marts.fct_payout set run_id = ?", [run_id])


#: Four payouts with their window's period, participant, and part; the first is of a graduated benefit, the last has a base and lines of other scopes.
_PAYOUTS = """(values
    (10, 1, 'p0', 'A', 0, 0, 7, 7, 7, 1, 0, 0, '2025-Q4', 3, 300), (11, 2, 'p1', 'A', 0, 1, 7, 7, 7, 2, 3, 4, '2026-Q1', 3, 300),
    (12, 3, 'p2', 'A', 0, 1, 7, 7, 7, 3, 3, 4, '2026-Q1', 3, 300), (13, 4, 'p3', 'A', 0, 2, 7, 8, 9, 4, 6, 6, '2026-Q2', 3, 300)
) as payouts (
    payout_key, payout_no, payout_id, agreement_id, benefit_key, window_no,
    measure_line_set_key, own_line_set_key, base_line_set_key, participant_key, first_period, last_period, part, line_count, payout_units
)"""


def make_book_in_parts(folder: Path) -> RunContext:
    """A book with a run named and four payouts of three lines each, in three parts."""
    context = make_published_book(folder)
    with duckdb.connect(str(context.warehouse)) as con:
        con.execute("create schema terms; create table terms.agreements as select 'A' as agreement_id, 0 as net_level")
        con.execute("create table terms.benefits as select 0 as benefit_key, 7 as share_line_set_key, 7 as line_set_key, 7 as base_line_set_key")
        parts = "benefit_key integer, window_no integer, part_benefit_key integer, first_period integer, last_period integer"
        con.execute(f"create table terms.window_parts ({parts})")
        con.execute(f"create or replace table intermediate.int_payouts_to_allocate as from {_PAYOUTS}")
        con.execute(
            "create table intermediate.int_payout_tier_slices as select * from (values (10, 0, 0), (10, 1, 5)) as slices (payout_key, tier, weight_per_unit)"
        )
        con.execute("create table calc.lines as select payout_id, i::varchar as transaction_id, 10.0::decimal(18,4) as line_payout "
                    "from intermediate.int_payouts_to_allocate, range(3) t(i)")  # fmt: skip
        con.execute("create or replace table marts.fct_payout as select payout_id, 'EUR' as currency, 30.0::decimal(18,4) as payout, 'run-a' as run_id "
                    "from intermediate.int_payouts_to_allocate")  # fmt: skip
        con.execute("create or replace view marts.fct_payout_line as select lines.* from calc.lines as lines "
                    "join intermediate.int_payouts_to_allocate as payouts using (payout_id) "
                    "where part = coalesce(getvariable('payout_part'), part) order by payout_id, transaction_id")  # fmt: skip
    return context
