{{ join_as_written() }}
{{ config(materialized="incremental", pre_hook="{{ delete_where(is_unresolved_anew()) }}") }}
with

lines as (
    select
        file_no,
        row_no,
        date,
        case when partner_key is null then 'partner' else 'product' end as entity,
        case when partner_key is null then partner_id else product_id end as id
    from {{ ref("stg_transactions_changed") }}
    where partner_key is null or product_key is null
),

payouts as (
    select agreements.agreement_id, benefits.benefit_id, participants.participant_id, windows.window_start
    from {{ source("terms", "windows") }} as windows
    inner join {{ source("terms", "benefits") }} as benefits on windows.benefit_key = benefits.benefit_key
    inner join {{ source("terms", "agreements") }} as agreements on benefits.agreement_key = agreements.agreement_key
    inner join {{ ref("int_participants") }} as participants on benefits.agreement_key = participants.agreement_key
    where {{ is_configured("payments") }}
    union
    select agreement_id, benefit_id, participant_id, window_start from {{ source("ledger", "accruals") }}
)

select
    'transactions' as feed,
    file_no,
    row_no,
    'unknown_' || entity as reason,
    entity || '_id' as column_name,
    entity || ' ' || id || ' is not in the feed ' || entity || 's on ' || cast(date as varchar) || '; the row counts once it arrives there' as message
from lines
union all
-- a payment that names no payout settles nothing; one whose payout is gone, but was posted, is in the books
select
    'payments' as feed,
    payments.file_no,
    payments.row_no,
    'unknown_payout' as reason,
    'agreement' as column_name,
    'there is no payout ' || concat_ws('/', payments.agreement, payments.benefit, payments.participant_id, payments.window_start)
    || '; the payment counts once there is one' as message
from {{ ref("stg_payments") }} as payments
left join payouts
    on payments.agreement = payouts.agreement_id
    and payments.benefit = payouts.benefit_id
    and payments.participant_id = payouts.participant_id
    and payments.window_start = payouts.window_start
where payouts.agreement_id is null and {{ is_configured("payments") }}
union all
select
    'participations' as feed,
    file_no,
    row_no,
    'overlapping_days' as reason,
    'from' as column_name,
    participant_id || ' takes part in ' || agreement
    || ' on some of these days by a row that begins before; the row counts once that one ends earlier' as message
from {{ ref("stg_participations_overlapping") }}
