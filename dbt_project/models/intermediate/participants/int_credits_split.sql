-- who is credited with a transaction or one line of it, instead of by assignments; the shares run in order of participant id
with

credits as (
    select * from {{ ref("stg_credits") }}
),

partners as (
    select distinct partner_key, partner_id from {{ ref("stg_partners") }}
),

shared as (
    select
        *,
        -- rows of one credit_key are of the same lines
        cast(dense_rank() over (order by transaction_id, line) as integer) as credit_key,
        sum(share_parts) over (
            partition by transaction_id, line order by participant_id rows between unbounded preceding and current row
        ) as share_to
    from credits
)

select
    shared.credit_key,
    shared.transaction_id,
    shared.line,
    partners.partner_key as participant_key,
    cast(shared.share_to - shared.share_parts as bigint) as share_from,
    cast(shared.share_to as bigint) as share_to
from shared
left join partners on shared.participant_id = partners.partner_id
