with

decimals as (
    {{ decimals_of_agreements() }}
),

current_rows as (
    select * from {{ source("raw", "disputes") }} as disputes
    where {{ is_current("disputes") }}
        and raised_on <= (select as_of from {{ source("terms", "settings") }})
)

select
    disputes.file_no,
    disputes.row_no,
    disputes.dispute_id,
    disputes.agreement,
    disputes.benefit,
    disputes.participant_id,
    disputes.window_start,
    disputes.transaction_id,
    disputes.line,
    disputes.raised_on,
    disputes.by,
    disputes.amount,
    disputes.component,
    disputes.reason,
    -- what is resolved later is open yet
    case when disputes.resolved_on <= settings.as_of then disputes.status else 'open' end as status,
    case when disputes.resolved_on <= settings.as_of then disputes.resolved_on end as resolved_on,
    disputes.note,
    decimals.minor_units,
    case when {{ is_too_fine("disputes.amount") }} then 'too_many_decimals' end as waits_for
from current_rows as disputes
cross join {{ source("terms", "settings") }} as settings
left join decimals on disputes.agreement = decimals.agreement_id
