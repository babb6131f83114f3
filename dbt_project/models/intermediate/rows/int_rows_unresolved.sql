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
    where {{ is_configured("payments") }} or {{ is_configured("adjustments") }} or {{ is_configured("balances") }}
        or {{ is_configured("disputes") }}
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
-- what names no payout moves nothing; where the payout is gone, but was posted, it is in the books
{%- for feed, name in [("payments", "payment"), ("adjustments", "adjustment"), ("balances", "opening balance"), ("disputes", "dispute")] %}
select
    '{{ feed }}' as feed,
    {{ feed }}.file_no,
    {{ feed }}.row_no,
    'unknown_payout' as reason,
    'agreement' as column_name,
    'there is no payout ' || concat_ws('/', {{ feed }}.agreement, {{ feed }}.benefit, {{ feed }}.participant_id, {{ feed }}.window_start)
    || '; the {{ name }} counts once there is one' as message
from {{ ref("stg_" ~ feed) }} as {{ feed }}
left join payouts
    on {{ names_payout(feed, "payouts") }}
where payouts.agreement_id is null and {{ feed }}.agreement is not null and {{ is_configured(feed) }}
union all
{%- endfor %}
{%- if var("book").has_paid_currencies %}
select
    'payments' as feed,
    payments.file_no,
    payments.row_no,
    payments.waits_for as reason,
    'currency' as column_name,
    'no rate from ' || payments.paid_currency || ' to the agreement''s currency on ' || cast(payments.paid_on as varchar)
    || ' or before; the payment counts once the feed fx_rates has one' as message
from {{ ref("int_payments_converted") }} as payments
inner join payouts on {{ names_payout("payments", "payouts") }}
where payments.waits_for is not null
union all
{%- endif %}
select
    'adjustments' as feed,
    adjustments.file_no,
    adjustments.row_no,
    adjustments.waits_for as reason,
    case adjustments.waits_for when 'not_approved' then 'approved_by' else 'amount' end as column_name,
    case
        when adjustments.waits_for = 'too_many_decimals'
            then {{ says_too_fine("adjustments") }}
        when adjustments.approved_by is null
            then 'the book has require_approval: true, and nobody has approved the adjustment; it counts once another person has'
        else 'the book has require_approval: true, and ' || adjustments.approved_by
            || ' has made the adjustment and cannot approve it; it counts once another person has'
    end as message
from {{ ref("stg_adjustments") }} as adjustments
inner join payouts
    on {{ names_payout("adjustments", "payouts") }}
where adjustments.waits_for is not null and {{ is_configured("adjustments") }}
union all
select
    'balances' as feed,
    balances.file_no,
    balances.row_no,
    balances.waits_for as reason,
    case balances.waits_for when 'outside_window' then 'date' else 'accrued' end as column_name,
    case
        when balances.waits_for = 'too_many_decimals'
            then 'accrued, settled or carried has more than the ' || balances.minor_units || ' decimals of the agreement''s currency'
        else cast(balances.date as varchar) || ' is no day of the window that begins on ' || cast(balances.window_start as varchar)
            || '; the row counts on a day of its window'
    end as message
from {{ ref("stg_balances") }} as balances
inner join payouts
    on {{ names_payout("balances", "payouts") }}
where balances.waits_for in ('outside_window', 'too_many_decimals') and {{ is_configured("balances") }}
union all
select
    'disputes' as feed,
    disputes.file_no,
    disputes.row_no,
    disputes.waits_for as reason,
    'amount' as column_name,
    {{ says_too_fine("disputes") }} as message
from {{ ref("stg_disputes") }} as disputes
inner join payouts on {{ names_payout("disputes", "payouts") }}
where disputes.waits_for is not null and {{ is_configured("disputes") }}
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
