-- `union` (not `union all`): a cycle of parents ends here; assets/transform/reference_checks.py reports it by name
with recursive

partners as (
    select * from {{ ref("stg_partners") }}
),

links as (
    select parents.partner_key as parent_key, children.partner_key, children.first_day, children.last_day
    from partners as children
    inner join (select distinct partner_id, partner_key from partners) as parents on children.parent_id = parents.partner_id
),

descended as (
    select distinct partner_key as ancestor_key, partner_key, date '0001-01-01' as first_day, date '9999-12-31' as last_day
    from partners
    union
    select
        descended.ancestor_key,
        links.partner_key,
        greatest(descended.first_day, links.first_day),
        least(descended.last_day, links.last_day)
    from descended
    inner join links on descended.partner_key = links.parent_key
    where greatest(descended.first_day, links.first_day) <= least(descended.last_day, links.last_day)
)

select * from descended
