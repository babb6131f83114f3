select
    file_no,
    row_no,
    transaction_id,
    line,
    participant_id,
    share,
    {{ share_in_parts("share") }} as share_parts
from {{ source("raw", "credits") }} as credits
where {{ is_current("credits") }}
