{{ config(materialized="table") }}
-- depends_on: {{ ref('int_rows_replaced') }}
with

{% if "products" in var("feeds") %}
versions as (
    select
        product_id,
        name,
        coalesce("from", date '0001-01-01') as first_day,
        coalesce("to", date '9999-12-31') as last_day,
        {{ attributes_as_json("products") }} as attributes,
        file_no,
        row_no
    from {{ current_rows("products") }} as products
),
{% else %}
-- the book has no products feed: what is named somewhere is a product
named as (
    select product_id from {{ source("raw", "transactions") }}
    union
    select value from {{ source("terms", "scope_rules") }} where attribute = 'product_id'
),

versions as (
    select
        product_id,
        cast(null as varchar) as name,
        date '0001-01-01' as first_day,
        date '9999-12-31' as last_day,
        cast(null as varchar) as attributes,
        cast(null as integer) as file_no,
        cast(null as bigint) as row_no
    from named
    where product_id is not null
),
{% endif %}

numbered as (
    select cast(row_number() over (order by product_id, first_day, file_no, row_no) as integer) as product_key, *
    from versions
)

select * from numbered
