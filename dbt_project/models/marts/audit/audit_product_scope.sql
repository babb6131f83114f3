select
    products.product_id,
    coalesce(products.first_day, date '0001-01-01') as valid_from,
    coalesce(products.last_day, date '9999-12-31') as valid_to,
    cast(scoped.scopes as varchar) as scopes
from {{ ref("int_product_scope_bits") }} as scoped
left join {{ ref("stg_products") }} as products on scoped.product_key = products.product_key
