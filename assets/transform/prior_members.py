"""Who belongs to a participant now and did not in the prior year, or the other way round: warnings where that changes what growth is compared with.

Belongs here: finding such members with lines in the prior year. Does not belong here: crediting lines (dbt_project/), the calculation of a baseline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.documents import Problem

if TYPE_CHECKING:
    import duckdb

#: At most so many members are listed.
MAX_LISTED = 20

#: Members of one part of the two years alone, with the lines of the prior year that are left out or still counted. Few books have any: then no line is read.
_CHANGED = """
    with members as (
        select distinct agreement_key, participant_key, partner_key, first_day, last_day,
            term_from, least(term_to, (select as_of from terms.settings)) as term_to,
            cast(term_from - interval 1 year as date) as prior_from, cast(term_to - interval 1 year as date) as prior_to
        from intermediate.int_memberships
        where needs_prior_year and share_from = 0 and share_to = 1
    ),
    changing as (
        select agreement_key, participant_key, partner_key, any_value(prior_from) as prior_from, any_value(prior_to) as prior_to,
            bool_or(first_day <= term_to and last_day >= term_from) as is_member_now
        from members group by all
        having min(first_day) > any_value(prior_from) or max(last_day) < any_value(term_to)
    ),
    lines as (
        select changing.agreement_key, changing.participant_key, changing.partner_key, changing.is_member_now, lines.date,
            exists (
                from members where members.agreement_key = changing.agreement_key and members.participant_key = changing.participant_key
                    and members.partner_key = changing.partner_key and lines.date between members.first_day and members.last_day
            ) as is_counted
        from changing
        join staging.stg_transactions as lines
            on changing.partner_key = lines.partner_key and lines.date between changing.prior_from and changing.prior_to
    ),
    partners as (select distinct partner_key, partner_id from staging.stg_partners)
    select agreements.source_file, agreements.source_line, agreements.agreement_id, participants.partner_id, partners.partner_id, is_member_now, count(*)
    from lines
    join terms.agreements using (agreement_key)
    join partners using (partner_key)
    join partners as participants on lines.participant_key = participants.partner_key
    where is_counted <> is_member_now
    group by all order by all limit {limit}"""


def find_changed_members(con: duckdb.DuckDBPyConnection) -> list[Problem]:
    """One per agreement, participant and member."""
    return [
        Problem(file, line, "baseline", _describe(agreement, participant, member, is_member_now, count))
        for file, line, agreement, participant, member, is_member_now, count in con.execute(_CHANGED.format(limit=MAX_LISTED)).fetchall()
    ]


def _describe(agreement: str, participant: str, member: str, is_member_now: bool, count: int) -> str:
    lines = f"{count} {'line' if count == 1 else 'lines'}"
    if is_member_now:
        found = f"compares {participant} with a prior year without {lines} of {member}, which did not belong to it then"
        way_out = "give it that parent or attribute for the prior year too"
    else:
        found = f"compares {participant} with a prior year with {lines} of {member}, which no longer belongs to it"
        way_out = "end it before the prior year"
    return f"{agreement} {found}. Each line counts for whom its partner belonged to on its day; to compare the same members, {way_out} in the partners feed"
