select
    payout_id,
    agreement_id,
    benefit_id,
    participant_id,
    window_start,
    period,
    accrued_to_date,
    cast(accrued_to_date - accrual as decimal(18, 4)) as accrued_before,
    accrual,
    origin_period,
    reason,
    is_posted
from {{ ref("int_accruals_posted") }}
