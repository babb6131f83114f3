select
    file_no,
    row_no,
    adjustment_id,
    agreement,
    benefit,
    participant_id,
    window_start,
    date,
    amount,
    reason,
    adjustments.by,
    approved_by,
    -- the same name, however it is capitalized and spaced, is the same person
    not (select require_approval from {{ source("terms", "settings") }})
    or coalesce({{ as_name("approved_by") }} <> {{ as_name("adjustments.by") }}, false) as is_approved
from {{ source("raw", "adjustments") }} as adjustments
where {{ is_current("adjustments") }}
    and date <= (select as_of from {{ source("terms", "settings") }})
