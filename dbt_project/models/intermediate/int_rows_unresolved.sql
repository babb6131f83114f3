with

transactions as (
    select * from {{ current_rows("transactions") }}
),

partners as (
    select * from {{ ref("stg_partners") }}
),

products as (
    select * from {{ ref("stg_products") }}
),

-- the condition is that of stg_transactions, turned round
partner_unknown as (
    select file_no, row_no, 'unknown_partner' as reason, 'partner_id' as column_name, partner_id as id, date
    from transactions
    where not exists (
        select 1 from partners
        where partners.partner_id = transactions.partner_id and transactions.date between partners.first_day and partners.last_day
    )
),

product_unknown as (
    select file_no, row_no, 'unknown_product' as reason, 'product_id' as column_name, product_id as id, date
    from transactions
    where product_id is not null
        and not exists (
            select 1 from products
            where products.product_id = transactions.product_id and transactions.date between products.first_day and products.last_day
        )
        and not exists (
            select 1 from partner_unknown
            where partner_unknown.file_no = transactions.file_no and partner_unknown.row_no = transactions.row_no
        )
),

unresolved as (
    select * from partner_unknown
    union all
    select * from product_unknown
)

select
    'transactions' as feed,
    file_no,
    row_no,
    reason,
    column_name,
    column_name || ' ' || id || ' is not in the ' || replace(column_name, '_id', '') || 's feed on ' || cast(date as varchar)
    || '; the row counts once it arrives there' as message
from unresolved
