select
    file_no,
    row_no,
    transaction_id,
    line,
    collected_on,
    share
from {{ source("raw", "collections") }} as collections
where {{ is_current("collections") }}
    and collected_on <= (select as_of from {{ source("terms", "settings") }})
