with

achievement as (
    select * from {{ source("calc", "achievement") }}
),

identified as (
    select * from {{ ref("int_payouts_identified") }}
),

periods as (
    select * from {{ source("terms", "periods") }}
),

payouts as (
    select payouts.payout_key, payouts.span_start, payouts.window_end, benefits.placement, benefits.forecast
    from {{ source("calc", "payouts") }} as payouts
    inner join {{ source("terms", "benefits") }} as benefits on payouts.benefit_key = benefits.benefit_key
),

settings as (
    select as_of from {{ source("terms", "settings") }}
),

named_partners as (
    select partner_id, name as participant_name from {{ ref("int_partners_current") }}
),

titles as (
    select agreement_id, title as agreement_title from {{ ref("int_agreements_titled") }}
)

select
    identified.payout_id,
    identified.agreement_id,
    identified.benefit_id,
    identified.participant_id,
    identified.window_start,
    periods.period,
    achievement.measure_period,
    achievement.measure_to_date,
    achievement.target,
    achievement.attainment,
    achievement.growth,
    achievement.tier_actual,
    achievement.tier_forecast,
    achievement.tier_accrual,
    achievement.projected_measure,
    achievement.next_tier_from,
    achievement.gap_to_next_tier,
    payouts.placement,
    payouts.forecast as forecast_method,
    cast(least(periods.last_day, payouts.window_end, settings.as_of) - payouts.span_start + 1 as integer) as days_gone,
    cast(payouts.window_end - payouts.span_start + 1 as integer) as days_total,
    named_partners.participant_name,
    titles.agreement_title,
    achievement.projected_payout
from achievement
inner join payouts on achievement.payout_key = payouts.payout_key
cross join settings
inner join identified on achievement.payout_key = identified.payout_key
inner join periods on achievement.period_no = periods.period_no
left join named_partners on identified.participant_id = named_partners.partner_id
left join titles on identified.agreement_id = titles.agreement_id
