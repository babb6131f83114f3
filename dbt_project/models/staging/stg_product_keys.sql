{{ config(materialized="incremental") }}
-- a version of a product keeps its number from run to run, so that what was computed with it holds
with

versions as (
    select distinct product_id, first_day from {{ ref("stg_product_versions") }}
)

select
    cast(
        row_number() over (order by product_id, first_day)
        {% if is_incremental() %}
        + (select coalesce(max(product_key), 0) from {{ this }})
        {% endif %}
        as integer
    ) as product_key,
    product_id,
    first_day
from versions
{% if is_incremental() %}
where not exists (
    select 1 from {{ this }} as numbered where numbered.product_id = versions.product_id and numbered.first_day = versions.first_day
)
{% endif %}
