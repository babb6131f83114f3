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

settings as (
    select * from {{ source("terms", "settings") }}
),

resolved as (
    select
        transactions.*,
        partners.partner_key,
        coalesce(products.product_key, 0) as product_key
    from transactions
    inner join partners
        on transactions.partner_id = partners.partner_id
        and transactions.date between partners.first_day and partners.last_day
    left join products
        on transactions.product_id = products.product_id
        and transactions.date between products.first_day and products.last_day
    where (transactions.product_id is null or products.product_key is not null)
        and transactions.date <= (select as_of from settings)
)

select * from resolved
