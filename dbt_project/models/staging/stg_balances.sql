with

decimals as (
    {{ decimals_of_agreements() }}
),

windows as (
    select
        agreements.agreement_id,
        benefits.benefit_id,
        benefits.measure,
        benefits.base,
        windows.window_start,
        windows.window_end
    from {{ source("terms", "windows") }} as windows
    inner join {{ source("terms", "benefits") }} as benefits on windows.benefit_key = benefits.benefit_key
    inner join {{ source("terms", "agreements") }} as agreements on benefits.agreement_key = agreements.agreement_key
    where {{ is_configured("balances") }}
),

current_rows as (
    select * from {{ source("raw", "balances") }} as balances
    where {{ is_current("balances") }}
        and date <= (select as_of from {{ source("terms", "settings") }})
)

select
    balances.file_no,
    balances.row_no,
    balances.agreement,
    balances.benefit,
    balances.participant_id,
    balances.window_start,
    balances.date,
    coalesce(balances.measure, 0) as measure,
    -- what is not given follows from what is measured, where that is the same
    coalesce(balances.base, case when windows.base = windows.measure then balances.measure end, 0) as base,
    coalesce(balances.quantity, case when windows.measure = 'quantity' then balances.measure end, 0) as quantity,
    coalesce(balances.accrued, 0) as accrued,
    coalesce(balances.settled, 0) as settled,
    coalesce(balances.carried, 0) as carried,
    decimals.minor_units,
    case
        when windows.window_start is null then 'unknown_payout'
        when balances.date not between windows.window_start and windows.window_end then 'outside_window'
        {%- for column in ["accrued", "settled", "carried"] %}
        when {{ is_too_fine("coalesce(balances." ~ column ~ ", 0)") }} then 'too_many_decimals'
        {%- endfor %}
    end as waits_for
from current_rows as balances
left join decimals on balances.agreement = decimals.agreement_id
left join windows
    on balances.agreement = windows.agreement_id
    and balances.benefit = windows.benefit_id
    and balances.window_start = windows.window_start
