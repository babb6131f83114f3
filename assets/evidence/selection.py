"""Which payouts a pack is about, and which others they depend on.

Belongs here: the payouts of a period, those that were asked for, and what must be known to recompute them. Does not belong here: drawing a sample
(sampling.py), which rows of which table that means (tables.py).

    of_period   every payout with a window, an accrual or an entry in the period
    chosen      the sample, or the payouts that were named
    detailed    those that are recomputed, and all that their results depend on: with lines and steps
"""

from __future__ import annotations

from collections.abc import Collection

import duckdb

from assets.evidence.sampling import Sample, draw_sample
from assets.published.explanation import find_payout
from assets.runtime.errors import rejection

_OF_PERIOD = """
    create temp table of_period as
    select distinct payout_id from (
        select payout_id from fct_achievement where period = $1
        union all select payout_id from fct_accrual where period = $1
        union all select payout_id from fct_journal where period = $1
    ) semi join fct_payout using (payout_id)"""

#: Each statement adds to `detailed` what the payouts in it depend on.
_DEPENDENCIES = (
    # of a draw: those of the agreement whose balance it goes on with, and all that end by then of its own, which it is against
    """
    with drawn as (
        select fct_payout.*, json_extract_string(definition, '$.draw.from') as goes_on_with
        from detailed join fct_payout using (payout_id)
        semi join (from dim_benefit where json_exists(definition, '$.draw')) as draws using (agreement_id, agreement_version, benefit_id)
        join dim_benefit using (agreement_id, agreement_version, benefit_id)
    )
    select others.payout_id from fct_payout as others
    join drawn on others.participant_id = drawn.participant_id and others.window_end <= drawn.window_end
        and others.agreement_id in (drawn.agreement_id, drawn.goes_on_with)""",
    # of an agreement with limits on the sum of its benefits: all of the participant that end by then
    """
    with limited as (select distinct agreement_id from dim_agreement where limits_per is not null),
    own as (select agreement_id, participant_id, window_end from detailed join fct_payout using (payout_id) semi join limited using (agreement_id))
    select others.payout_id from fct_payout as others
    semi join own on others.agreement_id = own.agreement_id and others.participant_id = own.participant_id and others.window_end <= own.window_end""",
    # of a group of which only the best pays: every agreement of the group, for the same participant
    """
    with grouped as (select agreement_id, agreement_version, combine_group from dim_agreement where combine_rule = 'best'),
    wanted as (
        select distinct participant_id, combine_group
        from detailed join fct_payout using (payout_id) join grouped using (agreement_id, agreement_version)
    )
    select payout_id from fct_payout join grouped using (agreement_id, agreement_version) semi join wanted using (participant_id, combine_group)""",
    # what earlier windows earned, and what they left to be set off
    """
    select earlier.payout_id from fct_payout as earlier
    semi join (select agreement_id, benefit_id, participant_id, window_start from detailed join fct_payout using (payout_id)) as own
        on earlier.agreement_id = own.agreement_id and earlier.benefit_id = own.benefit_id and earlier.participant_id = own.participant_id
        and earlier.window_start < own.window_start""",
    # the other benefits at which one looks, in windows up to the same day
    """
    with looking as (
        select agreement_id, agreement_version, benefit_id from dim_benefit where regexp_matches(definition, '"benefit": *"')
    ),
    own as (
        select agreement_id, participant_id, window_end
        from detailed join fct_payout using (payout_id) semi join looking using (agreement_id, agreement_version, benefit_id)
    )
    select seen.payout_id from fct_payout as seen
    semi join own on seen.agreement_id = own.agreement_id and seen.participant_id = own.participant_id and seen.window_end <= own.window_end""",
    # whom a rank compares with, and the members of a placed pool, over the whole span
    """
    with ranked as (
        select agreement_id, agreement_version, benefit_id from dim_benefit join dim_agreement using (agreement_id, agreement_version)
        where contains(definition, '"rank"') or contains(definition, '"percentile"') or pool = 'placed'
    ),
    own as (
        select agreement_id, benefit_id, span_start, window_start
        from detailed join fct_payout using (payout_id) semi join ranked using (agreement_id, agreement_version, benefit_id)
    )
    select peers.payout_id from fct_payout as peers
    semi join own on peers.agreement_id = own.agreement_id and peers.benefit_id = own.benefit_id
        and peers.window_start between own.span_start and own.window_start""",
)


def select_period(con: duckdb.DuckDBPyConnection, period: str) -> None:
    """Make the temporary table `of_period`. Raises InputError where there is no payout in it."""
    con.execute(_OF_PERIOD, [period])
    if not con.execute("from of_period limit 1").fetchall():
        raise rejection("PERIOD", f"no payout has a window in {period}")


def sample_period(con: duckdb.DuckDBPyConnection, size: int, seed: int) -> Sample:
    """Draw from the payouts of the period, by what they pay in the book's currency; where there is no rate, in their own."""
    rows = con.execute(
        """select payout_id, cast(abs(coalesce(payout_reporting, payout, 0))::decimal(38, 4) * 10000 as hugeint)
        from fct_payout semi join of_period using (payout_id)"""
    ).fetchall()
    return draw_sample(dict(rows), size, seed)


def named_payouts(con: duckdb.DuckDBPyConnection, wanted: Collection[str], period: str) -> list[str]:
    """The ids of the payouts that were named. Raises InputError where one is unknown or not of the period."""
    found = sorted({str(find_payout(con, each.strip())["payout_id"]) for each in wanted})
    of_period = {payout_id for (payout_id,) in con.execute("from of_period").fetchall()}
    if outside := [payout_id for payout_id in found if payout_id not in of_period]:
        raise rejection("--payouts", f"{', '.join(outside)} has no window, accrual or entry in {period}; name the period of its window")
    return found


def select_dependencies(con: duckdb.DuckDBPyConnection, chosen: Collection[str], of_sample_only: bool) -> None:
    """Make the temporary tables `chosen` and `detailed`: the chosen payouts, or all of the period, and what they depend on."""
    con.execute("create temp table chosen (payout_id varchar)")
    con.execute("insert into chosen select unnest($1::varchar[])", [sorted(chosen)])
    con.execute(f"create temp table detailed as from {'chosen' if of_sample_only else 'of_period'}")
    for statement in _DEPENDENCIES:
        con.execute(f"insert into detailed select distinct payout_id from ({statement}) anti join detailed using (payout_id)")
