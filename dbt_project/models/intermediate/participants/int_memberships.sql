with

agreements as (
    select * from {{ source("terms", "agreements") }}
),

-- what is counted: a scope of the agreement; also what an agreement of an exclusive group claims, which no benefit measures
line_sets as (
    select line_set_key, agreement_key, scope_key, attribute, grouped_by, counts_from, prior_from, prior_to, needs_prior_year
    from {{ source("terms", "line_sets") }}
    union all
    select null, agreement_key, scope_key, null, null, null, null, null, false from {{ source("terms", "claims") }}
),

spans as (
    select * from {{ ref("int_credits_spanned") }} where share_from < share_to or road = 'credit'
)

select
    cast(row_number() over (
        order by line_sets.line_set_key, spans.participant_key, spans.partner_key, spans.first_day, spans.share_from, spans.member_key, spans.counts_from
    ) as integer) as membership_key,
    agreements.agreement_key,
    line_sets.line_set_key,
    line_sets.scope_key,
    line_sets.attribute,
    line_sets.grouped_by,
    line_sets.needs_prior_year,
    scopes.counts_sale,
    scopes.counts_return,
    scopes.counts_credit,
    scopes.counts_adjustment,
    scopes.condition_key,
    agreements.conversion_key,
    agreements.returns = 'original' as counts_originals,
    -- a measure of days before the term counts them like those of the term
    coalesce(line_sets.counts_from, line_sets.prior_from, agreements.term_from) as term_from,
    coalesce(line_sets.prior_to, agreements.term_to) as term_to,
    spans.partner_key,
    spans.participant_key,
    -- only to pass fewer lines on: a year of any calendar is shorter than 400 days. A claim holds on the days of its own version's windows
    case when line_sets.prior_from is not null then line_sets.prior_from - 400 else greatest(spans.first_day, case
        when line_sets.line_set_key is null then agreements.valid_from
        when line_sets.counts_from is not null then line_sets.counts_from
        when line_sets.needs_prior_year then agreements.term_from - 400
        else agreements.term_from
    end) end as first_day,
    coalesce(line_sets.prior_to - 300, least(spans.last_day, agreements.valid_to)) as last_day,
    spans.share_from,
    spans.share_to,
    agreements.agreement_key in (select agreement_key from {{ source("terms", "nets") }}) as is_netted,
    -- pieces of one pool's members add up on one line
    agreements.pool = 'together' and spans.road <> 'own' as is_pool_piece,
    agreements.pool = 'together' as is_pooled,
    -- in a placed pool a line that any member has as its own is nobody else's
    case when agreements.pool <> 'placed' then spans.participant_key end as filled_key,
    spans.road,
    cast(spans.member_key as integer) as member_key,
    spans.counts_from,
    spans.counts_to,
    line_sets.prior_to is not null as is_prior_alone
from spans
inner join line_sets on spans.agreement_key = line_sets.agreement_key
inner join {{ source("terms", "scopes") }} as scopes on line_sets.scope_key = scopes.scope_key
-- a version that owns no window measures nothing
inner join agreements on spans.agreement_key = agreements.agreement_key and agreements.valid_to is not null
where
    spans.first_day <= agreements.term_to
    -- versions of the year before count for prior-year figures: a year of any calendar is shorter than 400 days
    and spans.last_day >= least(agreements.term_from - 400, coalesce(line_sets.counts_from, agreements.term_from))
    -- the year before by the hierarchy of today: that of the last day that it is compared with, or of as_of
    and (
        line_sets.prior_to is null
        or least(line_sets.prior_to, (select as_of from {{ source("terms", "settings") }})) between spans.first_day and spans.last_day
    )
