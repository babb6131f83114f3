with

named as (
    select 'product.' || attributes.attribute as attribute, products.product_id as id, attributes.first_day, attributes.last_day, attributes.value
    from {{ ref("int_product_attributes") }} as attributes
    inner join {{ ref("stg_products") }} as products
        on attributes.product_key = products.product_key and attributes.first_day = products.first_day
    union all
    select 'partner.' || attributes.attribute, partners.partner_id, attributes.first_day, attributes.last_day, attributes.value
    from {{ ref("int_partner_attributes") }} as attributes
    inner join {{ ref("stg_partners") }} as partners
        on attributes.partner_key = partners.partner_key and attributes.first_day = partners.first_day
)

select attribute, id, first_day, last_day, {{ number_in_text("value") }} as millionths, value
from named
where
    attribute in (select attribute from {{ source("terms", "line_sets") }} where multiplied is not null)
    or attribute in (select grouped_by from {{ source("terms", "line_sets") }})
