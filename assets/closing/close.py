"""Adding to the ledger: a close, which freezes rows of the published tables, a reopening, a write-off.

Belongs here: read published tables → apply the rules → write to the ledger. Does not belong here: the rules (models/records/closing.py,
models/records/write_offs.py), the lock, and the runs before and after (pipelines/close.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from assets.ledger.folder import Ledger, append_folder, append_write_off, read_ledger, select_posted
from assets.published.explanation import find_payout
from assets.published.reader import Row, fetch, open_published, read_manifest
from assets.runtime.context import CheckFailed, RunContext
from assets.runtime.versions import code_version, engine_versions
from models.calendars import ONE_DAY, Period, make_periods
from models.feeds.row_places import name_place
from models.records.chain import TABLES, Override, Record, seal
from models.records.closing import (
    LedgerRuleViolation,
    check_as_of,
    clean_text,
    closes_in_force,
    next_version,
    plan_close,
    plan_reopen,
    posting_period,
    second_person,
)
from models.records.write_offs import WriteOff, agree_amount, as_line, last_sha256, seal_write_off

if TYPE_CHECKING:
    import duckdb

#: At most so many findings of a kind are listed.
MAX_LISTED = 5


@dataclass(frozen=True)
class Closed:
    """One period that was closed now. `totals`: one row per currency and direction, with the accruals posted."""

    record: Record
    totals: list[Row]


def close_periods(
    context: RunContext, name: str, by: str, with_earlier: bool = False, accept_open: str | None = None, approved_by: str | None = None
) -> list[Closed]:
    """Freeze a period as it is published, and with `with_earlier` the open ones before it, in order. Does nothing if it is closed already.

    Raises InputError for a name that is not a period, and where the book asks for a second person. Raises LedgerRuleViolation when the period cannot be
    closed now: it has not ended, an earlier one is open, or payouts are blocked or rows rejected and no `accept_open` gives a reason to accept that.
    Raises CheckFailed when an entry does not balance.
    """
    closed_by = clean_text("--by", by)
    approved = second_person(closed_by, approved_by, context.book.require_approval, "a close")
    reason = clean_text("--accept-open", accept_open) if accept_open is not None else None
    ledger = _open_ledger(context)
    closed = []
    with open_published(context.folder) as con:
        periods = read_periods(con, context)
        _view_posted(con, context, ledger)
        planned = plan_close(name, with_earlier, context.as_of, periods, ledger.records, {row["period"] for row in fetch(con, _OPEN_PERIODS)})
        for period in planned:
            overrides = _accept(_find_open(con, context, period, ledger), period, reason, closed_by)
            version = next_version(period.name, ledger.records)
            decision = {"kind": "close", "period": period.name, "version": version, "closed_by": closed_by, "approved_by": approved, "reason": reason}
            fields = {**decision, "closed_at": context.started_at, "overrides": overrides, **_describe_run(con, context)}
            frames = {table: con.sql(query, params=[period.name]).pl() for table, query in _FROZEN.items()}
            _check_balance(con, period)
            record, files = seal(fields | {"write_offs_sha256": last_sha256(ledger.write_offs)}, frames, ledger.records)
            append_folder(context.ledger, record, files)
            ledger.records.append(record)
            _view_posted(con, context, ledger)
            closed.append(Closed(record, _sum_accruals(frames["accruals"])))
    return closed


def reopen_period(context: RunContext, name: str, reason: str, by: str, approved_by: str) -> Record:
    """Record in the ledger that the last closed period is open again. What it posted stays posted; its next close posts the differences."""
    ledger = _open_ledger(context)
    fields = {
        "kind": "reopen",
        **plan_reopen(name, reason, by, approved_by, ledger.records),
        "closed_at": context.started_at,
        "as_of": context.as_of,
        "code_version": code_version(),
        "engine_versions": json.loads(engine_versions()),
        "arrivals": {},
        "agreements": {},
        "overrides": [],
        "write_offs_sha256": last_sha256(ledger.write_offs),
    }
    record, files = seal(fields, {}, ledger.records)
    append_folder(context.ledger, record, files)
    return record


def write_off_payout(context: RunContext, wanted: str, reason: str, by: str, amount: Decimal | None = None, approved_by: str | None = None) -> WriteOff:
    """Record that a difference of a payout will not be paid: `amount`, or all that is open. `wanted` as in `explain`."""
    approval = {"reason": clean_text("--reason", reason), "by": clean_text("--by", by)}
    approved = second_person(approval["by"], approved_by, context.book.require_approval, "a write-off")
    ledger = _open_ledger(context)
    with open_published(context.folder) as con:
        payout = find_payout(con, wanted)
        agreed = agree_amount(payout, amount, context.book.close.write_off_limit, ledger.write_offs, context.book.minor_units)
        period = posting_period(context.as_of, read_periods(con, context), ledger.records)
    subject = {key: payout[key] for key in ("payout_id", "agreement_id", "benefit_id", "participant_id", "window_start", "direction", "currency")}
    when = {"date": context.as_of, "period": period.name, "written_at": context.started_at}
    write_off = seal_write_off({**subject, **when, **approval, "approved_by": approved, "amount": agreed}, ledger.write_offs)
    append_write_off(context.ledger, as_line(write_off))
    return write_off


def read_periods(con: duckdb.DuckDBPyConnection, context: RunContext) -> list[Period]:
    """The periods of the book's calendar, from the first published one to a year after the last."""
    days = fetch(con, "select min(first_day) as first, max(last_day) as last from dim_period")[0]
    return make_periods(context.book.calendar, days["first"], max(days["last"], context.as_of) + 366 * ONE_DAY)


def list_differences(context: RunContext, origin_period: str) -> list[Row]:
    """Later changes to a closed period that are not posted: one row per period they will be posted in, reason and currency."""
    with open_published(context.folder) as con:
        return fetch(con, _DIFFERENCES, [origin_period])


def _open_ledger(context: RunContext) -> Ledger:
    """The ledger, for appending. Raises LedgerRuleViolation when the ledger is ahead of the book's day: then its closes are not based on what is published."""
    ledger = read_ledger(context.ledger)
    check_as_of(context.as_of, ledger.records)
    return ledger


def _view_posted(con: duckdb.DuckDBPyConnection, context: RunContext, ledger: Ledger) -> None:
    """What the ledger holds, as `posted_<table>`."""
    for table in TABLES:
        con.execute(f"create or replace temp view posted_{table} as {select_posted(table, context.ledger, ledger.records)}")


def _sum_accruals(accruals: pl.DataFrame) -> list[Row]:
    total = accruals.group_by("direction", "currency").agg(pl.col("accrual").sum(), pl.len().alias("rows"))
    return total.sort("direction", "currency").to_dicts()


def _find_open(con: duckdb.DuckDBPyConnection, context: RunContext, period: Period, ledger: Ledger) -> list[tuple[str, str]]:
    """(check, finding) for everything that should stop a close."""
    findings = []
    blocked = fetch(con, _BLOCKED, [period.last_day, period.first_day])
    if blocked:
        listed = "; ".join(f"{row['payout']} ({row['status_reason']})" for row in blocked)
        count = blocked[0]["count"]
        findings.append(("no_payout_is_blocked", f"{count} blocked {'payout' if count == 1 else 'payouts'}: {listed}{'; …' if count > MAX_LISTED else ''}"))
    in_force = closes_in_force(ledger.records)
    seen = in_force[-1].arrivals if in_force else {}
    rejected = fetch(con, _REJECTED, [list(seen), list(seen.values())])
    count, limit = rejected[0]["count"] if rejected else 0, context.book.close.quarantine_limit
    if count > limit:
        listed = "; ".join(f"{row['file_name']} {name_place(row['file_name'], row['row_number'], row['line_number'])}: {row['reason']}" for row in rejected)
        message = f"{count} rows rejected since the last close, and book.yaml allows {limit} (close: {{quarantine_limit: {limit}}}): {listed}"
        findings.append(("rejects_are_within_the_limit", message + ("; …" if count > MAX_LISTED else "")))
    return findings


def _accept(findings: Sequence[tuple[str, str]], period: Period, reason: str | None, by: str) -> list[Override]:
    if findings and reason is None:
        message = "\n  ".join(finding for _, finding in findings)
        way_out = "Correct the data and run again, or close with --accept-open REASON: the reason and your name stay in the ledger"
        raise LedgerRuleViolation(f"{period.name} has open errors.\n  {message}\n  {way_out}")
    return [Override(check=check, finding=finding, reason=str(reason), by=by) for check, finding in findings]


def _describe_run(con: duckdb.DuckDBPyConnection, context: RunContext) -> dict[str, Any]:
    """The record's fields about the run whose tables are frozen."""
    manifest = read_manifest(context.published) or {}
    run = fetch(con, _RUN, [manifest["run_id"]])[0]
    return {
        **{key: run[key] for key in ("as_of", "run_id", "inputs_sha256", "agreements_sha256", "settings_sha256", "code_version")},
        "engine_versions": json.loads(run["engine_versions"]),
        "arrivals": {row["feed"]: row["arrival_no"] for row in fetch(con, _ARRIVALS)},
        "agreements": {row["name"]: row["content_sha256"] for row in fetch(con, _AGREEMENTS)},
    }


def _check_balance(con: duckdb.DuckDBPyConnection, period: Period) -> None:
    """Raises CheckFailed with the entries whose sides differ."""
    broken = fetch(con, _UNBALANCED, [period.name])
    if broken:
        raise CheckFailed("every_entry_balances", "; ".join(f"entry {row['entry_id']}: {row['debit']} debit, {row['credit']} credit" for row in broken))


def _columns(table: str, **expressions: str) -> str:
    """The columns of a table of the ledger, each with its type, from the given expression or the column of that name."""
    return ", ".join(f"cast({expressions.get(name, f'here.{name}')} as {kind}) as {name}" for name, kind in TABLES[table].items())


_ABOUT = {name: f"coalesce(payouts.{name}, known.{name})" for name in ("agreement_version", "direction", "currency")}
#: Per table of the ledger, the query of the rows that a close of period ? adds: only new ones.
_FROZEN = {
    # the attributes of a payout that is no longer computed come from its postings
    "accruals": f"""
        with known as (
            select payout_id, arg_max(agreement_version, sequence) as agreement_version, any_value(direction) as direction, any_value(currency) as currency
            from posted_accruals group by payout_id
        )
        select {_columns("accruals", **_ABOUT)}
        from fct_accrual as here
        left join fct_payout as payouts on here.payout_id = payouts.payout_id
        left join known on here.payout_id = known.payout_id
        where here.period = $1 and not here.is_posted
            and (
                here.accrual <> 0
                or (here.payout_id, here.period, here.origin_period) not in (select (payout_id, period, origin_period) from posted_accruals)
            )""",
    # ended windows that differ from their last freeze; a payout that is no longer computed is 0
    "payouts": f"""
        with latest as (
            from posted_payouts qualify row_number() over (partition by payout_id order by sequence desc) = 1
        )
        select {_columns("payouts")}
        from fct_payout as here
        join dim_period as periods on here.window_end between periods.first_day and periods.last_day
        left join latest on here.payout_id = latest.payout_id
        where periods.period <= $1
            and (latest.payout_id is null or here.payout <> latest.payout)
        union all
        select {_columns("payouts", measure="null", tier="null", payout="0")}
        from latest as here
        where here.payout <> 0 and here.payout_id not in (select payout_id from fct_payout)""",
    "journal": f"""
        select {_columns("journal")}
        from fct_journal as here
        where here.period = $1 and here.entry_id not in (select entry_id from posted_journal)""",
}

_OPEN_PERIODS = """
    select period from fct_accrual where not is_posted
    union
    select period from fct_journal where entry_id not in (select entry_id from posted_journal)"""

_BLOCKED = f"""
    select concat_ws('/', agreement_id, benefit_id, participant_id, window_start) as payout, status_reason, count(*) over () as count
    from fct_payout where status = 'blocked' and window_start <= ? and window_end >= ? order by all limit {MAX_LISTED}"""

#: Rows of files that arrived after those that the last close knew. Rows that a later row replaced are resolved.
_REJECTED = f"""
    with seen as (select unnest($1::varchar[]) as feed, unnest($2::integer[]) as arrival_no)
    select rejects.file_name, rejects.row_number, rejects.line_number, rejects.reason, count(*) over () as count
    from audit_reject as rejects
    join audit_feed_file as files on rejects.feed = files.feed and rejects.sha256 = files.sha256 and rejects.file_name = files.file_name
    left join seen on files.feed = seen.feed
    left join audit_reject_resolved as resolved
        on rejects.feed = resolved.feed and rejects.sha256 = resolved.sha256 and rejects.file_name = resolved.file_name
        and rejects.row_number = resolved.row_number
    where resolved.feed is null and files.status = 'loaded' and files.arrival_no > coalesce(seen.arrival_no, 0)
    order by all limit {MAX_LISTED}"""

_UNBALANCED = f"""
    select entry_id, currency, sum(debit) as debit, sum(credit) as credit
    from fct_journal where period = ? and entry_id not in (select entry_id from posted_journal)
    group by entry_id, currency having sum(debit) <> sum(credit) order by all limit {MAX_LISTED}"""

_DIFFERENCES = """
    select accruals.period, accruals.reason, payouts.currency, count(*) as rows, sum(accruals.accrual) as accrual
    from fct_accrual as accruals left join fct_payout as payouts using (payout_id)
    where not is_posted and origin_period = ? and period <> origin_period
    group by all order by all"""

_RUN = "select * from audit_run where run_id = ? order by started_at desc limit 1"
_ARRIVALS = "select feed, max(arrival_no) as arrival_no from audit_feed_file group by feed"
_AGREEMENTS = "select concat_ws('/', agreement_id, agreement_version) as name, content_sha256 from dim_agreement"
