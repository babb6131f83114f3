select *
from {{ ref("stg_transactions_keyed") }}
where partner_key is not null
    and product_key is not null
    and date <= (select as_of from {{ source("terms", "settings") }})
