"""Whose payouts are computed anew, and why.

Belongs here: comparing what payouts are calculated from with what it was in the run before. Does not belong here: lines and sums (changed_lines.py),
the calculation (models/calculation).

A participant is computed whole, or not at all: all agreements, benefits and windows. So nothing that looks from one payout to another of the same
participant (earlier windows, carried clawbacks, groups of agreements) needs an edge. Contests look at others: who is in one with a participant that
is computed is computed too. When as_of moves on, the windows that are still open are computed for everyone.
"""

from __future__ import annotations

import duckdb

from assets.incremental.changed_lines import CAUSES
from assets.incremental.kept_tables import OF_BENEFITS, differing
from models.calculation.places.ranks import RANKED

#: Windows that are gone or have changed, and new ones that had begun when the run before was made.
_WINDOWS = """
    (from previous.windows except all from terms.windows)
    union all
    select * from (from terms.windows except all from previous.windows) where window_start <= (select as_of_before from changes.mode)"""
_MEMBERS = "select participant_key, agreement_key from intermediate.int_participants union select participant_key, agreement_key from previous.participants"
#: participant_key and cause of everyone who is computed anew.
_CHANGED = """
    with ids as (
        select participant_key, participant_id from intermediate.int_participants
        union select participant_key, participant_id from previous.participants
        -- targets and metrics of a placed pool are the payee's
        union select participant_key, payee_id
        from ({members}) join terms.agreements using (agreement_key) where pool = 'placed' and payee_id is not null
    ),
    members as ({members}),
    benefits as (
        select benefit_key, agreement_key from terms.benefits union select benefit_key, agreement_key from previous.benefits
    ),
    changed_benefits as ({changed_benefits}),
    changed_agreements as (
        select agreement_key from benefits join changed_benefits using (benefit_key)
        union select agreement_key from ({agreements})
    )
    select participant_key, cause_no from intermediate.int_measures_changed
    union all select participant_key, {of_agreements} from members join changed_agreements using (agreement_key)
    union all select participant_key, {of_participants} from ({participants})
    union all select participant_key, {of_participants} from ids join ({participations}) using (participant_id)
    union all select participant_key, {of_targets} from ids join ({targets}) using (participant_id)
    union all select participant_key, {of_metrics} from ids join ({metrics}) using (participant_id)
    union all select participant_key, {of_balances} from ids join ({balances}) using (participant_id)
    -- a later as_of computes open spans, which do not see what is carried into them
    union all select participant_key, {of_as_of} from calc.payouts where carried <> 0 and {as_of_moved}"""
#: Whether as_of is later than in the run before.
_AS_OF_MOVED = "(select as_of_before < as_of from changes.mode)"
#: Those who are ranked with one who is computed anew, or have one place in a pool with it, in any agreement, until nobody is added.
_CONTESTANTS = """
    with recursive contests as (
        select distinct members.agreement_key, members.participant_key
        from ({members}) as members
        join terms.benefits using (agreement_key)
        join terms.axes using (benefit_key)
        where axis in ({ranked})
        union
        select members.agreement_key, members.participant_key
        from ({members}) as members join terms.agreements using (agreement_key) where pool = 'placed'
    ),
    reached as (
        select participant_key from changes.participants
        union
        select others.participant_key
        from reached join contests using (participant_key) join contests as others on contests.agreement_key = others.agreement_key
    )
    insert into changes.participants
    select participant_key, {of_contests} from reached anti join changes.participants using (participant_key)"""


#: Windows that a later as_of changes: spans that had not ended, of the benefit or of the agreement's limits, and all windows where agreements compete,
#: participants are ranked, benefits look at each other, or one draws against what others pay.
OPEN_WINDOWS = """
    select windows.*
    from terms.windows as windows
    join terms.benefits as benefits using (benefit_key)
    join terms.agreements as agreements using (agreement_key)
    cross join changes.mode as mode
    where mode.as_of_before < mode.as_of
        and (
            greatest(windows.span_end, windows.limited_until) >= mode.as_of_before
            or agreements.combine_rule = 'best'
            or benefits.benefit_key in (select benefit_key from terms.axes where axis in ({ranked}))
            or benefits.agreement_key in (select agreement_key from terms.benefits join terms.axis_parts using (benefit_key))
            or benefits.agreement_key in (select agreement_key from terms.benefits join terms.draws using (benefit_key))
        )""".format(ranked=", ".join(f"'{axis}'" for axis in RANKED))
_PAYOUTS = """
    select payout_key from calc.payouts semi join changes.participants using (participant_key)
    union
    select payout_key
    from calc.payouts as payouts
    semi join ({open_windows}) as windows on payouts.benefit_key = windows.benefit_key and payouts.window_no = windows.window_no
    union
    select payout_key
    from calc.payouts
    join previous.benefits using (benefit_key)
    join previous.agreements using (agreement_key)
    where net_level > 0"""


def find_changed_participants(con: duckdb.DuckDBPyConnection) -> None:
    """Write changes.participants: participant_key and cause_no of everyone who is computed anew, once each."""
    numbers = {"of_balances": CAUSES.index("opening balances")}
    numbers |= {f"of_{name}": CAUSES.index(name) for name in ("agreements", "participants", "targets", "metrics", "contests", "as_of")}
    differs = {name: differing(name) for name in ("participants", "participations", "targets", "metrics", "balances", "agreements")}
    of_benefits = [f"select benefit_key from ({query})" for query in (*map(differing, ("benefits", *OF_BENEFITS)), _WINDOWS)]
    changed = _CHANGED.format(members=_MEMBERS, changed_benefits=" union ".join(of_benefits), as_of_moved=_AS_OF_MOVED, **differs, **numbers)
    con.execute(f"create or replace table changes.participants as select participant_key, min(cause_no) as cause_no from ({changed}) group by all")
    ranked = ", ".join(f"'{axis}'" for axis in RANKED)
    con.execute(_CONTESTANTS.format(members=_MEMBERS, ranked=ranked, **numbers))


def delete_changed_payouts(con: duckdb.DuckDBPyConnection) -> None:
    """Delete the payouts that are computed anew, and what belongs to them, from calc.*. changes.first_payout is the number from which new ones are counted.

    Agreements that are net of others are all computed anew: what they are net of is known only then.
    """
    con.execute(f"create or replace table changes.payouts as {_PAYOUTS.format(open_windows=OPEN_WINDOWS)}")
    for (table,) in con.execute("select table_name from duckdb_columns() where schema_name = 'calc' and column_name = 'payout_key'").fetchall():
        con.execute(f"delete from calc.{table} where payout_key in (select payout_key from changes.payouts)")
    con.execute("create or replace table changes.first_payout as select coalesce(max(payout_key) + 1, 0) as payout_key from calc.payouts")
