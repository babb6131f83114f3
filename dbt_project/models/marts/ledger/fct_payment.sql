with

currencies as (
    select agreement_id, any_value(currency) as currency from {{ source("terms", "agreements") }}
    group by agreement_id
)

select
    identified.payout_id,
    payments.agreement as agreement_id,
    payments.benefit as benefit_id,
    payments.participant_id,
    payments.window_start,
    payments.paid_on,
    payments.reference,
    cast(payments.amount as decimal(18, 4)) as amount,
    currencies.currency,
    files.file_name as source_file,
    files.sha256 as source_sha256,
    payments.row_no as source_row
from {{ ref("stg_payments") }} as payments
inner join {{ source("raw", "feed_files") }} as files on payments.file_no = files.file_no
left join currencies on payments.agreement = currencies.agreement_id
left join {{ ref("int_payouts_identified") }} as identified
    on payments.agreement = identified.agreement_id
    and payments.benefit = identified.benefit_id
    and payments.participant_id = identified.participant_id
    and payments.window_start = identified.window_start
