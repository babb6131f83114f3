select
    file_no,
    row_no,
    agreement,
    benefit,
    participant_id,
    window_start,
    amount,
    paid_on,
    reference,
    currency
from {{ source("raw", "payments") }} as payments
where {{ is_current("payments") }}
    and paid_on <= (select as_of from {{ source("terms", "settings") }})
