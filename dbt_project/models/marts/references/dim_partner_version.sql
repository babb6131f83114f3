select
    partner_id,
    name,
    parent_id,
    first_day as valid_from,
    last_day as valid_to,
    attributes
from {{ ref("stg_partners") }}
