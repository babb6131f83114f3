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
{{ join_payouts("payments") }}
