select
    partner_id,
    participant_id,
    share,
    first_day as valid_from,
    last_day as valid_to
from {{ ref("stg_assignments") }}
