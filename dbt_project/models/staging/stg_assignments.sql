select
    file_no,
    row_no,
    partner_id,
    participant_id,
    share,
    {{ share_in_parts("share") }} as share_parts,
    coalesce("from", date '0001-01-01') as first_day,
    coalesce("to", date '9999-12-31') as last_day
from {{ source("raw", "assignments") }} as assignments
where {{ is_current("assignments") }}
