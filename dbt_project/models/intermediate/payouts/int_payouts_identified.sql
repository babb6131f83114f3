select
    payouts.payout_key,
    'p' || substr(sha256(concat_ws(
        chr(31), agreements.agreement_id, benefits.benefit_id, participants.participant_id, cast(payouts.window_start as varchar)
    )), 1, 20) as payout_id,
    agreements.agreement_id,
    benefits.benefit_id,
    participants.participant_id,
    payouts.window_start,
    benefits.agreement_key
from {{ source("calc", "payouts") }} as payouts
inner join {{ source("terms", "benefits") }} as benefits on payouts.benefit_key = benefits.benefit_key
inner join {{ source("terms", "agreements") }} as agreements on benefits.agreement_key = agreements.agreement_key
inner join {{ ref("int_participants") }} as participants
    on benefits.agreement_key = participants.agreement_key and payouts.participant_key = participants.participant_key
