select
    agreements.agreement_id,
    agreements.version as agreement_version,
    members.partner_id as member_id,
    participants.partner_id as participant_id,
    spans.first_day as valid_from,
    spans.last_day as valid_to,
    spans.counts_from as takes_part_from,
    spans.counts_to as takes_part_to
from {{ ref("int_credits_spanned") }} as spans
inner join {{ source("terms", "agreements") }} as agreements on spans.agreement_key = agreements.agreement_key
inner join {{ ref("stg_partner_keys") }} as members on spans.member_key = members.partner_key
inner join {{ ref("stg_partner_keys") }} as participants on spans.participant_key = participants.partner_key
where spans.road = 'credit'
