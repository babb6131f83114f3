-- joined in the order in which it is written where a model over all lines asks for it (join_as_written)
with

current_lines as (
    select *
    from {{ source("raw", "transactions") }} as transactions
    where {{ is_current("transactions") }}
)

select
    lines.*,
    partners.partner_key,
    case when lines.product_id is null then 0 else products.product_key end as product_key
from current_lines as lines
left join {{ ref("stg_partners") }} as partners
    on lines.partner_id = partners.partner_id
    and lines.date between partners.first_day and partners.last_day
left join {{ ref("stg_products") }} as products
    on lines.product_id = products.product_id
    and lines.date between products.first_day and products.last_day
