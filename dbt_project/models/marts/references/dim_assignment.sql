select
    partner_id,
    participant_id,
    cast(share_parts / {{ var("book").share_unit }} as decimal(18, 6)) as share,
    first_day as valid_from,
    last_day as valid_to,
    share as share_written
from {{ ref("stg_assignments") }}
