"""Reading statements: the published tables, a batch of participants at a time, in one query per kind of row.

Belongs here: which rows belong to a statement, and sums of them. Does not belong here: words, pages.

Money moves in periods: accruals as they are booked, adjustments, payments and what was written off. What was open at the end of a period is all that moved
until then, so a statement of a closed period never changes, and all statements of a payout add up to it.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import duckdb

from assets.published.reader import Row, fetch
from assets.statements.attachments import NOT_OF_LINES, csv_row, write_calculation
from assets.statements.statement import FLOWS, LINES, STOCKS, Detail, Period, Position, Statement, Totals
from models.documents import InputError, Problem

#: The order in which causes are told.
CAUSES = ("opening", "new", "late", "return", "fx", "reference", "amendment", "correction", "adjusted", "settled", "written_off")
ZERO = Decimal(0)
_PARAMETER = re.compile(r"\$(\w+)")


def read_period(con: duckdb.DuckDBPyConnection, wanted: str | None, run: Mapping[str, Any], book: str, proposal: str = "") -> Period:
    """The period that is asked for; without one, the period that holds as_of. Raises InputError where the book has no such period."""
    as_of = run["as_of"]
    name = wanted or next((row["period"] for row in fetch(con, "from dim_period where ?::date between first_day and last_day", [as_of])), None)
    found = fetch(con, "from dim_period where period = ?", [name])
    if not found or found[0]["first_day"] > _day(con, as_of):
        known = fetch(con, "select min(period) as first, max(period) as last from dim_period where first_day <= ?::date", [as_of])[0]
        raise InputError([Problem("PERIOD", 0, "", f"{wanted!r} is no period of this book; it has {known['first']} to {known['last']}")])
    row = found[0]
    previous = fetch(con, "select max(period) as period from dim_period where last_day < ?", [row["first_day"]])[0]["period"]
    closes = fetch(con, "from audit_close where period = ? and kind = 'close' and is_in_force", [name])
    day = _day(con, as_of)
    return Period(
        period=row["period"],
        first_day=row["first_day"],
        last_day=row["last_day"],
        previous=previous,
        as_of=day,
        is_current=row["first_day"] <= day <= row["last_day"],
        is_final=bool(closes),
        closed=closes[0] if closes else None,
        book=book,
        run_id=run["run_id"],
        proposal=proposal,
    )


def list_participants(con: duckdb.DuckDBPyConnection, period: Period, only: Sequence[str]) -> list[str]:
    """Those who get a statement: a window with days in the period, or money that is open or moved. Raises InputError where one of `only` is unknown."""
    make_moves(con, None, period)
    found = [row["participant_id"] for row in fetch(con, _PARTICIPANTS, _values(period, _PARTICIPANTS))]
    con.execute("drop table moves; drop table payouts; drop table batch")
    if unknown := sorted(set(only) - set(found)):
        known = {row["participant_id"] for row in fetch(con, "select distinct participant_id from fct_payout")}
        reason = "has nothing in this period" if unknown[0] in known else "has no payouts in this book"
        raise InputError([Problem("--participant", 0, "", f"{unknown[0]!r} {reason}")])
    return [each for each in found if not only or each in only]


def read_statements(con: duckdb.DuckDBPyConnection, period: Period, participants: Sequence[str]) -> Iterable[Statement]:
    """The statements of these participants, in this order. The table `reasons` has to be there (reasons.py)."""
    make_moves(con, participants, period)
    for name, query in (("details", _DETAILS), ("lines", _LINES)):
        con.execute(f"create temp table {name} as {query}", _values(period, query))
    names = {row["partner_id"]: row for row in fetch(con, "select dim_partner.* from dim_partner join batch on partner_id = participant_id")}
    sums = {row["payout_id"]: row for row in fetch(con, _SUMS, _values(period, _SUMS))}
    moved = _grouped(fetch(con, "select payout_id, cause, sum(amount) as amount from moves where place = 'now' group by all"), "payout_id")
    of_participant = {
        "payouts": _grouped(fetch(con, "from payouts order by window_start, agreement_id, benefit_id"), "participant_id"),
        "details": _grouped(fetch(con, "from details order by agreement_id, position, window_start"), "participant_id"),
        "adjustments": _grouped(fetch(con, _ADJUSTMENTS, _values(period, _ADJUSTMENTS)), "participant_id"),
        "disputes": _grouped(fetch(con, _DISPUTES, _values(period, _DISPUTES)), "participant_id"),
        "payments": _grouped(fetch(con, _PAYMENTS, _values(period, _PAYMENTS)), "participant_id"),
    }
    of_payout = {name: _grouped(fetch(con, query, _values(period, query)), "payout_id") for name, query in _OF_DETAIL.items()}
    benefits = {row["benefit_version_id"]: row for row in fetch(con, "from dim_benefit where benefit_version_id in (select benefit_version_id from details)")}
    agreements = {row["agreement_version_id"]: row for row in fetch(con, _AGREEMENTS)}
    totals = {row.pop("payout_id"): Totals(**row) for row in fetch(con, _TOTALS)}
    tiers = _grouped(fetch(con, "from dim_tier where benefit_version_id in (select benefit_version_id from details) order by tier"), "benefit_version_id")
    lines_csv = _read_lines(con)
    con.execute("drop table lines; drop table details; drop table moves; drop table payouts; drop table batch")
    for participant in participants:
        payouts = of_participant["payouts"].get(participant, [])
        rows = of_participant["details"].get(participant, [])
        details = []
        for row in rows:
            key, rest = row["payout_id"], sums.get(row["payout_id"], {})
            achieved = of_payout["achievements"].get(key, [])
            details.append(
                Detail(
                    payout=row,
                    benefit=benefits[row["benefit_version_id"]],
                    agreement=agreements[row["agreement_version_id"]],
                    has_steps=row["window_end"] <= period.last_day or period.is_current,
                    earned_before=rest.get("earned_before", ZERO),
                    earned=rest.get("earned", ZERO),
                    moved={each["cause"]: each["amount"] for each in _in_order(moved.get(key, []))},
                    achievement=achieved[0] if achieved else {},
                    totals=totals.get(key, Totals()),
                    tiers=tiers.get(row["benefit_version_id"], []),
                    **{name: of_payout[name].get(key, []) for name in ("steps", "accruals", "releases", "reasons", "lines")},
                )
            )
        shown = {row["payout_id"] for row in rows}
        earlier = [{**row, **sums[row["payout_id"]]} for row in payouts if row["payout_id"] not in shown and _is_alive(sums.get(row["payout_id"]))]
        statement = Statement(
            period=period,
            number=_number(period, participant),
            participant=names.get(participant) or {"partner_id": participant, "name": None, "attributes": None},
            positions=_positions(payouts, sums, moved),
            details=details,
            earlier=earlier,
            adjustments=of_participant["adjustments"].get(participant, []),
            disputes=of_participant["disputes"].get(participant, []),
            payments=of_participant["payments"].get(participant, []),
        )
        yield _with_files(statement, lines_csv.get(participant, lines_csv[""]))


def make_moves(con: duckdb.DuckDBPyConnection, participants: Sequence[str] | None, period: Period) -> None:
    """The tables `batch`, `payouts` and `moves` of these participants, or of all: every movement of money up to the end of the period."""
    if participants is None:
        con.execute("create temp table batch as select distinct participant_id from fct_payout")
    else:
        con.execute("create temp table batch as select unnest($ids) as participant_id", {"ids": list(participants)})
    for name, query in (("payouts", _PAYOUTS), ("moves", _MOVES)):
        con.execute(f"create temp table {name} as {query}", _values(period, query))


def _values(period: Period, query: str) -> dict[str, Any]:
    """The parameters that a query names."""
    known = {"first": period.first_day, "last": period.last_day, "period": period.period, "previous": period.previous}
    return {name: known[name] for name in set(_PARAMETER.findall(query))}


def _day(con: duckdb.DuckDBPyConnection, text: Any) -> Any:
    return con.execute("select ?::date", [text]).fetchall()[0][0]


def _number(period: Period, participant: str) -> str:
    """What to cite. A period that was closed again after a reopening gives another number."""
    version = period.closed["version"] if period.closed else 1
    return f"{period.period}/{participant}" + (f"/{version}" if version > 1 else "")


def _read_lines(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The lines of each participant as CSV, in the order of the payouts; under the empty name those of a participant without lines."""
    columns = {row["column_name"]: row["column_type"] for row in fetch(con, "describe lines") if row["column_name"] not in NOT_OF_LINES}
    heading = ",".join(columns) + "\n"
    found = fetch(con, f"with rows as (select payout_id, line_no, {csv_row(columns)} as text from lines) {_FILES}")
    return {"": heading} | {row["participant_id"]: heading + row["text"] for row in found}


def _with_files(statement: Statement, lines: str) -> Statement:
    calculation = write_calculation(statement, hashlib.sha256(lines.encode()).hexdigest())
    fields = {name: getattr(statement, name) for name in statement.__dataclass_fields__}
    return Statement(**{**fields, "lines_csv": lines, "calculation": calculation, "sha256": hashlib.sha256(calculation.encode()).hexdigest()})


def _positions(payouts: Sequence[Row], sums: Mapping[str, Row], moved: Mapping[str, Sequence[Row]]) -> list[Position]:
    """Sums over the payouts of a direction and currency, we owe first."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for payout in payouts:
        if payout["payout_id"] in sums:
            groups[payout["direction"], payout["currency"]].append(payout["payout_id"])
    found = []
    for (direction, currency), ids in sorted(groups.items()):
        now = {**_added(sums, ids, STOCKS, ""), **_added(sums, ids, FLOWS, "_now")}
        before = {**_added(sums, ids, STOCKS, "_before"), **_added(sums, ids, FLOWS, "_previous")}
        totals: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for each in ids:
            for row in moved.get(each, []):
                totals[row["cause"]] += row["amount"]
        causes = [(cause, totals[cause]) for cause in CAUSES if totals.get(cause)]
        if any(now.values()) or any(before.values()) or causes:
            found.append(Position(direction, currency, now, before, causes))
    return found


def _added(sums: Mapping[str, Row], ids: Sequence[str], names: Sequence[str], ending: str) -> dict[str, Decimal]:
    return {name: sum((sums[each][name + ending] for each in ids), ZERO) for name in names}


def _is_alive(row: Row | None) -> bool:
    """Whether something of the payout is open, was open at the last statement, or has moved since."""
    return row is not None and any(row[name] for name in ("open", "open_before", "moved", "payable"))


def _in_order(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: CAUSES.index(row["cause"]))


def _grouped(rows: Iterable[Row], key: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[key]].append(row)
    return found


_PAYOUTS = "select p.* from fct_payout as p semi join batch using (participant_id) where p.window_start <= $last"
#: Opening balances were accrued and paid before the book began. What was written off is in the journal, as amounts without a sign.
_MOVES = """
    with booked as (
        select payout_id, period, case when origin_period = period then 'new' else coalesce(reason, 'correction') end as cause, accrual as amount
        from fct_accrual
        union all
        select payout_id, period, 'adjusted', adjusted from fct_payout_month
        union all
        select payout_id, period, 'settled', -settled from fct_payout_month
        union all
        select payout_id, dim_period.period, 'opening', accrued
        from fct_balance join dim_period on fct_balance.date between dim_period.first_day and dim_period.last_day where status = 'counted'
        union all
        select journal.payout_id, journal.period, 'written_off', -sign(p.written_off)::int * journal.debit
        from fct_journal as journal join fct_payout as p using (payout_id) where journal.kind = 'write_off' and journal.line_no = 1
    )
    select payout_id, cause, amount,
        case when booked.period = $period then 'now' when booked.period = $previous then 'previous' else 'earlier' end as place
    from booked semi join payouts using (payout_id) join dim_period using (period)
    where amount <> 0 and dim_period.first_day <= $last
"""
_PARTICIPANTS = """
    with open as (select payout_id from moves group by all having sum(amount) <> 0 or bool_or(place = 'now'))
    select distinct participant_id from payouts
    where payout_id in (from open) or (window_start <= $last and window_end >= $first) order by all
"""
#: What is due and released less what was paid is payable; of a window that still runs all that is earned may change.
_SUMS = """
    with moved as (
        select payout_id, sum(amount) as open, coalesce(sum(amount) filter (place <> 'now'), 0) as open_before,
            coalesce(sum(amount) filter (place = 'now'), 0) as moved,
            coalesce(sum(amount) filter (cause not in ('settled', 'written_off')), 0) as earned,
            coalesce(sum(amount) filter (cause not in ('settled', 'written_off') and place <> 'now'), 0) as earned_before,
            -coalesce(sum(amount) filter (cause in ('settled', 'written_off')), 0) as gone,
            -coalesce(sum(amount) filter (cause in ('settled', 'written_off') and place <> 'now'), 0) as gone_before,
            coalesce(sum(amount) filter (cause not in ('settled', 'written_off', 'adjusted') and place = 'now'), 0) as earned_now,
            coalesce(sum(amount) filter (cause not in ('settled', 'written_off', 'adjusted') and place = 'previous'), 0) as earned_previous,
            coalesce(sum(amount) filter (cause = 'adjusted' and place = 'now'), 0) as adjusted_now,
            coalesce(sum(amount) filter (cause = 'adjusted' and place = 'previous'), 0) as adjusted_previous,
            -coalesce(sum(amount) filter (cause = 'settled' and place = 'now'), 0) as settled_now,
            -coalesce(sum(amount) filter (cause = 'settled' and place = 'previous'), 0) as settled_previous,
            -coalesce(sum(amount) filter (cause = 'written_off' and place = 'now'), 0) as written_off_now,
            -coalesce(sum(amount) filter (cause = 'written_off' and place = 'previous'), 0) as written_off_previous
        from moves group by payout_id
    ),
    parts as (
        select payout_id, coalesce(sum(released) filter (due_date <= $last), 0) as released, coalesce(sum(held) filter (due_date <= $last), 0) as held,
            coalesce(sum(released) filter (due_date < $first), 0) as released_before, coalesce(sum(held) filter (due_date < $first), 0) as held_before
        from fct_release semi join payouts using (payout_id) group by payout_id
    ),
    known as (
        select payout_id, window_end <= $last as has_ended, window_end < $first as had_ended, moved.* exclude (payout_id),
            coalesce(parts.released, 0) as released, coalesce(parts.held, 0) as held, coalesce(released_before, 0) as released_before,
            coalesce(held_before, 0) as held_before
        from payouts join moved using (payout_id) left join parts using (payout_id)
    ),
    placed as (
        select *, released - gone as payable, released_before - gone_before as payable_before,
            if(has_ended, 0, earned - released - held) as running, if(had_ended, 0, earned_before - released_before - held_before) as running_before
        from known
    )
    select payout_id, open, open_before, moved, earned, earned_before, payable, held, running, open - payable - held - running as waiting,
        payable_before, held_before, running_before, open_before - payable_before - held_before - running_before as waiting_before,
        earned_now, adjusted_now, settled_now, written_off_now, earned_previous, adjusted_previous, settled_previous, written_off_previous
    from placed
"""
_DETAILS = """
    select payouts.*, dim_benefit.position
    from payouts join dim_benefit using (benefit_version_id) where window_start <= $last and window_end >= $first
"""
_ADJUSTMENTS = """
    select a.* from fct_adjustment as a semi join payouts using (payout_id)
    where a.status = 'booked' and a.date between $first and $last order by a.date, a.adjustment_id
"""
#: Open in the period, as they stood at its end.
_DISPUTES = """
    select d.* replace (if(d.resolved_on > $last, 'open', d.status) as status, if(d.resolved_on > $last, null, d.resolved_on) as resolved_on)
    from fct_dispute as d semi join payouts using (payout_id)
    where d.raised_on <= $last and coalesce(d.resolved_on >= $first, true) and d.status in ('open', 'accepted', 'rejected', 'withdrawn')
    order by d.raised_on, d.dispute_id, d.payout_id, d.source_file, d.source_row
"""
_PAYMENTS = """
    select p.* from fct_payment as p semi join payouts using (payout_id) where p.paid_on between $first and $last
    order by p.paid_on, p.reference, p.payout_id, p.paid_currency, p.paid_amount
"""
_AGREEMENTS = "from dim_agreement where agreement_version_id in (select agreement_version_id from details)"
_OF_DETAIL = {
    "achievements": """
        select a.* from fct_achievement as a semi join details using (payout_id) join dim_period using (period)
        where dim_period.first_day <= $last qualify row_number() over (partition by a.payout_id order by dim_period.first_day desc) = 1
    """,
    "steps": "select s.* from fct_calculation_step as s semi join details using (payout_id) order by payout_id, step_no",
    "accruals": """
        select payout_id, a.period, sum(accrual) as accrual, bool_or(is_posted) as is_posted
        from fct_accrual as a semi join details using (payout_id) join dim_period using (period)
        where dim_period.first_day <= $last group by all order by payout_id, a.period
    """,
    "releases": "select r.* from fct_release as r semi join details using (payout_id) order by payout_id, due_date, release_no",
    "reasons": "select r.* from reasons as r semi join details using (payout_id) order by payout_id, place desc, reason, currency",
    "lines": f"""
        select payout_id, date, transaction_id, line, partner_id, partner_name, product_id, product_name, amount, currency, credited_measure, line_payout,
            row_number() over (partition by payout_id order by abs(line_payout) desc, line_no) as size_no
        from lines qualify size_no <= {LINES} order by payout_id, line_no
    """,
}
_LINES = """
    with partners as (select partner_id, name as partner_name from dim_partner), products as (select product_id, name as product_name from dim_product)
    select l.*, partner_name, product_name,
        row_number() over (partition by payout_id order by l.date, l.transaction_id, l.line, l.source_file, l.source_row, l.tier) as line_no
    from fct_payout_line as l semi join details using (payout_id) left join partners using (partner_id) left join products using (product_id)
    where l.date <= $last or l.date is null
"""
_TOTALS = """
    select payout_id, count(*) as lines, coalesce(sum(credited_measure), 0) as credited_measure, sum(line_payout) as line_payout from lines group by payout_id
"""
_FILES = """
    select participant_id, string_agg(text, '' order by agreement_id, position, window_start, payout_id, line_no) as text
    from rows join details using (payout_id) group by participant_id
"""
