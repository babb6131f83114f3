select
    product_id,
    name,
    first_day as valid_from,
    last_day as valid_to,
    attributes
from {{ ref("stg_products") }}
