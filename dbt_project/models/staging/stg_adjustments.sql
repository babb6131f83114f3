with

decimals as (
    {{ decimals_of_agreements() }}
),

current_rows as (
    select * from {{ source("raw", "adjustments") }} as adjustments
    where {{ is_current("adjustments") }}
        and date <= (select as_of from {{ source("terms", "settings") }})
)

select
    adjustments.file_no,
    adjustments.row_no,
    adjustments.adjustment_id,
    adjustments.agreement,
    adjustments.benefit,
    adjustments.participant_id,
    adjustments.window_start,
    adjustments.date,
    adjustments.amount,
    adjustments.reason,
    adjustments.by,
    adjustments.approved_by,
    decimals.minor_units,
    case
        when {{ is_too_fine("adjustments.amount") }} then 'too_many_decimals'
        when not settings.require_approval then null
        -- the same name, however it is capitalized and spaced, is the same person
        when coalesce(nullif({{ as_name("adjustments.approved_by") }}, '') = {{ as_name("adjustments.by") }}, true) then 'not_approved'
    end as waits_for
from current_rows as adjustments
cross join {{ source("terms", "settings") }} as settings
left join decimals on adjustments.agreement = decimals.agreement_id
