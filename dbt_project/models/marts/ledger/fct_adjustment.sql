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
{{ join_payouts("adjustments") }}
