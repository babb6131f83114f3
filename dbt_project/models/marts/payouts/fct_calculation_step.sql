select
    identified.payout_id,
    steps.step_no,
    steps.step,
    steps.formula,
    steps.inputs,
    steps.result
from {{ source("calc", "calculation_steps") }} as steps
inner join {{ ref("int_payouts_identified") }} as identified on steps.payout_key = identified.payout_key
