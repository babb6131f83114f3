select
    agreements.agreement_id,
    agreements.version as agreement_version,
    partners.partner_id,
    participants.partner_id as participant_id,
    spans.road = 'assignment' as is_assigned,
    spans.first_day as valid_from,
    spans.last_day as valid_to,
    cast(spans.share_from / {{ var("book").share_unit }} as decimal(18, 6)) as share_from,
    cast(spans.share_to / {{ var("book").share_unit }} as decimal(18, 6)) as share_to,
    spans.counts_from as takes_part_from,
    spans.counts_to as takes_part_to
from {{ ref("int_credits_spanned") }} as spans
inner join {{ source("terms", "agreements") }} as agreements on spans.agreement_key = agreements.agreement_key
inner join {{ ref("stg_partner_keys") }} as partners on spans.partner_key = partners.partner_key
inner join {{ ref("stg_partner_keys") }} as participants on spans.participant_key = participants.partner_key
where spans.road <> 'credit'
