with

achievement as (
    select * from {{ source("calc", "achievement") }}
),

identified as (
    select * from {{ ref("int_payouts_identified") }}
),

periods as (
    select * from {{ source("terms", "periods") }}
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
    achievement.gap_to_next_tier
from achievement
inner join identified on achievement.payout_key = identified.payout_key
inner join periods on achievement.period_no = periods.period_no
