select
    file_no,
    row_no,
    agreement,
    benefit,
    participant_id,
    window_start,
    amount,
    paid_on,
    reference
from {{ current_rows("payments") }} as payments
where paid_on <= (select as_of from {{ source("terms", "settings") }})
