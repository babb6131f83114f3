"""Who belongs to a participant now and did not in the prior year, or the other way round: warnings where that changes what growth is compared with.

Belongs here: finding such members with lines in the prior year. Does not belong here: crediting lines (dbt_project/), the calculation of a baseline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assets.transform.book_features import find_share_unit
from models.documents import Problem

if TYPE_CHECKING:
    import duckdb

#: At most so many agreements are listed.
MAX_LISTED = 20

#: Members of one part of the two years alone, with the lines of the prior year that are left out or still counted. Few books have any: then no line is read.
_CHANGED = """
    with members as (
        select distinct agreement_key, participant_key, partner_key, first_day, last_day,
            term_from, least(term_to, (select as_of from terms.settings)) as term_to,
            cast(term_from - interval 1 year as date) as prior_from, cast(term_to - interval 1 year as date) as prior_to
        from intermediate.int_memberships
        where needs_prior_year and not is_prior_alone and share_from = 0 and share_to = {unit}
    ),
    changing as (
        select agreement_key, participant_key, partner_key, any_value(prior_from) as prior_from, any_value(prior_to) as prior_to,
            bool_or(first_day <= term_to and last_day >= term_from) as is_member_now
        from members group by all
        having min(first_day) > any_value(prior_from) or max(last_day) < any_value(term_to)
    ),
    days as (
        select partners.partner_key, lines.date, count(*) as line_count
        from raw.transactions as lines
        join (select distinct partner_key, partner_id from staging.stg_partners) as partners using (partner_id)
        where partners.partner_key in (select partner_key from changing) and not exists (
            from intermediate.int_rows_replaced as replaced
            where replaced.feed = 'transactions' and replaced.file_no = lines.file_no and replaced.row_no = lines.row_no
        )
        group by partners.partner_key, lines.date
    ),
    lines as (
        select changing.*, days.date, days.line_count
        from changing join days on changing.partner_key = days.partner_key and days.date between changing.prior_from and changing.prior_to
    ),
    counted as (
        select lines.agreement_key, lines.participant_key, lines.partner_key, lines.is_member_now, lines.date, lines.line_count,
            bool_or(members.first_day is not null) as is_counted
        from lines
        left join members on lines.agreement_key = members.agreement_key and lines.participant_key = members.participant_key
            and lines.partner_key = members.partner_key and lines.date between members.first_day and members.last_day
        group by all
    ),
    changed as (
        select agreement_key, participant_key, partner_key, is_member_now, cast(sum(line_count) as bigint) as line_count
        from counted where is_counted <> is_member_now
        group by all
    ),
    partners as (select distinct partner_key, partner_id from staging.stg_partners),
    named as (
        select agreements.source_file, agreements.source_line, agreements.agreement_id,
            participants.partner_id as participant, partners.partner_id as member, changed.is_member_now, changed.line_count
        from changed
        join terms.agreements using (agreement_key)
        join partners using (partner_key)
        join partners as participants on changed.participant_key = participants.partner_key
    )
    -- the member with the most lines, and how many there are
    select *, count(*) over agreement from named
    window agreement as (partition by source_file, source_line)
    qualify row_number() over (partition by source_file, source_line order by line_count desc, participant, member) = 1
    order by all limit {limit}"""


def find_changed_members(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    """One per agreement, with the member that has the most lines."""
    return [
        Problem(file, line, "baseline", _describe(agreement, participant, member, is_member_now, lines, count - 1))
        for file, line, agreement, participant, member, is_member_now, lines, count in con.execute(
            _CHANGED.format(limit=MAX_LISTED, unit=find_share_unit(con))
        ).fetchall()
    ]


def _describe(agreement: str, participant: str, member: str, is_member_now: bool, count: int, others: int) -> str:
    lines = f"{count} {'line' if count == 1 else 'lines'}"
    if is_member_now:
        found = f"compares {participant} with a prior year without {lines} of {member}, which did not belong to it then"
        way_out = "give it that parent or attribute for the prior year too"
    else:
        found = f"compares {participant} with a prior year with {lines} of {member}, which no longer belongs to it"
        way_out = "end it before the prior year"
    more = f"; {others} more {'member' if others == 1 else 'members'} changed" if others else ""
    rule = "Each line counts for whom its partner belonged to on its day"
    return f"{agreement} {found}{more}. {rule}; to compare the same members, {way_out} in the partners feed"
