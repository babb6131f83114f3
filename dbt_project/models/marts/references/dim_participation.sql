select
    agreement as agreement_id,
    participant_id,
    first_day as valid_from,
    last_day as valid_to,
    factor
from {{ ref("stg_participations") }}
order by agreement_id, participant_id, valid_from
