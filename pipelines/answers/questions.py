"""What can be asked of the published tables, each question a query.

Belongs here: queries that pass rows on as they are published. They add nothing up, so that every figure can be found in a table. Does not belong here: how
a model calls them (pipelines/answers/server.py).
"""

from __future__ import annotations

from typing import Any

import duckdb

from assets.published.explanation import explain_from, find_payout
from assets.published.reader import Row, fetch
from pipelines.answers.values import as_row, as_rows

#: Rows of one answer. The cursor of the answer asks for the next ones.
MOST_ROWS = 50
Answer = dict[str, Any]
_ORDERS = {
    "largest": "abs(coalesce(payout_reporting, payout)) desc nulls last",
    "largest_open": "abs(open_amount) desc nulls last",
    "newest": "window_end desc",
    "due": "due_date nulls last",
}
ORDERS = tuple(_ORDERS)
#: A figure is told with the step that ends its calculation, which `explain_payout` shows.
_LAST_STEP = "(select payout_id, max(step_no) as step_no, arg_max(step, step_no) as step from fct_calculation_step group by payout_id)"
_PAYOUT = """payout_id, step_no, step, agreement_id, agreement_version, agreement_title, benefit_id, clause, participant_id, participant_name, window_start,
    window_end, direction, currency, status, status_reason, measure, target, tier, payout, adjusted, payable, released, held, waiting, settled, written_off,
    open_amount, due_date, run_id"""


def list_agreements(con: duckdb.DuckDBPyConnection, text: str | None, on_day: str | None, cursor: str | None) -> Answer:
    """One row per agreement, its latest version, and one row per benefit of it."""
    found = _page(con, _AGREEMENTS, {"text": text, "day": on_day}, cursor)
    for agreement in found["rows"]:
        key = {"agreement": agreement["agreement_id"], "version": agreement["agreement_version"]}
        agreement["benefits"] = as_rows(fetch(con, _BENEFITS, key))
        agreement["tiers"] = as_rows(fetch(con, _TIERS, key))
    return found


def find_payouts(con: duckdb.DuckDBPyConnection, order: str, cursor: str | None, **filters: str | None) -> Answer:
    """One row per payout."""
    return _page(con, f"{_PAYOUTS} order by {_ORDERS[order]}, payout_id", filters, cursor)


def explain(con: duckdb.DuckDBPyConnection, payout: str) -> Answer:
    """A payout with its terms, its steps, its accruals and parts, and the files that its lines came from."""
    found = explain_from(con, payout, 0)
    named = {"payout_id": found.payout["payout_id"]}
    return {
        "payout": as_row(found.payout),
        "agreement": as_row(found.agreement),
        "benefit": as_row({column: value for column, value in found.benefit.items() if column != "definition"}),
        "tiers": as_rows(found.tiers),
        "steps": as_rows({**named, **step} for step in found.steps),
        "next_tier": as_row({column: found.achievement.get(column) for column in ("period", "next_tier_from", "gap_to_next_tier", "projected_measure")}),
        "accruals": as_rows({**named, **row} for row in found.accruals),
        "adjustments": as_rows(found.adjustments),
        "disputes": as_rows(found.disputes),
        "payments": as_rows({**named, **row} for row in found.payments),
        "releases": as_rows({**named, **row} for row in found.releases),
        "batches": as_rows(found.batches),
        "files": as_rows(fetch(con, _FILES, {"payout": found.payout["payout_id"]})),
        "computed_by": as_row(found.run),
    }


def list_lines(con: duckdb.DuckDBPyConnection, payout: str, cursor: str | None) -> Answer:
    """One row per line of a payout and tier that it fills, with its place in the file."""
    found = find_payout(con, payout.strip())
    return _page(con, _LINES, {"payout": found["payout_id"]}, cursor)


def list_changes(con: duckdb.DuckDBPyConnection, cursor: str | None) -> Answer:
    """One row per payout that differs between `before_fct_payout` and fct_payout, the largest change first, as it was and as it is."""
    found = _page(con, _CHANGES, {}, cursor)
    found["rows"] = [
        {
            **{key: value for key, value in row.items() if not key.startswith(("before_", "after_"))},
            "before": {key.removeprefix("before_"): value for key, value in row.items() if key.startswith("before_")} or None,
            "after": {key.removeprefix("after_"): value for key, value in row.items() if key.startswith("after_")} or None,
        }
        for row in found["rows"]
    ]
    return found


def list_late_entries(con: duckdb.DuckDBPyConnection, cursor: str | None) -> Answer:
    """One row per accrual that belongs to a period that was closed already, with the reason of its kind."""
    return _page(con, _LATE, {}, cursor)


def _page(con: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, Any], cursor: str | None) -> Answer:
    """The rows from the cursor on, and the cursor of the next ones where there are more."""
    start = int(cursor) if cursor and cursor.isdigit() else 0
    rows: list[Row] = fetch(con, f"{query} limit {MOST_ROWS + 1} offset {start}", parameters)
    page: Answer = {"rows": as_rows(rows[:MOST_ROWS])}
    return page | ({"next_cursor": str(start + MOST_ROWS)} if len(rows) > MOST_ROWS else {})


_AGREEMENTS = """
    select agreement_id, agreement_version, title, direction, currency, effective_date, term_from, term_to, review_by_date, approved_by, approved_date,
        returns, document, source_file, source_line
    from dim_agreement
    where ($text is null or contains(lower(concat_ws(' ', agreement_id, title)), lower($text)))
        and ($day is null or try_cast($day as date) between term_from and term_to)
    qualify agreement_version = max(agreement_version) over (partition by agreement_id)
    order by agreement_id
"""
_BENEFITS = """
    select benefit_id, clause, quote, window_kind, accumulate, measure, base, by_axis as axis, method, target_value, baseline_value, at_most, at_least,
        pays_from, clawback, lag_days
    from dim_benefit where agreement_id = $agreement and agreement_version = $version order by position
"""
_TIERS = "select * exclude (agreement_id, agreement_version) from dim_tier where agreement_id = $agreement and agreement_version = $version order by all"
_PAYOUTS = f"""
    select {_PAYOUT}
    from fct_payout left join {_LAST_STEP} using (payout_id)
    where ($agreement is null or agreement_id = $agreement)
        and ($participant is null or participant_id = $participant or contains(lower(participant_name), lower($participant)))
        and ($benefit is null or benefit_id = $benefit)
        and ($status is null or status = $status)
        and ($direction is null or direction = $direction)
        and ($window_from is null or window_end >= try_cast($window_from as date))
        and ($window_to is null or window_start <= try_cast($window_to as date))
        and ($due_by is null or (due_date <= try_cast($due_by as date) and open_amount <> 0))
"""
_LINES = f"""
    select payout_id, step_no, step, transaction_id, line, date, partner_id, product_id, amount, currency, fx_rate, tier, credited_measure, line_payout,
        source_file, source_row, source_line
    from fct_payout_line left join {_LAST_STEP} using (payout_id)
    where payout_id = $payout
    order by date, transaction_id, line, source_file, source_row, tier
"""
_FILES = "select distinct payout_id, source_file, source_sha256 as file_sha256 from fct_payout_line where payout_id = $payout order by all"
_CHANGES = f"""
    select coalesce(now.payout_id, old.payout_id) as payout_id, steps.step_no, steps.step, coalesce(now.agreement_id, old.agreement_id) as agreement_id,
        coalesce(now.benefit_id, old.benefit_id) as benefit_id, coalesce(now.participant_id, old.participant_id) as participant_id,
        coalesce(now.participant_name, old.participant_name) as participant_name, coalesce(now.window_start, old.window_start) as window_start,
        coalesce(now.direction, old.direction) as direction, coalesce(now.currency, old.currency) as currency,
        old.payout as before_payout, old.status as before_status, old.run_id as before_run_id, old.tier as before_tier, old.measure as before_measure,
        now.payout as after_payout, now.status as after_status, now.run_id as after_run_id, now.tier as after_tier, now.measure as after_measure
    from fct_payout as now
    full join before_fct_payout as old on old.payout_id = now.payout_id
    left join {_LAST_STEP} as steps on steps.payout_id = now.payout_id
    where now.payout is distinct from old.payout or now.status is distinct from old.status
    order by abs(coalesce(now.payout, 0) - coalesce(old.payout, 0)) desc, 1
"""
_LATE = """
    select payout_id, agreement_id, benefit_id, participant_id, window_start, period, origin_period, reason, accrual, accrued_to_date, is_posted
    from fct_accrual where reason is not null order by period desc, abs(accrual) desc, payout_id, origin_period
"""
