with

ranked as (
    select
        products.*,
        row_number() over (
            partition by products.product_id
            order by products.first_day <= settings.as_of desc, abs(products.first_day - settings.as_of)
        ) as place
    from {{ ref("stg_products") }} as products
    cross join {{ source("terms", "settings") }} as settings
)

select
    product_id,
    name,
    first_day as valid_from,
    last_day as valid_to,
    attributes
from ranked
where place = 1
