{{ config(materialized="table") }}
{#- a payout that is no longer computed has no rate: what is in the reporting currency needs none #}
{% set own = "accruals.currency = settings.currency" %}
with

accruals as (
    select * from {{ ref("int_accruals_posted") }}
),

named_partners as (
    select partner_id, name as participant_name from {{ ref("int_partners_current") }}
),

titles as (
    select agreement_id, title as agreement_title from {{ ref("int_agreements_titled") }}
),

rates as (
    select * from {{ ref("int_payouts_rated") }}
),

settings as (
    select * from {{ source("terms", "settings") }}
)

select
    accruals.payout_id,
    accruals.agreement_id,
    accruals.benefit_id,
    accruals.participant_id,
    accruals.window_start,
    accruals.period,
    accruals.accrued_to_date,
    cast(accruals.accrued_to_date - accruals.accrual as decimal(18, 4)) as accrued_before,
    accruals.accrual,
    accruals.origin_period,
    accruals.reason,
    accruals.is_posted,
    named_partners.participant_name,
    titles.agreement_title,
    accruals.direction,
    accruals.currency,
    {{ in_reporting("accruals.accrued_to_date", own) }} as accrued_to_date_reporting,
    {{ in_reporting("accruals.accrual", own) }} as accrual_reporting,
    cast({{ in_reporting("accruals.accrual", own) }} * case accruals.direction when 'payable' then -1 else 1 end as decimal(18, 4)) as accrual_signed
from accruals
left join named_partners on accruals.participant_id = named_partners.partner_id
left join titles on accruals.agreement_id = titles.agreement_id
left join rates on accruals.payout_id = rates.payout_id
cross join settings
