-- the version of today (as_of), else the last one before, else the first one; parents as these versions name them. Those in a cycle of them, which
-- versions of different days can form, stand at the top
with recursive

ranked as (
    select
        partners.*,
        row_number() over (
            partition by partners.partner_key
            order by partners.first_day <= settings.as_of desc, abs(partners.first_day - settings.as_of)
        ) as place
    from {{ ref("stg_partners") }} as partners
    cross join {{ source("terms", "settings") }} as settings
),

versions as (
    select * from ranked
    where place = 1
),

placed as (
    select partner_id, partner_id as top_parent_id, 1 as level
    from versions
    where parent_id is null
    union all
    select children.partner_id, placed.top_parent_id, placed.level + 1 as level
    from placed
    inner join versions as children on placed.partner_id = children.parent_id
)

select
    versions.partner_id,
    versions.name,
    versions.parent_id,
    versions.first_day,
    versions.last_day,
    versions.attributes,
    coalesce(placed.top_parent_id, versions.partner_id) as top_parent_id,
    coalesce(placed.level, 1) as level
from versions
left join placed on versions.partner_id = placed.partner_id
