select
    identified.payout_id,
    balances.agreement as agreement_id,
    balances.benefit as benefit_id,
    balances.participant_id,
    balances.window_start,
    balances.date,
    balances.measure,
    balances.base,
    balances.quantity,
    cast(balances.accrued as decimal(18, 4)) as accrued,
    cast(balances.settled as decimal(18, 4)) as settled,
    cast(balances.carried as decimal(18, 4)) as carried,
    currencies.currency,
    case when identified.payout_id is null then 'unknown_payout' else coalesce(balances.waits_for, 'counted') end as status,
    files.file_name as source_file,
    files.sha256 as source_sha256,
    balances.row_no as source_row
from {{ ref("stg_balances") }} as balances
{{ join_payouts("balances") }}
