select *
from {{ ref("stg_transactions_keyed") }} as transactions
where {{ line_counts("transactions") }}
