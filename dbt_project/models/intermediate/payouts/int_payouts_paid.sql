{{ config(materialized="view") }}
with

payments as (
    select agreement, benefit, participant_id, window_start, sum(amount) as settled
    from (
        select agreement, benefit, participant_id, window_start, amount from {{ ref("int_payments_converted") }}
        where waits_for is null
        union all
        -- paid before the book began
        select agreement, benefit, participant_id, window_start, settled as amount from {{ ref("stg_balances") }} as balances
        where balances.waits_for is null
    )
    group by agreement, benefit, participant_id, window_start
),

adjustments as (
    select agreement, benefit, participant_id, window_start, sum(amount) as adjusted
    from {{ ref("stg_adjustments") }}
    where waits_for is null
    group by agreement, benefit, participant_id, window_start
),

write_offs as (
    select payout_id, sum(amount) as written_off
    from {{ source("ledger", "write_offs") }}
    group by payout_id
)

select
    identified.payout_key,
    cast(coalesce(adjustments.adjusted, 0) as decimal(18, 4)) as adjusted,
    cast(payouts.payout + coalesce(adjustments.adjusted, 0) as decimal(18, 4)) as payable,
    cast(coalesce(payments.settled, 0) as decimal(18, 4)) as settled,
    cast(coalesce(write_offs.written_off, 0) as decimal(18, 4)) as written_off
from {{ source("calc", "payouts") }} as payouts
inner join {{ ref("int_payouts_identified") }} as identified on payouts.payout_key = identified.payout_key
{%- for table in ["payments", "adjustments"] %}
left join {{ table }}
    on {{ names_payout(table) }}
{%- endfor %}
left join write_offs on identified.payout_id = write_offs.payout_id
