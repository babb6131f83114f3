select
    identified.payout_id,
    releases.release_no,
    releases.share,
    releases.due_date,
    releases.amount,
    releases.released,
    releases.settled,
    releases.status,
    releases.held,
    cast(releases.collected as decimal(38, 12)) as collected
from {{ ref("int_payouts_released") }} as releases
inner join {{ ref("int_payouts_identified") }} as identified on releases.payout_key = identified.payout_key
