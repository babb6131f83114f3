with

agreements as (
    select * from {{ source("terms", "agreements") }}
),

-- who takes part on some day of the term; their days in the year before it count for prior-year figures
participations as (
    select participations.*
    from {{ ref("int_participations") }} as participations
    where exists (
        select 1 from {{ ref("int_participations") }} as in_term
        where
            in_term.agreement_key = participations.agreement_key
            and in_term.partner_key = participations.partner_key
            and in_term.is_in_term
    )
),

participants as (
    select * from {{ ref("int_participants") }}
),

-- who receives the credit: the participant, or with one pool its payee
credited as (
    select
        participations.agreement_key,
        participations.partner_key as member_key,
        coalesce(payees.participant_key, participations.partner_key) as participant_key,
        participations.first_day,
        participations.last_day,
        participations.counts_from,
        participations.counts_to,
        agreements.include_children,
        agreements.pool
    from participations
    inner join agreements on participations.agreement_key = agreements.agreement_key
    left join participants as payees on agreements.pool = 'together' and participations.agreement_key = payees.agreement_key
),

own_spans as (
    select
        credited.agreement_key,
        credited.participant_key,
        credited.pool,
        descended.partner_key,
        credited.counts_from,
        credited.counts_to,
        greatest(credited.first_day, descended.first_day) as first_day,
        least(credited.last_day, descended.last_day) as last_day
    from credited
    inner join {{ ref("int_partners_descended") }} as descended
        on credited.member_key = descended.ancestor_key
        and (credited.include_children or descended.ancestor_key = descended.partner_key)
        and credited.first_day <= descended.last_day
        and descended.first_day <= credited.last_day
),

-- a pool counts a line once, however many members it reaches: spans that meet become one
pooled_marked as (
    select
        *,
        first_day > 1 + max(last_day) over (
            partition by agreement_key, participant_key, partner_key, counts_from, counts_to order by first_day, last_day
            rows between unbounded preceding and 1 preceding
        ) as is_apart
    from own_spans
    where pool = 'together'
),

pooled_numbered as (
    select
        *,
        count(*) filter (where is_apart) over (
            partition by agreement_key, participant_key, partner_key, counts_from, counts_to order by first_day, last_day
            rows between unbounded preceding and current row
        ) as island
    from pooled_marked
),

-- where members have one place, a line is the nearest one's on its way up: those below take it away, on the days on which they stand between
taken as (
    select
        above.agreement_key,
        above.participant_key,
        above.partner_key,
        greatest(above.first_day, below.first_day, between_them.first_day) as first_day,
        least(above.last_day, below.last_day, between_them.last_day) as last_day
    from own_spans as above
    inner join own_spans as below
        on above.agreement_key = below.agreement_key
        and above.partner_key = below.partner_key
        and above.participant_key <> below.participant_key
    inner join {{ ref("int_partners_descended") }} as between_them
        on above.participant_key = between_them.ancestor_key
        and below.participant_key = between_them.partner_key
    where
        above.pool = 'placed'
        and greatest(above.first_day, below.first_day, between_them.first_day) <= least(above.last_day, below.last_day, between_them.last_day)
),

nearest_bounds as (
    select agreement_key, participant_key, partner_key, unnest([first_day, last_day + 1]) as piece_start
    from own_spans
    where pool = 'placed'
    union
    select agreement_key, participant_key, partner_key, unnest([first_day, last_day + 1])
    from taken
),

nearest_pieces as (
    select
        *,
        lead(piece_start) over (partition by agreement_key, participant_key, partner_key order by piece_start) - 1 as piece_end
    from nearest_bounds
),

nearest as (
    select
        pieces.agreement_key,
        pieces.participant_key,
        pieces.partner_key,
        spans.counts_from,
        spans.counts_to,
        pieces.piece_start as first_day,
        pieces.piece_end as last_day
    from nearest_pieces as pieces
    inner join own_spans as spans
        on pieces.agreement_key = spans.agreement_key
        and pieces.participant_key = spans.participant_key
        and pieces.partner_key = spans.partner_key
        and pieces.piece_start between spans.first_day and spans.last_day
    left join taken
        on pieces.agreement_key = taken.agreement_key
        and pieces.participant_key = taken.participant_key
        and pieces.partner_key = taken.partner_key
        and pieces.piece_start between taken.first_day and taken.last_day
    where taken.first_day is null
),

own as (
    select agreement_key, participant_key, partner_key, counts_from, counts_to, first_day, last_day
    from own_spans
    where pool = 'each'
    union all
    select agreement_key, participant_key, partner_key, counts_from, counts_to, first_day, last_day
    from nearest
    union all
    select agreement_key, participant_key, partner_key, counts_from, counts_to, min(first_day) as first_day, max(last_day) as last_day
    from pooled_numbered
    group by agreement_key, participant_key, partner_key, counts_from, counts_to, island
),

assigned as (
    select
        credited.agreement_key,
        credited.participant_key,
        -- in a placed pool a line that any member has as its own is not split
        case when credited.pool <> 'placed' then credited.participant_key end as filled_key,
        split.partner_key,
        credited.counts_from,
        credited.counts_to,
        greatest(credited.first_day, split.first_day) as first_day,
        least(credited.last_day, split.last_day) as last_day,
        split.share_from,
        split.share_to
    from credited
    inner join {{ ref("int_assignments_split") }} as split
        on credited.member_key = split.participant_key
        and credited.first_day <= split.last_day
        and split.first_day <= credited.last_day
),

-- a participant who already has a line gets nothing more for it by assignment: assignments fill the gaps between a participant's own spans. Of one pool
-- whose members take part on some days only, the line says who of them has it (int_lines_matched)
own_once as (
    select distinct
        own.agreement_key,
        case when agreements.pool <> 'placed' then own.participant_key end as filled_key,
        own.partner_key,
        own.first_day,
        own.last_day
    from own
    inner join agreements on own.agreement_key = agreements.agreement_key
    {% if var("book").has_participations %}
    where agreements.pool <> 'together'
    {% endif %}
),

own_gaps as (
    select
        agreement_key,
        filled_key,
        partner_key,
        coalesce(max(last_day) over earlier + 1, date '0001-01-01') as first_day,
        first_day - 1 as last_day
    from own_once
    window earlier as (
        partition by agreement_key, filled_key, partner_key order by first_day, last_day rows between unbounded preceding and 1 preceding
    )
    union all
    select agreement_key, filled_key, partner_key, max(last_day) + 1, date '9999-12-31'
    from own_once
    group by agreement_key, filled_key, partner_key
),

filling as (
    select
        assigned.agreement_key,
        assigned.participant_key,
        assigned.partner_key,
        assigned.counts_from,
        assigned.counts_to,
        greatest(assigned.first_day, coalesce(own_gaps.first_day, assigned.first_day)) as first_day,
        least(assigned.last_day, coalesce(own_gaps.last_day, assigned.last_day)) as last_day,
        assigned.share_from,
        assigned.share_to
    from assigned
    left join own_gaps
        on assigned.agreement_key = own_gaps.agreement_key
        and assigned.filled_key is not distinct from own_gaps.filled_key
        and assigned.partner_key = own_gaps.partner_key
)

select *, cast(0 as bigint) as share_from, cast({{ var("book").share_unit }} as bigint) as share_to, 'own' as road, cast(null as integer) as member_key
from own
union all
select *, 'assignment', null
from filling
where first_day <= last_day
{% if var("book").has_credits %}
union all
-- whoever takes part may be credited with single lines of any partner: which, the line says
select agreement_key, participant_key, null, counts_from, counts_to, first_day, last_day, null, null, 'credit', member_key
from credited
{% endif %}
