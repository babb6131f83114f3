{{ config(materialized="table") }}
select keys.partner_key, versions.*
from {{ ref("stg_partner_versions") }} as versions
inner join {{ ref("stg_partner_keys") }} as keys on versions.partner_id = keys.partner_id
