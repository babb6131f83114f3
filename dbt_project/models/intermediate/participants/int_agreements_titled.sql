{{ config(materialized="view") }}
select agreement_id, arg_max(title, version) as title
from {{ source("terms", "agreements") }}
group by agreement_id
