{{ config(materialized="view") }}
{% if "products" in var("feeds") %}
{{ attribute_values("products", "product_key") }}
{% else %}
select product_key, first_day, last_day, 'product_id' as attribute, product_id as value from {{ ref("stg_products") }}
{% endif %}
