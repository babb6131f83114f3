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
