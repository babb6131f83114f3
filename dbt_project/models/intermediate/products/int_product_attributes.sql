{{ config(materialized="view") }}
with

attributes as (
    select
        versions.product_key,
        versions.first_day,
        versions.last_day,
        unnest({{ attribute_names("products", ["product_id", "name"]) }}) as attribute,
        unnest({{ attribute_values("products", ["product_id", "name"]) }}) as value
    from {{ ref("stg_products") }} as versions
    left join {{ source("raw", "products") }} as feed_rows on versions.file_no = feed_rows.file_no and versions.row_no = feed_rows.row_no
)

select * from attributes
where value is not null
