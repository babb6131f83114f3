{{ config(materialized="view") }}
{% if "products" in var("feeds") %}
{% for attribute in attribute_columns("products") %}
select
    products.product_key,
    products.first_day,
    products.last_day,
    '{{ attribute | replace("'", "''") }}' as attribute,
    feed_rows.{{ adapter.quote(attribute) }} as value
from {{ ref("stg_products") }} as products
inner join {{ source("raw", "products") }} as feed_rows on products.file_no = feed_rows.file_no and products.row_no = feed_rows.row_no
where feed_rows.{{ adapter.quote(attribute) }} is not null
{{ "union all" if not loop.last }}
{% endfor %}
{% endif %}
{% if not execute or "products" not in var("feeds") %}
select product_key, first_day, last_day, 'product_id' as attribute, product_id as value from {{ ref("stg_products") }}
{% endif %}
