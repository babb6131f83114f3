with

accruals as (
    select * from {{ source("calc", "accruals") }}
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
    accruals.accrued_to_date,
    accruals.accrued_before,
    accruals.accrual,
    -- nothing is closed yet: what belongs to a period is posted in it
    periods.period as origin_period,
    cast(null as varchar) as reason,
    false as is_posted
from accruals
inner join identified on accruals.payout_key = identified.payout_key
inner join periods on accruals.period_no = periods.period_no
