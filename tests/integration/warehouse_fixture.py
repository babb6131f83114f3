"""An empty warehouse with the tables that the feeds, agreements and calculation steps write, and rows put into it by hand.

Belongs here: the shape of raw.*, terms.* and calc.* for tests of the SQL between them. Does not belong here: expectations.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from assets.context import RunContext
from models.book import parse_book
from models.feeds import FEEDS, SQL_TYPES

MONEY, EXACT = "DECIMAL(18,4)", "DECIMAL(38,12)"

TABLES: dict[str, str] = {
    "raw.feed_files": "file_no INTEGER, feed VARCHAR, file_name VARCHAR, sha256 VARCHAR, arrival_no INTEGER, arrived_at TIMESTAMP, status VARCHAR, "
    "reason VARCHAR, rows_read BIGINT",
    "raw.rejects": "feed VARCHAR, file_no INTEGER, row_no BIGINT, reason VARCHAR, column_name VARCHAR, message VARCHAR, raw VARCHAR",
    "raw.feed_keys": "feed VARCHAR, column_name VARCHAR, position INTEGER",
    **{
        f"raw.{feed.name}": "file_no INTEGER, row_no BIGINT, " + ", ".join(f'"{c.name}" {SQL_TYPES[c.kind]}' for c in feed.columns)
        for feed in FEEDS.values()
    },
    "terms.settings": "book VARCHAR, currency VARCHAR, minor_units INTEGER, rounding VARCHAR, as_of DATE",
    "terms.currencies": "currency VARCHAR, minor_units INTEGER",
    "terms.agreements": "agreement_key INTEGER, agreement_id VARCHAR, version INTEGER, effective DATE, title VARCHAR, direction VARCHAR, currency VARCHAR, "
    "minor_units INTEGER, term_from DATE, term_to DATE, pool VARCHAR, payee_id VARCHAR, include_children BOOLEAN, document VARCHAR, review_by DATE, "
    "approved_by VARCHAR, approved_on DATE, source_file VARCHAR, source_line INTEGER, content_sha256 VARCHAR",
    "terms.participant_rules": "agreement_key INTEGER, attribute VARCHAR, value VARCHAR",
    "terms.scopes": "scope_key INTEGER, has_include BOOLEAN, counts_sale BOOLEAN, counts_return BOOLEAN, counts_credit BOOLEAN, counts_adjustment BOOLEAN",
    "terms.scope_rules": "scope_key INTEGER, kind VARCHAR, attribute VARCHAR, value VARCHAR",
    "terms.bases": "basis_key INTEGER, agreement_key INTEGER, scope_key INTEGER, looks_back BOOLEAN",
    "terms.benefits": "benefit_key INTEGER, agreement_key INTEGER, basis_key INTEGER, benefit_id VARCHAR, clause VARCHAR, quote VARCHAR, position INTEGER, "
    "window_kind VARCHAR, accumulate VARCHAR, measure VARCHAR, base VARCHAR, by_axis VARCHAR, method VARCHAR, boundary VARCHAR, above VARCHAR, "
    f"target_source VARCHAR, target_value {EXACT}, target_times {EXACT}, baseline_source VARCHAR, baseline_value {EXACT}, incentive_source VARCHAR, "
    f"incentive_value {EXACT}, at_most {EXACT}, at_least {EXACT}, pays_from {EXACT}, clawback VARCHAR, lag_days INTEGER, placement VARCHAR, "
    "forecast VARCHAR, definition VARCHAR",
    "terms.tiers": f"benefit_key INTEGER, tier INTEGER, from_value {EXACT}, rate {EXACT}, per_unit {EXACT}, amount {EXACT}, share {EXACT}",
    "terms.windows": "benefit_key INTEGER, window_no INTEGER, window_start DATE, window_end DATE, span_start DATE, span_end DATE, span_first_period INTEGER, "
    "first_period INTEGER, last_period INTEGER",
    "terms.periods": "period_no INTEGER, period VARCHAR, fiscal_year INTEGER, number INTEGER, first_day DATE, last_day DATE",
    "terms.days": "day DATE, period_no INTEGER, prior_period_no INTEGER, counts_as DATE",
    "calc.payouts": "payout_key INTEGER, benefit_key INTEGER, participant_key INTEGER, window_no INTEGER, window_start DATE, window_end DATE, span_start DATE, "
    f"status VARCHAR, status_reason VARCHAR, measure {EXACT}, base {EXACT}, quantity {EXACT}, target {EXACT}, baseline {EXACT}, incentive {EXACT}, "
    f"axis_value {EXACT}, tier INTEGER, curve_payout {EXACT}, multiplier {EXACT}, gate_factor {EXACT}, earned {MONEY}, prior_earned {MONEY}, "
    f"carried {MONEY}, payout {MONEY}, due_date DATE, first_period INTEGER, last_period INTEGER, span_measure_before {EXACT}",
    "calc.achievement": f"payout_key INTEGER, period_no INTEGER, measure_period {EXACT}, measure_to_date {EXACT}, target {EXACT}, attainment {EXACT}, "
    f"growth {EXACT}, tier_actual INTEGER, tier_forecast INTEGER, tier_accrual INTEGER, projected_measure {EXACT}, next_tier_from {EXACT}, "
    f"gap_to_next_tier {EXACT}",
    "calc.accruals": f"payout_key INTEGER, period_no INTEGER, accrued_to_date {MONEY}, accrued_before {MONEY}, accrual {MONEY}",
    "calc.calculation_steps": f"payout_key INTEGER, step_no INTEGER, step VARCHAR, formula VARCHAR, inputs VARCHAR, result {EXACT}",
    "calc.runs": "run_id VARCHAR, started_at TIMESTAMP, finished_at TIMESTAMP, as_of DATE, code_version VARCHAR, agreements_sha256 VARCHAR, "
    "inputs_sha256 VARCHAR, settings_sha256 VARCHAR, engine_versions VARCHAR, rows BIGINT, payouts BIGINT, payout_total VARCHAR, status VARCHAR",
    "calc.current_run": "run_id VARCHAR",
}


def create_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Every table of the contract, empty."""
    for schema in ("raw", "terms", "calc"):
        con.execute(f"create schema if not exists {schema}")
    for name, columns in TABLES.items():
        con.execute(f"create table {name} ({columns})")


def insert_rows(con: duckdb.DuckDBPyConnection, table: str, *rows: Mapping[str, Any]) -> None:
    """Put rows into a table; what a row does not name stays null. A column the table lacks is added as text (attributes)."""
    for row in rows:
        for column in row:
            con.execute(f'alter table {table} add column if not exists "{column}" varchar')
        names = ", ".join(f'"{c}"' for c in row)
        con.execute(f"insert into {table} ({names}) values ({', '.join('?' * len(row))})", list(row.values()))


def context_of(folder: Path, as_of: dt.date, feeds: tuple[str, ...] = ("transactions",), rounding: str = "half_up") -> RunContext:
    """A run of a book that lives in `folder` and configures `feeds`."""
    configured = "".join(f'  {name}: {{files: "feeds/{name}/*.csv"}}\n' for name in feeds)
    book = parse_book(f"book: test\ncurrency: EUR\nrounding: {rounding}\nfeeds:\n{configured}")
    return RunContext(folder=folder, book=book, as_of=as_of, started_at=dt.datetime(2026, 1, 1))
