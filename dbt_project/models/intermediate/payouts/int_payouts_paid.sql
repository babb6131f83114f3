{{ config(materialized="view") }}
with

payments as (
    select agreement, benefit, participant_id, window_start, sum(amount) as settled
    from {{ ref("stg_payments") }}
    group by agreement, benefit, participant_id, window_start
),

write_offs as (
    select payout_id, sum(amount) as written_off
    from {{ source("ledger", "write_offs") }}
    group by payout_id
)

select
    payouts.payout_key,
    cast(coalesce(payments.settled, 0) as decimal(18, 4)) as settled,
    cast(coalesce(write_offs.written_off, 0) as decimal(18, 4)) as written_off
from {{ ref("int_payouts_identified") }} as payouts
left join payments
    on payouts.agreement_id = payments.agreement
    and payouts.benefit_id = payments.benefit
    and payouts.participant_id = payments.participant_id
    and payouts.window_start = payments.window_start
left join write_offs on payouts.payout_id = write_offs.payout_id
