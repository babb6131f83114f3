select
    file_no,
    row_no,
    participant_id,
    metric,
    date,
    value
from {{ source("raw", "metrics") }} as metrics
where {{ is_current("metrics") }}
    and date <= (select as_of from {{ source("terms", "settings") }})
