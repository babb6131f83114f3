{{ config(materialized="table") }}
select keys.product_key, versions.*
from {{ ref("stg_product_versions") }} as versions
inner join {{ ref("stg_product_keys") }} as keys on versions.product_id = keys.product_id and versions.first_day = keys.first_day
