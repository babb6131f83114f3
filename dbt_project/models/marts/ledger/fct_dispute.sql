with

currencies as (
    {{ currencies_of_agreements() }}
)

select
    disputes.dispute_id,
    identified.payout_id,
    coalesce(identified.agreement_id, disputes.agreement) as agreement_id,
    coalesce(identified.benefit_id, disputes.benefit) as benefit_id,
    coalesce(identified.participant_id, disputes.participant_id) as participant_id,
    coalesce(identified.window_start, disputes.window_start) as window_start,
    disputes.transaction_id,
    disputes.line,
    disputes.raised_on,
    disputes.by as raised_by,
    cast(disputes.amount as decimal(18, 4)) as claimed_amount,
    disputed.disputed as disputed_amount,
    currencies.currency,
    disputes.component,
    disputes.reason,
    case when identified.payout_id is null then 'unknown_payout' else coalesce(disputes.waits_for, disputes.status) end as status,
    disputes.resolved_on,
    disputes.note,
    files.file_name as source_file,
    files.sha256 as source_sha256,
    disputes.row_no as source_row
from {{ ref("stg_disputes") }} as disputes
inner join {{ source("raw", "feed_files") }} as files on disputes.file_no = files.file_no
left join {{ ref("int_payouts_disputed") }} as disputed on disputes.file_no = disputed.file_no and disputes.row_no = disputed.row_no
left join {{ ref("int_payouts_identified") }} as identified on disputed.payout_key = identified.payout_key
left join currencies on coalesce(identified.agreement_id, disputes.agreement) = currencies.agreement_id
