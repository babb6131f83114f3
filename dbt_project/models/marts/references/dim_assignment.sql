select
    partner_id,
    participant_id,
    {{ share_as_decimal("share") }} as share,
    first_day as valid_from,
    last_day as valid_to,
    share as share_written
from {{ ref("stg_assignments") }}
