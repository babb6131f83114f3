select transaction_id as original_id, min(date) as first_day
from {{ ref("stg_transactions") }}
where
    {% if var("book").has_originals %}
    transaction_id in (select original_transaction_id from {{ source("raw", "transactions") }})
    {% else %}
    false
    {% endif %}
group by transaction_id
