with

partners as (
    select * from {{ ref("int_partners_current") }}
)

select
    partners.partner_id,
    partners.name,
    partners.parent_id,
    partners.first_day as valid_from,
    partners.last_day as valid_to,
    partners.attributes,
    partners.top_parent_id,
    tops.name as top_parent_name,
    cast(partners.level as integer) as level
from partners
inner join partners as tops on partners.top_parent_id = tops.partner_id
