{{ config(materialized="view") }}
with

scopes as (
    select * from {{ source("terms", "scopes") }}
),

-- a value that is listed twice must not match twice: a product has one value of each attribute, so that matches are counted, not distinct ones
rules as (
    select distinct scope_key, kind, attribute, value from {{ source("terms", "scope_rules") }}
),

attributes as (
    select * from {{ ref("int_product_attributes") }}
),

needed as (
    select scope_key, count(distinct attribute) as attribute_count
    from rules
    where kind = 'include'
    group by scope_key
),

included as (
    select rules.scope_key, attributes.product_key, count(*) as attribute_count
    from rules
    inner join attributes on rules.attribute = attributes.attribute and rules.value = attributes.value
    where rules.kind = 'include'
    group by rules.scope_key, attributes.product_key
),

excluded as (
    select rules.scope_key, attributes.product_key
    from rules
    inner join attributes on rules.attribute = attributes.attribute and rules.value = attributes.value
    where rules.kind = 'exclude'
),

candidates as (
    select included.scope_key, included.product_key
    from included
    inner join needed on included.scope_key = needed.scope_key and included.attribute_count = needed.attribute_count
    union all
    select scopes.scope_key, products.product_key
    from scopes
    cross join {{ ref("stg_products") }} as products
    where not scopes.has_include
    union all
    -- 0: a line without a product matches no include and no exclude
    select scope_key, 0
    from scopes
    where not has_include
)

select candidates.scope_key, cast(candidates.product_key as integer) as product_key
from candidates
where not exists (
    select 1 from excluded
    where excluded.scope_key = candidates.scope_key and excluded.product_key = candidates.product_key
)
