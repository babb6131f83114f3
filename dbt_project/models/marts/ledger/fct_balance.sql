with

currencies as (
    select agreement_id, any_value(currency) as currency from {{ source("terms", "agreements") }}
    group by agreement_id
)

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
inner join {{ source("raw", "feed_files") }} as files on balances.file_no = files.file_no
left join currencies on balances.agreement = currencies.agreement_id
left join {{ ref("int_payouts_identified") }} as identified
    on balances.agreement = identified.agreement_id
    and balances.benefit = identified.benefit_id
    and balances.participant_id = identified.participant_id
    and balances.window_start = identified.window_start
