{{ config(materialized="incremental") }}
-- a partner keeps its number from run to run, so that what was computed with it holds
with

ids as (
    select distinct partner_id from {{ ref("stg_partner_versions") }}
)

select
    cast(
        row_number() over (order by partner_id)
        {% if is_incremental() %}
        + (select coalesce(max(partner_key), 0) from {{ this }})
        {% endif %}
        as integer
    ) as partner_key,
    partner_id
from ids
{% if is_incremental() %}
where partner_id not in (select partner_id from {{ this }})
{% endif %}
