"""What differs between the first and the last rung, as data: totals by cause, who gains and loses, the largest, where it is, books and lint.

Belongs here: queries over the tables of the rungs. Does not belong here: filling them (rung_tables.py), words and tables for people (sections.py).

Nothing is added up over currencies or directions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import duckdb

from assets.differences.ladder import place_of
from assets.published.reader import Row, fetch

#: Bands of participants by what changes, as percentages of the amount before: the name, and the condition. The first that holds counts.
BANDS = {
    "new": "before_sum = 0 and change <> 0",
    "down to nothing": "now_sum = 0 and before_sum <> 0",
    "more than 50 % less": "change * 100 < -50 * abs(before_sum)",
    "20 to 50 % less": "change * 100 < -20 * abs(before_sum)",
    "5 to 20 % less": "change * 100 < -5 * abs(before_sum)",
    "up to 5 % less": "change < 0",
    "unchanged": "change = 0",
    "up to 5 % more": "change * 100 <= 5 * abs(before_sum)",
    "5 to 20 % more": "change * 100 <= 20 * abs(before_sum)",
    "20 to 50 % more": "change * 100 <= 50 * abs(before_sum)",
    "more than 50 % more": "true",
}
#: An attribute of partners with more values than this is a name, not a group.
_MOST_VALUES = 30
_FIGURES = (
    "payout", "status", "status_reason", "agreement_version", "measure", "target", "baseline", "incentive", "axis_value", "tier", "curve_payout",
    "multiplier", "gate_factor", "earned", "prior_earned", "carried",
)  # fmt: skip


@dataclass
class Findings:
    """What `diff` tells. `base` and `new` describe the two ends, `causes` the rungs that were run, `by_cause` the totals that they add.

    Each of the other lists has rows of one direction and currency.
    """

    base: Row
    new: Row
    causes: list[str]
    totals: list[Row]
    bands: list[Row]
    largest: list[Row]
    by_agreement: list[Row]
    by_tier: list[Row]
    by_attribute: dict[str, list[Row]]
    accruals: list[Row]
    journal: list[Row]
    restated: list[Row]
    closed_periods: int
    lint_new: list[str] = field(default_factory=list)
    lint_gone: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        return not self.largest and not self.accruals and not self.journal


_TOTALS = """
    with sums as (
        select direction, currency, sum(coalesce(before.payout, 0)) as before, sum(coalesce(now.payout, 0)) as now, sum(change) as change,
            count(before.payout_id) as payouts_before, count(now.payout_id) as payouts_now, count(*) filter (change <> 0) as changed,
            count(*) filter (before.payout_id is null) as added, count(*) filter (now.payout_id is null) as removed,
            count(distinct participant_id) as participants, count(distinct participant_id) filter (change <> 0) as participants_changed
        from ends group by all
    ),
    causes as (select direction, currency, map_from_entries(list((cause, amount) order by cause)) as causes
        from (select direction, currency, cause, sum(amount) as amount from deltas group by all) group by all)
    select sums.*, causes from sums left join causes using (direction, currency) order by direction, currency"""

_OF_PARTICIPANTS = """
    select direction, currency, participant_id, sum(coalesce(before.payout, 0)) as before_sum, sum(coalesce(now.payout, 0)) as now_sum,
        sum(change) as change
    from ends group by all"""

_LARGEST = f"""
    with causes as (select payout_id, direction, currency, map_from_entries(list((cause, amount) order by cause)) as causes from deltas group by all),
    tiers_before as (from tiers where rung_no = 0), tiers_now as (from tiers where rung_no = (select max(rung_no) from rungs)),
    other_tiers as (
        select now.agreement_id, before.agreement_version as version_before, now.agreement_version as version_now, now.benefit_id,
            list({{tier: now.tier, before: before, now: now}} order by now.tier) as tiers
        from tiers_before as before join tiers_now as now using (agreement_id, benefit_id, tier)
        where (before.from_value, before.rate, before.per_unit, before.amount, before.share)
            is distinct from (now.from_value, now.rate, now.per_unit, now.amount, now.share)
        group by all
    )
    select ends.payout_id, direction, currency, ends.agreement_id, agreement_title, ends.benefit_id, participant_id, participant_name, window_start,
        window_end, change, coalesce(causes, map([]::varchar[], []::decimal(38, 4)[])) as causes,
        {", ".join(f"before.{name} as before_{name}, now.{name} as now_{name}" for name in _FIGURES)},
        before.payout_id is null as is_new, now.payout_id is null as is_gone,
        ends.agreement_id in (select agreement_id from payouts where rung_no = 0) as had_agreement,
        ends.agreement_id in (select agreement_id from payouts where rung_no = (select max(rung_no) from rungs)) as has_agreement,
        tiers_before.rate as before_rate, tiers_now.rate as now_rate, other_tiers.tiers as other_tiers
    from ends left join causes using (payout_id, direction, currency)
    left join tiers_before on before.agreement_id = tiers_before.agreement_id and before.agreement_version = tiers_before.agreement_version
        and before.benefit_id = tiers_before.benefit_id and before.tier = tiers_before.tier
    left join tiers_now on now.agreement_id = tiers_now.agreement_id and now.agreement_version = tiers_now.agreement_version
        and now.benefit_id = tiers_now.benefit_id and now.tier = tiers_now.tier
    left join other_tiers on now.agreement_id = other_tiers.agreement_id and now.benefit_id = other_tiers.benefit_id
        and before.agreement_version = version_before and now.agreement_version = version_now
    where change <> 0
    order by abs(case when before.payout_reporting is null and now.payout_reporting is null then change else change_reporting end) desc,
        ends.payout_id, direction, currency
    limit $count"""

_BY_TIER = """
    select direction, currency, coalesce(before.tier, 0) as tier_before, coalesce(now.tier, 0) as tier_now, count(*) as payouts, sum(change) as change
    from ends where change <> 0 group by all order by direction, currency, abs(sum(change)) desc, tier_before, tier_now"""

_BY_AGREEMENT = """
    with causes as (
        select direction, currency, agreement_id, map_from_entries(list((cause, amount) order by cause)) as causes
        from (
            select direction, currency, agreement_id, cause, sum(amount) as amount
            from deltas join ends using (payout_id, direction, currency) group by all
        ) group by all
    )
    select direction, currency, agreement_id, arg_max(agreement_title, window_start) as agreement_title, sum(coalesce(before.payout, 0)) as before,
        sum(coalesce(now.payout, 0)) as now, sum(change) as change, count(*) filter (change <> 0) as changed, any_value(causes) as causes
    from ends left join causes using (direction, currency, agreement_id)
    group by all having count(*) filter (change <> 0) > 0 order by abs(sum(change)) desc, agreement_id, direction, currency"""

_BY_ATTRIBUTE = """
    select direction, currency, coalesce(value, '') as value, count(distinct participant_id) as participants, sum(coalesce(before.payout, 0)) as before,
        sum(change) as change
    from ends left join (from partners where name = $name) on participant_id = partner_id
    group by all having sum(change) <> 0 order by abs(sum(change)) desc, value, direction, currency"""

_ENDS = (
    "(select *, rung_no = 0 as is_before, rung_no = last_no as is_now from {table} join (select max(rung_no) as last_no from rungs) on rung_no in (0, last_no))"
)
#: A row per group: what it was in the first rung, and what it is in the last, which may be the same.
_CHANGE = """
    coalesce(sum({amount}) filter (is_before), 0) as before, coalesce(sum({amount}) filter (is_now), 0) as now, now - before as change"""

_ACCRUALS = f"""
    select period, direction, currency, {_CHANGE.format(amount="accrued")},
        period in (select period from closes where is_in_force and kind = 'close') as is_closed
    from {_ENDS.format(table="months")} group by all having change <> 0 order by direction, currency, period"""

_JOURNAL = f"""
    select account, kind, currency, {_CHANGE.format(amount="(debit - credit)")}
    from {_ENDS.format(table="journal")} group by all having change <> 0 order by currency, account, kind"""

#: What is booked in a later period than its own, of closed ones: what it was before, and what it is now.
_RESTATED = f"""
    with of_payout as (select payout_id, any_value(direction) as direction, any_value(currency) as currency from payouts group by all)
    select origin_period, period, direction, currency, {_CHANGE.format(amount="accrual")}
    from {_ENDS.format(table="accruals")} left join of_payout using (payout_id)
    where origin_period <> period and not is_posted
    group by all having change <> 0 order by origin_period, period, direction, currency"""


def collect(con: duckdb.DuckDBPyConnection, base: Row, new: Row, attributes: Sequence[str], asked: Sequence[str], count: int = 10) -> Findings:
    """Query the tables of the rungs. `attributes`: of partners; `asked`: those that the caller wants, instead of all that have few values."""
    chosen = asked or [name for name in attributes if _values(con, name) <= _MOST_VALUES]
    closed = "select count(distinct period) from closes where is_in_force and kind = 'close' and rung_no = (select max(rung_no) from rungs)"
    return Findings(
        base=base,
        new=new,
        causes=[row[0] for row in con.execute("select cause from rungs where cause is not null").fetchall()],
        totals=_with_all_causes(fetch(con, _TOTALS)),
        bands=_bands(con),
        largest=fetch(con, _LARGEST, {"count": count}),
        by_agreement=_with_all_causes(fetch(con, _BY_AGREEMENT)),
        by_tier=fetch(con, _BY_TIER),
        by_attribute={name: rows for name in chosen if (rows := fetch(con, _BY_ATTRIBUTE, {"name": name})) and len({row["value"] for row in rows}) > 1},
        accruals=fetch(con, _ACCRUALS),
        journal=fetch(con, _JOURNAL),
        restated=fetch(con, _RESTATED),
        closed_periods=con.execute(closed).fetchall()[0][0],
    )


def all_changes(con: duckdb.DuckDBPyConnection) -> list[Row]:
    """Every payout that differs, the largest first."""
    return fetch(con, _LARGEST, {"count": 2**62})


def is_over(totals: Sequence[Row], limit: Decimal, is_share: bool) -> list[Row]:
    """The totals whose change is more than the limit: a share of what they were (any change, where that is 0), or an amount."""
    return [row for row in totals if abs(row["change"]) > (limit * abs(row["before"]) if is_share else limit)]


def _bands(con: duckdb.DuckDBPyConnection) -> list[Row]:
    cases = " ".join(f"when {condition} then {n}" for n, condition in enumerate(BANDS.values()))
    query = f"""
        select direction, currency, case {cases} end as band_no, count(*) as participants, sum(before_sum) as before, sum(change) as change
        from ({_OF_PARTICIPANTS}) group by all order by direction, currency, band_no"""
    names = list(BANDS)
    return [{**row, "band": names[row["band_no"]]} for row in fetch(con, query)]


def _with_all_causes(rows: list[Row]) -> list[Row]:
    return [{**row, "causes": _causes(row["causes"])} for row in rows]


def _causes(found: Any) -> dict[str, Decimal]:
    amounts = dict(found or {})
    return {cause: amounts[cause] for cause in sorted(amounts, key=place_of) if amounts[cause]}


def _values(con: duckdb.DuckDBPyConnection, name: str) -> int:
    return int(con.execute("select count(distinct value) from partners where name = ?", [name]).fetchall()[0][0])
