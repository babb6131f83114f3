with

currencies as (
    select agreement_id, any_value(currency) as currency from {{ source("terms", "agreements") }}
    group by agreement_id
)

select
    adjustments.adjustment_id,
    identified.payout_id,
    adjustments.agreement as agreement_id,
    adjustments.benefit as benefit_id,
    adjustments.participant_id,
    adjustments.window_start,
    adjustments.date,
    cast(adjustments.amount as decimal(18, 4)) as amount,
    currencies.currency,
    adjustments.reason,
    adjustments.by as made_by,
    adjustments.approved_by,
    case when identified.payout_id is null then 'unknown_payout' else coalesce(adjustments.waits_for, 'booked') end as status,
    files.file_name as source_file,
    files.sha256 as source_sha256,
    adjustments.row_no as source_row
from {{ ref("stg_adjustments") }} as adjustments
inner join {{ source("raw", "feed_files") }} as files on adjustments.file_no = files.file_no
left join currencies on adjustments.agreement = currencies.agreement_id
left join {{ ref("int_payouts_identified") }} as identified
    on adjustments.agreement = identified.agreement_id
    and adjustments.benefit = identified.benefit_id
    and adjustments.participant_id = identified.participant_id
    and adjustments.window_start = identified.window_start
