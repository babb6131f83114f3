"""The published tables of every rung, side by side in one database, and the amounts that each cause adds to each payout.

Belongs here: reading sets, and subtracting them from each other. Does not belong here: what is told of it (findings.py), in which words (sections.py).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from assets.published.reader import files_of, read_manifest_of
from assets.runtime.errors import rejection
from assets.runtime.sql import scan
from models.sql_text import identifier

#: What a payout's row has of fct_payout. Earlier versions of the program lack some.
_PAYOUT = {
    "payout_id": "varchar", "agreement_id": "varchar", "agreement_title": "varchar", "agreement_version": "integer", "benefit_id": "varchar",
    "participant_id": "varchar", "participant_name": "varchar", "direction": "varchar", "currency": "varchar", "window_start": "date",
    "window_end": "date", "status": "varchar", "status_reason": "varchar", "measure": "decimal(38, 12)", "target": "decimal(38, 12)",
    "baseline": "decimal(38, 12)", "incentive": "decimal(38, 12)", "axis_value": "decimal(38, 12)", "tier": "integer",
    "curve_payout": "decimal(38, 12)", "multiplier": "decimal(38, 12)", "gate_factor": "decimal(38, 12)", "earned": "decimal(18, 4)",
    "prior_earned": "decimal(18, 4)", "carried": "decimal(18, 4)", "payout": "decimal(18, 4)", "payout_reporting": "decimal(18, 4)",
}  # fmt: skip
_MONTHS = {
    "payout_id": "varchar", "period": "varchar", "direction": "varchar", "currency": "varchar", "accrued": "decimal(18, 4)",
}  # fmt: skip
_ACCRUALS = {"payout_id": "varchar", "period": "varchar", "origin_period": "varchar", "accrual": "decimal(18, 4)", "is_posted": "boolean"}
_JOURNAL = {
    "account": "varchar", "kind": "varchar", "currency": "varchar", "period": "varchar", "debit": "decimal(18, 4)", "credit": "decimal(18, 4)",
}  # fmt: skip
_CLOSES = {"period": "varchar", "is_in_force": "boolean", "kind": "varchar"}
_TIERS = {
    "agreement_id": "varchar", "agreement_version": "integer", "benefit_id": "varchar", "tier": "integer", "from_value": "decimal(38, 12)",
    "rate": "decimal(38, 12)", "per_unit": "decimal(38, 12)", "amount": "decimal(38, 12)", "share": "decimal(38, 12)",
}  # fmt: skip
#: Tables of rungs: where their rows come from.
_TABLES = {
    "payouts": ("fct_payout", _PAYOUT),
    "months": ("fct_payout_month", _MONTHS),
    "accruals": ("fct_accrual", _ACCRUALS),
    "journal": ("fct_journal", _JOURNAL),
    "closes": ("audit_close", _CLOSES),
    "tiers": ("dim_tier", _TIERS),
}
#: What is read of a set. A run that is made for it alone publishes nothing else.
TABLES = frozenset(source for source, _ in _TABLES.values()) | {"dim_partner"}

#: Amounts by payout and cause. A payout whose agreement has changed its currency or direction ends in one and begins in the other.
_DELTAS = """
    create or replace table deltas as
    with signed as (
        select payout_id, direction, currency, cause, coalesce(payout, 0) as amount from payouts join rungs using (rung_no) where rung_no > 0
        union all
        select payout_id, direction, currency, cause, -coalesce(payout, 0)
        from payouts join (select rung_no - 1 as rung_no, cause from rungs) using (rung_no)
    )
    select payout_id, direction, currency, cause, sum(amount)::decimal(38, 4) as amount from signed group by all having sum(amount) <> 0"""
#: Every payout of the first and the last rung: its rows there, and the change.
_ENDS = """
    create or replace table ends as
    with before as (from payouts where rung_no = 0),
    now as (from payouts where rung_no = (select max(rung_no) from rungs))
    select payout_id, direction, currency, before, now, coalesce(now.payout, 0) - coalesce(before.payout, 0) as change,
        coalesce(now.payout_reporting, 0) - coalesce(before.payout_reporting, 0) as change_reporting,
        coalesce(now.participant_id, before.participant_id) as participant_id,
        coalesce(now.participant_name, before.participant_name) as participant_name,
        coalesce(now.agreement_id, before.agreement_id) as agreement_id, coalesce(now.agreement_title, before.agreement_title) as agreement_title,
        coalesce(now.benefit_id, before.benefit_id) as benefit_id, coalesce(now.window_start, before.window_start) as window_start,
        coalesce(now.window_end, before.window_end) as window_end
    from before full join now using (payout_id, direction, currency)"""


def open_rungs(database: Path) -> duckdb.DuckDBPyConnection:
    """An empty database of rungs: `rungs` (rung_no, cause), and the tables of the rungs with their rung_no."""
    con = duckdb.connect(str(database), config={"threads": 2})
    con.execute("set enable_progress_bar = false")
    con.execute("create table rungs (rung_no integer, cause varchar)")
    con.execute("create table partners (partner_id varchar, name varchar, value varchar)")
    for table, (_, columns) in _TABLES.items():
        con.execute(f"create table {table} (rung_no integer, {', '.join(f'{name} {kind}' for name, kind in columns.items())})")
    return con


def add_rung(con: duckdb.DuckDBPyConnection, folder: Path, cause: str | None) -> None:
    """Add the set in the folder as the next rung; the first one has no cause. Raises InputError for a set that is not whole."""
    manifest = read_manifest_of(folder)
    if manifest is None:
        raise rejection(str(folder), "is no complete set: tables.json is damaged, or a file that it names is missing; name another, or run the book again")
    number = con.execute("select count(*) from rungs").fetchall()[0][0]
    files = files_of(folder, manifest)
    for table, (source, columns) in _TABLES.items():
        if source not in files:
            continue
        there = {row[0] for row in con.execute(f"describe from {scan(files[source])}").fetchall()}
        values = ", ".join(f"{identifier(name)}::{kind}" if name in there else f"null::{kind}" for name, kind in columns.items())
        con.execute(f"insert into {table} select {number}, {values} from {scan(files[source])}")
    if "dim_partner" in files:
        _replace_partners(con, scan(files["dim_partner"]))
    con.execute("insert into rungs values (?, ?)", [number, cause])


def compare_as(con: duckdb.DuckDBPyConnection, before: str, now: str) -> None:
    """Compare payouts of the agreement `before` with those of `now` that are of the same benefit, participant and window, as if they were the same."""
    con.execute(
        """
        update payouts set payout_id = coalesce(same.payout_id, payouts.payout_id), agreement_id = $now
        from (from payouts where agreement_id = $before and rung_no = 0) as old
        left join (from payouts where agreement_id = $now and rung_no > 0) as same using (benefit_id, participant_id, window_start, direction, currency)
        where payouts.rung_no = 0 and payouts.payout_id = old.payout_id""",
        {"before": before, "now": now},
    )
    con.execute("update tiers set agreement_id = $now where agreement_id = $before and rung_no = 0", {"before": before, "now": now})


def list_attributes(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The names of the partners' attributes."""
    return [row[0] for row in con.execute("select distinct name from partners order by all").fetchall()]


def _replace_partners(con: duckdb.DuckDBPyConnection, rows: str) -> None:
    """Have `partners` hold the attributes of today of everyone in the rows."""
    con.execute(f"delete from partners where partner_id in (select partner_id from {rows})")
    con.execute(
        f"""
        insert into partners
        with today as (select partner_id, attributes from {rows} qualify row_number() over (partition by partner_id order by valid_to desc) = 1),
        named as (select partner_id, attributes, unnest(json_keys(attributes)) as name from today where attributes is not null)
        select partner_id, name, json_extract_string(attributes, '$."' || name || '"') from named"""
    )


def subtract(con: duckdb.DuckDBPyConnection) -> None:
    """Write `deltas`, what each cause adds to each payout, and `ends`, every payout before and now."""
    con.execute(_DELTAS)
    con.execute(_ENDS)
    wrong = con.execute(
        """
        with added as (select payout_id, direction, currency, sum(amount) as added from deltas group by all)
        select payout_id, change, added from ends full join added using (payout_id, direction, currency)
        where coalesce(change, 0) <> coalesce(added, 0) limit 1"""
    ).fetchall()
    if wrong:
        raise RuntimeError(f"causes of {wrong[0][0]} add up to {wrong[0][2]} and not to {wrong[0][1]}")
