-- depends_on: {{ ref('int_rows_replaced') }}
{{ join_as_written() }}
with

unresolved as (
    select
        file_no,
        row_no,
        date,
        case when partner_key is null then 'partner' else 'product' end as entity,
        case when partner_key is null then partner_id else product_id end as id
    from {{ keyed_transactions() }} as transactions
    where partner_key is null or product_key is null
)

select
    'transactions' as feed,
    file_no,
    row_no,
    'unknown_' || entity as reason,
    entity || '_id' as column_name,
    entity || ' ' || id || ' is not in the feed ' || entity || 's on ' || cast(date as varchar) || '; the row counts once it arrives there' as message
from unresolved
