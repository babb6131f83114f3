-- the days on which a partner takes part: every attribute of the agreement has a value that matches one version of the partner
with

-- a value that is listed twice must not match twice: a partner has one value of each attribute, so that matches are counted, not distinct ones
rules as (
    select distinct agreement_key, attribute, value from {{ source("terms", "participant_rules") }}
),

attributes as (
    select * from {{ ref("int_partner_attributes") }}
),

named as (
    select stated.agreement, partners.partner_key, stated.first_day, stated.last_day
    from {{ ref("stg_participations") }} as stated
    inner join (select distinct partner_key, partner_id from {{ ref("stg_partners") }}) as partners on stated.participant_id = partners.partner_id
),

needed as (
    select agreement_key, count(distinct attribute) as attribute_count
    from rules
    group by agreement_key
),

matched as (
    select rules.agreement_key, attributes.partner_key, attributes.first_day, attributes.last_day, count(*) as attribute_count
    from rules
    inner join attributes on rules.attribute = attributes.attribute and rules.value = attributes.value
    group by rules.agreement_key, attributes.partner_key, attributes.first_day, attributes.last_day
)

select
    matched.agreement_key,
    matched.partner_key,
    matched.first_day,
    matched.last_day,
    coalesce(named.first_day, date '0001-01-01') as counts_from,
    coalesce(named.last_day, date '9999-12-31') as counts_to,
    greatest(matched.first_day, named.first_day, agreements.term_from) <= least(matched.last_day, named.last_day, agreements.term_to) as is_in_term
from matched
inner join needed on matched.agreement_key = needed.agreement_key and matched.attribute_count = needed.attribute_count
inner join {{ source("terms", "agreements") }} as agreements on matched.agreement_key = agreements.agreement_key
left join named on agreements.agreement_id = named.agreement and matched.partner_key = named.partner_key
