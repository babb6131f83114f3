select
    file_no,
    row_no,
    participant_id,
    metric,
    date,
    value
from {{ current_rows("metrics") }} as metrics
where date <= (select as_of from {{ source("terms", "settings") }})
