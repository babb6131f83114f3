with

named as (
    select product_id from {{ source("raw", "transactions") }}
    union
    select value from {{ source("terms", "scope_rules") }} where attribute = 'product_id'
),

versions as (
    select
        product_id,
        name,
        coalesce("from", date '0001-01-01') as first_day,
        coalesce("to", date '9999-12-31') as last_day,
        {{ carried_as_json("products") }} as attributes,
        file_no,
        row_no
    from {{ source("raw", "products") }} as products
    where {{ is_configured("products") }} and {{ is_current("products") }}
    union all by name
    -- a book without a products feed: what is named somewhere is a product
    select product_id, date '0001-01-01' as first_day, date '9999-12-31' as last_day
    from named
    where not {{ is_configured("products") }} and product_id is not null
)

select * from versions
