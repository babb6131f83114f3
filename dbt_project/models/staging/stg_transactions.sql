-- depends_on: {{ ref('int_rows_replaced') }}
select transactions.*
from {{ keyed_transactions() }} as transactions
where transactions.partner_key is not null
    and transactions.product_key is not null
    and transactions.date <= (select as_of from {{ source("terms", "settings") }})
